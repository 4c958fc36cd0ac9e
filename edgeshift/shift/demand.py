"""Pass 3, backwards: which columns each stream must have at a hop, and which of them are computed at that hop.

Both in window coordinates: every hop asks for the same columns of its own window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgeshift.ir import ColumnGraph
from edgeshift.shift.interior import Shift


@dataclass(frozen=True)
class Demand:
    """`requested` columns must be at hand; `computed` of them are made at this hop, the others were made before."""

    requested: tuple[int, ...]
    computed: tuple[int, ...]


def find_demand(graph: ColumnGraph, shifts: dict[int, Shift], hop: int) -> dict[int, Demand]:
    """The demand on every stream that the outputs reach, by id."""
    requested: dict[int, set[int]] = {}
    demand: dict[int, Demand] = {}
    for stream in graph.outputs:
        requested.setdefault(stream.id, set()).update(range(stream.columns))
    for op in reversed(graph.ops):
        wanted = requested.get(op.output.id)
        if not wanted:
            continue
        shift = shifts[op.output.id]
        computed = split(wanted, shift.interior, shift.advance(hop))
        demand[op.output.id] = Demand(tuple(sorted(wanted)), computed)
        for stream, window in zip(op.inputs, op.windows, strict=True):
            asked = requested.setdefault(stream.id, set())
            for j in computed:
                asked.update(window.reads_inside(j, stream.columns))
    for stream in graph.inputs:
        wanted = requested.get(stream.id, set())
        if stream.id in graph.temporal:
            demand[stream.id] = _frames(wanted, stream.columns, hop)
        else:
            demand[stream.id] = Demand(tuple(sorted(wanted)), tuple(sorted(wanted)))
    return demand


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


def _frames(requested: set[int], window: int, hop: int) -> Demand:
    """The demand on an input: a frame arrives as one of the newest `hop` columns, whenever it is asked for."""
    residues = {j % hop for j in requested}
    arriving = {j for j in range(max(0, window - hop), window) if j % hop in residues}
    return Demand(tuple(sorted(requested | arriving)), tuple(sorted(arriving)))
