"""FULLY_CONNECTED int8 in place: four units share each vector of 16 inputs; finished one by one."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.layout import folded_bias, interleave, padded
from edgeshift.kernels.mve.conv import CHANNELS, LANES
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.dense import Dense
from edgeshift.shift import StreamPlan


@variant("mve", Dense)
def dense(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Dense)
    if not op.integer:
        return None
    base = op.kernel()
    wide = padded(op.weights, 2, LANES)
    tables = {
        **base.tables,
        "weights": interleave(wide.reshape(op.units, -1), CHANNELS, LANES),
        "bias": np.ascontiguousarray(folded_bias(op)),
    }
    scalars = {k: v for k, v in base.scalars.items() if k != "input_offset"}
    return Kernel("mve/dense", "runs", base.shape, tables, scalars, ("requantize", "mve"))
