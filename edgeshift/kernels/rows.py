"""DEPTHWISE_CONV_2D of ONNX networks on Cortex-M, in C: four channels at a time over rows that are all there.

Their rescale is not the one that the assembly of `armv6m` and `armv7em` ends in.
"""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv7em.requantize import accumulator_bounds
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import EvenDepthwiseConv
from edgeshift.shift import StreamPlan

MOST_ROWS = 256  # their addresses are on the stack


@variant("armv6m", EvenDepthwiseConv)
@variant("armv7em", EvenDepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, EvenDepthwiseConv)
    weights = op.weights.reshape(-1, op.out_channels).astype(np.int64)
    bias = op.bias.astype(np.int64) - op.zero_point * weights.sum(axis=0)
    low, high = accumulator_bounds(weights.T, bias)
    if op.in_channels != op.out_channels or len(weights) > MOST_ROWS:
        return None
    if low.min() < -(1 << 31) or high.max() >= 1 << 31:
        return None
    base = op.kernel()
    scalars = {name: value for name, value in base.scalars.items() if name != "input_offset"}
    tables = {
        **base.tables,
        "bias": bias.astype(np.int32),
        "padding": np.full(op.in_channels, op.zero_point, np.int8),
    }
    return Kernel("depthwise_rows", "taps", base.shape, tables, scalars, base.runtime)
