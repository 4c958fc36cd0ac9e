"""MEAN, SUM and REDUCE_MAX over columns, a vector of channels at a time."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.kernels.layout import innermost_is_kept
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.reduce import Reduce
from edgeshift.shift import StreamPlan

MOST_INT16 = 255  # times -128
BYTES, FLOATS = 16, 4


@variant("neon", Reduce)
def reduce(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Reduce)
    base = op.kernel()
    integer = op.output.dtype.kind == "i"
    operation = base.shape["operation"]
    lanes = BYTES if integer else FLOATS
    if not innermost_is_kept(base) or base.shape["kept_loops"][-1][0] < lanes:
        return None
    if integer and (operation == "sum" or (operation == "mean" and op.count > MOST_INT16)):
        return None
    runtime = ("requantize", "neon") if integer else ("neon",)
    return Kernel("neon/reduce", base.access, base.shape, base.tables, base.scalars, runtime, base.position)
