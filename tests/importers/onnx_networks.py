"""Networks for `test_onnx`, in the forms in which PyTorch's exporters write them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from tests.onnxbuilder import OnnxNet

T, C = 24, 5


def conv_same() -> bytes:
    net = OnnxNet(1)
    x = net.input(["batch", C, T])
    for i, (c, k) in enumerate(((8, 5), (7, 3), (6, 4))):
        before = (k - 1) // 2
        x = net.conv(x, ((C, 8, 7)[i], c), [k], [before, k - 1 - before], bias=False)
        x = net.node("Relu", net.norm(x, c))
    net.output(net.gemm(net.node("Flatten", net.node("GlobalAveragePool", x)), 6, 4))
    return net.build()


def conv_valid() -> bytes:
    net = OnnxNet(2)
    x = net.input([1, C, T])
    x = net.node("Relu", net.conv(x, (C, 8), [5]))
    x = net.node("MaxPool", x, kernel_shape=[2], strides=[2])
    x = net.node("Tanh", net.conv(x, (8, 6), [3], auto_pad="VALID"))
    x = net.node("Flatten", x)
    net.output(net.node("Softmax", net.gemm(x, 6 * 8, 3), axis=1))
    return net.build()


def causal_tcn_last() -> bytes:
    """Padded in front and cut behind, as chomped TCNs are."""
    net = OnnxNet(3)
    x, c = net.input([1, C, T]), C
    for d in (1, 2, 4):
        y = net.conv(x, (c, 6), [3], [2 * d, 2 * d], dilations=[d])
        y = net.node("Slice", y, net.ints([0]), net.ints([-2 * d]), net.ints([2]), net.ints([1]))
        y = net.node("Relu", y)
        x, c = net.node("Relu", net.node("Add", y, x if c == 6 else net.conv(x, (c, 6), [1]))), 6
    x = net.node("Gather", x, net.ints(-1), axis=2)
    net.output(net.gemm(x, 6, 3))
    return net.build()


def causal_pad_per_frame() -> bytes:
    net = OnnxNet(4, opset=13)
    x = net.input([1, C, T])
    for i, d in enumerate((1, 2)):
        x = net.node("Pad", x, net.ints([0, 0, 2 * d, 0, 0, 0]), net.constant(0.0))
        x = net.node("LeakyRelu", net.conv(x, (6 if i else C, 6), [3], dilations=[d]), alpha=0.2)
    x = net.conv(x, (6, 2), [1])
    net.output(net.node("Sigmoid", x))
    return net.build()


def strided_symmetric() -> bytes:
    """kernel 3, stride 2, padding 1 on an even length: not TensorFlow's SAME."""
    net = OnnxNet(5, opset=11)
    x = net.input([1, C, T])
    x = net.node("Relu", net.conv(x, (C, 6), [3], [1, 1], strides=[2]))
    x = net.node("Relu", net.conv(x, (6, 8), [5], [2, 2], strides=[2]))
    x = net.node("ReduceMean", x, axes=[2], keepdims=0)
    net.output(net.gemm(x, 8, 3))
    return net.build()


def residual() -> bytes:
    net = OnnxNet(6)
    x = net.input([1, C, T])
    x = net.node("Relu", net.norm(net.conv(x, (C, 8), [7], [3, 3], strides=[2], bias=False), 8))
    y = net.node("Relu", net.norm(net.conv(x, (8, 8), [3], [1, 1]), 8))
    y = net.norm(net.conv(y, (8, 8), [3], [1, 1]), 8)
    x = net.node("Relu", net.node("Add", x, y))
    s = net.node("GlobalAveragePool", x)  # squeeze and excite
    s = net.node("Sigmoid", net.conv(net.node("Relu", net.conv(s, (8, 4), [1])), (4, 8), [1]))
    x = net.node("Mul", x, s)
    x = net.node("MaxPool", x, kernel_shape=[3], strides=[2], pads=[1, 1])
    net.output(net.gemm(net.node("Reshape", x, net.ints([-1, 48])), 48, 3))
    return net.build()


def inception() -> bytes:
    net = OnnxNet(7)
    x = net.input([1, C, T])
    b = net.conv(x, (C, 4), [1], bias=False)
    parts = [net.conv(b, (4, 3), [k], [k // 2, k // 2], bias=False) for k in (3, 5, 9)]
    p = net.node("MaxPool", x, kernel_shape=[3], strides=[1], pads=[1, 1])
    x = net.node("Concat", *parts, net.conv(p, (C, 3), [1], bias=False), axis=1)
    x = net.node("Relu", net.norm(x, 12))
    net.output(net.gemm(net.node("Squeeze", net.node("GlobalMaxPool", x), net.ints([2])), 12, 3))
    return net.build()


def depthwise_separable() -> bytes:
    net = OnnxNet(8)
    x = net.input([1, 4, T])
    x = net.node("Clip", net.conv(x, (4, 8), [3], [1, 1], group=4), net.constant(0.0), net.constant(6.0))
    x = net.node("Relu", net.conv(x, (8, 6), [1]))
    x = net.conv(x, (6, 6), [3], [1, 1], group=2)
    x = net.node("PRelu", x, net.constant(net.rng.uniform(0, 0.5, (6, 1))))
    x = net.node("AveragePool", x, kernel_shape=[2], strides=[2])
    net.output(net.gemm(net.node("Flatten", x), 72, 2))
    return net.build()


def channel_shuffle() -> bytes:
    net = OnnxNet(9)
    x = net.input([1, 4, T])
    x = net.conv(x, (4, 8), [3], [1, 1], group=2)
    x = net.node("Reshape", x, net.ints([1, 2, 4, T]))
    x = net.node("Transpose", x, perm=[0, 2, 1, 3])
    x = net.node("Reshape", x, net.ints([1, 8, T]))
    a, b = net.node("Split", x, net.ints([3, 5]), outputs=2, axis=1)
    x = net.node("Concat", net.node("Sigmoid", b), a, axis=1)
    net.output(net.conv(x, (8, 3), [3], [1, 1], group=1))
    return net.build()


def image_2d() -> bytes:
    """[1, 1, frames, features], two pools, flattened in the order of the channels."""
    net = OnnxNet(10)
    x = net.input([1, 1, T, 10])
    x = net.node("Relu", net.norm(net.conv(x, (1, 4), [3, 3], [1, 1, 1, 1], bias=False), 4))
    x = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Relu", net.conv(x, (4, 4), [3, 3], [1, 1, 1, 1], group=4))
    x = net.node("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    net.output(net.gemm(net.node("Flatten", x), 4 * 6 * 3, 3))
    return net.build()


def image_2d_time_last() -> bytes:
    """[1, channels, 1, frames]: a 1-D network written in 2-D."""
    net = OnnxNet(11)
    x = net.input([1, C, 1, T])
    x = net.node("Relu", net.conv(x, (C, 6), [1, 5], [0, 2, 0, 2], strides=[1, 2]))
    x = net.node("AveragePool", x, kernel_shape=[1, 3], strides=[1, 1], pads=[0, 1, 0, 1])
    x = net.node("ReduceMax", x, axes=[2, 3], keepdims=0)
    net.output(net.gemm(x, 6, 2))
    return net.build()


def batch_first() -> bytes:
    """[1, T, C] turned for the convolution and back for a dense layer on every frame."""
    net = OnnxNet(12)
    x = net.input([1, T, C])
    x = net.node("Sub", x, net.constant(net.rng.normal(0, 1, C)))
    x = net.node("Div", x, net.constant(net.rng.uniform(0.5, 2, C)))
    x = net.node("Transpose", x, perm=[0, 2, 1])
    x = net.node("Relu", net.conv(x, (C, 6), [3], [1, 1]))
    x = net.node("Transpose", x, perm=[0, 2, 1])
    x = net.node("Add", net.constant(net.rng.normal(0, 1, 4)), net.node("MatMul", x, net.weights(6, 4)))
    net.output(net.node("Softmax", x, axis=-1))
    return net.build()


def frame_mlp() -> bytes:
    """No convolution: dense layers per frame, then over the window; shapes worked out in the graph."""
    net = OnnxNet(13)
    x = net.input(["N", 12, C])
    y = net.node("Relu", net.node("MatMul", x, net.weights(C, 6)))
    n = net.node("Unsqueeze", net.node("Gather", net.node("Shape", x), net.ints(0), axis=0), net.ints([0]))
    shape = net.node("Concat", n, net.ints([-1]), axis=0)
    y = net.node("Dropout", net.node("Identity", net.node("Reshape", y, shape)))
    y = net.gemm(y, 72, 5)
    net.output(net.node("Softmax", y), net.node("Cast", net.node("Tanh", y), to=1))
    return net.build()


def two_heads() -> bytes:
    net = OnnxNet(14)
    x = net.input([1, C, T])
    x = net.node("Relu", net.conv(x, (C, 6), [4], auto_pad="SAME_LOWER"))
    net.output(net.node("Softmax", net.conv(x, (6, 3), [3], auto_pad="SAME_UPPER", strides=[3]), axis=1))
    net.output(net.node("ReduceSum", x, net.ints([2]), keepdims=1))
    return net.build()


def ceil_pools() -> bytes:
    net = OnnxNet(15)
    x = net.input([1, C, 23])
    x = net.node("MaxPool", x, kernel_shape=[3], strides=[2], ceil_mode=1)
    x = net.node("AveragePool", x, kernel_shape=[2], strides=[2], ceil_mode=1)
    net.output(net.node("HardSwish", net.conv(x, (C, 4), [3])))
    return net.build()


def window_softmax() -> bytes:
    """Attention pooling: softmax over time, weighted sum."""
    net = OnnxNet(16)
    x = net.input([1, C, T])
    x = net.node("Tanh", net.conv(x, (C, 6), [3], [1, 1]))
    a = net.node("Softmax", net.conv(x, (6, 1), [1]), axis=2)
    x = net.node("ReduceSum", net.node("Mul", x, a), net.ints([2]), keepdims=0)
    net.output(net.gemm(x, 6, 3))
    return net.build()


def raw_audio() -> bytes:
    net = OnnxNet(17)
    x = net.input([1, 40])
    x = net.node("Unsqueeze", x, net.ints([1]))
    x = net.node("Relu", net.conv(x, (1, 6), [8], strides=[4]))
    x = net.node("Relu", net.conv(x, (6, 6), [3], dilations=[2]))
    net.output(net.gemm(net.node("Flatten", x), 30, 2))
    return net.build()


def gelu_in_pieces() -> bytes:
    """In the three orders in which it is found."""
    net = OnnxNet(18)
    x = net.conv(net.input([1, C, T]), (C, 6), [3], [1, 1])
    for order in range(3):
        erf = net.node("Erf", net.node("Div", x, net.constant(2**0.5)))
        y = net.node("Add", erf, net.constant(1.0))
        if order == 0:
            y = net.node("Mul", net.node("Mul", x, y), net.constant(0.5))
        elif order == 1:
            y = net.node("Mul", x, net.node("Mul", net.constant(0.5), y))
        else:
            y = net.node("Mul", net.node("Mul", x, net.constant(0.5)), y)
        x = net.conv(y, (6, 6), [3], [1, 1])
    net.output(net.node("Elu", x))
    return net.build()


def normalised() -> bytes:
    """LayerNormalization per frame, InstanceNormalization over the window, both of opset 17."""
    net = OnnxNet(19)
    x = net.conv(net.input([1, C, T]), (C, 6), [3], [1, 1])
    r = net.rng
    scale, offset = (net.constant(v) for v in (r.uniform(0.5, 2, 6), r.normal(0, 0.3, 6)))
    x = net.node("InstanceNormalization", x, scale, offset)
    x = net.node("Relu", net.node("Transpose", x, perm=[0, 2, 1]))
    x = net.node("LayerNormalization", x, scale, offset, axis=-1)
    net.output(net.node("Sigmoid", net.node("MatMul", x, net.weights(6, 3))))
    return net.build()


def unet() -> bytes:
    net = OnnxNet(20, opset=18)
    x = net.input([1, C, T])
    a = net.node("Relu", net.conv(x, (C, 6), [3], [1, 1]))
    y = net.conv(net.node("MaxPool", a, kernel_shape=[2], strides=[2]), (6, 6), [3], [1, 1])
    modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    y = net.node("Resize", y, "", net.constant([1, 1, 2]), **modes)
    y = net.node("Gather", y, net.ints([5, 0, 3]), axis=1)
    net.output(net.conv(net.node("Concat", a, y, axis=1), (9, 2), [3], [1, 1]))
    return net.build()


def attention() -> bytes:
    net = OnnxNet(21)
    x = net.input([1, 12, C])
    q, k, v = (net.node("MatMul", x, net.weights(C, 4)) for _ in range(3))
    scores = net.node("Mul", net.node("MatMul", q, net.node("Transpose", k, perm=[0, 2, 1])), net.constant(0.5))
    y = net.node("MatMul", net.node("Softmax", scores, axis=-1), v)
    y = net.node("Slice", y, net.ints([-1]), net.ints([2**63 - 1]), net.ints([1]))
    net.output(net.node("Squeeze", y, net.ints([1])))
    return net.build()


def lstm(net: OnnxNet, x: str, size: int, hidden: int, op: str = "LSTM", **attrs: object) -> list[str]:
    """A recurrent layer on `[T, 1, C]`, zeros before it; every output that it has."""
    gates, both = {"LSTM": 4, "GRU": 3, "RNN": 1}[op] * hidden, 2 if attrs.get("direction") == "bidirectional" else 1
    r = net.rng
    shapes = ((both, gates, size), (both, gates, hidden), (both, 2 * gates))
    parts = [net.constant(r.uniform(-1, 1, s) / hidden**0.5) for s in shapes]
    return net.node(op, x, *parts, outputs=3 if op == "LSTM" else 2, hidden_size=hidden, **attrs)


def lstm_last() -> bytes:
    """[1, T, C] as nn.LSTM(batch_first=True) takes it; the last step, then a dense layer."""
    net = OnnxNet(22)
    x = net.node("Transpose", net.input(["batch", T, C]), perm=[1, 0, 2])
    y, _, _ = lstm(net, x, C, 6)
    y = net.node("Squeeze", net.node("Transpose", y, perm=[2, 1, 0, 3]), net.ints([1]))
    net.output(net.gemm(net.node("Gather", y, net.ints(-1), axis=1), 6, 3))
    return net.build()


def gru_per_frame() -> bytes:
    """Over convolved columns, and a dense layer on every step."""
    net = OnnxNet(23, opset=14)
    x = net.node("Relu", net.conv(net.input([1, C, T]), (C, 6), [3], [1, 1]))
    x = net.node("Transpose", x, perm=[2, 0, 1])
    y, _ = lstm(net, x, 6, 4, "GRU", linear_before_reset=1)
    y = net.node("Squeeze", y, net.ints([1]))
    net.output(net.node("Sigmoid", net.node("MatMul", y, net.weights(4, 2))))
    return net.build()


def bidirectional() -> bytes:
    """Two layers, and both final states."""
    net = OnnxNet(24, opset=11)
    x = net.node("Transpose", net.input([1, 12, C]), perm=[1, 0, 2])
    y, _, _ = lstm(net, x, C, 4, direction="bidirectional")
    y = net.node("Reshape", net.node("Transpose", y, perm=[0, 2, 1, 3]), net.ints([0, 0, -1]))
    y, h, c = lstm(net, y, 8, 3, direction="bidirectional")
    net.output(net.node("ReduceMax", y, axes=[0]), h, c)
    return net.build()


def reverse_gru() -> bytes:
    """The reset gate before the product, the last step first, no bias, a first state that is a constant."""
    net = OnnxNet(25)
    x = net.node("Transpose", net.input([1, 12, C]), perm=[1, 0, 2])
    r = net.rng
    w, u, h = (net.constant(r.uniform(-1, 1, s)) for s in ((1, 12, C), (1, 12, 4), (1, 1, 4)))
    y, last = net.node("GRU", x, w, u, "", "", h, outputs=2, hidden_size=4, direction="reverse")
    net.output(net.node("Squeeze", y, net.ints([1])), last)
    return net.build()


def simple_rnns() -> bytes:
    net = OnnxNet(26)
    x = net.node("Transpose", net.input([1, 12, C]), perm=[1, 0, 2])
    y, _ = lstm(net, x, C, 5, "RNN", activations=["Relu"])
    _, last = lstm(net, net.node("Squeeze", y, net.ints([1])), 5, 4, "RNN")
    net.output(net.node("Squeeze", last, net.ints([0])))
    return net.build()


def gru_over_features() -> bytes:
    """A recurrence along the features of every frame: the frames are its batch, and shift."""
    net = OnnxNet(27)
    x = net.node("Relu", net.conv(net.input([1, 1, T, 6]), (1, 3), [3, 3], [1, 1, 1, 1]))
    x = net.node("Reshape", net.node("Transpose", x, perm=[3, 0, 2, 1]), net.ints([6, T, 3]))
    y, _ = lstm(net, x, 3, 4, "GRU", direction="bidirectional", linear_before_reset=1)
    y = net.node("Transpose", y, perm=[2, 0, 1, 3])
    y = net.node("Reshape", y, net.ints([1, T, 48]))
    net.output(net.node("ReduceMean", net.node("MatMul", y, net.weights(48, 2)), axes=[1], keepdims=0))
    return net.build()


def unet_transposed() -> bytes:
    """Kernel 4, stride 2, padding 1; kernel 2; groups, dilation and output padding."""
    net = OnnxNet(28)
    x = net.input([1, C, T])
    a = net.node("Relu", net.conv(x, (C, 6), [3], [1, 1]))
    y = net.node("Relu", net.conv(a, (6, 6), [4], [1, 1], strides=[2]))
    z = net.conv(net.node("MaxPool", y, kernel_shape=[2], strides=[2]), (6, 6), [3], [1, 1])
    z = net.node("ConvTranspose", z, net.weights(6, 6, 2), net.constant(net.rng.normal(0, 0.2, 6)), strides=[2])
    y = net.node("Concat", y, net.node("Relu", net.norm(z, 6)), axis=1)
    y = net.node("ConvTranspose", y, net.weights(12, 3, 4), strides=[2], pads=[1, 1], group=2)
    net.output(net.conv(net.node("Add", a, y), (6, 2), [1]))
    attrs = {"strides": [2], "pads": [1, 1], "output_padding": [1]}
    net.output(net.node("ConvTranspose", a, net.weights(6, 1, 3), group=6, **attrs))
    return net.build()


def transposed_2d() -> bytes:
    """Over features with a stride, over time without one, dilated and by channel."""
    net = OnnxNet(29)
    x = net.node("Relu", net.conv(net.input([1, 1, T, 5]), (1, 4), [3, 3], [1, 1, 1, 1]))
    attrs = {"strides": [1, 2], "pads": [2, 1, 2, 1], "dilations": [2, 1]}
    x = net.node("Tanh", net.node("ConvTranspose", x, net.weights(4, 2, 3, 3), group=2, **attrs))
    x = net.node("ConvTranspose", x, net.weights(4, 1, 3, 3), group=4, pads=[4, 1, 4, 1], dilations=[2, 1])
    x = net.node("ConvTranspose", x, net.weights(4, 9, 1, 2), strides=[1, 2], auto_pad="SAME_UPPER")
    net.output(net.node("ReduceMean", x, axes=[2, 3], keepdims=0))
    return net.build()


def scattered() -> bytes:
    """Whole channels put in, and single elements of a vector; the last of two at one place wins."""
    net = OnnxNet(30, opset=16)
    x = net.node("Relu", net.conv(net.input([1, C, T]), (C, 4), [3], [1, 1]))
    whole = net.ints(np.stack(np.meshgrid([0], [1, 2], range(T), indexing="ij"), axis=-1))
    y = net.node("ScatterND", x, whole, net.conv(x, (4, 2), [1]))
    vector = net.node("ReduceMean", y, axes=[2], keepdims=0)
    few = net.node("ReduceMax", x, axes=[2], keepdims=0)
    vector = net.node("ScatterElements", vector, net.ints([[3, 0, -2, 3]]), few, axis=1)
    net.output(y, vector)
    return net.build()


def curve(net: OnnxNet, channels: int = 4) -> str:
    return str(net.conv(net.input([1, C, T]), (C, channels), [3], [1, 1]))


def spread(net: OnnxNet, parts: list[str]) -> bytes:
    """Each as it is at the newest column, and as its mean: what is computed per column, and over the window."""
    joined = net.node("Concat", *parts, axis=1)
    net.output(net.node("Gather", joined, net.ints(-1), axis=2))
    net.output(net.node("ReduceMean", joined, axes=[2], keepdims=0))
    return net.build()


def functions() -> bytes:
    net = OnnxNet(36)
    x = curve(net)
    parts = [net.node(op, x) for op in ("Softplus", "Softsign", "Selu", "Sign", "Erf", "Abs", "Celu")]
    parts += [net.node(op, x, alpha=0.7) for op in ("Celu", "Elu")]
    parts.append(net.node("Mul", x, net.node("Tanh", net.node("Softplus", x))))
    parts += [net.node("Pow", x, net.constant(p)) for p in (4.0, -1.0, 5.0)]
    parts.append(net.node("Pow", net.node("Add", net.node("Abs", x), net.constant(0.5)), net.constant(0.75)))
    return spread(net, parts)


def sums() -> bytes:
    """Along channels."""
    net = OnnxNet(37)
    x = curve(net)
    parts = [net.node(op, x, axes=[1], keepdims=1) for op in ("ReduceL1", "ReduceL2", "ReduceSumSquare")]
    parts.append(net.node("ReduceLogSumExp", x, axes=[1]))
    parts.append(net.node("Unsqueeze", net.node("ReduceLogSumExp", x, axes=[1], keepdims=0), net.ints([1])))
    parts += [net.node("LogSoftmax", x, axis=1), *(net.node("LpNormalization", x, axis=1, p=p) for p in (1, 2))]
    return spread(net, parts)


def functions_of_18() -> bytes:
    net = OnnxNet(38, opset=18)
    x = curve(net)
    parts = [net.node("Mish", x), net.node("GroupNormalization", x, net.weights(2), net.weights(2), num_groups=2)]
    joined = net.node("Concat", *parts, axis=1)
    net.output(net.node("ReduceMean", joined, net.ints([2]), keepdims=0))
    return net.build()


def conditions() -> bytes:
    """Hard and soft thresholds, masks that are constants, choices between two, all kinds of conditions."""
    net = OnnxNet(39)
    x = curve(net)
    y, half = net.conv(x, (4, 4), [1]), net.constant(0.5)
    above, below = net.node("Greater", x, y), net.node("LessOrEqual", x, net.node("Neg", half))
    between = net.node("And", net.node("Less", x, half), net.node("Not", below))
    either = net.node("Or", net.node("Equal", x, net.node("Relu", x)), net.node("GreaterOrEqual", y, half))
    even = net.constant(np.arange(T) % 2 == 0, "bool")
    logarithm = net.node("Log", x)  # not a number where it is not chosen
    parts = [
        net.node("Where", above, x, y),
        net.node("Where", below, net.constant(0.0), x),
        net.node("Where", between, x, net.constant(-3.0)),
        net.node("Where", either, net.node("Mul", x, y), half),
        net.node("Where", even, x, net.constant(0.0)),
        net.node("Where", net.node("Greater", x, net.constant(0.0)), logarithm, half),
        net.node("Cast", above, to=1),
    ]
    return spread(net, parts)


def causal_attention() -> bytes:
    """Masked by minus infinity, once added and once chosen."""
    net = OnnxNet(40)
    x = net.input([1, 12, C])
    q, k, v = (net.node("MatMul", x, net.weights(C, 4)) for _ in range(3))
    scores = net.node("MatMul", q, net.node("Transpose", k, perm=[0, 2, 1]))
    future = np.triu(np.ones((12, 12)), 1) > 0
    added = net.node("Add", scores, net.constant(np.where(future, -np.inf, 0)))
    chosen = net.node("Where", net.constant(future, "bool"), net.constant(-np.inf), scores)
    made = [net.node("MatMul", net.node("Softmax", s, axis=-1), v) for s in (added, chosen)]
    net.output(net.node("Add", *made))
    return net.build()


def resized() -> bytes:
    net = OnnxNet(41, opset=13)
    x = curve(net)
    halves = {"coordinate_transformation_mode": "half_pixel"}
    ways = [
        ([1, 4, 36], {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
        ([1, 4, 10], {"mode": "nearest", "nearest_mode": "round_prefer_ceil", **halves}),
        ([1, 4, 36], {"mode": "linear", **halves}),
        ([1, 4, 30], {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
        ([1, 4, 48], {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}),
    ]
    for size, attrs in ways:
        y = net.node("Resize", x, "", "", net.ints(size), **attrs)
        net.output(net.node("ReduceMean", net.node("Tanh", y), axes=[2], keepdims=0))
    return net.build()


def edges() -> bytes:
    """Repeated and wrapped edges, and elements picked by a GatherND."""
    net = OnnxNet(42, opset=19)
    x = curve(net)
    repeated = net.conv(net.node("Pad", x, net.ints([0, 0, 3, 0, 0, 1]), mode="edge"), (4, 3), [5])
    wrapped = net.conv(net.node("Pad", x, net.ints([0, 1, 1, 0, 0, 2]), mode="wrap"), (5, 3), [4])
    rows = net.node("GatherND", net.node("Transpose", x, perm=[1, 0, 2]), net.ints([[2], [0], [3]]))
    few = net.node("GatherND", x, net.ints([[0, 1, 22], [0, 3, 23]]))
    net.output(repeated, wrapped, net.node("Relu", rows), net.node("Relu", few))
    return net.build()


def labels() -> bytes:
    """The class of every frame, and of the window as a number that is computed with."""
    net = OnnxNet(43)
    x = curve(net, 5)
    net.output(net.node("ArgMax", x, axis=1, keepdims=0), net.node("ArgMin", x, axis=1))
    most = net.node("Cast", net.node("ArgMax", net.node("ReduceMean", x, axes=[2], keepdims=0), axis=1), to=1)
    net.output(net.node("Mul", most, net.constant(0.5)))
    return net.build([TensorProto.INT64, TensorProto.INT64, TensorProto.FLOAT])


GROUPS: dict[str, list[Callable[[], bytes]]] = {
    "padding": [conv_same, conv_valid, strided_symmetric, causal_pad_per_frame, two_heads],
    "branches": [causal_tcn_last, residual, inception, channel_shuffle, window_softmax],
    "windows": [depthwise_separable, image_2d, image_2d_time_last, ceil_pools],
    "layouts": [batch_first, frame_mlp, raw_audio],
    "recurrence": [lstm_last, gru_per_frame, bidirectional, reverse_gru, simple_rnns, gru_over_features],
    "transposed": [unet_transposed, transposed_2d, scattered],
    "functions": [functions, sums, functions_of_18],
    "choices": [conditions, causal_attention, resized, edges],
    "patterns": [gelu_in_pieces, normalised, unet, attention],
}
