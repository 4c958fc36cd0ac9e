"""DEPTHWISE_CONV_2D without channel multiplier: a vector of channels at a time."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.layout import depthwise_shape, rounding
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import DepthwiseConv
from edgeshift.shift import StreamPlan


@variant("neon", DepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, DepthwiseConv)
    lanes = 8 if op.integer else 4
    if op.in_channels != op.out_channels or op.out_channels < lanes:
        return None
    base = op.kernel()
    if not op.integer:
        shape = {**depthwise_shape(op, op.weights, "float"), "rounding": ""}
        return Kernel("neon/depthwise", "taps", shape, base.tables, base.scalars, ("float_math", "neon"))
    weights = op.weights.astype(np.int16)
    shape = {**depthwise_shape(op, weights, "int16_t"), "rounding": rounding(op.shift)}
    tables = {**base.tables, "weights": weights, "shift": op.shift.astype(np.int32)}
    return Kernel("neon/depthwise", "taps", shape, tables, base.scalars, ("requantize", "neon"))
