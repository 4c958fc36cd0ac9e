"""Properties of every schedule: columns are at hand when they are read, and none is computed twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeshift.shift import Schedule, StreamPlan
from tests.ladder import Case, prepare
from tests.random_networks import Drawn, random_case
from tests.strategies import networks
from tests.zoo import ZOO, build

ANY_HOP = st.one_of(st.integers(1, 7), st.integers(8, 50))
SETTINGS = settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

Place = tuple[str, int, int]  # a slot of a ring (phase, slot) or of a block (block, slot)
Column = tuple[object, ...]  # which column lies there: ("frame", time) if it shifts, ("hop", hop, column) else


def schedule_of(model: bytes, hop: int) -> Schedule:
    return prepare(Case("drawn", model, hop)).plan.schedule


def place(plan: StreamPlan, hop: int, j: int) -> Place:
    """Where column `j` lies at a hop, as the generated code has it."""
    ring = plan.ring
    if ring is not None and j in ring.columns:
        turn, phase = divmod(hop, ring.phases)
        return "ring", phase, (turn * ring.advance + (j - ring.first) // ring.step) % ring.length
    for number, block in enumerate(plan.blocks):
        if j in block.columns:
            return "block", number, (j - block.first) // block.step
    raise AssertionError(f"column {j} of '{plan.stream.name}' has no place")


def content(plan: StreamPlan, schedule: Schedule, hop: int, j: int) -> Column:
    """Which column number `j` of a hop's window is: interior ones are known by their time."""
    if j in plan.shift.interior:
        return "frame", hop * schedule.hop + j * plan.shift.stride
    return "hop", hop, j


def reads(schedule: Schedule) -> Iterator[tuple[StreamPlan, int]]:
    """Every column that is read at a hop: by operators, and as output."""
    for op in schedule.ops:
        for stream, window in zip(op.inputs, op.windows, strict=True):
            for j in schedule.streams[op.output.id].computed:
                for column in window.reads_inside(j, stream.columns):
                    yield schedule.streams[stream.id], column
    for stream in schedule.graph.outputs:
        for column in range(stream.columns):
            yield schedule.streams[stream.id], column


def simulate(schedule: Schedule, hops: int) -> None:
    """Run the schedule on columns that know who they are."""
    memory: dict[tuple[int, Place], Column] = {}
    wanted = {(plan.stream.id, j): plan for plan, j in reads(schedule)}
    for hop in range(schedule.warmup_hops + hops):
        for key in [k for k in memory if k[1][0] == "block"]:
            del memory[key]
        for plan in schedule.streams.values():
            for j in plan.computed:
                memory[plan.stream.id, place(plan, hop, j)] = content(plan, schedule, hop, j)
        if hop < schedule.warmup_hops - 1:
            continue
        for (stream, j), plan in wanted.items():
            assert memory.get((stream, place(plan, hop, j))) == content(plan, schedule, hop, j), (
                f"hop {hop}: column {j} of '{plan.stream.name}' was overwritten or never made"
            )


def check_places(schedule: Schedule) -> None:
    """Every requested column has one place of its own; what is read was requested; rings hold interior columns."""
    for plan in schedule.streams.values():
        assert set(plan.computed) <= set(plan.requested)
        places = [place(plan, 5, j) for j in plan.requested]
        assert len(set(places)) == len(places)
        if plan.ring is not None:
            assert set(plan.ring.columns) <= set(plan.shift.interior)
            assert any(j not in plan.computed for j in plan.ring.columns if j in plan.requested)
            assert plan.ring.first in plan.requested and plan.ring.columns[-1] in plan.requested
    for plan, j in reads(schedule):
        assert j in plan.requested


def computed_with_perfect_memory(schedule: Schedule, hops: int) -> dict[int, set[int]]:
    """Columns that a lazy evaluation computes at its last hop if it never forgets an interior column."""
    made: dict[int, set[Column]] = {i: set() for i in schedule.streams}
    done: dict[int, set[int]] = {}
    for hop in range(hops):
        done = {i: set() for i in schedule.streams}
        asked: dict[int, set[int]] = {i: set() for i in schedule.streams}
        for stream in schedule.graph.outputs:
            asked[stream.id].update(range(stream.columns))
        for op in reversed(schedule.ops):
            plan = schedule.streams[op.output.id]
            for j in asked[op.output.id]:
                column = content(plan, schedule, hop, j)
                if column in made[op.output.id]:
                    continue
                made[op.output.id].add(column)
                done[op.output.id].add(j)
                for stream, window in zip(op.inputs, op.windows, strict=True):
                    asked[stream.id].update(window.reads_inside(j, stream.columns))
    return done


def check_work(schedule: Schedule) -> None:
    turns = schedule.warmup_hops + 2 * max(p.phases for p in schedule.streams.values())
    lazy = computed_with_perfect_memory(schedule, turns + 1)
    for op in schedule.ops:
        assert set(schedule.streams[op.output.id].computed) == lazy[op.output.id], op.label
    assert schedule.macs_per_hop <= schedule.macs_window


@given(networks(), ANY_HOP)
@SETTINGS
def test_columns_are_at_hand(drawn: Drawn, hop: int) -> None:
    schedule = schedule_of(drawn.model, hop)
    check_places(schedule)
    simulate(schedule, hops=30)


@given(networks(), ANY_HOP)
@settings(SETTINGS, max_examples=80)
def test_nothing_is_computed_that_perfect_memory_would_save(drawn: Drawn, hop: int) -> None:
    check_work(schedule_of(drawn.model, hop))


@pytest.mark.parametrize("hop", [1, 2, 3, 4, 5, 12, 60])
def test_zoo(hop: int) -> None:
    for name in ZOO:
        schedule = schedule_of(build(name), hop)
        check_places(schedule)
        simulate(schedule, hops=24)
        check_work(schedule)


@pytest.mark.parametrize("hop", [1, 2, 3, 5, 8])
def test_scratch_is_shared_only_by_those_who_do_not_meet(hop: int) -> None:
    """Two blocks of scratch that are in use at the same step of a hop do not overlap."""
    for seed in range(60):
        plan = prepare(Case("seed", random_case(seed).model, hop)).plan
        schedule, steps = plan.schedule, {op.output.id: i for i, op in enumerate(plan.schedule.ops)}
        last = {i: steps.get(i, -1) for i in schedule.streams}
        for step, op in enumerate(schedule.ops):
            last.update({s.id: step for s in op.inputs})
        last.update({s.id: len(schedule.ops) for s in schedule.graph.outputs})
        placed = [
            (block.offset, block.offset + block.bytes, steps.get(i, -1), last[i])
            for i, blocks in plan.memory.blocks.items()
            for block in blocks
        ]
        assert all(stop <= plan.memory.scratch_bytes for _, stop, *_ in placed)
        for number, (start, stop, born, dies) in enumerate(placed):
            for other, other_stop, other_born, other_dies in placed[:number]:
                together = born <= other_dies and other_born <= dies
                assert not together or stop <= other or other_stop <= start
