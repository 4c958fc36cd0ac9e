"""Every byte of the state: counters, rings, and scratch shared by blocks that do not live at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgeshift.ops import ColumnOp, Kernel
from edgeshift.shift import Block, Ring, Schedule

WORD = 4  # every buffer starts at a multiple of this many bytes and fills whole words


@dataclass(frozen=True)
class RingBuffer:
    """The memory of a ring: `phases * length` columns."""

    stream_id: int
    ring: Ring
    bytes: int


@dataclass(frozen=True)
class ScratchBlock:
    """A block of columns at `offset` bytes of the scratch."""

    stream_id: int
    block: Block
    offset: int
    bytes: int


@dataclass(frozen=True)
class MemoryPlan:
    """Sizes in bytes. `work` is where in the scratch an operator's kernel has its patches. `counters` are 16-bit words (heads, phases) beside the 32-bit count of hops."""

    rings: Mapping[int, RingBuffer]
    blocks: Mapping[int, tuple[ScratchBlock, ...]]
    work: Mapping[ColumnOp, int]
    counters: int
    scratch_bytes: int

    @property
    def state_bytes(self) -> int:
        """What must survive between hops: rings and counters."""
        return WORD + sum(r.bytes for r in self.rings.values()) + _words(2 * self.counters)

    @property
    def struct_bytes(self) -> int:
        """The size of the C struct: state and scratch."""
        return self.state_bytes + self.scratch_bytes


def plan_memory(schedule: Schedule, kernels: Mapping[ColumnOp, Kernel]) -> MemoryPlan:
    """Place every ring, every block and every kernel's patches of a schedule."""
    rings = {
        stream_id: RingBuffer(
            stream_id, plan.ring, _words(plan.ring.phases * plan.ring.length * plan.stream.column_bytes)
        )
        for stream_id, plan in schedule.streams.items()
        if plan.ring is not None
    }
    phases = {r.ring.phases for r in rings.values() if r.ring.phases > 1}
    heads = sum(r.ring.advance > 0 for r in rings.values())
    placed = _place(_wanted(schedule, kernels))
    blocks = {
        i: tuple(
            sorted((ScratchBlock(i, p.of, p.offset, p.bytes) for p in placed if p.owner == i and isinstance(p.of, Block)), key=lambda b: b.block.first)
        )
        for i in schedule.streams
    }
    work = {p.of: p.offset for p in placed if isinstance(p.of, ColumnOp)}
    scratch_bytes = max((p.offset + p.bytes for p in placed), default=0)
    return MemoryPlan(rings, blocks, work, len(phases) + heads, scratch_bytes)


def _words(size: int) -> int:
    return -(-size // WORD) * WORD


def _lifetimes(schedule: Schedule) -> dict[int, tuple[int, int]]:
    """For each stream the first and the last step of a hop at which it must be in memory."""
    born = {s.id: -1 for s in schedule.graph.inputs} | {op.output.id: i for i, op in enumerate(schedule.ops)}
    dies = dict(born)
    for step, op in enumerate(schedule.ops):
        for stream in op.inputs:
            dies[stream.id] = step
    for stream in schedule.graph.outputs:
        dies[stream.id] = len(schedule.ops)
    return {i: (born[i], dies[i]) for i in schedule.streams}


@dataclass(frozen=True)
class _Item:
    """Something that needs scratch from step `born` to step `dies` of a hop; `of` is a block, or an operator's work."""

    owner: int
    of: Any
    bytes: int
    born: int
    dies: int
    offset: int = 0


def _wanted(schedule: Schedule, kernels: Mapping[ColumnOp, Kernel]) -> list[_Item]:
    lives = _lifetimes(schedule)
    items = [
        _Item(i, block, _words(block.length * plan.stream.column_bytes), *lives[i])
        for i, plan in schedule.streams.items()
        for block in plan.blocks
    ]
    for step, op in enumerate(schedule.ops):
        patches = kernels[op].patches
        if patches is not None:
            items.append(_Item(op.output.id, op, _words(patches.bytes), step, step))
    return items


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
