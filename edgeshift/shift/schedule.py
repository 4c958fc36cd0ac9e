"""Pass 4, the schedule of a hop: what is computed, in which order, and what each stream keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import gcd

from edgeshift.errors import PlanError
from edgeshift.ir import ColumnGraph, Stream
from edgeshift.ops import ColumnOp
from edgeshift.ops.stepwise import Stepwise
from edgeshift.shift.demand import Demand, find_demand
from edgeshift.shift.early import NEVER, Early
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


@dataclass(frozen=True)
class Queue:
    """Left-edge columns that wait for their window to end: `entries` windows, a `block` of columns each."""

    block: Block
    entries: int


@dataclass(frozen=True, eq=False)
class StreamPlan:
    """What one stream does at a hop.

    `blocks`, `ring` and `queue` together hold every requested column of the current window. `early` columns are made
    for the window that begins `ahead` columns after the current one; they lie in the queue, or in `early_blocks`. A
    kernel may gather at most `batch_limit` patches at once.
    """

    stream: Stream
    shift: Shift
    phases: int
    advance: int
    requested: tuple[int, ...]
    computed: tuple[int, ...]
    ring: Ring | None
    blocks: tuple[Block, ...]
    early: tuple[int, ...] = ()
    early_blocks: tuple[Block, ...] = ()
    queue: Queue | None = None
    ahead: int = 0
    batch_limit: int = 8

    @property
    def computed_ranges(self) -> tuple[range, ...]:
        """The computed columns as few arithmetic ranges, in order."""
        return arithmetic_ranges(self.computed)

    @property
    def columns_per_hop(self) -> int:
        """Columns computed at a hop, for the current window and for the early one."""
        return len(self.computed) + len(self.early)

    @property
    def stored(self) -> tuple[int, ...]:
        """The computed columns that have a place; a recurrence goes through others too."""
        places = [b.columns for b in self.blocks] + ([self.ring.columns] if self.ring is not None else [])
        return tuple(j for j in self.computed if any(j in columns for columns in places))


@dataclass(frozen=True, eq=False)
class Step:
    """One operator at work on columns of the current window, or of the early one."""

    op: ColumnOp
    columns: tuple[int, ...]
    early: bool = False

    @property
    def ranges(self) -> tuple[range, ...]:
        """The columns as few arithmetic ranges, in order."""
        return arithmetic_ranges(self.columns)


def arithmetic_ranges(columns: tuple[int, ...]) -> tuple[range, ...]:
    """Sorted column numbers as few ranges, in order."""
    ranges: list[range] = []
    for j in columns:
        if ranges and len(ranges[-1]) == 1:
            ranges[-1] = range(ranges[-1].start, j + 1, j - ranges[-1].start)
        elif ranges and ranges[-1][-1] + ranges[-1].step == j:
            ranges[-1] = range(ranges[-1].start, j + 1, ranges[-1].step)
        else:
            ranges.append(range(j, j + 1))
    return tuple(ranges)


@dataclass(frozen=True)
class KeptSum:
    """A sum over the window that is kept up to date: a running sum of the interior for each phase, and for each window
    of the next `entries` its left edge minus the running sum at its start.

    Of the columns that are new at a hop, `older` come before the early window's interior and `newer` belong to it, as
    do the columns `kept` from before. The running sum takes `older`; the window's sum is its entry, the running sum,
    `newer` and its `right` edge; the early window's entry begins as `kept` less the running sum, which then takes
    `newer` too; its `left` edge follows in a step of its own. All in wrap-around integers.

    Where all of the window is interior and in a ring, no window waits: `entries` is 0, all new columns are `older`, and
    once the window's sum is taken the columns that are `leaving` are taken off the running sum.
    """

    older: range
    newer: range
    kept: range
    right: range
    left: range
    entries: int
    phases: int
    leaving: range = range(0)


@dataclass(frozen=True, eq=False)
class Schedule:
    """The exact shift plan of a network for a hop: the operators, the plan of each stream, the steps to run in order.

    Steps for the current window come first, then its outputs are taken, then the steps for the early window, which ends
    `lead` hops later. Every hop does the same work in window coordinates; only ring heads and phases move.
    """

    graph: ColumnGraph
    hop: int
    ops: tuple[ColumnOp, ...]
    streams: Mapping[int, StreamPlan]
    steps: tuple[Step, ...]
    sums: Mapping[ColumnOp, KeptSum]
    lead: int

    @property
    def window_frames(self) -> int:
        return self.graph.window_frames

    @property
    def warmup_hops(self) -> int:
        """Hops until the first whole window: `ceil(W / hop)`; the first output comes with that hop.

        A network that carries its own state knows what came before.
        """
        if self.graph.call_frames is not None:
            return 1
        return -(-self.window_frames // self.hop)

    @property
    def carried(self) -> tuple[Stepwise, ...]:
        """The recurrences whose state flows on from hop to hop."""
        return tuple(op for op in self.ops if isinstance(op, Stepwise) and op.carried)

    def first_step(self, plan: StreamPlan, hop_index: int) -> int:
        """The first column of a carried recurrence that is not from before the first window of its phase."""
        missing = max(self.warmup_hops - 1 - hop_index, 0)
        return -(-missing // plan.phases) * plan.advance

    @property
    def total_stride(self) -> int:
        return max((s.shift.stride for s in self.streams.values() if s.stream.columns > 1), default=1)

    @property
    def macs_window(self) -> int:
        """Multiply-accumulates of a window of the trained network, nothing shifted."""
        return sum(op.trained_macs_per_column * len(self.graph.fresh(op.output)) for op in self.ops)

    @property
    def macs_per_hop(self) -> int:
        """Multiply-accumulates of a hop; the same at every hop and phase."""
        return sum(op.macs_per_column * self.streams[op.output.id].columns_per_hop for op in self.ops)


def make_schedule(
    graph: ColumnGraph, hop: int, early: Early = NEVER, recomputed: Collection[ColumnOp] = ()
) -> Schedule:
    """Run passes 2 to 4, with the left edges of some operators early, and some operators computed again at every hop.

    Raises `PlanError` for a hop below 1, `Overlap` for a lead that is too long.
    """
    if graph.call_frames not in (None, hop):
        raise PlanError(
            f"'{graph.name}' carries its own state and takes {graph.call_frames} frames at a call: "
            f"its hop is {graph.call_frames}, not {hop}"
        )
    if hop < 1:
        raise PlanError(f"the hop must be at least 1 frame, not {hop}")
    if any(hop * graph.streams[i].column_bytes >= 1 << 31 for i in graph.temporal):
        raise PlanError(f"with a hop of {hop} frames one push would take more than 2 GB: choose a shorter --hop")
    shifts = find_interiors(graph)
    demand = find_demand(graph, shifts, hop, early, recomputed)
    streams = {i: _stream_plan(graph.streams[i], shifts[i], wanted, hop, early) for i, wanted in demand.items()}
    ops = tuple(op for op in graph.ops if op.output.id in streams)
    sums = {op: _kept_sum(streams[op.inputs[0].id], early) for op in ops if op in early.sums}
    if graph.call_frames is None:
        sums |= {op: _sliding_sum(streams[op.inputs[0].id]) for op in ops if op not in sums and _slides(op, streams)}
    now = [Step(op, streams[op.output.id].computed) for op in ops]
    later = [
        Step(op, streams[op.output.id].early or (0,), early=True)
        for op in ops
        if op in early.ops or (op in sums and len(sums[op].left))
    ]
    steps = [s for s in now if s.columns] + [s for s in later if s.op in sums or streams[s.op.output.id].early]
    return Schedule(graph, hop, ops, streams, tuple(steps), sums, early.lead)


def _stream_plan(stream: Stream, shift: Shift, wanted: Demand, hop: int, early: Early) -> StreamPlan:
    ring, blocks = _storage(wanted.requested, wanted.computed, shift, hop)
    early_blocks, queue = _blocks(wanted.early), None
    if wanted.queued:
        queue, early_blocks = Queue(early_blocks[0], early.lead), ()
    return StreamPlan(
        stream,
        shift,
        shift.phases(hop),
        shift.advance(hop),
        wanted.requested,
        wanted.computed,
        ring,
        blocks,
        wanted.early,
        early_blocks,
        queue,
        early.columns(shift, hop) if early.lead else 0,
    )


def _kept_sum(plan: StreamPlan, early: Early) -> KeptSum:
    interior, new = plan.shift.interior, plan.shift.interior.stop - plan.advance
    begin = interior.start + plan.ahead  # of the early window's interior
    return KeptSum(
        older=range(new, max(new, begin)),
        newer=range(max(new, begin), interior.stop),
        kept=range(begin, max(new, begin)),
        right=range(interior.stop, plan.stream.columns),
        left=range(interior.start),
        entries=early.lead,
        phases=plan.phases,
    )


def _slides(op: ColumnOp, streams: Mapping[int, StreamPlan]) -> bool:
    """Whether an operator adds up a window that is kept whole in a ring, most of it the same at the next hop."""
    if op.sum_rule() is None or op.windows[0].kernel != op.inputs[0].columns:
        return False
    plan = streams[op.inputs[0].id]
    whole = range(plan.stream.columns)
    return plan.ring is not None and plan.ring.columns == plan.shift.interior == whole and 2 * plan.advance < len(whole)


def _sliding_sum(plan: StreamPlan) -> KeptSum:
    none, columns = range(0), plan.stream.columns
    new = range(columns - plan.advance, columns)
    return KeptSum(new, none, none, none, none, 0, plan.phases, leaving=range(plan.advance))


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
