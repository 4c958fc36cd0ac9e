"""ADD, SUB, MUL int8 of columns, four elements at a time."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.kernels.layout import innermost_is_dense
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.elementwise import Elementwise
from edgeshift.shift import StreamPlan


@variant("mve", Elementwise)
def elementwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Elementwise)
    base = op.kernel()
    if op.output.dtype.kind != "i" or not innermost_is_dense(base, 4):
        return None
    runtime = (*base.runtime, "mve", "mve_elementwise")
    return Kernel("mve/elementwise", base.access, base.shape, base.tables, base.scalars, runtime, base.position)
