"""A schedule run on columns that know who they are: in rings, queues, running sums and every byte of scratch.

A column is known by its stream and its time if it shifts, else by its stream, its window and its number. Whoever reads
asks for the column that the network wants there; what was never made, was overwritten, or came from frames before the
first one spoils the column that is computed from it. No output of a whole window may be spoilt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from edgeshift.ops import ColumnOp
from edgeshift.ops.stepwise import Stepwise
from edgeshift.pipeline import Plan
from edgeshift.shift import Step, StreamPlan

Column = tuple[int, str, int, int]  # stream, "time" or "window", the frame or the window, 0 or the number
NOTHING: Column = (-1, "nothing", 0, 0)
Slot = tuple[object, ...]


@dataclass
class Simulation:
    plan: Plan
    hop: int = 0
    slots: dict[Slot, Column] = field(default_factory=dict)
    sound: dict[Column, bool] = field(default_factory=dict)
    running: dict[tuple[ColumnOp, int], Counter[Column]] = field(default_factory=dict)
    waiting: dict[tuple[ColumnOp, int], Counter[Column]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schedule, self.memory = self.plan.schedule, self.plan.memory
        self.tokens: list[Column] = []
        self.scratch = np.full(self.memory.scratch_bytes, -1)

    # -- columns and places

    def column(self, plan: StreamPlan, j: int, early: bool) -> Column:
        """Which column number `j` of the current or of the early window is."""
        window = self.hop + (self.schedule.lead if early else 0)
        if j in plan.shift.interior:
            return plan.stream.id, "time", window * self.schedule.hop + j * plan.shift.stride, 0
        return plan.stream.id, "window", window, j

    def place(self, plan: StreamPlan, j: int, early: bool) -> Slot | range:
        """The slot of a column outside scratch, or its bytes in scratch."""
        if early and j >= plan.shift.interior.start:
            j, early = j + plan.ahead, False
        if plan.ring is not None and not early and j in plan.ring.columns:
            turn, phase = divmod(self.hop, plan.ring.phases)
            slot = turn * plan.ring.advance + (j - plan.ring.first) // plan.ring.step
            return "ring", plan.stream.id, phase, slot % plan.ring.length
        if plan.queue is not None and j < plan.shift.interior.start:
            return "queue", plan.stream.id, self.hop % plan.queue.entries, j
        blocks = self.memory.early_blocks if early else self.memory.blocks
        for placed in blocks[plan.stream.id]:
            if j in placed.block.columns:
                start = placed.offset + (j - placed.block.first) // placed.block.step * plan.stream.column_bytes
                assert start + plan.stream.column_bytes <= placed.offset + placed.bytes <= len(self.scratch)
                return range(start, start + plan.stream.column_bytes)
        raise AssertionError(f"column {j} of '{plan.stream.name}' has no place (early: {early})")

    def write(self, plan: StreamPlan, j: int, early: bool, sound: bool) -> None:
        column, place = self.column(plan, j, early), self.place(plan, j, early)
        self.sound[column] = sound
        if isinstance(place, range):
            self.scratch[place.start : place.stop] = len(self.tokens)
            self.tokens.append(column)
        else:
            self.slots[place] = column

    def read(self, plan: StreamPlan, j: int, early: bool) -> Column:
        """What lies where a column should be; a column of no stream if it is in pieces."""
        place = self.place(plan, j, early)
        if not isinstance(place, range):
            return self.slots.get(place, NOTHING)
        tokens = set(self.scratch[place.start : place.stop].tolist())
        return self.tokens[tokens.pop()] if len(tokens) == 1 and -1 not in tokens else NOTHING

    def is_sound(self, plan: StreamPlan, j: int, early: bool) -> bool:
        found = self.read(plan, j, early)
        return found == self.column(plan, j, early) and self.sound[found]

    # -- a hop

    def push(self) -> None:
        self.scratch[:] = -1
        self.tokens.clear()
        graph, schedule = self.schedule.graph, self.schedule
        for stream in graph.inputs:
            for j in schedule.streams[stream.id].computed:
                pushed = stream.id not in graph.temporal or (self.hop + 1) * schedule.hop > stream.columns - 1 - j
                self.write(schedule.streams[stream.id], j, False, pushed)
        for step in schedule.steps:
            if not step.early:
                self.run(step)
        if self.hop + 1 >= schedule.warmup_hops:
            for stream in graph.outputs:
                for j in range(stream.columns):
                    found = self.read(schedule.streams[stream.id], j, False)
                    wanted = self.column(schedule.streams[stream.id], j, False)
                    assert found == wanted and self.sound[found], (
                        f"hop {self.hop}: output column {j} of '{stream.name}' is {found}, wanted {wanted}"
                    )
        for step in schedule.steps:
            if step.early:
                self.run(step)
        self.hop += 1

    def run(self, step: Step) -> None:
        work = self.plan.kernels[step.op].scratch_bytes if step in self.memory.work else 0
        at = self.memory.work.get(step, 0)
        self.scratch[at : at + work] = -1
        if step.op in self.schedule.sums:
            self.run_sum(step)
            return
        plan, sound = self.schedule.streams[step.op.output.id], True
        stepwise = isinstance(step.op, Stepwise)
        for j in step.columns:
            stored = not stepwise or j in plan.requested
            place = self.place(plan, j, step.early) if stored else None
            if isinstance(place, range):  # while it is being written, nothing that is still read may lie there
                self.scratch[place.start : place.stop] = -1
            sound = sound if stepwise else True  # a step needs those before it
            for stream, window in zip(step.op.inputs, step.op.windows, strict=True):
                for c in window.reads_inside(j, stream.columns):
                    sound &= self.is_sound(self.schedule.streams[stream.id], c, step.early)
            if stored:
                self.write(plan, j, step.early, sound)

    def run_sum(self, step: Step) -> None:
        """As multisets of columns: the sum of a window holds each of its columns once."""
        kept, source = self.schedule.sums[step.op], self.schedule.streams[step.op.inputs[0].id]
        phase, entry = (step.op, self.hop % kept.phases), (step.op, self.hop % max(kept.entries, 1))
        running, waiting = self.running.get(phase, Counter()), self.waiting.get(entry, Counter())

        def total(columns: range, early: bool = False) -> Counter[Column]:
            return Counter(self.read(source, j, early) for j in columns)

        if step.early:
            self.waiting[entry] = _sum(waiting, total(kept.left, early=True))
            return
        running = _sum(running, total(kept.older))
        sums = _sum(total(kept.newer), total(kept.right), waiting, running)
        wanted = Counter(self.column(source, j, False) for j in range(source.stream.columns))
        sound = sums == wanted and all(self.sound.get(column, False) for column in wanted)
        self.write(self.schedule.streams[step.op.output.id], 0, False, sound)
        if not kept.entries:
            leaving = total(kept.leaving)
            del leaving[NOTHING]
            self.running[phase] = _sum(running, _negative(leaving))
            return
        self.waiting[entry] = _sum(total(kept.kept), _negative(running))
        self.running[phase] = _sum(running, total(kept.newer))


def _sum(*parts: Counter[Column]) -> Counter[Column]:
    done: Counter[Column] = Counter()
    for part in parts:
        done.update(part)
    return Counter({column: count for column, count in done.items() if count})


def _negative(part: Counter[Column]) -> Counter[Column]:
    return Counter({column: -count for column, count in part.items()})
