"""DEPTHWISE_CONV_2D int8 without channel multiplier: eight channels to a vector of 16-bit inputs."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.kernels.layout import depthwise_shape, even_odd, finish_table, padded, rounding
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import DepthwiseConv
from edgeshift.shift import StreamPlan

LANES = 8


@variant("mve", DepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, DepthwiseConv)
    if not op.integer or op.in_channels != op.out_channels:
        return None
    base, weights = op.kernel(), padded(op.weights, 2, LANES)
    shape = {**depthwise_shape(op, weights, "int8_t"), "rounding": rounding(op.shift)}
    tables = {"weights": weights, "finish": finish_table(LANES, even_odd, op.bias, op.multiplier, op.shift)}
    return Kernel("mve/depthwise", "taps", shape, tables, base.scalars, ("requantize", "mve"))
