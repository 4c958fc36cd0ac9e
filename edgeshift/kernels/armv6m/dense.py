"""FULLY_CONNECTED int8: as a convolution, in chunks of inputs so short that no sum can leave its 24 bits."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv6m.common import folded_bias
from edgeshift.kernels.armv6m.conv import BLOCK, FEWEST, packed_weights
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.dense import Dense
from edgeshift.shift import StreamPlan

CHUNK = 256
MOST = 256  # units, whose sums are on the stack
SMALLEST = 256  # weights; below this the portable kernel needs less


@variant("armv6m", Dense)
def dense(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Dense)
    if not op.integer or not FEWEST <= op.units <= MOST or op.weights.size < SMALLEST:
        return None
    base = op.kernel()
    weights = op.weights.reshape(op.units, -1)
    size = weights.shape[1]
    starts = range(0, size, CHUNK)
    folded = folded_bias(op.bias, weights, op.zero_point + 128)
    shape = {
        **base.shape,
        "size": size,
        "blocks": -(-op.units // BLOCK),
        "chunk": min(CHUNK, -(-size // 4) * 4),
    }
    tables = {
        **base.tables,
        "weights": np.concatenate([packed_weights(weights[:, i : i + CHUNK]).reshape(-1) for i in starts]),
        "bias": (folded & 0xFFFFFFFF).astype(np.uint32).view(np.int32),
    }
    scalars = {name: value for name, value in base.scalars.items() if name != "input_offset"}
    runtime = ("requantize", "armv6m", "armv6m_conv")
    return Kernel("armv6m/dense", "runs", shape, tables, scalars, runtime)
