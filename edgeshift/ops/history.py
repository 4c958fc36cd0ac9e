"""CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE: state that a streaming network carries from call to call.

The nodes are those that `passes/state.py` leaves.

Types: float32, int8, int16.
Shift: a call is a hop; what is concatenated to a variable whose tail is assigned again are columns of one stream, kept
    in a ring. Any other state is one column that the next call reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.relayout import Relayout

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class History(ColumnOp):
    """The newest columns go behind those of earlier calls, which are at hand.

    It is left only where the operator that makes them cannot put them there itself (see `shift/absorb.py`).
    """

    def __init__(self, node: Node, new: Stream, output: Stream) -> None:
        super().__init__(node, [new], output, [Window(pad=output.columns - new.columns)])

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        return taps[0][:, 0]

    def kernel(self) -> Kernel:
        return Kernel("concat", "column", {"pieces": (self.output.size,), "repeats": 1})


@operator("CALL_ONCE", "VAR_HANDLE")
def lower_handle(node: Node, low: Lowering) -> None:
    """Handles and first values are gone when the state has been lifted."""


@operator("ASSIGN_VARIABLE")
def lower_assign(node: Node, low: Lowering) -> None:
    if not node.outputs:
        low.emit(History(node, low.whole(node.inputs[0]), low.carried[node.attrs["variable"]]))
        return
    out, initial = low.tensor(node.outputs[0]), node.attrs["initial"]
    axis = int(node.attrs["axis"]) % len(out.shape)
    new, _ = low.along(node.inputs[0], (axis,))
    output = low.output(node, Layout.along(out.shape, axis))
    low.history[output.id] = Layout.along(initial.shape, axis).to_columns(initial)
    low.emit(History(node, new, output))


@operator("READ_VARIABLE")
def lower_read(node: Node, low: Lowering) -> None:
    """The state is column 0 of a stream of two; the other is what is assigned for the next call."""
    tensor, initial = low.tensor(node.outputs[0]), node.attrs["initial"]
    two = low.new(f"{tensor.name}_state", (2, tensor.size), Layout(1, 2, tensor.size), tensor)
    low.history[two.id] = initial.reshape(1, -1)
    low.carried[node.attrs["variable"]] = two
    order = np.arange(tensor.size)
    low.emit(Relayout.between(two, low.output(node, Layout(1, 1, tensor.size)), order, node))
