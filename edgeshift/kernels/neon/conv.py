"""CONV_2D and FULLY_CONNECTED without dot products: int8 by widening pairs of products, float32 by lane."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.layout import interleave, padded
from edgeshift.kernels.neon.blocks import LANES, block_shape, in_blocks, int8_kernel, matrix, patches_of
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import Conv, EvenConv
from edgeshift.ops.dense import Dense
from edgeshift.shift import StreamPlan

CHANNELS_INT8 = 8  # an accumulator each
CHANNELS_FLOAT = 32  # four to an accumulator
BYTES = 16


@variant("neon", Conv, EvenConv, Dense)
def conv(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, (Conv, Dense))
    if isinstance(op, Conv) and op.groups != 1:
        return None
    if op.integer:
        return int8_kernel(op, plan, "neon/conv_s8", CHANNELS_INT8, _rows_of_16, pairs=_pairs_fit(op))
    return _float(op, plan) if np.isfinite(op.weights).all() else None


def _pairs_fit(op: Conv | Dense) -> bool:
    """Whether two products, of inputs that lie 8 apart in a vector, always add up within 16 bits."""
    halves = np.abs(padded(matrix(op).astype(np.int64), 1, BYTES)).reshape(-1, 2, BYTES // 2)
    return bool((halves.sum(axis=1) <= 255).all())


def _rows_of_16(rows: np.ndarray, count: int) -> np.ndarray:
    """`[in / 16][out][16]`."""
    return interleave(rows, count, BYTES)


def _by_input(rows: np.ndarray, count: int) -> np.ndarray:
    """`[in][out]`: for one input a vector for each four channels."""
    return rows.T


def _float(op: Conv | Dense, plan: StreamPlan) -> Kernel:
    weights, base = matrix(op), op.kernel()
    tables = {"weights": in_blocks(weights, CHANNELS_FLOAT, _by_input), "bias": padded(op.bias, 0, LANES)}
    patches = patches_of(op, plan, "float", 1, weights.shape[1])
    shape = block_shape(op, plan, CHANNELS_FLOAT)
    return Kernel("neon/conv_f32", "patches", shape, tables, base.scalars, ("float_math", "neon"), patches=patches)
