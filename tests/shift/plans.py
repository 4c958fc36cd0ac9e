"""What the tests of the shift plan share: schedules of drawn networks, and their streams by operator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeshift.ir import ColumnGraph
from edgeshift.shift import Schedule, StreamPlan, make_schedule
from tests.ladder import network
from tests.netbuilder import Net

Describe = Callable[[Net], object]


def graph_of(describe: Describe, time_axis: int | None = None, frames: int | None = None) -> ColumnGraph:
    """The column graph of a float network; outputs are declared by `describe`."""
    net = Net("drawn", np.random.default_rng(0))
    describe(net)
    return network(net.build(), "drawn", time_axis, frames).graph


def schedule_of(describe: Describe, hop: int = 1) -> Schedule:
    return make_schedule(graph_of(describe), hop)


def streams(schedule: Schedule, *operators: str) -> list[StreamPlan]:
    """The outputs of all operators of these names, in order."""
    return [schedule.streams[op.output.id] for op in schedule.ops if op.op in operators]


def convolutions(schedule: Schedule) -> list[StreamPlan]:
    return streams(schedule, "CONV_2D")


def input_plan(schedule: Schedule) -> StreamPlan:
    return schedule.streams[schedule.graph.inputs[0].id]


def blocks(plan: StreamPlan) -> list[tuple[int, int, int]]:
    return [(b.first, b.step, b.length) for b in plan.blocks]
