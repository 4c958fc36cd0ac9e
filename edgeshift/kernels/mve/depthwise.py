"""DEPTHWISE_CONV_2D int8 without channel multiplier: eight channels to a vector of 16-bit inputs."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.layout import depthwise_shape, padded, rounding
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
    shape = {**depthwise_shape(op, weights), "rounding": rounding(op.shift)}
    tables = {"weights": weights, "finish": _finish_table(op.bias, op.multiplier, op.shift)}
    return Kernel("mve/depthwise", "taps", shape, tables, base.scalars, ("requantize", "mve"))


def _finish_table(*columns: np.ndarray) -> np.ndarray:
    """For each eight channels biases, multipliers and shifts, first of the even ones, then of the odd ones."""
    eights = [padded(c.astype(np.int32), 0, LANES).reshape(-1, LANES // 2, 2) for c in columns]
    return np.ascontiguousarray(np.stack(eights, axis=1).transpose(0, 1, 3, 2))
