"""In words: what of a layer shifts, what does not, and why; and what would help, with figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgeshift.errors import PlanError
from edgeshift.ir import Stream
from edgeshift.ops import ColumnOp
from edgeshift.ops.relayout import Relayout
from edgeshift.ops.stepwise import Stepwise
from edgeshift.pipeline import Plan, plan
from edgeshift.shift import StreamPlan

NOTABLE = 0.9  # a remedy is told when it leaves at most this share of work or RAM


def counted(number: int, noun: str) -> str:
    """`1 column`, `2 columns`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def new_columns(made: StreamPlan) -> set[int]:
    """The interior columns that no earlier hop has computed; others are computed again, to save RAM."""
    interior, again = made.shift.interior, {j - made.advance for j in made.requested if j in made.shift.interior}
    return {j for j in made.computed if j in interior and j not in again}


class Reasons:
    """The verdict on each layer of a plan and the sentences for it.

    Verdicts: `shifts` (every column), `edges` (some), `window` (none: it depends on the place in the window), `single`
    (one column a window), `state` (older columns are in the state that the network carries).
    """

    def __init__(self, made: Plan) -> None:
        self._plan, self._streams = made, made.schedule.streams
        self._made_by = {op.output.id: op for op in made.schedule.ops}
        self._unit = "window" if made.schedule.graph.call_frames is None else "call"

    def of_input(self, stream: Stream) -> dict[str, str]:
        """An input: frames that arrive, or a tensor that is handed over whole."""
        if stream.id not in self._plan.schedule.graph.temporal:
            return {"verdict": "window", "why": "Handed over whole at every hop."}
        made = self._streams[stream.id]
        taken, kept = len(made.computed), len(set(made.requested).difference(made.computed))
        why = f"{counted(taken, 'new frame')} of {stream.size:,} at every hop"
        return {"verdict": "shifts", "why": f"{why}; {counted(kept, 'earlier frame')} kept." if kept else f"{why}."}

    def of_layer(self, op: ColumnOp) -> dict[str, str]:
        """One operator."""
        made, graph = self._streams[op.output.id], self._plan.schedule.graph
        interior = made.shift.interior
        if op.output.id in graph.history:
            new = len(graph.fresh(op.output))
            older = counted(op.output.columns - new, "older column")
            return _said("state", f"The network carries {older} in its state; a call makes {new:,} new.")
        if op.output.columns == 1:
            return _said("single", *self._single(op))
        if len(interior) == op.output.columns:
            verdict, words = "shifts", [f"All {op.output.columns:,} columns shift: no padding has reached them."]
        elif len(interior):
            verdict, words = "edges", list(self._partly(op))
        else:
            verdict, words = "window", [self._not_at_all(op)]
        return _said(verdict, *words, *self._phases(op), *self._work(op))

    def _single(self, op: ColumnOp) -> Iterator[str]:
        kept = self._plan.schedule.sums.get(op)
        wide = [(s, len(w.reads_inside(0, s.columns))) for s, w in zip(op.inputs, op.windows, strict=True)]
        stream, taps = max(wide, key=lambda pair: pair[1], default=(op.output, 1))
        if kept is not None:
            yield f"One column a {self._unit}, of {counted(taps, 'column')}. Their sum is kept: a hop adds what is new"
            if kept.entries:
                yield f"and completes one of {kept.entries:,} sums that wait for their window to end."
            else:
                yield "and takes off what leaves the window."
        elif taps > 1:
            made = self._streams.get(stream.id)
            again = made is not None and not len(made.shift.interior)
            how = "computed again at every hop" if again else "most of them kept from earlier hops"
            yield f"One column a {self._unit}. It reads {counted(taps, 'column')}, {how}."
        else:
            yield f"One column a {self._unit}: new at every hop."

    def _partly(self, op: ColumnOp) -> Iterator[str]:
        interior, columns = self._streams[op.output.id].shift.interior, op.output.columns
        own = op.interior([range(s.columns) for s in op.inputs])
        left, right = interior.start, columns - interior.stop
        own_left, own_right = (own.start, columns - own.stop) if len(own) else (left, right)
        yield f"{len(interior):,} of {columns:,} columns shift."
        inherited = left > own_left or right > own_right
        if not own_left and not own_right:
            yield f"Edges of earlier layers reach {_ends(left, right)}."
        elif inherited:
            both = _ends(left, right)
            yield f"Its padding reaches {_ends(own_left, own_right)}; with edges of earlier layers, {both}."
        else:
            yield f"Its padding reaches {_ends(own_left, own_right)}."

    def _not_at_all(self, op: ColumnOp) -> str:
        """Why no column of several shifts: the first reason that holds."""
        shifts = {s.id: self._streams[s.id].shift for s in op.inputs if s.id in self._streams}
        over_time = [(s, w) for s, w in zip(op.inputs, op.windows, strict=True) if s.columns > 1]
        if isinstance(op, Stepwise):
            return "Nothing shifts: it starts from zero in every window, and each column depends on all before it."
        singles = [s for s in op.inputs if s.columns == 1 and s.id in self._made_by]
        still = [s for s in op.inputs if s.id in shifts and not len(shifts[s.id].interior)]
        if singles:
            return f"Nothing shifts: every column takes in {self._name(singles[0])}, which is new at every hop."
        if still:
            return f"Nothing shifts: {self._name(still[0])} before it belongs to the window as a whole."
        if isinstance(op, Relayout):
            return "Nothing shifts: time cannot be followed through this change of layout."
        if any(w.stride == 0 or w.kernel >= s.columns for s, w in over_time):
            return "Nothing shifts: every column looks at the whole window."
        if not op.follows_time:
            return "Nothing shifts: what it gives depends on the place in the window."
        strides = {shifts[s.id].stride * w.stride for s, w in over_time if s.id in shifts and w.stride}
        if len(strides) > 1:
            grids = " and ".join(map(str, sorted(strides)))
            return f"Nothing shifts: its operands stride by {grids} frames, no grid of columns fits both."
        return "Nothing shifts: padding from both ends of the window has met in the middle."

    def _phases(self, op: ColumnOp) -> Iterator[str]:
        made, hop = self._streams[op.output.id], self._plan.schedule.hop
        if made.phases > 1 and len(made.shift.interior):
            yield f"{made.phases} phases: its stride of {made.shift.stride} does not divide the hop of {hop}."

    def _work(self, op: ColumnOp) -> Iterator[str]:
        """What is computed at a hop, where it is more than the newest columns."""
        made = self._streams[op.output.id]
        new = len(new_columns(made))
        edges = sum(j not in made.shift.interior for j in made.computed)
        again = len(made.computed) - new - edges
        parts = [counted(new, "new column")] if new else []
        parts += [f"{edges} at the edges"] if edges else []
        parts += [f"{again} again rather than kept (to save RAM)"] if again else []
        parts += [f"{len(made.early)} of the left edge early"] if made.early else []
        if len(parts) > 1 or again:
            yield f"A hop computes {', '.join(parts)}."

    def _name(self, stream: Stream) -> str:
        op = self._made_by.get(stream.id)
        return f"layer {self._plan.schedule.ops.index(op) + 1} ({op.op})" if op is not None else f"'{stream.name}'"


def _said(verdict: str, *words: str) -> dict[str, str]:
    return {"verdict": verdict, "why": " ".join(words)}


def _ends(left: int, right: int) -> str:
    if left and right:
        return f"{counted(left, 'column')} at the left and {right:,} at the right"
    return f"{counted(left or right, 'column')} at the {'left' if left else 'right'}"


def remedies(made: Plan) -> list[dict[str, Any]]:
    """Other plans of the same network that need notably less, each with its figures: what to ask for, and its price."""
    schedule, graph = made.schedule, made.schedule.graph
    if graph.call_frames is not None:
        return []
    asked: dict[str, Any] = {"hop": schedule.hop, "edges": "exact" if made.streamed is None else "stream"}
    asked["outputs"] = "all" if made.newest is None else made.newest.which
    asked["recurrent"] = "carry" if made.carried else "zero"
    tried = []
    if made.streamed is None:
        price = "another function than the trained one: edgeshift verify measures how far it strays"
        tried.append(("--edges stream", asked | {"edges": "stream"}, price))
    if made.newest is None and any(s.columns > 1 for s in graph.outputs):
        tried.append(("--outputs last", asked | {"outputs": "last"}, "gives the newest frame of the output only"))
    if not made.carried and any(isinstance(op, Stepwise) for op in schedule.ops):
        price = "another function than the trained one: the state flows on from window to window"
        tried.append(("--recurrent carry", asked | {"recurrent": "carry"}, price))
    stride = schedule.total_stride
    longer = -(-schedule.hop // stride) * stride
    if longer != schedule.hop:
        tried.append((f"--hop {longer}", asked | {"hop": longer}, "a multiple of the total stride has a single phase"))
    found = []
    for option, arguments, price in tried:
        try:
            other = plan(made.network, isa=made.isa, **arguments)
        except PlanError:
            continue  # such as a state that cannot be carried over padding
        macs, frames = other.schedule.macs_per_hop, other.schedule.hop
        less_work = macs / frames <= NOTABLE * schedule.macs_per_hop / schedule.hop
        if less_work or other.memory.struct_bytes <= NOTABLE * made.memory.struct_bytes:
            times = schedule.macs_per_hop * frames / (macs * schedule.hop) if macs else None
            figures = {"macs_per_hop": macs, "ram_bytes": other.memory.struct_bytes, "times_fewer_a_frame": times}
            found.append({"option": option, "price": price, **figures})
    return found
