"""`outputs = last` and `seen`: of a network that answers for every frame only the newest."""

from __future__ import annotations

import numpy as np
import pytest

import edgeshift
from tests.ladder import network
from tests.netbuilder import Handle, Net


def causal(net: Net, x: Handle) -> list[Handle]:
    """A TCN: no column knows what comes after it."""
    h = net.conv1d(x, 8, 3, padding="CAUSAL", activation="relu")
    for dilation in (2, 4):
        h = net.add(h, net.conv1d(h, 8, 3, dilation=dilation, padding="CAUSAL", activation="relu"))
    return [net.logistic(net.conv1d(h, 2, 1))]


def centred(net: Net, x: Handle) -> list[Handle]:
    """SAME padding: three frames on either side of each."""
    return [net.softmax(net.conv1d(net.conv1d(x, 8, 5, activation="relu"), 6, 3))]


def strided(net: Net, x: Handle) -> list[Handle]:
    """A column for every two frames, and an answer for the whole window beside it."""
    h = net.conv1d(net.conv1d(x, 8, 5, activation="relu"), 6, 3, stride=2)
    return [h, net.mean(h, 1)]


def gated(net: Net, x: Handle) -> list[Handle]:
    """Every column depends on the whole window."""
    h = net.conv1d(x, 4, 3)
    return [net.mul(h, net.logistic(net.mean(h, 1, keep_dims=True)))]


def built(make: object, int8: bool) -> edgeshift.Network:
    rng = np.random.default_rng(3)
    net = Net("frames", rng)
    net.output(*make(net, net.input((1, 40, 4))))  # type: ignore[operator]
    windows = [[rng.normal(0, 1, (1, 40, 4)).astype(np.float32)] for _ in range(4)]
    return network(net.quantize(windows) if int8 else net.build(), make.__name__)  # type: ignore[attr-defined]


@pytest.mark.oracle
@pytest.mark.parametrize("edges", ("exact", "stream"))
@pytest.mark.parametrize("outputs", ("last", "seen"))
@pytest.mark.parametrize("int8", (False, True), ids=("f32", "int8"))
@pytest.mark.parametrize("make", (causal, centred, strided), ids=lambda make: make.__name__)
def test_it_is_the_frame_of_the_trained_output(make: object, int8: bool, outputs: str, edges: str) -> None:
    for hop in (1, 3) if int8 else (2,):
        report = edgeshift.verify(built(make, int8), hop, hops=20, seed=hop, outputs=outputs, edges=edges)
        assert report.exact and report.hops_compared == 20
        assert (report.outputs, report.edges) == (outputs, edges)


@pytest.mark.oracle
def test_window_wide_answers_have_a_newest_frame_too() -> None:
    net = built(gated, True)
    assert edgeshift.verify(net, 2, hops=20, outputs="last").exact
    with pytest.raises(edgeshift.PlanError, match="no frame of output .* use --outputs last"):
        edgeshift.plan(net, outputs="seen")


def test_a_causal_network_costs_one_column_per_layer() -> None:
    schedule = edgeshift.plan(built(causal, True), outputs="last").schedule
    assert all(schedule.streams[op.output.id].columns_per_hop == 1 for op in schedule.ops)
    one_column = sum(op.macs_per_column for op in schedule.ops)
    assert schedule.macs_per_hop == one_column
    assert edgeshift.plan(built(causal, True)).schedule.macs_per_hop > 5 * one_column


def test_latency() -> None:
    """How long the frame that is given lies back: what SAME padding looks ahead, in frames."""
    known = ((causal, "seen", 0), (centred, "last", 0), (centred, "seen", 3), (strided, "seen", 4))
    for make, outputs, latency in known:
        newest = edgeshift.plan(built(make, True), outputs=outputs).newest  # type: ignore[arg-type]
        assert newest is not None and newest.latency == latency, (make, outputs)
        assert any("newest frame" in note for note in newest.graph.notes)


def test_fully_seen_frames_have_no_edges() -> None:
    schedule = edgeshift.plan(built(centred, True), outputs="seen").schedule
    assert all(schedule.streams[op.output.id].columns_per_hop == 1 for op in schedule.ops)


def test_shapes_keep_their_axes() -> None:
    model = edgeshift.StreamingModel(edgeshift.plan(built(strided, True), 2, outputs="last"))
    assert [s.shape for s in model.plan.schedule.graph.outputs] == [(1, 1, 6), (1, 6)]


def test_a_network_without_answers_per_frame_is_refused() -> None:
    def pooled(net: Net, x: Handle) -> list[Handle]:
        return [net.mean(net.conv1d(x, 4, 3), 1)]

    with pytest.raises(edgeshift.PlanError, match="one answer for a window"):
        edgeshift.plan(built(pooled, True), outputs="last")
