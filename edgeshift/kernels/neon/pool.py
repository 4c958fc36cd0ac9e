"""MAX_POOL_2D and AVERAGE_POOL_2D, a vector of channels at a time."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.pool import Pool
from edgeshift.shift import StreamPlan

MOST_INT16 = 255  # times -128


@variant("neon", Pool)
def pool(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Pool)
    integer = op.output.dtype.kind == "i"
    if op.channels < (16 if integer else 4):
        return None
    if integer and op.average and op.windows[0].kernel * op.features.kernel > MOST_INT16:
        return None
    base = op.kernel()
    return Kernel(
        "neon/pool",
        base.access,
        base.shape,
        base.tables,
        base.scalars,
        (*base.runtime, "neon"),
        base.position,
    )
