"""The exact shift plan: time axis, interior, demand, schedule (see `docs/shift-plan.md`)."""

from edgeshift.shift.axis import Reference, lower
from edgeshift.shift.demand import Overlap
from edgeshift.shift.early import NEVER, Early, candidates
from edgeshift.shift.edges import StreamedEdges, stream_edges
from edgeshift.shift.interior import find_interiors
from edgeshift.shift.newest import NewestOutputs, Outputs, newest_outputs
from edgeshift.shift.recurrent import Recurrent, carry_recurrences, check_carried
from edgeshift.shift.schedule import (
    Block,
    KeptSum,
    Queue,
    Ring,
    Schedule,
    Step,
    StreamPlan,
    arithmetic_ranges,
    make_schedule,
)
from edgeshift.shift.structure import use_structure

__all__ = [
    "NEVER",
    "Block",
    "Early",
    "KeptSum",
    "NewestOutputs",
    "Outputs",
    "Overlap",
    "Queue",
    "Recurrent",
    "Reference",
    "Ring",
    "Schedule",
    "Step",
    "StreamPlan",
    "StreamedEdges",
    "arithmetic_ranges",
    "candidates",
    "carry_recurrences",
    "check_carried",
    "find_interiors",
    "lower",
    "make_schedule",
    "newest_outputs",
    "stream_edges",
    "use_structure",
]
