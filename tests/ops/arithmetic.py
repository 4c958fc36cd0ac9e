"""Forms of the operators that compute without a window: elementwise, functions, dense layers, reductions."""

from __future__ import annotations

from itertools import product

from tests.netbuilder import Handle, Net
from tests.ops.sweeps import form

FRAMES, CHANNELS = 14, 4


def curve(net: Net, channels: int = CHANNELS, frames: int = FRAMES) -> Handle:
    """`[1, T, C]` with edges on both sides."""
    return net.conv1d(net.input((1, frames, 3)), channels, 3)


def planes(net: Net) -> Handle:
    """`[1, T, F, C]` with edges on both sides."""
    return net.conv2d(net.input((1, FRAMES, 3, 2)), CHANNELS, 3)


def end(net: Net, x: Handle) -> None:
    """A consumer that keeps columns, so that what the operator made goes through a ring."""
    axis = {3: 1, 4: 2}[len(x.shape)]
    y = net.conv1d(x, 2, 3, padding="VALID") if axis == 1 else net.conv2d(x, 2, (3, 1), padding="VALID")
    net.output(y)


# -- two operands


def binary(operation: str, shape: tuple[int, ...], first: bool, activation: str | None, net: Net) -> None:
    """A stream and a constant of `shape`, which may come first."""
    x, values = curve(net), net.rng.uniform(-1.5, 1.5, shape)
    operands = (values, x) if first else (x, values)
    end(net, getattr(net, operation)(*operands, activation))


def binary_plane(operation: str, shape: tuple[int, ...], first: bool, net: Net) -> None:
    x, values = planes(net), net.rng.uniform(-1.5, 1.5, shape)
    end(net, getattr(net, operation)(*((values, x) if first else (x, values))))


def two_streams(operation: str, net: Net) -> None:
    x = curve(net)
    end(net, getattr(net, operation)(net.conv1d(x, CHANNELS, 5), net.conv1d(x, CHANNELS, 2, padding="CAUSAL"), "relu"))


def with_itself(operation: str, net: Net) -> None:
    x = curve(net)
    end(net, getattr(net, operation)(x, x))


def column_of_one(operation: str, first: bool, net: Net) -> None:
    """`[1, T, 1]` spread over `[1, T, C]`."""
    x = curve(net)
    level = net.conv1d(x, 1, 2)
    end(net, getattr(net, operation)(*((level, x) if first else (x, level))))


def gate(operation: str, first: bool, rank: int, net: Net) -> None:
    """A vector of the whole window spread over all its columns."""
    x = curve(net) if rank == 3 else planes(net)
    vector = net.mean(x, tuple(range(1, rank - 1)), keep_dims=True)
    end(net, getattr(net, operation)(*((vector, x) if first else (x, vector))))


def vector_against_table(operation: str, net: Net) -> None:
    """A vector without time and a constant that has it."""
    vector = net.mean(curve(net), 1, keep_dims=True)
    net.output(getattr(net, operation)(vector, net.rng.uniform(-1, 1, (1, 6, CHANNELS))))


def flattened(operation: str, shape: tuple[int, ...], net: Net) -> None:
    """Time is hidden in a longer axis."""
    x = net.reshape(curve(net), (1, FRAMES * CHANNELS))
    y = getattr(net, operation)(x, net.rng.uniform(-1, 1, shape))
    end(net, net.reshape(y, (1, FRAMES, CHANNELS)))


def flattened_streams(operation: str, net: Net) -> None:
    x = curve(net)
    left, right = (net.reshape(net.conv1d(x, CHANNELS, k), (1, FRAMES * CHANNELS)) for k in (2, 3))
    end(net, net.reshape(getattr(net, operation)(left, right), (1, FRAMES, CHANNELS)))


SHAPES = ((), (1,), (4,), (1, 4), (1, 1, 4), (14, 1), (1, 14, 1), (1, 14, 4))
PLANE_SHAPES = ((3, 1), (1, 1, 3, 1), (14, 1, 1), (1, 14, 1, 4), (1, 14, 3, 4), (14, 3, 1))

for operation in ("add", "sub", "mul"):
    for number, (shape, first) in enumerate(product(SHAPES, (False, True))):
        if operation != "sub" and number % 4 in (1, 2):
            continue  # the order matters to a subtraction only
        activation = (None, "relu", "relu6", "relu_n1_to_1")[(len(shape) + first) % 4]
        where = "first" if first else "second"
        form("binary", f"{operation} constant {shape} {where}", binary, operation, shape, first, activation)
    for number, (shape, first) in enumerate(product(PLANE_SHAPES, (False, True))):
        if operation == "sub" or number % 4 in (1, 2):
            where = "first" if first else "second"
            form("planes", f"{operation} constant {shape} {where}", binary_plane, operation, shape, first)
    form("binary", f"{operation} of two streams", two_streams, operation)
    form("binary", f"{operation} with itself", with_itself, operation)
    form("binary", f"{operation} vector and table", vector_against_table, operation)
    form("binary", f"{operation} flattened streams", flattened_streams, operation)
    for shape in ((), (1,), (1, 56)):
        form("binary", f"{operation} flattened {shape}", flattened, operation, shape)
    for first in (False, True):
        form("binary", f"{operation} of one channel, first {first}", column_of_one, operation, first)
        for rank in (3, 4):
            form("planes", f"{operation} gate rank {rank}, first {first}", gate, operation, first, rank)


# -- functions of an element, softmax


def function(name: str, net: Net) -> None:
    end(net, getattr(net, name)(net.mul(curve(net), 3.0)))


def softmax(beta: float, rank: int, net: Net) -> None:
    x = curve(net, 5) if rank == 3 else planes(net)
    end(net, net.softmax(x, beta))


def softmax_of_everything(net: Net) -> None:
    net.output(net.softmax(net.reshape(curve(net), (1, FRAMES * CHANNELS))))


def softmax_over_time(net: Net) -> None:
    x = net.conv1d(net.input((1, FRAMES, 2)), 1, 3)
    net.output(net.softmax(net.reshape(x, (1, FRAMES))))


def requantised(net: Net) -> None:
    """The builder puts a QUANTIZE from int8 to int8 behind the sigmoid."""
    x = curve(net)
    end(net, net.concat([net.logistic(x), x], 2))


def float_ends(net: Net) -> None:
    end(net, net.relu(curve(net)))


for name in ("relu", "relu6", "relu_n1_to_1", "logistic", "tanh"):
    form("functions", name, function, name)
for beta, rank in product((1.0, 0.3, 2.5), (3, 4)):
    form("functions", f"softmax beta {beta} rank {rank}", softmax, beta, rank)
form("functions", "softmax of everything", softmax_of_everything)
form("functions", "softmax over time", softmax_over_time)
form("functions", "sigmoid beside its operand", requantised)
form("functions", "float ends", float_ends, dtypes=("int8_floatio", "int8_byteio", "int16_floatio"))


# -- dense layers


def dense_columns(keep: bool, activation: str | None, bias: bool, net: Net) -> None:
    x = net.dense(curve(net), 5, activation, bias, keep)
    end(net, x if keep else net.reshape(x, (1, *x.shape)))


def dense_rows(net: Net) -> None:
    """Several rows in a column."""
    end(net, net.dense(planes(net), 5, keep_num_dims=True))


def dense_flat(planar: bool, whole: bool, net: Net) -> None:
    x = planes(net) if planar else curve(net)
    x = x if whole else net.reshape(x, (1, -1))
    net.output(net.dense(x, 6, "relu", whole=whole), net.dense(x, 2, whole=whole, bias=False))


def dense_stacked(count: int, net: Net) -> None:
    """Some columns side by side in each row."""
    x = net.reshape(curve(net, frames=12), (1, 12 // count, count * CHANNELS))
    end(net, net.dense(x, 3, keep_num_dims=True))


def dense_across_frames(net: Net) -> None:
    """Rows that are no whole number of columns."""
    x = net.reshape(curve(net, frames=12), (1, 8, 6))
    net.output(net.dense(x, 3, keep_num_dims=True))


def dense_chain(net: Net) -> None:
    x = net.reshape(curve(net), (1, -1))
    for units in (7, 5, 1):
        x = net.dense(x, units, "relu6")
    net.output(x)


for keep, activation, bias in product((True, False), (None, "relu", "relu6", "relu_n1_to_1"), (True, False)):
    form("dense", f"dense of columns {keep} {activation} {bias}", dense_columns, keep, activation, bias)
for planar, whole in product((False, True), (False, True)):
    form("dense", f"dense of everything {planar} {whole}", dense_flat, planar, whole)
for count in (2, 3, 4):
    form("dense", f"dense of {count} frames", dense_stacked, count)
form("dense", "dense of rows", dense_rows)
form("dense", "dense across frames", dense_across_frames)
form("dense", "dense chain", dense_chain)


# -- reductions


def reduce_curve(operation: str, axes: int | tuple[int, ...], keep: bool, net: Net) -> None:
    x = getattr(net, operation)(curve(net), axes, keep)
    net.output(net.relu(x))


def reduce_plane(operation: str, axes: tuple[int, ...], keep: bool, net: Net) -> None:
    net.output(net.relu(getattr(net, operation)(planes(net), axes, keep)))


def reduce_then_slide(operation: str, net: Net) -> None:
    """Over features only: time goes on."""
    x = getattr(net, operation)(planes(net), (2,), False)
    end(net, x)


def reduce_hidden_time(operation: str, net: Net) -> None:
    x = net.reshape(curve(net), (1, FRAMES * CHANNELS))
    net.output(getattr(net, operation)(x, 1, True))


for operation in ("mean", "sum", "reduce_max"):
    for axes in (1, -2, (1,), (2,), (-1,), (1, 2), (2, 1)):
        keep = axes in (1, (2,), (1, 2))
        form("reduce", f"{operation} {axes} of a curve", reduce_curve, operation, axes, keep)
    for axes in ((1,), (2,), (3,), (1, 2), (2, 3), (1, 3), (1, 2, 3)):
        form("reduce", f"{operation} {axes} of planes", reduce_plane, operation, axes, len(axes) % 2 > 0)
    form("reduce", f"{operation} then slide", reduce_then_slide, operation)
    form("reduce", f"{operation} of hidden time", reduce_hidden_time, operation)
