"""STRIDED_SLICE: a selection of columns, of elements, or of both; nothing is computed.

Types: float32, int8, int16.
Shift: a column reads the one that it selects; a stride over time is a stride of the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node
from edgeshift.ops.base import operator
from edgeshift.ops.common import refuse
from edgeshift.ops.relayout import Relayout

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


@operator("STRIDED_SLICE")
def lower_strided_slice(node: Node, low: Lowering) -> None:
    """Numpy's own slicing of the element numbers says what goes where."""
    x = low.stream(node.inputs[0])
    given = [low.constant(i) for i in node.inputs[1:4]]
    if any(g is None for g in given):
        raise refuse(node, "its bounds are computed", "export the model with static shapes")
    index = slice_index(node, *given)  # type: ignore[arg-type]
    order = np.arange(x.columns * x.size).reshape(x.shape)[index]
    out = low.tensor(node.outputs[0])
    if order.shape != out.shape:
        raise refuse(node, f"it gives {list(order.shape)}, not {list(out.shape)}", "export it again")
    time = next(iter(x.layout.axes(x.shape)), None) if x.columns > 1 else None
    layout = Layout(1, 1, out.size)
    if time is not None and not (time < len(index) and isinstance(index[time], int)):
        gone = sum(isinstance(i, int) for i in index[:time])
        layout = Layout.along(out.shape, time - gone)
    low.emit(Relayout.between(x, low.output(node, layout), order, node))


def slice_index(node: Node, begin: np.ndarray, end: np.ndarray, step: np.ndarray) -> tuple[slice | int, ...]:
    """The numpy index that a STRIDED_SLICE with these bounds is."""
    if int(node.attrs.get("new_axis_mask", 0)) or int(node.attrs.get("ellipsis_mask", 0)):
        raise refuse(node, "new-axis and ellipsis masks are not supported", "use a reshape, or name every axis")
    begins, ends, steps = ([int(v) for v in g.reshape(-1)] for g in (begin, end, step))
    masks = {name: int(node.attrs.get(name, 0)) for name in ("begin_mask", "end_mask", "shrink_axis_mask")}
    index: list[slice | int] = []
    for axis, (b, e, s) in enumerate(zip(begins, ends, steps, strict=True)):
        bit = 1 << axis
        if masks["shrink_axis_mask"] & bit:
            index.append(b)
        else:
            offset = bool(node.attrs.get("offset", False))
            index.append(
                slice(
                    None if masks["begin_mask"] & bit else b,
                    None if masks["end_mask"] & bit else (b + e if offset else e),
                    s,
                )
            )
    return tuple(index)
