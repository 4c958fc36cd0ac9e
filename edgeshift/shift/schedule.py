"""Pass 4, the schedule of a hop: what is computed, in which order, and what each stream keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from edgeshift.errors import PlanError
from edgeshift.ir import ColumnGraph, Stream
from edgeshift.ops import ColumnOp
from edgeshift.shift.demand import find_demand
from edgeshift.shift.interior import Shift, find_interiors


@dataclass(frozen=True)
class Ring:
    """The kept columns `first, first + step, ...` (`length` of them) of a window, in `phases` buffers.

    At each hop one phase is active; when its turn comes again its columns have moved by `advance` slots.
    """

    first: int
    step: int
    length: int
    phases: int
    advance: int

    @property
    def columns(self) -> range:
        return range(self.first, self.first + self.step * self.length, self.step)


@dataclass(frozen=True)
class Block:
    """Columns `first, first + step, ...` (`length` of them) that live only within a hop, side by side in scratch."""

    first: int
    step: int
    length: int

    @property
    def columns(self) -> range:
        return range(self.first, self.first + self.step * self.length, self.step)


@dataclass(frozen=True, eq=False)
class StreamPlan:
    """What one stream does at a hop. `blocks` and `ring` together hold every requested column."""

    stream: Stream
    shift: Shift
    phases: int
    advance: int
    requested: tuple[int, ...]
    computed: tuple[int, ...]
    ring: Ring | None
    blocks: tuple[Block, ...]

    @property
    def computed_ranges(self) -> list[range]:
        """The computed columns as few arithmetic ranges, in order."""
        ranges: list[range] = []
        for j in self.computed:
            if ranges and len(ranges[-1]) == 1:
                ranges[-1] = range(ranges[-1].start, j + 1, j - ranges[-1].start)
            elif ranges and ranges[-1][-1] + ranges[-1].step == j:
                ranges[-1] = range(ranges[-1].start, j + 1, ranges[-1].step)
            else:
                ranges.append(range(j, j + 1))
        return ranges


@dataclass(frozen=True, eq=False)
class Schedule:
    """The exact shift plan of a network for a hop: the operators to run, in order, and the plan of each stream.

    Every hop does the same work in window coordinates; only ring heads and phases move.
    """

    graph: ColumnGraph
    hop: int
    ops: tuple[ColumnOp, ...]
    streams: Mapping[int, StreamPlan]

    @property
    def window_frames(self) -> int:
        return self.graph.window_frames

    @property
    def warmup_hops(self) -> int:
        """Hops until the first whole window: `ceil(W / hop)`; the first output comes with that hop."""
        return -(-self.window_frames // self.hop)

    @property
    def total_stride(self) -> int:
        return max((s.shift.stride for s in self.streams.values() if s.stream.columns > 1), default=1)

    @property
    def macs_window(self) -> int:
        return sum(op.macs_per_column * op.output.columns for op in self.ops)

    @property
    def macs_per_hop(self) -> int:
        """Multiply-accumulates of a hop; the same at every hop and phase."""
        return sum(op.macs_per_column * len(self.streams[op.output.id].computed) for op in self.ops)


def make_schedule(graph: ColumnGraph, hop: int) -> Schedule:
    """Run passes 2 to 4. Raises `PlanError` for a hop below 1."""
    if hop < 1:
        raise PlanError(f"the hop must be at least 1 frame, not {hop}")
    shifts = find_interiors(graph)
    demand = find_demand(graph, shifts, hop)
    streams = {}
    for stream_id, wanted in demand.items():
        stream, shift = graph.streams[stream_id], shifts[stream_id]
        ring, blocks = _storage(wanted.requested, wanted.computed, shift, hop)
        streams[stream_id] = StreamPlan(
            stream, shift, shift.phases(hop), shift.advance(hop), wanted.requested, wanted.computed, ring, blocks
        )
    ops = tuple(op for op in graph.ops if op.output.id in streams)
    return Schedule(graph, hop, ops, streams)


def _storage(
    requested: tuple[int, ...], computed: tuple[int, ...], shift: Shift, hop: int
) -> tuple[Ring | None, tuple[Block, ...]]:
    """A ring for interior columns that some later hop reads, blocks of scratch for all others."""
    kept = [j for j in requested if j in shift.interior]
    if set(kept) <= set(computed):
        return None, _blocks(requested)
    advance = shift.advance(hop)
    step = gcd(advance, *(j - kept[0] for j in kept))
    length = (kept[-1] - kept[0]) // step + 1
    ring = Ring(kept[0], step, length, shift.phases(hop), advance // step % length)
    left = [j for j in requested if j < shift.interior.start]
    right = [j for j in requested if j >= shift.interior.stop]
    return ring, _blocks(left) + _blocks(right)


def _blocks(columns: tuple[int, ...] | list[int]) -> tuple[Block, ...]:
    if not columns:
        return ()
    step = gcd(*(j - columns[0] for j in columns)) or 1
    return (Block(columns[0], step, (columns[-1] - columns[0]) // step + 1),)
