"""Every byte of the state: counters, rings, queues, kept sums, and scratch shared by what never lives together."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.stepwise import Stepwise
from edgeshift.shift import Block, Schedule, Step, StreamPlan

MOST_TRIED = 40_000  # items placed in all orders that are tried
WORD = 4  # every buffer starts at a multiple of this many bytes and fills whole words


@dataclass(frozen=True)
class ScratchBlock:
    """A block of columns at `offset` bytes of the scratch, from moment `born` to moment `dies` of a hop."""

    block: Block
    offset: int
    bytes: int
    born: int
    dies: int


@dataclass(frozen=True)
class SumBuffers:
    """The bytes of a kept sum: running sums of all phases, and sums of windows that wait for their end."""

    running_bytes: int
    waiting_bytes: int


@dataclass(frozen=True)
class MemoryPlan:
    """Sizes in bytes, by stream id, operator or step.

    `states` are those of recurrences whose state flows on from hop to hop, for all phases.
    `blocks` are a stream's columns of the current window in scratch, `early_blocks` those of the early one; `work` is
    where in the scratch a step's kernel has its patches. `phase_counts` are the periods of the phase counters;
    `counters` are the heads, phases and waits beside the 32-bit count of hops, each of `counter_bytes`: 2, or 4 where
    something is longer than 16 bits count. It `waits` where something is kept until its window ends.
    """

    rings: Mapping[int, int]
    queues: Mapping[int, int]
    sums: Mapping[ColumnOp, SumBuffers]
    states: Mapping[ColumnOp, int]
    blocks: Mapping[int, tuple[ScratchBlock, ...]]
    early_blocks: Mapping[int, tuple[ScratchBlock, ...]]
    work: Mapping[Step, int]
    phase_counts: tuple[int, ...]
    counters: int
    counter_bytes: int
    scratch_bytes: int
    waits: bool

    @property
    def state_bytes(self) -> int:
        """What must survive between hops."""
        kept = sum(self.rings.values()) + sum(self.queues.values())
        kept += sum(s.running_bytes + s.waiting_bytes for s in self.sums.values()) + sum(self.states.values())
        return WORD + kept + _words(self.counter_bytes * self.counters)

    @property
    def struct_bytes(self) -> int:
        """The size of the C struct: state and scratch."""
        return self.state_bytes + self.scratch_bytes


def plan_memory(schedule: Schedule, kernels: Mapping[ColumnOp, Kernel], tries: int = 0) -> MemoryPlan:
    """Place everything that a schedule keeps, and every kernel's patches.

    `tries` more placements of the scratch are looked at, the same at every run.
    """
    plans = schedule.streams
    rings = {
        i: _words(p.ring.phases * p.ring.length * p.stream.column_bytes) for i, p in plans.items() if p.ring is not None
    }
    queues = {
        i: _words(p.queue.entries * p.queue.block.length * p.stream.column_bytes)
        for i, p in plans.items()
        if p.queue is not None
    }
    sums = {}
    for op, kept in schedule.sums.items():
        rule = op.sum_rule()
        assert rule is not None
        size = rule.size * rule.dtype.itemsize
        sums[op] = SumBuffers(_words(kept.phases * size), _words(kept.entries * size))
    states: dict[ColumnOp, int] = {
        op: sum(_words(s.bytes * plans[op.output.id].phases) for s in op.state) for op in schedule.carried
    }
    phases = {p.ring.phases for p in plans.values() if p.ring is not None}
    phases |= {plans[op.output.id].phases for op in states}
    phases |= {kept.phases for kept in schedule.sums.values()}
    phase_counts = tuple(sorted(phases - {1}))
    heads = sum(p.ring.advance > 0 for p in plans.values() if p.ring is not None)
    waits = bool(queues or any(s.waiting_bytes for s in sums.values()))
    longest = max(schedule.lead, *phases, *(p.ring.length for p in plans.values() if p.ring is not None), 0)
    items = _items(schedule, kernels)
    slides = _slides(schedule, items)
    placed = _climb(items, slides, tries)
    return MemoryPlan(
        rings,
        queues,
        sums,
        states,
        {i: _blocks_of(placed, i, early=False) for i in plans},
        {i: _blocks_of(placed, i, early=True) for i in plans},
        {p.step: p.offset for p in placed if p.step is not None},
        phase_counts,
        len(phase_counts) + heads + waits,
        2 if longest < 1 << 16 else 4,
        _height(placed),
        waits,
    )


def step_buffers(op: Stepwise, plan: StreamPlan) -> dict[str, tuple[int, int]]:
    """What a recurrence has in scratch during its step, as (offset, bytes): a state that is not carried, by its parts'
    names, and a `spare` output column where some that it makes have no place."""
    sizes = {} if op.carried else {part.name: _words(part.bytes) for part in op.state}
    if len(plan.stored) < len(plan.computed):
        sizes["spare"] = _words(op.output.column_bytes)
    offsets = accumulate(sizes.values(), initial=0)
    return {name: (offset, size) for (name, size), offset in zip(sizes.items(), offsets, strict=False)}


def _words(size: int) -> int:
    return -(-size // WORD) * WORD


@dataclass(frozen=True, eq=False)
class _Item:
    """Something in scratch from moment `born` to moment `dies` of a hop: a stream's block, or a step's patches.

    `maker` is the step that writes a block, column after column.
    """

    bytes: int
    born: int
    dies: int
    stream_id: int = -1
    block: Block | None = None
    early: bool = False
    column_bytes: int = 1
    maker: Step | None = None
    step: Step | None = None
    offset: int = 0

    def place(self, column: int) -> int:
        """Where a column lies in the block, in bytes."""
        assert self.block is not None
        return (column - self.block.first) // self.block.step * self.column_bytes


def _blocks_of(placed: list[_Item], stream_id: int, early: bool) -> tuple[ScratchBlock, ...]:
    mine = [p for p in placed if p.stream_id == stream_id and p.early == early and p.block is not None]
    blocks = [ScratchBlock(p.block, p.offset, p.bytes, p.born, p.dies) for p in mine if p.block is not None]
    return tuple(sorted(blocks, key=lambda b: b.block.first))


def moments_of(schedule: Schedule) -> tuple[dict[Step, int], int]:
    """The moments of a hop: -1 takes the input, then each step has its own; the second number is that of taking the
    output, between the steps for the current window and those for the early one."""
    first_early = next((n for n, s in enumerate(schedule.steps) if s.early), len(schedule.steps))
    return {step: n if n < first_early else n + 1 for n, step in enumerate(schedule.steps)}, first_early


def work_bytes(schedule: Schedule, kernels: Mapping[ColumnOp, Kernel], step: Step) -> int:
    """Scratch that a step needs beside columns: its kernel's, and a recurrence's state."""
    needed = kernels[step.op].scratch_bytes
    if isinstance(step.op, Stepwise):
        needed += sum(size for _, size in step_buffers(step.op, schedule.streams[step.op.output.id]).values())
    return _words(needed)


def _items(schedule: Schedule, kernels: Mapping[ColumnOp, Kernel]) -> list[_Item]:
    """All that needs scratch."""
    moments, output_taken = moments_of(schedule)
    written: dict[tuple[int, bool], int] = {(s.id, False): -1 for s in schedule.graph.inputs}
    makers = {(s.op.output.id, s.early): s for s in schedule.steps if s.op not in schedule.sums}
    read: dict[tuple[int, bool, int], int] = {}  # the last moment at which a column is read
    items = []
    for step, moment in moments.items():
        written[step.op.output.id, step.early] = moment
        for place in _reads(schedule, step):
            read[place] = moment
        needed = work_bytes(schedule, kernels, step)
        if needed and step.op not in schedule.sums:
            items.append(_Item(needed, moment, moment, step=step))
    for stream in schedule.graph.outputs:
        for column in range(stream.columns):
            read[stream.id, False, column] = max(output_taken, read.get((stream.id, False, column), 0))
    for i, plan in schedule.streams.items():
        for early, blocks in ((False, plan.blocks), (True, plan.early_blocks)):
            for block in blocks:
                born = written[i, early]
                dies = max((read.get((i, early, column), born) for column in block.columns), default=born)
                size, maker = plan.stream.column_bytes, makers.get((i, early))
                items.append(_Item(_words(block.length * size), born, max(born, dies), i, block, early, size, maker))
    return items


def _reads(schedule: Schedule, step: Step) -> set[tuple[int, bool, int]]:
    """The columns that a step reads: stream, whether of the early window (whose interior is the current's), number."""
    kept = schedule.sums.get(step.op)
    if kept is None:
        return {column for j in step.columns for column in _reads_of(schedule, step, j)}
    stream_id = step.op.inputs[0].id
    if step.early:
        return {(stream_id, True, c) for c in kept.left}
    return {(stream_id, False, c) for c in (*kept.older, *kept.newer, *kept.kept, *kept.right, *kept.leaving)}


def _reads_of(schedule: Schedule, step: Step, column: int) -> set[tuple[int, bool, int]]:
    """The columns that a step reads for one of its output columns."""
    reads = set()
    for stream, window in zip(step.op.inputs, step.op.windows, strict=True):
        plan = schedule.streams.get(stream.id)
        if plan is None:
            continue
        for c in window.reads_inside(column, stream.columns):
            ahead = step.early and c >= plan.shift.interior.start
            reads.add((stream.id, step.early and not ahead, c + plan.ahead if ahead else c))
    return reads


# Placement is greedy; no order is always best, so a few are tried.
_ORDERS: tuple[Callable[[_Item], tuple[int, ...]], ...] = (
    lambda i: (-i.bytes,),
    lambda i: (-i.bytes, -i.born),
    lambda i: (i.born, -i.bytes),
    lambda i: (-i.dies, -i.bytes),
    lambda i: (-(i.dies - i.born), -i.bytes),
)


def _climb(items: list[_Item], slides: Mapping[tuple[_Item, _Item], tuple[int, int]], tries: int) -> list[_Item]:
    """The lowest placement of the known orders, and of `tries` small changes to the best so far, fewer of very many
    items: each takes the square of their number."""
    orders = [sorted(items, key=order) for order in _ORDERS]
    best = min(orders, key=lambda order: _height(_place(order, slides)))
    placed, chance = _place(best, slides), random.Random(0)
    for _ in range(min(tries, MOST_TRIED // len(items)) if len(items) > 1 else 0):
        changed = list(best)
        changed.insert(chance.randrange(len(changed)), changed.pop(chance.randrange(len(changed))))
        trial = _place(changed, slides)
        if _height(trial) <= _height(placed):
            best, placed = changed, trial
    return placed


def _height(placed: list[_Item]) -> int:
    return max((p.offset + p.bytes for p in placed), default=0)


def _place(items: list[_Item], slides: Mapping[tuple[_Item, _Item], tuple[int, int]]) -> list[_Item]:
    """Each in turn at the lowest offset that is free for as long as it lives.

    Two items of `slides` (the output of a step, an operand that it is the last to read) may overlap: the output lies at
    most so far behind the operand, or at least so far.
    """
    at: dict[_Item, int] = {}
    for item in items:
        bounds = []  # for every other item: not above this offset, or not below that one
        for other, offset in at.items():
            if item.born > other.dies or other.born > item.dies:
                continue
            if (item, other) in slides:
                below, above = slides[item, other]
                bounds.append((offset + below, offset + above))
            elif (other, item) in slides:
                below, above = slides[other, item]
                bounds.append((offset - above, offset - below))
            else:
                bounds.append((offset - item.bytes, offset + other.bytes))
        candidates = sorted({0, *(_words(max(0, above)) for _, above in bounds)})
        at[item] = next(o for o in candidates if all(o <= below or o >= above for below, above in bounds))
    return [replace(item, offset=offset) for item, offset in at.items()]


def _slides(schedule: Schedule, items: list[_Item]) -> dict[tuple[_Item, _Item], tuple[int, int]]:
    """For each pair (output, operand) of a step: how the output may overlap the operand that it replaces.

    Columns are written in ascending order. Column `j` must lie wholly before, or wholly behind, all operand columns
    that are read for it or for a later one.
    """
    found = {}
    for output in items:
        for operand in items:
            if output.block is None or operand.block is None or output.maker is None or operand.dies != output.born:
                continue
            if operand.maker is output.maker or operand.stream_id == output.stream_id:
                continue
            low, high = 1 << 30, -(1 << 30)
            below, above = 1 << 30, -(1 << 30)
            for j in reversed(output.maker.columns):
                for stream_id, early, c in _reads_of(schedule, output.maker, j):
                    if (stream_id, early) == (operand.stream_id, operand.early) and c in operand.block.columns:
                        low, high = min(low, operand.place(c)), max(high, operand.place(c) + operand.column_bytes)
                if j in output.block.columns and low < high:
                    below = min(below, low - output.place(j) - output.column_bytes)
                    above = max(above, high - output.place(j))
            if below < above:
                # without any order of columns the two would just lie apart
                found[output, operand] = (max(below, -output.bytes), min(above, operand.bytes))
    return found
