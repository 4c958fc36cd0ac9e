"""`recurrent = carry`: the state of a recurrence flows on from hop to hop. Another function than the trained one.

The trained network starts each recurrence from zero in every window and runs it over all columns. Carried, it starts
from zero in the first window alone, and each column is made once, when it is new. That has a meaning only where the
columns that the recurrence goes over shift, all of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from edgeshift.errors import PlanError
from edgeshift.ir import ColumnGraph
from edgeshift.ops.recurrent import Recurrence
from edgeshift.ops.stepwise import Stepwise
from edgeshift.shift.interior import find_interiors

Recurrent = Literal["zero", "carry"]


def carry_recurrences(graph: ColumnGraph) -> ColumnGraph:
    """The network with the state of all its recurrences carried. Raises `PlanError` where there is none."""
    if graph.call_frames is not None:
        raise PlanError(f"'{graph.name}' carries its own state: leave --recurrent out")
    found = [op.output.name for op in graph.ops if isinstance(op, Stepwise)]
    bound = [op for op in graph.ops if isinstance(op, Recurrence) and op.windows[0].kernel > 1]
    if bound:
        raise PlanError(
            f"the state of {bound[0].label} cannot be carried: it runs backwards through the window, does not start "
            "from zeros, or gives its cell state: leave --recurrent out"
        )
    if not found:
        raise PlanError(f"'{graph.name}' has no recurrence whose state could be carried: leave --recurrent out")
    named = f"'{found[0]}'" + (f" and {len(found) - 1} more" if len(found) > 1 else "")
    note = f"the state of recurrence {named} flows on from hop to hop; the trained one starts from zero in every window"
    ops = tuple(op.carrying() if isinstance(op, Stepwise) else op for op in graph.ops)
    return replace(graph, ops=ops, notes=(*graph.notes, note))


def check_carried(graph: ColumnGraph) -> None:
    """Raise `PlanError` where a carried recurrence goes over columns that do not shift."""
    shifts = find_interiors(graph)
    for op in graph.ops:
        if not isinstance(op, Stepwise):
            continue
        x = op.inputs[0]
        interior = shifts[x.id].interior
        if len(interior) == x.columns:
            continue
        if len(interior):
            raise PlanError(
                f"the state of {op.label} cannot be carried: of the {x.columns} columns that it goes over only "
                f"{interior.start} to {interior.stop - 1} shift, padding has reached the others, and they are others "
                "in every window: add --edges stream"
            )
        raise PlanError(
            f"the state of {op.label} cannot be carried: the columns that it goes over belong to one window, as "
            "something before it looks at the whole window: leave --recurrent out"
        )
