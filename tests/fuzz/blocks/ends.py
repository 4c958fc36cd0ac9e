"""Ends of networks: a vector of the whole window, its newest step, or an answer for every frame."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from tests.fuzz.blocks.elementwise import REDUCTIONS
from tests.fuzz.blocks.registry import end
from tests.fuzz.drawing import Drawing
from tests.netbuilder import Handle


@end("RESHAPE", "FULLY_CONNECTED")
def flatten(d: Drawing, x: Handle) -> Handle:
    return d.net.dense(d.say("flatten", d.net.reshape(x, (1, -1))), 3)


@end(*REDUCTIONS, chooses=True, weight=3)
def over_time(d: Drawing, x: Handle) -> Handle:
    name = d.operator(*REDUCTIONS)
    y = getattr(d.net, name.lower())(x, d.choose((d.spatial(x), (d.time_axis,), d.time_axis)), d.choose((False, True)))
    d.say(name, y)
    return y if d.choose((False, True)) else d.net.dense(d.net.reshape(y, (1, -1)), 3)


@end("STRIDED_SLICE", weight=2)
def last_step(d: Drawing, x: Handle) -> Handle:
    begin, stop = [0] * len(x.shape), list(x.shape)
    begin[d.time_axis], stop[d.time_axis] = -1, 0
    rest = sum(1 << axis for axis in range(len(x.shape)) if axis != d.time_axis)
    y = d.net.strided_slice(x, begin, stop, None, rest, rest, 1 << d.time_axis)
    return d.net.dense(d.say("last step", y), 3, whole=True)


@end("AVERAGE_POOL_2D")
def average_pool(d: Drawing, x: Handle) -> Handle:
    lifted = x if len(x.shape) == 4 else d.net.expand_dims(x, 2)
    y = d.net.avg_pool(lifted, (lifted.shape[1], lifted.shape[2]))
    return d.net.dense(d.say("average pool", d.net.reshape(y, (1, -1))), 3)


@end("FULLY_CONNECTED", weight=2)
def per_frame(d: Drawing, x: Handle) -> Handle:
    d.answers_per_frame = True
    return d.say("per frame", d.net.dense(x, 3, keep_num_dims=True))


@end("RELU")
def bare(d: Drawing, x: Handle) -> Handle:
    """Every column as it is: nothing hides a mistake."""
    d.answers_per_frame = True
    return d.say("bare", d.net.relu(x))


@end("ARG_MAX", "ARG_MIN", "CAST", chooses=True)
def whole_numbers(d: Drawing, x: Handle) -> Handle:
    """Which channel, or which column, or values without their fractions."""
    d.whole_numbers = True
    name = d.operator("ARG_MAX", "ARG_MIN", "CAST")
    if name == "CAST":
        return d.say("whole numbers", d.net.cast(d.net.mul(x, 9.0), "int32"))
    axis = d.choose((len(x.shape) - 1, d.time_axis))
    return d.say(f"{name} along {axis}", d.net.arg(name, x, axis))


@end("L2_NORMALIZATION")
def embedding(d: Drawing, x: Handle) -> Handle:
    y = d.net.dense(d.net.mean(d.positive(x), d.spatial(x)), 4)
    return d.say("embedding", d.net.unary("L2_NORMALIZATION", y, schema.L2NormOptionsT()))
