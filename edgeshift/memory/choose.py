"""Of the schedules that do the same work, the one that needs the least RAM."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgeshift.ir import ColumnGraph
from edgeshift.memory.plan import MemoryPlan, plan_memory
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.shift import Early, Overlap, Schedule, candidates, find_interiors, make_schedule

ChooseKernels = Callable[[Schedule], Mapping[ColumnOp, Kernel]]


def choose_schedule(
    graph: ColumnGraph, hop: int, choose_kernels: ChooseKernels
) -> tuple[Schedule, Mapping[ColumnOp, Kernel], MemoryPlan]:
    """The direct schedule, or one with left edges early where that takes fewer bytes."""
    best = _with_memory(make_schedule(graph, hop), choose_kernels)
    for early, step in candidates(graph, find_interiors(graph), hop):
        schedule = _longest_lead(graph, hop, early, step)
        if schedule is not None:
            made = _with_memory(schedule, choose_kernels)
            if made[2].struct_bytes < best[2].struct_bytes:
                best = made
    return best


def _with_memory(
    schedule: Schedule, choose_kernels: ChooseKernels
) -> tuple[Schedule, Mapping[ColumnOp, Kernel], MemoryPlan]:
    kernels = choose_kernels(schedule)
    return schedule, kernels, plan_memory(schedule, kernels)


def _longest_lead(graph: ColumnGraph, hop: int, early: Early, step: int) -> Schedule | None:
    """The schedule with the longest lead that works: rings are shortest then. Whatever works, a shorter lead does."""
    found, low, high = None, 1, early.lead // step
    while low <= high:
        middle = (low + high + 1) // 2
        try:
            found = make_schedule(graph, hop, Early(early.ops, early.sums, middle * step))
            low = middle + 1
        except Overlap:
            high = middle - 1
    return found
