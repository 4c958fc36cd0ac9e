"""Forms of matrix products between activations, attention among them, and of transposed convolutions."""

from __future__ import annotations

from itertools import product

from tests.netbuilder import Net
from tests.ops.arithmetic import CHANNELS, FRAMES, curve, end, planes
from tests.ops.sweeps import form, pair, plane


def attention(heads: int, net: Net) -> None:
    """Self-attention as Keras' MultiHeadAttention exports it."""
    x, size = curve(net, 6), 3
    q, k, v = (
        net.transpose(net.reshape(made, (1, FRAMES, heads, size)), (0, 2, 1, 3))
        for made in (net.dense(x, heads * size, keep_num_dims=True) for _ in range(3))
    )
    scores = net.softmax(net.mul(net.batch_matmul(q, k, adj_y=True), size**-0.5))
    mixed = net.reshape(net.transpose(net.batch_matmul(scores, v), (0, 2, 1, 3)), (1, FRAMES, heads * size))
    end(net, net.add(x, net.dense(mixed, 6, keep_num_dims=True)))


def times_constant(turned: bool, net: Net) -> None:
    x, weights = curve(net), net.rng.normal(0, 0.5, (CHANNELS, 5))
    end(net, net.batch_matmul(x, weights.T if turned else weights, adj_y=turned))


def times_constants(net: Net) -> None:
    """A matrix for each plane, time along the rows, and along the batch."""
    x = planes(net)
    weights = net.rng.normal(0, 0.5, (1, 1, CHANNELS, 2))
    net.output(net.relu(net.batch_matmul(x, weights)))
    y = net.transpose(x, (0, 2, 1, 3))
    end(net, net.transpose(net.batch_matmul(y, net.rng.normal(0, 0.5, (1, 3, CHANNELS, 2))), (0, 2, 1, 3)))


def with_itself(adj_x: bool, net: Net) -> None:
    """Gram matrices over time, or over channels."""
    x = curve(net)
    net.output(net.relu(net.batch_matmul(x, x, adj_x, not adj_x)))


def pooled(net: Net) -> None:
    """Attention pooling: a weight for each frame times the frames."""
    x = curve(net)
    weights = net.softmax(net.reshape(net.dense(x, 1, keep_num_dims=True), (1, 1, FRAMES)))
    net.output(net.batch_matmul(weights, x))


for heads in (1, 2):
    form("matmul", f"attention, {heads} heads", attention, heads)
for turned in (False, True):
    form("matmul", f"times a constant {turned}", times_constant, turned)
    form("matmul", f"with itself {turned}", with_itself, turned)
form("matmul", "times constants", times_constants)
form("matmul", "attention pooling", pooled)


def upwards(axis: int, kernel: int, stride: int, padding: str, net: Net) -> None:
    number = kernel + stride + axis
    x = plane(net, 9, 3, 2, axis)
    sizes = (pair(axis, kernel, 1 + number % 3), pair(axis, stride, 1 + number % 2))
    act = (None, "relu", "relu6", "relu_n1_to_1")[number % 4] if padding == "SAME" else None
    net.output(net.transpose_conv(x, 3, *sizes, padding, act, bias=number % 3 > 0))


def decoder(stride: int, net: Net) -> None:
    """Down and up again, beside what was there."""
    x = net.conv2d(net.input((1, 12, 1, 3)), CHANNELS, (3, 1), activation="relu")
    y = net.transpose_conv(net.max_pool(x, (stride, 1)), CHANNELS, (4, 1), (stride, 1))
    end(net, net.relu(net.concat([x, y], 3)))


def then_dense(net: Net) -> None:
    x = net.transpose_conv(net.input((1, 1, 10, 3)), CHANNELS, (1, 4), (1, 2))
    net.output(net.dense(net.relu(x), 2, keep_num_dims=True))


for axis, kernel, stride, padding in product((1, 2), (1, 2, 3, 4), (1, 2, 3), ("SAME", "VALID")):
    if kernel >= stride or padding == "SAME":
        sizes = (axis, kernel, stride, padding)
        form("upwards", f"axis {axis}, kernel {kernel}, stride {stride}, {padding}", upwards, *sizes)
for stride in (1, 2, 3):
    form("upwards", f"decoder {stride}", decoder, stride)
form("upwards", "then dense", then_dense)
