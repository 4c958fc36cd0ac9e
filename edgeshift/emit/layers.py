"""The contexts of the templates for streams (accessors) and layers (operators at a hop)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeshift.emit.functions import Function
from edgeshift.emit.literals import c_type
from edgeshift.ir import Stream, Window
from edgeshift.memory import MemoryPlan
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.shift import Ring, Schedule, StreamPlan


SCRATCH_MEMBERS = {"int8_t": "s8", "uint8_t": "u8", "int16_t": "s16", "float": "f32"}


@dataclass(frozen=True)
class BlockView:
    """Columns `first, first + step, ...` up to `stop` in scratch, `offset` elements from its start."""

    first: int
    stop: int
    step: int
    offset: int


@dataclass(frozen=True)
class StreamView:
    """A stream as the templates see it."""

    name: str
    label: str
    type: str
    member: str
    columns: int
    size: int
    stride: int
    interior: str
    blocks: tuple[BlockView, ...]
    ring: Ring | None
    ring_elements: int
    spans: bool
    plan: StreamPlan

    @property
    def places(self) -> list[str]:
        """Where its columns are, in words, in the order of time."""
        words = [(b.first, f"{_span(b)} in scratch") for b in self.blocks]
        if self.ring is not None:
            kept = self.ring.columns
            phases = f" x {self.ring.phases} phases" if self.ring.phases > 1 else ""
            words.append((kept.start, f"{_span(kept)} in a ring of {self.ring.length}{phases}"))
        return [text for _, text in sorted(words)]

    def below(self, block: BlockView) -> bool:
        """Whether a block lies before the ring."""
        return self.ring is not None and block.first < self.ring.first


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
class LayerView:
    """One operator at a hop; its kernel's patches are `work` bytes into the scratch."""

    number: int
    label: str
    op: str
    output: StreamView
    operands: tuple[OperandView, ...]
    ranges: tuple[range, ...]
    function: Function
    tables: Mapping[str, str]
    scalars: Mapping[str, str]
    macs_window: int
    macs_hop: int
    work: int


def stream_views(
    schedule: Schedule, kernels: Mapping[ColumnOp, Kernel], memory: MemoryPlan, names: Mapping[int, str]
) -> dict[int, StreamView]:
    """All streams of a schedule."""
    spans = {
        stream.id
        for op in schedule.ops
        for stream, window in zip(op.inputs, op.windows, strict=True)
        if kernels[op].access == "runs" and window.kernel > 1
    }
    views = {}
    for stream_id, plan in schedule.streams.items():
        stream, ring = plan.stream, memory.rings.get(stream_id)
        interior = plan.shift.interior
        views[stream_id] = StreamView(
            name=names[stream_id],
            label=stream.name,
            type=c_type(stream.dtype),
            member=scratch_member(stream),
            columns=stream.columns,
            size=stream.size,
            stride=plan.shift.stride,
            interior=f"[{interior.start}, {interior.stop})" if len(interior) else "none",
            blocks=tuple(
                BlockView(
                    b.block.first, b.block.columns[-1] + 1, b.block.step, b.offset // stream.dtype.itemsize
                )
                for b in memory.blocks[stream_id]
            ),
            ring=plan.ring,
            ring_elements=ring.bytes // stream.dtype.itemsize if ring else 0,
            spans=stream_id in spans,
            plan=plan,
        )
    return views


def scratch_member(stream: Stream) -> str:
    return SCRATCH_MEMBERS[c_type(stream.dtype)]


def operand_views(op: ColumnOp, plan: StreamPlan, views: Mapping[int, StreamView]) -> tuple[OperandView, ...]:
    operands = []
    for stream, window in zip(op.inputs, op.windows, strict=True):
        clamped = any(len(window.reads_inside(j, stream.columns)) < window.kernel for j in plan.computed)
        operands.append(OperandView(views.get(stream.id), c_type(stream.dtype), window, clamped))
    return tuple(operands)


def _span(columns: BlockView | range) -> str:
    stop = columns.stop - 1
    text = f"{columns.start if isinstance(columns, range) else columns.first}"
    if isinstance(columns, range):
        stop = columns[-1]
    return text if text == str(stop) else f"{text}..{stop}" + (f" by {columns.step}" if columns.step > 1 else "")
