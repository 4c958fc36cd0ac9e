"""ADD, SUB, MUL of columns, a vector of elements at a time."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.kernels.layout import innermost_is_dense
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.elementwise import Elementwise
from edgeshift.shift import StreamPlan


@variant("neon", Elementwise)
def elementwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Elementwise)
    base, integer = op.kernel(), op.output.dtype.kind == "i"
    if not innermost_is_dense(base, 16 if integer else 4):
        return None
    runtime = (*base.runtime, *(["neon", "neon_elementwise"] if integer else ["neon"]))
    return Kernel("neon/elementwise", base.access, base.shape, base.tables, base.scalars, runtime, base.position)
