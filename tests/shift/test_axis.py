"""Pass 1: where time is guessed to lie, how it is followed, and what is said when it cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from edgeshift.errors import PlanError
from tests.netbuilder import Net
from tests.shift.plans import convolutions, graph_of
from tests.shift.plans import schedule_of as schedule


def reduced(*shapes: tuple[int, ...]) -> object:
    """A network of inputs of these shapes, each flattened into a dense layer."""

    def describe(net: Net) -> None:
        flat = [net.reshape(net.input(shape), (1, -1)) for shape in shapes]
        net.output(net.dense(net.concat(flat, 1) if len(flat) > 1 else flat[0], 2))

    return describe


@pytest.mark.parametrize(
    ("shape", "window", "frame"),
    [
        ((1, 12, 5), 12, 5),
        ((1, 12, 5, 3), 12, 15),
        ((1, 12, 1, 5), 12, 5),
        ((1, 1, 12, 5), 12, 5),
        ((12, 5), 12, 5),
        ((1, 12), 12, 1),
        ((1, 1, 1, 12), 12, 1),
        ((1, 12, 1, 1), 12, 1),
        ((1, 3, 12, 1), 12, 3),
        ((1, 3, 11, 1), 3, 11),
        ((1, 1), 1, 1),
    ],
)
def test_the_first_long_axis_is_time_or_a_far_longer_second(shape: tuple[int, ...], window: int, frame: int) -> None:
    graph = graph_of(reduced(shape))
    assert (graph.window_frames, graph.inputs[0].size) == (window, frame)
    assert graph.temporal == {graph.inputs[0].id}


@pytest.mark.parametrize(
    ("first", "window", "frame"),
    [((1, 12, 5, 1), 12, 5), ((1, 12, 5), 12, 5), ((1, 1, 12, 5), 12, 5), ((1, 60, 1), 60, 1)],
)
def test_a_flat_input_has_the_time_of_its_first_reshape(first: tuple[int, ...], window: int, frame: int) -> None:
    def describe(net: Net) -> None:
        x = net.relu(net.reshape(net.input((1, 60)), first))
        net.output(net.dense(net.reshape(x, (1, 60)), 2))

    graph = graph_of(describe)
    assert (graph.window_frames, graph.inputs[0].size) == (window, frame)
    assert "guessed" in graph.time_axis and str(window) in graph.time_axis


class TestOverrides:
    @pytest.mark.parametrize(("axis", "window"), [(1, 12), (2, 5), (3, 4), (-1, 4), (-2, 5), (0, 1)])
    def test_axis(self, axis: int, window: int) -> None:
        assert graph_of(reduced((1, 12, 5, 4)), time_axis=axis).window_frames == window

    @pytest.mark.parametrize(("frames", "size"), [(60, 1), (12, 5), (5, 12), (1, 60)])
    def test_frames_divide_a_flat_input(self, frames: int, size: int) -> None:
        graph = graph_of(reduced((1, 60)), frames=frames)
        assert (graph.window_frames, graph.inputs[0].size) == (frames, size)
        assert "asked" in graph.time_axis

    @pytest.mark.parametrize(("frames", "inner"), [(12, 5), (5, 1)])
    def test_frames_name_an_axis(self, frames: int, inner: int) -> None:
        layout = graph_of(reduced((1, 12, 5)), frames=frames).inputs[0].layout
        assert (layout.columns, layout.inner) == (frames, inner)

    @pytest.mark.parametrize("axis", [3, -4, 99])
    def test_no_such_axis(self, axis: int) -> None:
        with pytest.raises(PlanError, match=f"no axis {axis}"):
            graph_of(reduced((1, 12, 5)), time_axis=axis)

    @pytest.mark.parametrize("frames", [0, -3, 7, 61])
    def test_frames_that_do_not_divide(self, frames: int) -> None:
        with pytest.raises(PlanError, match=f"{frames} frames"):
            graph_of(reduced((1, 60)), frames=frames)


class TestSeveralInputs:
    def test_the_first_with_a_clear_axis_leads(self) -> None:
        graph = graph_of(reduced((1, 7), (1, 12, 3), (1, 12, 4)))
        assert graph.window_frames == 12
        assert graph.temporal == {s.id for s in graph.inputs[1:]}
        assert "handed over whole" in graph.time_axis

    def test_one_of_another_layout_follows_by_length(self) -> None:
        graph = graph_of(reduced((1, 12, 3), (1, 4, 12)))
        assert [s.layout.columns for s in graph.inputs] == [12, 12]
        assert [s.layout.inner for s in graph.inputs] == [3, 1]


class TestFollowing:
    def test_through_the_reshapes_of_conv1d(self) -> None:
        def describe(net: Net) -> None:
            x = net.conv1d(net.input((1, 20, 3)), 4, 3, padding="VALID")
            for shape in ((1, 18, 1, 4), (1, 1, 18, 4), (18, 4), (1, 72), (1, 18, 4)):
                x = net.reshape(x, shape)
            net.output(net.mean(net.conv1d(x, 2, 3, padding="VALID"), 1))

        graph = graph_of(describe)
        assert [op.op for op in graph.ops] == ["CONV_2D", "CONV_2D", "MEAN"]
        assert graph.notes == ()
        assert [p.computed for p in convolutions(schedule(describe))] == [(17,), (15,)]

    def test_stacked_frames_are_columns_of_twice_the_stride(self) -> None:
        def describe(net: Net) -> None:
            x = net.conv1d(net.input((1, 20, 3)), 4, 1)
            net.output(net.mean(net.conv1d(net.reshape(x, (1, 10, 8)), 2, 3, padding="VALID"), 1))

        first, second = convolutions(schedule(describe))
        assert (first.shift.stride, second.shift.stride) == (1, 2)
        assert second.computed == (7,) and second.phases == 2

    def test_where_it_is_lost_is_said(self) -> None:
        def describe(net: Net) -> None:
            x = net.conv1d(net.input((1, 12, 4)), 4, 3)
            net.output(net.conv1d(net.reshape(x, (1, 8, 6)), 2, 3))

        graph = graph_of(describe)
        assert len(graph.notes) == 1
        assert "time cannot be followed" in graph.notes[0] and "[1, 1, 8, 6]" in graph.notes[0]

    def test_a_constant_operand_has_no_time_to_follow(self) -> None:
        def describe(net: Net) -> None:
            x = net.input((1, 12, 4))
            known = net.constant(np.ones((1, 12, 2)))
            net.output(net.conv1d(net.concat([x, known], 2), 2, 3))

        assert graph_of(describe).notes == ()
