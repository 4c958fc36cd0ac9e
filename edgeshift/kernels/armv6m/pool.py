"""AVERAGE_POOL_2D and MEAN int8: four channels are added at a time, as 16-bit halves of two words."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.pool import Pool
from edgeshift.ops.reduce import Reduce
from edgeshift.shift import StreamPlan

LANES = 4
MOST = 257  # values of 8 bits in a sum of 16


@variant("armv6m", Pool)
def pool(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Pool)
    rows = op.windows[0].kernel * op.features.kernel
    if not op.average or op.output.dtype.kind != "i" or op.channels % LANES or rows > MOST:
        return None
    base = op.kernel()
    return Kernel("armv6m/pool", "runs", base.shape, base.tables, base.scalars, (*base.runtime, "armv6m_pool"))


@variant("armv6m", Reduce)
def mean(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    """Over columns and the leading axes of each, so that what is kept lies side by side."""
    assert isinstance(op, Reduce)
    if op.op != "MEAN" or op.output.dtype.kind != "i" or op.output.size % LANES or op.count > MOST:
        return None
    wide = [axis for axis, size in enumerate(op.shape) if size > 1]
    reduced = [axis for axis in wide if axis in op.reduced]
    if wide[: len(reduced)] != reduced:
        return None
    base = op.kernel()
    shape = {"channels": op.output.size, "rows": op.inputs[0].size // op.output.size}
    return Kernel("armv6m/mean", "runs", shape, {}, base.scalars, (*base.runtime, "armv6m_pool"))
