"""RAM against work: of all schedules of a network, those worth having, and the one to take.

Work is multiply-accumulates per hop. Of the schedules that do the least work the one with the least RAM is the default.
Below that, ranges of operators are computed again at every hop instead of kept. Whatever a budget leaves goes into
larger batches of patches, which share loads of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from edgeshift.errors import MemoryBudgetError
from edgeshift.ir import ColumnGraph
from edgeshift.memory.plan import MemoryPlan, plan_memory
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.shift import NEVER, Early, Overlap, Schedule, candidates, find_interiors, make_schedule

PLACEMENTS = 400  # orders of scratch that are tried for the plan that is taken

ChooseKernels = Callable[[Schedule], Mapping[ColumnOp, Kernel]]


@dataclass(frozen=True, eq=False)
class Choice:
    """A schedule with its kernels and its memory."""

    schedule: Schedule
    kernels: Mapping[ColumnOp, Kernel]
    memory: MemoryPlan

    @property
    def work(self) -> int:
        return self.schedule.macs_per_hop

    @property
    def ram(self) -> int:
        return self.memory.struct_bytes


def choose(graph: ColumnGraph, hop: int, choose_kernels: ChooseKernels, ram: int | None = None) -> Choice:
    """The plan with the least work that fits into `ram` bytes; without a budget, the least RAM at the least work.

    Raises `MemoryBudgetError` when nothing fits.
    """
    best = min(_choices(graph, hop, choose_kernels, recompute=False), key=lambda c: (c.work, c.ram))
    budget = best.ram if ram is None else ram
    if ram is not None and _settled(best).ram > ram:
        line = curve(graph, hop, choose_kernels)
        fitting = [c for c in line if c.ram <= ram]
        if not fitting:
            least = line[0]
            raise MemoryBudgetError(
                f"no exact plan for a hop of {hop} fits into {ram:,} bytes; the least possible is {least.ram:,} bytes, "
                f"with {least.work:,} multiply-accumulates per hop: raise --ram, or try a longer --hop"
            )
        best = min(fitting, key=lambda c: c.work)
    return _settled(_with_batches(best, choose_kernels, budget))


def curve(graph: ColumnGraph, hop: int, choose_kernels: ChooseKernels) -> list[Choice]:
    """All choices that no other beats in both RAM and work: RAM grows, work falls."""
    worth_having = _front(_choices(graph, hop, choose_kernels, recompute=True))
    return _front(_settled(choice) for choice in worth_having)


def _front(choices: Iterable[Choice]) -> list[Choice]:
    """Those that no other beats, the least RAM first."""
    line: list[Choice] = []
    for choice in sorted(choices, key=lambda c: (c.ram, c.work)):
        if not line or choice.work < line[-1].work:
            line.append(choice)
    return line


def _settled(choice: Choice) -> Choice:
    """The choice with its scratch placed as well as can be found."""
    return replace(choice, memory=plan_memory(choice.schedule, choice.kernels, PLACEMENTS))


def _choices(graph: ColumnGraph, hop: int, choose_kernels: ChooseKernels, recompute: bool) -> Iterator[Choice]:
    for schedule in _schedules(graph, hop, recompute):
        single = _limited(schedule, {})
        kernels = choose_kernels(single)
        yield Choice(single, kernels, plan_memory(single, kernels))


def _schedules(graph: ColumnGraph, hop: int, recompute: bool) -> Iterator[Schedule]:
    """The direct schedule, those with left edges early, and each of them with ranges of operators recomputed."""
    direct = make_schedule(graph, hop)
    yield direct
    if recompute:
        yield from _recomputed(graph, hop, NEVER, direct)
    for early, step in candidates(graph, find_interiors(graph), hop):
        schedule = _longest_lead(graph, hop, early, step)
        if schedule is not None:
            yield schedule
            if recompute:
                yield from _recomputed(graph, hop, replace(early, lead=schedule.lead), schedule)


def _recomputed(graph: ColumnGraph, hop: int, early: Early, schedule: Schedule) -> Iterator[Schedule]:
    rings = {i for i, plan in schedule.streams.items() if plan.ring is not None}
    rings -= {*graph.history, *(op.output.id for op in schedule.carried)}
    keeping = [op for op in schedule.ops if op.output.id in rings]
    for first in range(len(keeping)):
        for stop in range(first + 1, len(keeping) + 1):
            try:
                made = make_schedule(graph, hop, early, frozenset(keeping[first:stop]))
            except Overlap:
                continue
            if made.macs_per_hop > schedule.macs_per_hop:  # else only work that is not counted would be done again
                yield made


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


def _limited(schedule: Schedule, limits: Mapping[int, int]) -> Schedule:
    """The schedule with a limit on the batch of each stream's kernel, 1 where none is given."""
    streams = {i: replace(p, batch_limit=limits.get(i, 1)) for i, p in schedule.streams.items()}
    return replace(schedule, streams=streams)


def _with_batches(choice: Choice, choose_kernels: ChooseKernels, ram: int) -> Choice:
    """The same schedule with as large batches as fit into `ram` bytes, the operators with most work first."""
    free = choose_kernels(_limited(choice.schedule, dict.fromkeys(choice.schedule.streams, 8)))
    limits: dict[int, int] = {}
    by_work = sorted(choice.schedule.ops, key=lambda op: -_work(choice.schedule, op))
    for op in by_work:
        for limit in range(free[op].most_batch, 1, -1):
            trial = _limited(choice.schedule, {**limits, op.output.id: limit})
            kernels = choose_kernels(trial)
            memory = plan_memory(trial, kernels)
            if memory.struct_bytes <= ram:
                limits[op.output.id], choice = limit, Choice(trial, kernels, memory)
                break
    return choice


def _work(schedule: Schedule, op: ColumnOp) -> int:
    return op.macs_per_column * schedule.streams[op.output.id].columns_per_hop
