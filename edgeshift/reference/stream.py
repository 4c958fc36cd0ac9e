"""The schedule in numpy: rings, heads, phases and scratch, exactly as the generated C has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeshift.reference.window import compute_columns
from edgeshift.shift import Ring, Schedule, StreamPlan


class StreamExecutor:
    """Runs a network hop by hop in numpy. It reads only columns that the plan says are at hand."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._rings: dict[int, np.ndarray] = {}
        self.reset()

    def reset(self) -> None:
        """Forget every frame."""
        self._hop = 0
        for stream_id, plan in self.schedule.streams.items():
            if plan.ring is not None:
                shape = (plan.ring.phases, plan.ring.length, plan.stream.size)
                self._rings[stream_id] = np.zeros(shape, plan.stream.dtype)

    def push(self, frames: Sequence[np.ndarray]) -> list[np.ndarray] | None:
        """Take `[hop, size]` new frames of every temporal input, `[columns, size]` of every other.

        Returns the outputs of the newest window in their tensors' shapes, `None` during warm-up.
        """
        graph, scratch = self.schedule.graph, {}

        def read(stream_id: int, columns: np.ndarray) -> np.ndarray:
            stream = graph.streams[stream_id]
            out = np.zeros((*columns.shape, stream.size), stream.dtype)
            plan = self.schedule.streams.get(stream_id)
            if plan is None:  # nothing ever reads a column of it, but padding
                return out
            for index in np.ndindex(*columns.shape):
                j = int(columns[index])
                if j >= 0:
                    out[index] = self._at(plan, j) if _kept(plan.ring, j) else scratch[stream_id, j]
            return out

        def write(plan: StreamPlan, columns: Sequence[int], values: np.ndarray) -> None:
            for j, value in zip(columns, values, strict=True):
                if _kept(plan.ring, j):
                    self._at(plan, j)[:] = value
                else:
                    scratch[plan.stream.id, j] = value

        for stream, values in zip(graph.inputs, frames, strict=True):
            plan = self.schedule.streams[stream.id]
            new = np.asarray(values, stream.dtype).reshape(-1, stream.size)
            write(plan, plan.computed, new[[j - stream.columns + len(new) for j in plan.computed]])
        for op in self.schedule.ops:
            plan = self.schedule.streams[op.output.id]
            write(plan, plan.computed, compute_columns(op, plan.computed, read))
        done = None
        if self._hop + 1 >= self.schedule.warmup_hops:
            done = []
            for stream in graph.outputs:
                columns = read(stream.id, np.arange(stream.columns)[None])[0]
                done.append(stream.layout.from_columns(columns, stream.shape))
        self._hop += 1
        return done

    def _at(self, plan: StreamPlan, j: int) -> np.ndarray:
        ring = plan.ring
        assert ring is not None
        turn, phase = divmod(self._hop, ring.phases)
        slot = (turn * ring.advance + (j - ring.first) // ring.step) % ring.length
        return self._rings[plan.stream.id][phase, slot]


def _kept(ring: Ring | None, j: int) -> bool:
    return ring is not None and j in ring.columns
