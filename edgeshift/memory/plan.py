"""Every byte of the state: counters, rings, queues, kept sums, and scratch shared by what never lives together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgeshift.ops import ColumnOp, Kernel
from edgeshift.shift import Block, Schedule, Step, StreamPlan

WORD = 4  # every buffer starts at a multiple of this many bytes and fills whole words


@dataclass(frozen=True)
class ScratchBlock:
    """A block of columns at `offset` bytes of the scratch."""

    block: Block
    offset: int
    bytes: int


@dataclass(frozen=True)
class SumBuffers:
    """The bytes of a kept sum: running sums of all phases, and sums of windows that wait for their end."""

    running_bytes: int
    waiting_bytes: int


@dataclass(frozen=True)
class MemoryPlan:
    """Sizes in bytes, by stream id, operator or step.

    `blocks` are a stream's columns of the current window in scratch, `early_blocks` those of the early one; `work` is
    where in the scratch a step's kernel has its patches. `phase_counts` are the periods of the phase counters;
    `counters` are the 16-bit words beside the 32-bit count of hops.
    """

    rings: Mapping[int, int]
    queues: Mapping[int, int]
    sums: Mapping[ColumnOp, SumBuffers]
    blocks: Mapping[int, tuple[ScratchBlock, ...]]
    early_blocks: Mapping[int, tuple[ScratchBlock, ...]]
    work: Mapping[Step, int]
    phase_counts: tuple[int, ...]
    counters: int
    scratch_bytes: int

    @property
    def state_bytes(self) -> int:
        """What must survive between hops."""
        kept = sum(self.rings.values()) + sum(self.queues.values())
        kept += sum(s.running_bytes + s.waiting_bytes for s in self.sums.values())
        return WORD + kept + _words(2 * self.counters)

    @property
    def struct_bytes(self) -> int:
        """The size of the C struct: state and scratch."""
        return self.state_bytes + self.scratch_bytes


def plan_memory(schedule: Schedule, kernels: Mapping[ColumnOp, Kernel]) -> MemoryPlan:
    """Place everything that a schedule keeps, and every kernel's patches."""
    plans = schedule.streams
    rings = {
        i: _words(p.ring.phases * p.ring.length * p.stream.column_bytes)
        for i, p in plans.items()
        if p.ring is not None
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
    phases = {p.ring.phases for p in plans.values() if p.ring is not None}
    phases |= {kept.phases for kept in schedule.sums.values()}
    phase_counts = tuple(sorted(phases - {1}))
    heads = sum(p.ring.advance > 0 for p in plans.values() if p.ring is not None)
    waits = 1 if schedule.lead and (queues or sums) else 0
    placed = _place(_items(schedule, kernels))
    return MemoryPlan(
        rings,
        queues,
        sums,
        {i: _blocks_of(placed, i, early=False) for i in plans},
        {i: _blocks_of(placed, i, early=True) for i in plans},
        {p.step: p.offset for p in placed if p.step is not None},
        phase_counts,
        len(phase_counts) + heads + waits,
        max((p.offset + p.bytes for p in placed), default=0),
    )


def _words(size: int) -> int:
    return -(-size // WORD) * WORD


@dataclass(frozen=True, eq=False)
class _Item:
    """Something in scratch from moment `born` to moment `dies` of a hop: a stream's block, or a step's patches."""

    bytes: int
    born: int
    dies: int
    stream_id: int = -1
    block: Block | None = None
    early: bool = False
    step: Step | None = None
    offset: int = 0


def _blocks_of(placed: list[_Item], stream_id: int, early: bool) -> tuple[ScratchBlock, ...]:
    mine = [p for p in placed if p.stream_id == stream_id and p.early == early and p.block is not None]
    return tuple(sorted((ScratchBlock(p.block, p.offset, p.bytes) for p in mine), key=lambda b: b.block.first))


def _items(schedule: Schedule, kernels: Mapping[ColumnOp, Kernel]) -> list[_Item]:
    """All that needs scratch. The moments of a hop: taking the input, the steps, and taking the output in between."""
    first_early = next((n for n, s in enumerate(schedule.steps) if s.early), len(schedule.steps))
    moments = {step: n if n < first_early else n + 1 for n, step in enumerate(schedule.steps)}
    written: dict[tuple[int, bool], int] = {(s.id, False): -1 for s in schedule.graph.inputs}
    read: dict[tuple[int, bool], int] = {}
    items = []
    for step, moment in moments.items():
        written[step.op.output.id, step.early] = moment
        for stream_id, early in _reads(schedule, step):
            read[stream_id, early] = moment
        patches = kernels[step.op].patches
        if patches is not None:
            items.append(_Item(_words(patches.bytes), moment, moment, step=step))
    for stream in schedule.graph.outputs:
        read[stream.id, False] = max(first_early, read.get((stream.id, False), 0))
    for i, plan in schedule.streams.items():
        for early, blocks in ((False, plan.blocks), (True, plan.early_blocks)):
            for block in blocks:
                born = written[i, early]
                dies = max(born, read.get((i, early), born))
                items.append(_Item(_words(block.length * plan.stream.column_bytes), born, dies, i, block, early))
    return items


def _reads(schedule: Schedule, step: Step) -> set[tuple[int, bool]]:
    """The streams that a step reads, in the current window or in the early one (whose interior is the current's)."""
    reads = set()
    for stream, window in zip(step.op.inputs, step.op.windows, strict=True):
        plan = schedule.streams.get(stream.id)
        if plan is None:
            continue
        if not step.early:
            reads.add((stream.id, False))
        elif step.op in schedule.sums:
            reads |= {(stream.id, True), (stream.id, False)}
        else:
            reads |= {
                (stream.id, not _ahead(plan, c)) for j in step.columns for c in window.reads_inside(j, stream.columns)
            }
    return reads


def _ahead(plan: StreamPlan, column: int) -> bool:
    """Whether a column of the early window is one of the current window, further on."""
    return column >= plan.shift.interior.start


def _place(items: list[_Item]) -> list[_Item]:
    """Largest first, each at the lowest offset that is free for as long as it lives."""
    placed: list[_Item] = []
    for item in sorted(items, key=lambda i: -i.bytes):
        offset = 0
        for other in sorted(placed, key=lambda p: p.offset):
            together = item.born <= other.dies and other.born <= item.dies
            if together and offset < other.offset + other.bytes and other.offset < offset + item.bytes:
                offset = other.offset + other.bytes
        placed.append(replace(item, offset=offset))
    return placed
