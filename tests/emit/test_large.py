"""Sizes beyond 16 bits: counters and tables widen, and nothing is cut off."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import edgeshift
from tests.ladder import network
from tests.netbuilder import Net

LARGE = 70_000  # more than 65,535


def long_ring(net: Net) -> None:
    net.output(net.reduce_max(net.relu(net.input((1, LARGE, 1))), 1))


def wide_slice(net: Net) -> None:
    x = net.input((1, 4, LARGE))
    net.output(net.relu(net.strided_slice(x, (0, 0, LARGE - 4000), (1, 4, LARGE), (1, 1, 2))))


def wide_pad(net: Net) -> None:
    net.output(net.pad(net.input((1, 4, LARGE)), [(0, 0), (1, 0), (0, 1)]))


def far_slice(net: Net) -> None:
    """Columns beyond 65,535."""
    x = net.strided_slice(net.input((1, LARGE)), (0, LARGE - 3000), (1, LARGE), (1, 3))
    net.output(net.relu(x))


@pytest.mark.parametrize(("describe", "hop"), [(long_ring, 1000), (wide_slice, 1), (wide_pad, 1), (far_slice, 5000)])
def test_streams_as_the_whole_window_does(describe: Callable[[Net], None], hop: int) -> None:
    net = Net("large", np.random.default_rng(0))
    describe(net)
    made = network(net.build(), "large")
    stream, whole = edgeshift.StreamingModel(made, hop), edgeshift.StreamingModel(made, made.graph.window_frames)
    window, warmup = stream.window_frames, stream.plan.schedule.warmup_hops
    pushes = warmup + (70 if describe is long_ring else 3)
    frames = np.random.default_rng(1).normal(0, 1, (pushes * hop, made.graph.inputs[0].size)).astype(np.float32)
    frames *= np.linspace(0.1, 3, len(frames), dtype=np.float32)[:, None]
    for push in range(pushes):
        output = stream.push(frames[push * hop : (push + 1) * hop])
        assert (output is None) == (push + 1 < warmup)
        if output is not None:
            end = (push + 1) * hop
            assert np.array_equal(output, whole.push(frames[end - window : end])), push


def test_counters_are_small_where_they_can_be() -> None:
    net = Net("small", np.random.default_rng(0))
    net.output(net.reduce_max(net.relu(net.input((1, 60, 1))), 1))
    header = edgeshift.plan(network(net.build(), "small"), 1).sources.files["small.h"]
    assert re.search(r"uint16_t \w+_head;", header) and not re.search(r"int32_t \w+_head;", header)
