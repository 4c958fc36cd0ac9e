"""The exact shift plan: time axis, interior, demand, schedule (see `docs/shift-plan.md`)."""

from edgeshift.shift.axis import Reference, lower
from edgeshift.shift.schedule import Block, Ring, Schedule, StreamPlan, make_schedule

__all__ = ["Block", "Reference", "Ring", "Schedule", "StreamPlan", "lower", "make_schedule"]
