"""The schedule in numpy: rings, queues, kept sums, heads and phases, exactly as the generated C has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgeshift.ops import ColumnOp
from edgeshift.ops.stepwise import State, Stepwise
from edgeshift.reference.calls import initial_rings
from edgeshift.reference.window import compute_columns
from edgeshift.shift import Schedule, Step, StreamPlan


class StreamExecutor:
    """Runs a network hop by hop in numpy. It reads only columns that the plan says are at hand."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.reset()

    def reset(self) -> None:
        """Forget every frame."""
        self._hop = 0
        self._rings = initial_rings(self.schedule)
        self._queues: dict[int, np.ndarray] = {}
        for i, plan in self.schedule.streams.items():
            if plan.queue is not None:
                shape = (plan.queue.entries, plan.queue.block.length, plan.stream.size)
                self._queues[i] = np.zeros(shape, plan.stream.dtype)
        self._states: dict[tuple[ColumnOp, int], State] = {}
        self._running: dict[ColumnOp, np.ndarray] = {}
        self._waiting: dict[ColumnOp, np.ndarray] = {}
        for op, kept in self.schedule.sums.items():
            rule = op.sum_rule()
            assert rule is not None
            self._running[op] = np.zeros((kept.phases, rule.size), rule.dtype)
            self._waiting[op] = np.zeros((kept.entries, rule.size), rule.dtype)

    def push(self, frames: Sequence[np.ndarray]) -> list[np.ndarray] | None:
        """Take `[hop, size]` new frames of every temporal input, `[columns, size]` of every other.

        Returns the outputs of the newest window in their tensors' shapes, `None` during warm-up.
        """
        graph = self.schedule.graph
        self._scratch: dict[tuple[int, int, bool], np.ndarray] = {}
        for stream, values in zip(graph.inputs, frames, strict=True):
            plan = self.schedule.streams[stream.id]
            new = np.asarray(values, stream.dtype).reshape(-1, stream.size)
            for j in plan.computed:
                self._place(plan, j, False)[:] = new[j - stream.columns + len(new)]
        for step in self.schedule.steps:
            if not step.early:
                self._run(step)
        done = None
        if self._hop + 1 >= self.schedule.warmup_hops:
            done = []
            for stream in graph.outputs:
                columns = self._reader(False)(stream.id, np.arange(stream.columns)[None])[0]
                done.append(stream.layout.from_columns(columns, stream.shape))
        for step in self.schedule.steps:
            if step.early:
                self._run(step)
        self._hop += 1
        return done

    def _run(self, step: Step) -> None:
        if step.op in self.schedule.sums:
            self._run_sum(step)
            return
        plan = self.schedule.streams[step.op.output.id]
        if isinstance(step.op, Stepwise) and step.op.carried:
            self._run_carried(step.op, step)
            return
        values = compute_columns(step.op, step.columns, self._reader(step.early))
        for j, value in zip(step.columns, values, strict=True):
            self._place(plan, j, step.early)[:] = value

    def _run_carried(self, op: Stepwise, step: Step) -> None:
        plan = self.schedule.streams[op.output.id]
        key, first = (op, self._hop % plan.phases), self.schedule.first_step(plan, self._hop)
        state = self._states.get(key, op.begin())
        for j in step.columns:
            column = state[0]
            if j >= first:
                x = self._reader(False)(op.inputs[0].id, np.array([[op.windows[0].first(j)]]))[0]
                made, state = op.steps(x, state)
                column = made[0]
            self._place(plan, j, False)[:] = column
        self._states[key] = state

    def _run_sum(self, step: Step) -> None:
        op, kept, rule = step.op, self.schedule.sums[step.op], step.op.sum_rule()
        assert rule is not None
        running = self._running[op][self._hop % kept.phases]
        read = self._reader(False), self._reader(True)

        def total(columns: range, early: bool = False) -> np.ndarray:
            if not columns:
                return np.zeros(rule.size, np.int64)
            return rule.sums(read[early](op.inputs[0].id, np.array(columns)[None])[0])

        if not kept.entries:
            running[:] = (running + total(kept.older)).astype(rule.dtype)
            self._place(self.schedule.streams[op.output.id], 0, False)[:] = rule.finish(running.astype(np.int64))
            running[:] = (running - total(kept.leaving)).astype(rule.dtype)
            return
        waiting = self._waiting[op][self._hop % kept.entries]
        if step.early:
            waiting[:] = (waiting + total(kept.left, early=True)).astype(rule.dtype)
            return
        running[:] = (running + total(kept.older)).astype(rule.dtype)
        sums = (total(kept.newer) + total(kept.right) + waiting + running).astype(rule.dtype)
        self._place(self.schedule.streams[op.output.id], 0, False)[:] = rule.finish(sums.astype(np.int64))
        waiting[:] = (total(kept.kept) - running).astype(rule.dtype)
        running[:] = (running + total(kept.newer)).astype(rule.dtype)

    def _reader(self, early: bool) -> Callable[[int, np.ndarray], np.ndarray]:
        """Reads columns `[n, k]` of a stream, -1 for none, of the current or of the early window."""

        def read(stream_id: int, columns: np.ndarray) -> np.ndarray:
            stream = self.schedule.graph.streams[stream_id]
            out = np.zeros((*columns.shape, stream.size), stream.dtype)
            plan = self.schedule.streams.get(stream_id)
            if plan is not None:  # otherwise nothing ever reads a column of it, but padding
                for index in np.ndindex(*columns.shape):
                    if columns[index] >= 0:
                        out[index] = self._place(plan, int(columns[index]), early, create=False)
            return out

        return read

    def _place(self, plan: StreamPlan, j: int, early: bool, create: bool = True) -> np.ndarray:
        """The memory of a column; a column of scratch that was not written in this hop cannot be read."""
        if early and j >= plan.shift.interior.start:
            j, early = j + plan.ahead, False
        ring, queue = plan.ring, plan.queue
        if ring is not None and not early and j in ring.columns:
            turn, phase = divmod(self._hop, ring.phases)
            slot = (turn * ring.advance + (j - ring.first) // ring.step) % ring.length
            return self._rings[plan.stream.id][phase, slot]
        if queue is not None and j < plan.shift.interior.start:
            block = queue.block
            return self._queues[plan.stream.id][self._hop % queue.entries, (j - block.first) // block.step]
        key = (plan.stream.id, j, early)
        if create:
            self._scratch[key] = np.zeros(plan.stream.size, plan.stream.dtype)
        return self._scratch[key]
