"""Properties of every plan: columns are at hand when they are read, and none is computed twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeshift.ops.stepwise import Stepwise
from edgeshift.pipeline import Plan, plan, plan_curve
from edgeshift.shift import Schedule, make_schedule
from tests.fuzz.draw import Drawn
from tests.ladder import network
from tests.shift.simulation import Simulation
from tests.strategies import networks
from tests.zoo import ZOO, build

ANY_HOP = st.one_of(st.integers(1, 7), st.integers(8, 50))
SETTINGS: Any = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def simulate(made: Plan) -> None:
    """Long enough for every ring, queue and phase to come round after the first window."""
    plans = made.schedule.streams.values()
    turns = max((p.ring.phases * p.ring.length // max(p.ring.advance, 1) for p in plans if p.ring), default=0)
    simulation = Simulation(made)
    for _ in range(made.schedule.warmup_hops + min(turns, 40) + made.schedule.lead + 2):
        simulation.push()


def check_places(schedule: Schedule) -> None:
    """Rings hold interior columns only, some of them from earlier hops, and are no longer than what is asked for."""
    stepwise = {op.output.id for op in schedule.ops if isinstance(op, Stepwise)}  # every step, whichever is read
    for made in schedule.streams.values():
        assert made.stream.id in stepwise or set(made.computed) <= set(made.requested)
        if made.ring is not None:
            assert set(made.ring.columns) <= set(made.shift.interior)
            assert any(j not in made.computed for j in made.ring.columns if j in made.requested)
            assert made.ring.first in made.requested and made.ring.columns[-1] in made.requested
    for op in schedule.ops:
        if op in schedule.sums:
            continue
        for stream, window in zip(op.inputs, op.windows, strict=True):
            for j in schedule.streams[op.output.id].computed:
                reads = window.reads_inside(j, stream.columns)
                known = schedule.streams[stream.id]
                queued = known.early if known.queue is not None else ()
                assert set(reads) <= {*known.requested, *queued}


def computed_with_perfect_memory(schedule: Schedule, hops: int) -> dict[int, set[int]]:
    """Columns that a lazy evaluation computes at its last hop if it never forgets an interior column."""
    made: dict[int, set[tuple[int, int]]] = {i: set() for i in schedule.streams}
    done: dict[int, set[int]] = {}
    for hop in range(hops):
        done = {i: set() for i in schedule.streams}
        asked: dict[int, set[int]] = {i: set() for i in schedule.streams}
        for stream in schedule.graph.outputs:
            asked[stream.id].update(range(stream.columns))
        for op in reversed(schedule.ops):
            shift = schedule.streams[op.output.id].shift
            if isinstance(op, Stepwise) and asked[op.output.id]:
                asked[op.output.id].update(range(max(asked[op.output.id]) + 1))
            for j in asked[op.output.id]:
                inside = j in shift.interior
                column = (hop * schedule.hop + j * shift.stride, 0) if inside else (hop, -1 - j)
                if column in made[op.output.id]:
                    continue
                made[op.output.id].add(column)
                done[op.output.id].add(j)
                for stream, window in zip(op.inputs, op.windows, strict=True):
                    asked[stream.id].update(window.reads_inside(j, stream.columns))
    return done


def check_work(model: bytes, hop: int) -> None:
    """The direct schedule computes what perfect memory leaves to compute, and the plan's work is no more."""
    made = network(model)
    direct, chosen = make_schedule(made.graph, hop), plan(made, hop)
    turns = direct.warmup_hops + 2 * max(p.phases for p in direct.streams.values())
    lazy = computed_with_perfect_memory(direct, turns + 1)
    for op in direct.ops:
        assert set(direct.streams[op.output.id].computed) == lazy[op.output.id], op.label
    assert chosen.schedule.macs_per_hop <= direct.macs_per_hop <= direct.macs_window


def check_curve(model: bytes, hop: int) -> None:
    """Less RAM costs more work, all along; the default plan has the end of it; every plan is sound."""
    made = network(model)
    default, curve = plan(made, hop), plan_curve(made, hop)
    work = [p.schedule.macs_per_hop for p in curve]
    ram = [p.memory.struct_bytes for p in curve]
    assert work == sorted(work, reverse=True) and len(set(work)) == len(work)
    assert ram == sorted(ram) and len(set(ram)) == len(ram)
    assert (work[-1], ram[-1]) == (default.schedule.macs_per_hop, default.memory.struct_bytes)
    for candidate in curve[:3]:
        check_places(candidate.schedule)
        simulate(candidate)


@given(networks(), ANY_HOP)
@SETTINGS
def test_columns_are_at_hand(drawn: Drawn, hop: int) -> None:
    made = plan(network(drawn.model), hop)
    check_places(made.schedule)
    simulate(made)


@given(networks(), ANY_HOP)
@settings(SETTINGS, max_examples=40)
def test_columns_are_at_hand_when_edges_follow_the_stream(drawn: Drawn, hop: int) -> None:
    made = plan(network(drawn.model), hop, edges="stream")
    check_places(made.schedule)
    simulate(made)


@given(networks(), ANY_HOP)
@settings(SETTINGS, max_examples=60)
def test_nothing_is_computed_that_perfect_memory_would_save(drawn: Drawn, hop: int) -> None:
    check_work(drawn.model, hop)


@given(networks(), ANY_HOP)
@settings(SETTINGS, max_examples=40)
def test_ram_is_traded_for_work(drawn: Drawn, hop: int) -> None:
    check_curve(drawn.model, hop)


@pytest.mark.parametrize("hop", [1, 2, 3, 5, 12, 60])
def test_zoo(hop: int) -> None:
    for name in ZOO:
        for dtype in ("float32", "int8"):
            made = plan(network(build(name, 0, dtype)), hop)
            check_places(made.schedule)
            simulate(made)
        check_work(build(name), hop)


def test_the_simulation_notices() -> None:
    """A ring one column short, a scratch one word short of what meets: both spoil an output."""
    from dataclasses import replace

    made = plan(network(build("tcn_last_step")), 1)
    schedule = made.schedule
    for i, stream in schedule.streams.items():
        if stream.ring is None:
            continue
        shorter = replace(stream, ring=replace(stream.ring, length=stream.ring.length - 1))
        streams = {**schedule.streams, i: shorter}
        with pytest.raises(AssertionError):
            simulate(replace(made, schedule=replace(schedule, streams=streams)))
    blocks = {i: tuple(replace(b, offset=0) for b in placed) for i, placed in made.memory.blocks.items()}
    with pytest.raises(AssertionError):
        simulate(replace(made, memory=replace(made.memory, blocks=blocks)))
