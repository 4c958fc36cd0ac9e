"""Every byte of the state: counters, rings, and scratch shared by blocks that do not live at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeshift.shift import Block, Ring, Schedule, StreamPlan

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
    """Sizes in bytes. `counters` are 16-bit words (heads, phases) beside the 32-bit count of hops."""

    rings: Mapping[int, RingBuffer]
    blocks: Mapping[int, tuple[ScratchBlock, ...]]
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


def plan_memory(schedule: Schedule) -> MemoryPlan:
    """Place every ring and every block of a schedule."""
    rings = {
        stream_id: RingBuffer(
            stream_id, plan.ring, _words(plan.ring.phases * plan.ring.length * plan.stream.column_bytes)
        )
        for stream_id, plan in schedule.streams.items()
        if plan.ring is not None
    }
    phases = {r.ring.phases for r in rings.values() if r.ring.phases > 1}
    heads = sum(r.ring.advance > 0 for r in rings.values())
    blocks, scratch_bytes = _place_blocks(schedule)
    return MemoryPlan(rings, blocks, len(phases) + heads, scratch_bytes)


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


def _place_blocks(schedule: Schedule) -> tuple[dict[int, tuple[ScratchBlock, ...]], int]:
    """Largest first, each at the lowest offset that is free for as long as it lives."""
    lives = _lifetimes(schedule)
    wanted = [(plan, block) for plan in schedule.streams.values() for block in plan.blocks]
    wanted.sort(key=lambda w: (-_bytes(*w), w[0].stream.id, w[1].first))
    placed: list[ScratchBlock] = []
    for plan, block in wanted:
        born, dies = lives[plan.stream.id]
        size, offset = _bytes(plan, block), 0
        for other in sorted(placed, key=lambda p: p.offset):
            other_born, other_dies = lives[other.stream_id]
            together = born <= other_dies and other_born <= dies
            if together and offset < other.offset + other.bytes and other.offset < offset + size:
                offset = other.offset + other.bytes
        placed.append(ScratchBlock(plan.stream.id, block, offset, size))
    blocks = {
        i: tuple(sorted((p for p in placed if p.stream_id == i), key=lambda p: p.block.first))
        for i in schedule.streams
    }
    return blocks, max((p.offset + p.bytes for p in placed), default=0)


def _bytes(plan: StreamPlan, block: Block) -> int:
    return _words(block.length * plan.stream.column_bytes)
