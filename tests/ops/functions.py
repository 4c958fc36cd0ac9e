"""Forms of the functions of one element and of the binary operators beyond ADD, SUB and MUL."""

from __future__ import annotations

from itertools import product

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.netbuilder import Handle, Net
from tests.ops.arithmetic import CHANNELS, FRAMES, SHAPES, binary, column_of_one, curve, end, gate, planes, two_streams
from tests.ops.sweeps import form

SIGNED = ("EXP", "ELU", "HARD_SWISH", "ABS", "NEG", "RELU_0_TO_1")
POSITIVE = ("LOG", "SQRT", "RSQRT")  # the interpreter stops at what is below


def signed(code: str, net: Net) -> None:
    end(net, net.unary(code, net.mul(curve(net), 1.5)))


def positive(code: str, net: Net) -> None:
    end(net, net.unary(code, net.add(net.relu(curve(net)), np.full(CHANNELS, 0.4), "relu")))


def slope(alpha: float, net: Net) -> None:
    end(net, net.leaky_relu(curve(net), alpha))


def gelu(approximate: bool, net: Net) -> None:
    end(net, net.gelu(net.mul(curve(net), 2.0), approximate))


def whole(code: str, net: Net) -> None:
    """Of a vector that the whole window gives."""
    net.output(net.unary(code, net.mean(curve(net), 1)))


for code in SIGNED:
    form("functions2", code, signed, code)
    form("functions2", f"{code} of a vector", whole, code)
form("functions2", "SQUARE", signed, "SQUARE", dtypes=("float32",))
for code in POSITIVE:
    form("functions2", code, positive, code)
for alpha in (0.1, 0.3, 0.0, 1.0):
    form("functions2", f"leaky ReLU {alpha}", slope, alpha)
for approximate in (False, True):
    form("functions2", f"GELU {approximate}", gelu, approximate)


def quotient(shape: tuple[int, ...], first: bool, activation: str | None, net: Net) -> None:
    """The divisor keeps away from zero."""
    x = net.add(net.relu(curve(net)), 0.5)
    values = net.rng.uniform(0.5, 1.5, shape)
    end(net, net.div(*((values, x) if first else (x, values)), activation))


def prelu_plane(shape: tuple[int, ...], net: Net) -> None:
    end(net, net.prelu(planes(net), net.rng.uniform(-0.2, 0.6, shape)))


def computed_slope(net: Net) -> None:
    x = curve(net)
    end(net, net.prelu(x, net.conv1d(x, CHANNELS, 2)))


for operation in ("maximum", "minimum", "squared_difference"):
    for shape, first in product(SHAPES[::2], (False, True)):
        form("binary2", f"{operation} constant {shape} {first}", binary, operation, shape, first, None)
    form("binary2", f"{operation} of two streams", two_streams, operation)
    form("binary2", f"{operation} of one channel", column_of_one, operation, False)
    form("binary2", f"{operation} gate", gate, operation, True, 3)
for shape in ((4,), (1, 4), (14, 4), (1, 1, 4), (14, 1)):
    form("binary2", f"PReLU {shape}", binary, "prelu", shape, False, None)
form("binary2", "PReLU of planes", prelu_plane, (1, 1, 4))
form("binary2", "PReLU, slope computed", computed_slope, dtypes=("float32", "int8"))
for shape, first, activation in product(((), (4,), (14, 4)), (False, True), (None, "relu6")):
    form("binary2", f"DIV {shape} {first} {activation}", quotient, shape, first, activation, dtypes=("float32",))


def layer_norm(negated: bool, net: Net) -> None:
    """As the converter writes Keras' LayerNormalization; `negated` with the scale folded into both terms."""
    x = curve(net)
    centre = net.mean(x, 2, keep_dims=True)
    variance = net.mean(net.squared_difference(x, centre), 2, keep_dims=True)
    scale = net.mul(net.unary("RSQRT", net.add(variance, 0.05)), net.rng.uniform(0.5, 1.5, (CHANNELS,)))
    if negated:
        moved: Handle = net.add(net.mul(net.unary("NEG", centre), scale), net.rng.normal(0, 0.2, (CHANNELS,)))
        y = net.add(net.mul(x, scale), moved)
    else:
        y = net.mul(net.sub(x, centre), scale)
    end(net, y)


def instance_norm(net: Net) -> None:
    """Over time: bound to the window."""
    x = curve(net)
    centre = net.mean(x, 1, keep_dims=True)
    variance = net.mean(net.squared_difference(x, centre), 1, keep_dims=True)
    end(net, net.mul(net.sub(x, centre), net.unary("RSQRT", net.add(variance, 0.05))))


form("norm", "layer norm", layer_norm, False)
form("norm", "layer norm, scale folded", layer_norm, True)
form("norm", "instance norm", instance_norm)


def unit_rows(rank: int, net: Net) -> None:
    x = curve(net) if rank == 3 else planes(net)
    end(net, net.unary("L2_NORMALIZATION", x, schema.L2NormOptionsT()))


def unit_vector(net: Net) -> None:
    x = net.reshape(net.relu(curve(net)), (1, FRAMES * CHANNELS))
    net.output(net.unary("L2_NORMALIZATION", x, schema.L2NormOptionsT()))


for rank in (3, 4):
    form("norm", f"L2 of rank {rank}", unit_rows, rank)
form("norm", "L2 of the window", unit_vector)


def least(axes: int | tuple[int, ...], keep: bool, net: Net) -> None:
    net.output(net.relu(net.reduce_min(curve(net), axes, keep)))


for axes in (1, (2,), (1, 2)):
    form("norm", f"reduce_min {axes}", least, axes, axes == (2,))
