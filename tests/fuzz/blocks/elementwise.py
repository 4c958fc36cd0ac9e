"""Blocks that compute without a window: functions, two operands, normalisations, reductions over features."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from tests.finish import COMPUTED_SLOPE
from tests.fuzz.blocks.registry import block
from tests.fuzz.drawing import ACTIVATIONS, Drawing
from tests.netbuilder import Handle

_ANYWHERE = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "TANH", "LOGISTIC", "ABS", "NEG", "ELU", "HARD_SWISH")
_ABOVE_ZERO = ("LOG", "SQRT", "RSQRT")  # the interpreter stops at what is below
_BOUNDED = ("EXP", "SQUARE")  # so that nothing runs away to infinity
FUNCTIONS = (*_ANYWHERE, *_ABOVE_ZERO, *_BOUNDED, "LEAKY_RELU", "GELU")
_ACTIVATED = ("ADD", "SUB", "MUL", "DIV")
_BOTH = (*_ACTIVATED, "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")
BINARY = (*_BOTH, "PRELU")
REDUCTIONS = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM")


@block(*FUNCTIONS, chooses=True, weight=3)
def function(d: Drawing, x: Handle) -> Handle:
    name = d.operator(*FUNCTIONS)
    if name == "LEAKY_RELU":
        y = d.net.leaky_relu(x, d.choose((0.1, 0.3, 1.0, 0.0)))
    elif name == "GELU":
        y = d.net.gelu(x, d.choose((False, True)))
    else:
        x = d.positive(x) if name in _ABOVE_ZERO else d.net.relu6(x) if name in _BOUNDED else x
        y = d.net.unary(name, x)
    return d.say(name, y)


def constant(d: Drawing, x: Handle, low: float) -> tuple[str, Handle]:
    """A constant that broadcasts over `x`: one for each channel, for each column, for everything, or one."""
    wide = [1] * len(x.shape)
    over_time, over_features = list(wide), list(wide)
    over_time[d.time_axis] = d.frames(x)
    over_features[-2] = x.shape[-2]
    shapes = {
        "channels": x.shape[-1:],
        "a scalar": (),
        "channels, all axes": (*wide[:-1], x.shape[-1]),
        "columns": over_time[1:],
        "features": over_features,
        "a table": x.shape[1:],
        "a table, all axes": x.shape,
    }
    name = d.choose(list(shapes))
    return name, d.net.constant(d.values(shapes[name], low))


@block(*BINARY, chooses=True, weight=3)
def with_constant(d: Drawing, x: Handle) -> Handle:
    name = d.operator(*BINARY)
    divides = name == "DIV"
    kind, values = constant(d, x, 0.5 if divides else -1.5)
    x = d.positive(x) if divides else x
    operands = (x, values) if name == "PRELU" or d.choose((False, False, True)) is False else (values, x)
    y = getattr(d.net, name.lower())(*operands, d.choose(ACTIVATIONS) if name in _ACTIVATED else None)
    return d.say(f"{name} {kind}", y)


@block(*_BOTH, COMPUTED_SLOPE, chooses=True, weight=2)
def with_stream(d: Drawing, x: Handle) -> Handle:
    """Two streams: another of the same shape, one channel for all, a vector of the whole window, or the same twice."""
    name, kind = d.operator(*_BOTH, COMPUTED_SLOPE), d.choose(("another", "one channel", "the window's", "itself"))
    name = "PRELU" if name == COMPUTED_SLOPE else name
    if kind == "another":
        other = d.same(x)
    elif kind == "one channel":
        other = d.conv(x, 1, 2)
    elif kind == "the window's":
        other = d.net.mean(x, d.spatial(x), keep_dims=True)
    else:
        other = x
    if name == "DIV":
        other = d.positive(other)
    elif name in ("MUL", "SQUARED_DIFFERENCE"):
        other = d.net.tanh(other)  # bounded
    swapped = name not in ("DIV", "PRELU") and d.choose((False, True))
    activation = d.choose(ACTIVATIONS) if name in _ACTIVATED else None
    y = getattr(d.net, name.lower())(*((other, x) if swapped else (x, other)), activation)
    return d.say(f"{name} {kind}", y)


@block("MUL", "FULLY_CONNECTED", "MEAN")
def squeeze_excite(d: Drawing, x: Handle) -> Handle:
    gate = d.net.dense(d.net.mean(x, d.spatial(x)), 3, "relu")
    gate = d.net.logistic(d.net.dense(gate, x.shape[-1]))
    gate = d.net.reshape(gate, (1,) * (len(x.shape) - 1) + (x.shape[-1],))
    return d.say("squeeze-excite", d.net.mul(x, gate))


@block("RSQRT", "NEG")
def layer_norm(d: Drawing, x: Handle) -> Handle:
    """As the converter writes it; folded, the scale is in both terms."""
    net, axis = d.net, len(x.shape) - 1
    x = d.conv(x, 3) if x.shape[-1] == 1 else x  # one channel has no variance: int8 would have no scale
    centre = net.mean(x, axis, keep_dims=True)
    if "SQUARED_DIFFERENCE" in d.lacks:
        difference = net.sub(x, centre)
        square = net.mul(difference, difference)
    else:
        square = net.squared_difference(x, centre)
    variance = net.mean(square, axis, keep_dims=True)
    scale = net.mul(net.unary("RSQRT", net.add(variance, 0.05)), d.values((x.shape[-1],), 0.5))
    if d.choose((False, True)):
        moved = net.add(net.mul(net.unary("NEG", centre), scale), d.values((x.shape[-1],), -0.2, 0.2))
        return d.say("layer norm, folded", net.add(net.mul(x, scale), moved))
    return d.say("layer norm", net.mul(net.sub(x, centre), scale))


@block("SOFTMAX", "L2_NORMALIZATION", chooses=True)
def normalised(d: Drawing, x: Handle) -> Handle:
    if d.operator("SOFTMAX", "L2_NORMALIZATION") == "SOFTMAX":
        return d.say("softmax of channels", d.net.softmax(x, d.choose((1.0, 0.3, 2.5))))
    return d.say("unit channels", d.net.unary("L2_NORMALIZATION", d.positive(x), schema.L2NormOptionsT()))


@block(*REDUCTIONS, chooses=True)
def over_features(d: Drawing, x: Handle) -> Handle:
    """What a reduction makes of each column stands beside it, or meets it."""
    name = d.operator(*REDUCTIONS)
    level = getattr(d.net, name.lower())(x, d.choose((-1, len(x.shape) - 1)), True)
    how = d.choose(("concat", "sub", "maximum"))
    y = d.net.concat([x, level], -1) if how == "concat" else getattr(d.net, how)(x, level, None)
    return d.say(f"{name} of channels, {how}", y)
