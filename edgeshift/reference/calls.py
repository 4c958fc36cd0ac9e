"""Networks that carry their own state, in numpy: call by call, and what their rings hold before the first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeshift.ir import ColumnGraph
from edgeshift.reference.window import run_all
from edgeshift.shift import Schedule, StreamPlan


class CallExecutor:
    """Computes every column of every call, and carries over what the next one reads: no plan is involved."""

    def __init__(self, graph: ColumnGraph) -> None:
        self.graph = graph
        self._history = dict(graph.history)

    def push(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of the next call, which takes `[call frames, size]` of every input over time."""
        values = later(self.graph, self._history, 0)
        for stream, given in zip(self.graph.inputs, frames, strict=True):
            new = np.asarray(given, stream.dtype).reshape(-1, stream.size)
            values[stream.id] = np.concatenate([self._history.get(stream.id, new[:0]), new])
        done = run_all(self.graph, values)
        self._history = {i: done[i][-len(known) :] for i, known in self._history.items()}
        return [s.layout.from_columns(done[s.id], s.shape) for s in self.graph.outputs]


def later(graph: ColumnGraph, history: dict[int, np.ndarray], calls: int) -> dict[int, np.ndarray]:
    """All that is known before call number `calls` (from 0) of what it reads of earlier calls, zeros elsewhere."""
    values = {}
    for i, known in history.items():
        stream = graph.streams[i]
        left = known[calls * len(graph.fresh(stream)) :]
        values[i] = np.pad(left, ((0, stream.columns - len(left)), (0, 0)))
    return values


def initial_rings(schedule: Schedule) -> dict[int, np.ndarray]:
    """What every ring `[phases, length, size]` holds before the first hop, by stream id."""
    graph, plans = schedule.graph, {i: p for i, p in schedule.streams.items() if p.ring is not None}
    rings = {
        i: np.zeros((p.ring.phases, p.ring.length, p.stream.size), p.stream.dtype)  # type: ignore[union-attr]
        for i, p in plans.items()
    }
    if graph.call_frames is None:
        return rings
    for phase in range(max((len(r) for r in rings.values()), default=0)):
        values = later(graph, dict(graph.history), phase)
        for stream in graph.inputs:
            values.setdefault(stream.id, np.zeros((stream.columns, stream.size), stream.dtype))
        run_all(graph, values)
        for i, plan in plans.items():
            if phase < len(rings[i]):
                rings[i][phase] = _kept(plan, values[i])
    return rings


def _kept(plan: StreamPlan, values: np.ndarray) -> np.ndarray:
    """The columns of a ring; for those that the hop makes anyhow another stands, so that more of them are alike."""
    assert plan.ring is not None
    columns = np.array(plan.ring.columns)
    given = np.isin(columns, plan.computed, invert=True)
    columns[~given] = columns[given][0]
    return values[columns]
