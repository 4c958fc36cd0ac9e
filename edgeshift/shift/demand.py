"""Pass 3, backwards: which columns each stream must have at a hop, and which of them are computed at that hop.

Both in window coordinates: every hop asks for the same columns of its own window, and for the same left-edge columns of
the early window (see `early.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from edgeshift.errors import PlanError
from edgeshift.ir import ColumnGraph, Stream
from edgeshift.ops import ColumnOp
from edgeshift.ops.stepwise import Stepwise
from edgeshift.shift.early import NEVER, Early
from edgeshift.shift.interior import Shift


@dataclass(frozen=True)
class Demand:
    """What is asked of one stream at a hop.

    `requested` columns of the current window must be at hand; `computed` of them are made at this hop. `early` columns
    are made for the early window, and `queued` of them are what the current window reads, made `lead` hops ago.
    """

    requested: tuple[int, ...]
    computed: tuple[int, ...]
    early: tuple[int, ...] = ()
    queued: tuple[int, ...] = ()


class Overlap(Exception):
    """An early window would read a column that is not there yet: the lead is too long."""


@dataclass
class _Asked:
    """Columns asked for by consumers: of the current window, and of the early one."""

    now: set[int] = field(default_factory=set)
    early: set[int] = field(default_factory=set)


def find_demand(
    graph: ColumnGraph,
    shifts: dict[int, Shift],
    hop: int,
    early: Early = NEVER,
    recomputed: Collection[ColumnOp] = (),
) -> dict[int, Demand]:
    """The demand on every stream that the outputs reach, by id.

    Operators in `recomputed` keep nothing: they compute all that is asked for at every hop. Raises `Overlap` for a lead
    that is too long.
    """
    asked = {s: _Asked() for s in graph.streams}
    demand: dict[int, Demand] = {}
    for stream in graph.outputs:
        asked[stream.id].now.update(range(stream.columns))
    for i in _carried(graph):
        asked[i].now.update(range(graph.streams[i].columns))
    for op in reversed(graph.ops):
        if not (asked[op.output.id].now or asked[op.output.id].early):
            continue
        if op in early.sums:
            demand[op.output.id] = _sum_demand(op, asked, shifts, hop, early)
            continue
        shift = shifts[op.output.id]
        if op.output.id in graph.history:
            made = _arriving(asked[op.output.id].now, op.output.columns, shift.advance(hop))
            demand[op.output.id] = made
            _ask(op, made, asked)
            continue
        if isinstance(op, Stepwise):
            made = _steps_demand(op, asked[op.output.id], shift, hop, early)
            demand[op.output.id] = made
            _ask(op, made, asked)
            continue
        advance = op.output.columns if op in recomputed else shift.advance(hop)
        made = _demand(op.output, asked[op.output.id], shift, hop, advance, early, op in early.ops)
        demand[op.output.id] = made
        _ask(op, made, asked)
    for stream in graph.inputs:
        if stream.id in graph.temporal:
            _bring_forward(asked[stream.id], shifts[stream.id], hop, early)
            demand[stream.id] = _arriving(asked[stream.id].now, stream.columns, hop)
        elif asked[stream.id].early:
            raise Overlap  # an input without time belongs to the current window alone
        else:
            wanted = tuple(sorted(asked[stream.id].now))
            demand[stream.id] = Demand(wanted, wanted)
    return demand


def _ask(op: ColumnOp, made: Demand, asked: dict[int, _Asked]) -> None:
    """Ask for what the columns to be made read."""
    for stream, window in zip(op.inputs, op.windows, strict=True):
        for j in made.computed:
            asked[stream.id].now.update(window.reads_inside(j, stream.columns))
        for j in made.early:
            asked[stream.id].early.update(window.reads_inside(j, stream.columns))


def _carried(graph: ColumnGraph) -> set[int]:
    """Streams that are read before their new columns are made: what earlier calls left makes the next."""
    made = {s.id for s in graph.inputs}
    found: set[int] = set()
    for op in graph.ops:
        found.update(s.id for s in op.inputs if s.id not in made)
        made.add(op.output.id)
    return found


def _demand(
    stream: Stream, asked: _Asked, shift: Shift, hop: int, advance: int, early: Early, is_early: bool
) -> Demand:
    _bring_forward(asked, shift, hop, early)
    if asked.early and not is_early:
        raise Overlap
    queued = sorted(j for j in asked.now if is_early and j < shift.interior.start)
    now = asked.now.difference(queued)
    return Demand(
        tuple(sorted(now)),
        split(now, shift.interior, advance),
        tuple(sorted(asked.early.union(queued))),
        tuple(queued),
    )


def _steps_demand(op: Stepwise, asked: _Asked, shift: Shift, hop: int, early: Early) -> Demand:
    """A recurrence makes every column up to the newest that is asked for, or, where its state is carried, every column
    that is new; what is not asked for is not kept."""
    _bring_forward(asked, shift, hop, early)
    if asked.early:
        raise Overlap
    if not op.carried:
        return Demand(tuple(sorted(asked.now)), tuple(range(max(asked.now) + 1)))
    columns, advance = op.output.columns, shift.advance(hop)
    if advance > columns:
        raise PlanError(
            f"a hop of {hop} frames leaves out columns of {op.label}, whose state is carried over every column: "
            f"the hop must be at most {columns * shift.stride} frames"
        )
    return Demand(_arriving(asked.now, columns, advance).requested, tuple(range(columns - advance, columns)))


def _bring_forward(asked: _Asked, shift: Shift, hop: int, early: Early) -> None:
    """Interior columns of the early window are columns of the current one; only left edges stay apart."""
    ahead = early.columns(shift, hop) if early.lead else 0
    for j in [j for j in asked.early if j >= shift.interior.start]:
        if j + ahead >= shift.interior.stop:
            raise Overlap
        asked.now.add(j + ahead)
        asked.early.discard(j)


def _sum_demand(op: ColumnOp, asked: dict[int, _Asked], shifts: dict[int, Shift], hop: int, early: Early) -> Demand:
    """A kept sum reads the newest interior columns and the right edge now, the left edge early."""
    stream, shift = op.inputs[0], shifts[op.inputs[0].id]
    interior, ahead = shift.interior, early.columns(shift, hop)
    gaps = shift.advance(hop) > len(interior)
    if gaps or asked[op.output.id].early or interior.start + ahead > interior.stop:
        raise Overlap
    now = asked[stream.id].now
    now.update(range(max(interior.start, interior.stop - shift.advance(hop)), stream.columns))
    now.update(range(interior.start + ahead, interior.stop))
    asked[stream.id].early.update(range(interior.start))
    return Demand((0,), (0,))


def split(requested: Iterable[int], interior: range, advance: int) -> tuple[int, ...]:
    """Of the requested columns, those to compute at a hop: all edges, and of the interior the newest of each run.

    An interior column `j` was column `j + advance` of an earlier window: it is at hand if that one was requested.
    """
    newest: dict[int, int] = {}
    edges = []
    for j in requested:
        if j in interior:
            newest[j % advance] = max(j, newest.get(j % advance, j))
        else:
            edges.append(j)
    return tuple(sorted([*edges, *newest.values()]))


def _arriving(requested: set[int], columns: int, advance: int) -> Demand:
    """The demand on an input, or on columns that are kept from call to call: whenever it is asked for, a column
    arrives as one of the newest `advance`."""
    residues = {j % advance for j in requested}
    arriving = {j for j in range(max(0, columns - advance), columns) if j % advance in residues}
    return Demand(tuple(sorted(requested | arriving)), tuple(sorted(arriving)))
