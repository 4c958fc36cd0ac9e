"""The contexts of the templates for streams (where columns lie) and layers (operators at a hop)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeshift.emit.functions import Function
from edgeshift.emit.literals import c_type
from edgeshift.ir import Stream, Window
from edgeshift.memory import MemoryPlan, ScratchBlock, step_buffers
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.stepwise import Stepwise
from edgeshift.shift import KeptSum, Ring, Schedule, Step, StreamPlan, arithmetic_ranges

SCRATCH_MEMBERS = {"int8_t": "s8", "uint8_t": "u8", "int16_t": "s16", "int32_t": "s32", "float": "f32"}


@dataclass(frozen=True)
class Place:
    """Columns `first, first + step, ...` up to `stop`: in scratch, in a queue, in the ring, or ahead in the ring.

    `offset` is in elements from the start of the scratch, for columns ahead it is how far.
    """

    kind: str
    first: int
    stop: int
    step: int = 1
    offset: int = 0

    def __str__(self) -> str:
        last = self.stop - 1
        if self.kind == "ahead":
            return f"from {self.first} on those of the current window, {self.offset} further"
        columns = f"{self.first}" + (f"..{last}" if last > self.first else "")
        return columns + (f" by {self.step}" if self.step > 1 else "") + f" in {self.kind}"


@dataclass(frozen=True)
class StreamView:
    """A stream as the templates see it: `places` of the current window's columns, `early_places` of the early one's."""

    name: str
    label: str
    type: str
    member: str
    columns: int
    size: int
    stride: int
    interior: str
    places: tuple[Place, ...]
    early_places: tuple[Place, ...]
    ring: Ring | None
    ring_elements: int
    queue_elements: int
    queue_columns: int
    spans: bool
    early_spans: bool
    plan: StreamPlan

    @property
    def turning(self) -> bool:
        """Whether the ring has a head that moves."""
        return self.ring is not None and self.ring.advance > 0


@dataclass(frozen=True)
class OperandView:
    """One operand of a layer: the stream, the window, and whether some computed column reaches over its ends.

    There is no `stream` when every tap of every computed column is padding.
    """

    stream: StreamView | None
    type: str
    window: Window
    clamped: bool


@dataclass(frozen=True)
class SumView:
    """A kept sum as its layer sees it."""

    kept: KeptSum
    name: str
    type: str
    element_bytes: int
    size: int
    finisher: str
    running_elements: int
    waiting_elements: int


@dataclass(frozen=True)
class StateView:
    """One array of a recurrence's state: in scratch `place` elements from its start, or, carried, `elements` of the
    struct in `bytes`."""

    name: str
    type: str
    member: str
    size: int
    byte: int
    place: int
    elements: int
    bytes: int


@dataclass(frozen=True)
class RecurrenceView:
    """A recurrence as its layer sees it: `kept` are the columns that have a place, others go to the `spare` one.

    Of a `carried` one, the first window begins `advance` columns earlier at each of the last `warmup` hops before it.
    """

    name: str
    carried: bool
    state: tuple[StateView, ...]
    kept: tuple[range, ...]
    spare: int | None
    phases: int
    advance: int
    warmup: int

    @property
    def condition(self) -> str:
        """Whether `column` has a place, in C."""
        tests = []
        for r in self.kept:
            test = f"column >= {r.start} && column <= {r[-1]}" if len(r) > 1 else f"column == {r.start}"
            tests.append(test + (f" && (column - {r.start}) % {r.step} == 0" if len(r) > 1 and r.step > 1 else ""))
        return " || ".join(f"({t})" for t in tests) if len(tests) > 1 else tests[0]


@dataclass(frozen=True)
class LayerView:
    """One operator at a hop; its kernel's patches are `work` bytes into the scratch."""

    number: int
    op: str
    output: StreamView
    operands: tuple[OperandView, ...]
    ranges: tuple[range, ...]
    early: bool
    function: Function
    tables: Mapping[str, str]
    scalars: Mapping[str, str]
    macs_window: int
    macs_hop: int
    work: int
    sum: SumView | None
    recurrence: RecurrenceView | None

    @property
    def columns(self) -> int:
        return sum(len(r) for r in self.ranges)


def stream_views(
    schedule: Schedule, kernels: Mapping[ColumnOp, Kernel], memory: MemoryPlan, names: Mapping[int, str]
) -> dict[int, StreamView]:
    """All streams of a schedule."""
    runs = {
        (stream.id, step.early)
        for step in schedule.steps
        for stream, window in zip(step.op.inputs, step.op.windows, strict=True)
        if kernels[step.op].access == "runs" and window.kernel > 1
    } | {(op.inputs[0].id, early) for op in schedule.sums for early in (False, True)}
    ahead = _read_or_written_early(schedule)
    views = {}
    for i, plan in schedule.streams.items():
        stream, interior = plan.stream, plan.shift.interior
        early_places = _early_places(plan, memory.early_blocks[i]) if i in ahead else ()
        views[i] = StreamView(
            name=names[i],
            label=stream.name,
            type=c_type(stream.dtype),
            member=scratch_member(stream),
            columns=stream.columns,
            size=stream.size,
            stride=plan.shift.stride,
            interior=f"[{interior.start}, {interior.stop})" if len(interior) else "none",
            places=_places(plan, memory.blocks[i]),
            early_places=early_places,
            ring=plan.ring,
            ring_elements=memory.rings.get(i, 0) // stream.dtype.itemsize,
            queue_elements=memory.queues.get(i, 0) // stream.dtype.itemsize,
            queue_columns=plan.queue.block.length if plan.queue else 0,
            spans=(i, False) in runs or ((i, True) in runs and any(p.kind == "ahead" for p in early_places)),
            early_spans=(i, True) in runs and bool(early_places),
            plan=plan,
        )
    return views


def _read_or_written_early(schedule: Schedule) -> set[int]:
    early = [s for s in schedule.steps if s.early]
    written = {s.op.output.id for s in early if s.op not in schedule.sums}
    read = {
        stream.id
        for s in early
        for stream, window in zip(s.op.inputs, s.op.windows, strict=True)
        if (len(schedule.sums[s.op].left) if s.op in schedule.sums else not _padding_alone(s, stream, window))
    }
    return written | read


def _padding_alone(step: Step, stream: Stream, window: Window) -> bool:
    """Whether every column that the step computes reads nothing of an operand."""
    return bool(step.columns) and not any(window.reads_inside(j, stream.columns) for j in step.columns)


def _scratch_place(stream: Stream, block: ScratchBlock) -> Place:
    columns = block.block.columns
    return Place("scratch", columns.start, columns[-1] + 1, columns.step, block.offset // stream.dtype.itemsize)


def _places(plan: StreamPlan, blocks: tuple[ScratchBlock, ...]) -> tuple[Place, ...]:
    places = [_scratch_place(plan.stream, b) for b in blocks]
    if plan.ring is not None:
        kept = plan.ring.columns
        places.append(Place("ring", kept.start, kept[-1] + 1, kept.step))
    if plan.queue is not None:
        waiting = plan.queue.block.columns
        places.append(Place("queue", waiting.start, waiting[-1] + 1, waiting.step))
    return tuple(sorted(places, key=lambda p: p.first))


def _early_places(plan: StreamPlan, blocks: tuple[ScratchBlock, ...]) -> tuple[Place, ...]:
    places = [_scratch_place(plan.stream, b) for b in blocks]
    if plan.queue is not None:
        waiting = plan.queue.block.columns
        places.append(Place("queue", waiting.start, waiting[-1] + 1, waiting.step))
    places.append(Place("ahead", plan.shift.interior.start, plan.stream.columns, 1, plan.ahead))
    return tuple(places)


def scratch_member(stream: Stream) -> str:
    return SCRATCH_MEMBERS[c_type(stream.dtype)]


def operand_views(step: Step, views: Mapping[int, StreamView]) -> tuple[OperandView, ...]:
    """The operands of a step."""
    operands = []
    for stream, window in zip(step.op.inputs, step.op.windows, strict=True):
        view = None if _padding_alone(step, stream, window) else views.get(stream.id)
        clamped = any(len(window.reads_inside(j, stream.columns)) < window.kernel for j in step.columns)
        operands.append(OperandView(view, c_type(stream.dtype), window, clamped))
    return tuple(operands)


def sum_view(schedule: Schedule, memory: MemoryPlan, op: ColumnOp, name: str) -> SumView | None:
    """The kept sum of an operator, if it has one."""
    rule = op.sum_rule()
    if op not in schedule.sums or rule is None:
        return None
    buffers, width = memory.sums[op], rule.dtype.itemsize
    return SumView(
        schedule.sums[op],
        name,
        f"uint{8 * width}_t",
        width,
        rule.size,
        rule.finisher,
        buffers.running_bytes // width,
        buffers.waiting_bytes // width,
    )


def recurrence_view(schedule: Schedule, memory: MemoryPlan, step: Step, name: str) -> RecurrenceView | None:
    """The state of an operator that is a recurrence."""
    op, plan = step.op, schedule.streams[step.op.output.id]
    if not isinstance(op, Stepwise):
        return None
    base, buffers = memory.work.get(step, 0), step_buffers(op, plan)
    state = []
    for part in op.state:
        place = (base + buffers[part.name][0]) // part.dtype.itemsize if part.name in buffers else 0
        words = -(-part.bytes * plan.phases // 4) * 4
        kind = c_type(part.dtype)
        elements = words // part.dtype.itemsize
        state.append(StateView(part.name, kind, SCRATCH_MEMBERS[kind], part.size, part.byte, place, elements, words))
    spare = (base + buffers["spare"][0]) // op.output.dtype.itemsize if "spare" in buffers else None
    return RecurrenceView(
        name,
        op.carried,
        tuple(state),
        arithmetic_ranges(plan.stored),
        spare,
        plan.phases,
        plan.advance,
        schedule.warmup_hops - 1,
    )
