"""The members of the state's struct, in order: what lies at which byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edgeshift.emit.layers import LayerView, StreamView
from edgeshift.memory import MemoryPlan
from edgeshift.memory.plan import WORD
from edgeshift.shift import Schedule

Kind = Literal["count", "ring", "queue", "sum", "recurrence", "scratch", "counter"]


@dataclass(frozen=True)
class Member:
    """`count` elements of the C type `type` (a scalar without `count`), `offset` bytes from the start of the struct.

    `keeps` says what of: a stream's name in the model, or nothing. The scratch is a union and has no type of its own.
    """

    kind: Kind
    name: str
    type: str
    count: int | None
    bytes: int
    comment: str
    keeps: str = ""
    offset: int = 0


def state_members(
    schedule: Schedule, memory: MemoryPlan, streams: Sequence[StreamView], layers: Sequence[LayerView], ready: str
) -> list[Member]:
    """Every member with its offset; `ready` is the C macro of the warm-up's hops."""
    members = [Member("count", "hops", "uint32_t", None, WORD, f"pushes so far, up to {ready}")]
    members += _rings(memory, streams)
    members += _queues(memory, streams)
    members += _sums(layers)
    members += _recurrences(layers)
    if memory.scratch_bytes:
        members.append(Member("scratch", "scratch", "", None, memory.scratch_bytes, "meaningless between pushes"))
    members += _counters(schedule, memory, streams)
    placed, offset = [], 0
    for member in members:
        placed.append(replace(member, offset=offset))
        offset += member.bytes
    return placed


def _rings(memory: MemoryPlan, streams: Iterable[StreamView]) -> Iterator[Member]:
    for s in streams:
        if s.ring is not None:
            phases = f" x {s.ring.phases} phases" if s.ring.phases > 1 else ""
            comment = f"{s.ring.length} columns of {s.size}{phases}"
            bytes_ = memory.rings[s.plan.stream.id]
            yield Member("ring", f"{s.name}_ring", s.type, s.ring_elements, bytes_, comment, s.label)


def _queues(memory: MemoryPlan, streams: Iterable[StreamView]) -> Iterator[Member]:
    for s in streams:
        if s.plan.queue is not None:
            comment = f"left edges of {s.plan.queue.entries} windows to come"
            bytes_ = memory.queues[s.plan.stream.id]
            yield Member("queue", f"{s.name}_queue", s.type, s.queue_elements, bytes_, comment, s.label)


def _sums(layers: Iterable[LayerView]) -> Iterator[Member]:
    for layer in layers:
        s = layer.sum
        if s is None or layer.early:
            continue
        phases = f", {s.kept.phases} phases" if s.kept.phases > 1 else ""
        for name, count, comment in (
            ("running", s.running_elements, f"sums of all interior columns{phases}"),
            ("waiting", s.waiting_elements, f"left edge less running sum at the start, of {s.kept.entries} windows"),
        ):
            if not count:
                continue
            bytes_ = count * s.element_bytes
            yield Member("sum", f"{s.name}_{name}", s.type, count, bytes_, comment, layer.output.label)


def _recurrences(layers: Iterable[LayerView]) -> Iterator[Member]:
    for layer in layers:
        r = layer.recurrence
        for s in r.state if r is not None and r.carried else ():
            phases = f", {r.phases} phases" if r is not None and r.phases > 1 else ""
            name, comment = f"{layer.output.name}_{s.name}", f"the recurrence's state after the newest column{phases}"
            yield Member("recurrence", name, s.type, s.elements, s.bytes, comment, layer.output.label)


def _counters(schedule: Schedule, memory: MemoryPlan, streams: Iterable[StreamView]) -> Iterator[Member]:
    width, lead = memory.counter_bytes, schedule.lead
    kind = "uint16_t" if width == 2 else "int32_t"
    for count in memory.phase_counts:
        yield Member("counter", f"phase_{count}", kind, None, width, f"the phase that is active, of {count}")
    if memory.waits:
        comment = f"the entry, of {lead}, of the window that ends now and then of the one {lead} hops later"
        yield Member("counter", "wait", kind, None, width, comment)
    for s in streams:
        if s.turning:
            yield Member("counter", f"{s.name}_head", kind, None, width, "slot of the oldest column", s.label)
