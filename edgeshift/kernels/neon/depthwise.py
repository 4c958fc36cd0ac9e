"""DEPTHWISE_CONV_2D without channel multiplier: a vector of channels at a time."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.kernels.layout import (
    depthwise_shape,
    endings,
    folded_bias_of_channels,
    outside_table,
    tap_pairs_fit,
)
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import DepthwiseConv, EvenDepthwiseConv
from edgeshift.shift import StreamPlan


@variant("neon", DepthwiseConv, EvenDepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, DepthwiseConv)
    lanes = 16 if op.integer else 4
    if op.in_channels != op.out_channels or op.out_channels < lanes:
        return None
    base, shape = op.kernel(), depthwise_shape(op, plan, op.weights)
    if not op.integer:
        shape |= {"pairs": False}
        return Kernel("neon/depthwise", "taps", shape, base.tables, base.scalars, ("float_math", "neon"))
    multiplier, shift, name = endings(op, floats=True)
    shape |= {"rounding": name, "pairs": tap_pairs_fit(op)}
    tables = {
        **base.tables,
        "bias": folded_bias_of_channels(op),
        "multiplier": multiplier,
        "shift": shift,
        **outside_table(shape, op),
    }
    scalars = {k: v for k, v in base.scalars.items() if k != "input_offset"}
    return Kernel("neon/depthwise", "taps", shape, tables, scalars, ("requantize", "neon"))
