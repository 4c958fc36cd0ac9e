"""DEPTHWISE_CONV_2D int8: four channels of a row of inputs, and of weights, in a word."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv6m.common import folded_bias, output_scalars, rescalable, scales, within_limit
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import DepthwiseConv
from edgeshift.shift import StreamPlan

LANES = 4


@variant("armv6m", DepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, DepthwiseConv)
    if not op.integer or op.out_channels != op.in_channels or op.in_channels % LANES:
        return None
    weights = op.weights.reshape(-1, op.out_channels)  # [row, channel]
    folded = folded_bias(op.bias, weights.T, op.zero_point)
    if not (within_limit(folded, weights.T) and rescalable(op)):
        return None
    base = op.kernel()
    words = np.ascontiguousarray(weights.reshape(len(weights), -1, LANES).transpose(1, 0, 2))
    tables = {
        "weights": words.view("<u4").astype(np.uint32),
        "bias": folded.astype(np.int32),
        "scales": scales(op),
        "padding": np.full(op.in_channels // LANES, (op.zero_point & 0xFF) * 0x01010101, np.uint32),
    }
    scalars = output_scalars(op, base.scalars)
    return Kernel("armv6m/depthwise", "taps", base.shape, tables, scalars, ("armv6m", "armv6m_depthwise"))
