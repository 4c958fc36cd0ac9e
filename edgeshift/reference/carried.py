"""Networks whose recurrent state is carried, in numpy: window by window, no plan is involved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeshift.ir import ColumnGraph
from edgeshift.ops import ColumnOp
from edgeshift.ops.stepwise import State, Stepwise
from edgeshift.reference.window import Read, compute_columns, run_all
from edgeshift.shift import find_interiors


class CarriedExecutor:
    """Computes every column of every window, but for recurrences: they go on where the window before left them.

    With several phases that is the last window of the same phase.
    """

    def __init__(self, graph: ColumnGraph, hop: int) -> None:
        self.graph, self.hop = graph, hop
        self._shifts = find_interiors(graph)
        self._left: dict[tuple[ColumnOp, int], tuple[np.ndarray, State]] = {}
        self._count = 0

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs, in their tensors' shapes, for the next window of every input, in its tensor's shape."""
        values = {
            stream.id: stream.layout.to_columns(np.asarray(array, stream.dtype))
            for stream, array in zip(self.graph.inputs, inputs, strict=True)
        }
        run_all(self.graph, values, self._compute)
        self._count += 1
        return [s.layout.from_columns(values[s.id], s.shape) for s in self.graph.outputs]

    def _compute(self, op: ColumnOp, columns: Sequence[int], read: Read) -> np.ndarray:
        if not isinstance(op, Stepwise) or not op.carried:
            return compute_columns(op, columns, read)
        shift, window = self._shifts[op.output.id], op.windows[0]
        x = read(op.inputs[0].id, np.array([window.first(j) for j in columns])[:, None])[:, 0]
        key = op, self._count % shift.phases(self.hop)
        if key not in self._left:
            made, state = op.steps(x, op.begin())
        else:
            before, state = self._left[key]
            advance = shift.advance(self.hop)
            new, state = op.steps(x[-advance:], state)
            made = np.concatenate([before[advance:], new])
        self._left[key] = made, state
        return made
