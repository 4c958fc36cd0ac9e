"""CONCATENATION along features, or along time, where each column comes from one of the operands.

Types: float32, int8, int16.
Shift: along features a column reads the same column of every operand; along time it is one operand's column, so only
what depends on absolute time shifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import refuse, same_quant

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class ConcatFeatures(ColumnOp):
    """Per column: `repeats` times a piece of `pieces[i]` elements of every operand."""

    def __init__(self, node: Node, operands: Sequence[Stream], output: Stream, pieces: Sequence[int]) -> None:
        super().__init__(node, operands, output, [Window() for _ in operands])
        self.pieces = tuple(pieces)
        self.repeats = output.size // sum(pieces)

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        parts = [t.reshape(n, self.repeats, piece) for t, piece in zip(taps, self.pieces, strict=True)]
        return np.concatenate(parts, axis=2).reshape(n, -1)

    def kernel(self) -> Kernel:
        return Kernel("concat", "column", {"pieces": self.pieces, "repeats": self.repeats})


class ConcatTime(ColumnOp):
    """Output column `j` is the column of the one operand whose tap lies inside."""

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        done = taps[0][:, 0].copy()
        for tap, mask in zip(taps, inside, strict=True):
            done[mask[:, 0]] = tap[mask[:, 0], 0]
        return done

    @property
    def continues(self) -> bool:
        """What lies before the first operand, or behind the last, is not known."""
        return False

    def interior(self, operands: Sequence[range]) -> range:
        """The columns of one operand shift among themselves; across a seam nothing does."""
        placed = [range(r.start + w.pad, r.stop + w.pad) for r, w in zip(operands, self.windows, strict=True)]
        return max(placed, key=len)

    def kernel(self) -> Kernel:
        return Kernel("concat_time", "taps", {"count": self.output.size, "operands": len(self.inputs)})


@operator("CONCATENATION")
def lower_concat(node: Node, low: Lowering) -> None:
    out = low.tensor(node.outputs[0])
    axis = int(node.attrs["axis"]) % len(out.shape)
    if int(node.attrs.get("fused_activation_function", 0)):
        raise refuse(node, "it has a fused activation, which the reference kernel refuses too", "export it again")
    for tensor_id in node.inputs:
        tensor = low.tensor(tensor_id)
        if tensor.dtype != out.dtype or not same_quant(tensor.quant, out.quant):
            raise refuse(node, f"'{tensor.name}' is not quantised as the output", "quantise the model again")
    lead = max((low.stream(i) for i in node.inputs), key=lambda s: s.columns)
    time = next(iter(lead.layout.axes(lead.shape)), None) if lead.columns > 1 else None
    if time is None:
        operands = [low.whole(i) for i in node.inputs]
        layout = Layout(1, 1, out.size)
    else:
        operands = [low.along(i, (time,))[0] for i in node.inputs]
        layout = Layout.along(out.shape, time)
    output = low.output(node, layout)
    if axis == time:
        starts = np.cumsum([0, *(s.columns for s in operands[:-1])])
        low.emit(ConcatTime(node, operands, output, [Window(pad=int(s)) for s in starts]))
        return
    after = [d for a, d in enumerate(out.shape) if a > axis and a != time]
    step = int(np.prod(after, dtype=np.int64))
    low.emit(ConcatFeatures(node, operands, output, [low.tensor(i).shape[axis] * step for i in node.inputs]))
