"""MEAN and REDUCE_MAX int8 over columns: eight channels to a vector of 16-bit sums."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.kernels.layout import innermost_is_kept
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.reduce import Reduce
from edgeshift.shift import StreamPlan

MOST_INT16 = 255  # times -128


@variant("mve", Reduce)
def reduce(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Reduce)
    base = op.kernel()
    if base.shape["operation"] != "mean" or op.output.dtype.kind != "i" or op.count > MOST_INT16:
        return None
    if not innermost_is_kept(base):
        return None
    return Kernel(
        "mve/reduce", base.access, base.shape, base.tables, base.scalars, ("requantize", "mve"), base.position
    )
