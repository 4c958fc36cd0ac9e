"""RAM, work and exactness traded: left edges early, sums kept, RAM budgets, edges that follow the stream."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from edgeshift.errors import MemoryBudgetError
from edgeshift.pipeline import plan, plan_curve
from edgeshift.shift import make_schedule
from tests.finish import finish
from tests.ladder import Case, check, network, prepare
from tests.ladder_c import shared_library
from tests.litert import run
from tests.netbuilder import Net
from tests.zoo import ZOO, build

KERNELS, CHANNELS, WINDOW = (8, 5, 3), (16, 32, 16), 128


@cache
def stack(dtype: str = "int8", padding: str = "SAME", window: int = WINDOW) -> bytes:
    """Three convolutions and a mean over time; the same weights whatever the padding and the window."""
    net = Net("stack", np.random.default_rng(0))
    x = net.input((1, window, 9))
    for channels, kernel in zip(CHANNELS, KERNELS, strict=True):
        x = net.conv1d(x, channels, kernel, padding=padding, activation="relu")
    net.output(net.mean(x, 1))
    return finish(net, dtype)


class TestEarlyEdgesAndKeptSums:
    @pytest.mark.parametrize("hop", [1, 2, 5, 8])
    def test_one_sum_a_channel_waits_for_each_window_under_way(self, hop: int) -> None:
        """Of 16 bits each, and the running one; rings reach no further than kernels and edges do."""
        made = plan(network(stack()), hop)
        (sums,) = made.memory.sums.values()
        (kept,) = made.schedule.sums.values()
        assert made.schedule.lead == kept.entries and WINDOW // hop - 15 <= kept.entries <= WINDOW // hop
        assert sums.waiting_bytes == kept.entries * 16 * 2 and sums.running_bytes == 16 * 2
        assert not made.memory.queues
        assert all(p.ring.length <= 8 + 2 * hop + 7 for p in made.schedule.streams.values() if p.ring is not None)

    @pytest.mark.parametrize("hop", [1, 2, 3, 7, 16])
    def test_work_is_that_of_the_direct_schedule(self, hop: int) -> None:
        made = network(stack())
        assert plan(made, hop).schedule.macs_per_hop == make_schedule(made.graph, hop).macs_per_hop

    def test_float_keeps_columns(self) -> None:
        """Float sums depend on their order: they are made anew for each window."""
        assert not plan(network(stack("float32")), 1).memory.sums

    @pytest.mark.parametrize("frames", [254, 255, 256, 257, 300])
    def test_sums_wrap_around_at_their_ends(self, frames: int) -> None:
        """As many of the largest magnitudes as a sum may have, on both sides of where it needs more than 16 bits."""
        net = Net("wide", np.random.default_rng(frames))
        net.output(net.mean(net.conv1d(net.input((1, frames, 1)), 4, 3), 1))
        climber = prepare(Case(f"{frames} frames", finish(net, "int8"), 5, outputs=12, seed=1), "n0")
        (kept,) = climber.plan.schedule.sums
        rule = kept.sum_rule()
        assert rule is not None and rule.dtype == (np.int16 if frames <= 255 else np.int32)
        turns = np.random.default_rng(0).random(climber.pushes) < 0.2
        climber.recording[0][:] = np.where(np.cumsum(turns) % 2, 127, -128).astype(np.int8)[:, None, None]
        streamed, expected = shared_library([climber.program()])["n0"], climber.oracle()
        assert expected is not None
        np.testing.assert_array_equal([o[0] for o in streamed], [o[0] for o in expected])


class TestBudgets:
    def test_more_ram_is_less_work(self) -> None:
        made = network(build("tc_resnet", 0, "int8"))
        curve = plan_curve(made, 1)
        assert len(curve) > 3
        for tight, loose in zip(curve, curve[1:], strict=False):
            chosen = plan(made, 1, ram=loose.memory.struct_bytes - 1)
            assert chosen.memory.struct_bytes < loose.memory.struct_bytes
            assert chosen.schedule.macs_per_hop == tight.schedule.macs_per_hop > loose.schedule.macs_per_hop

    def test_what_does_not_fit_is_refused_with_what_would(self) -> None:
        made = network(stack())
        least = plan_curve(made, 1)[0].memory.struct_bytes
        assert plan(made, 1, ram=least).memory.struct_bytes <= least
        with pytest.raises(MemoryBudgetError, match=f"{least:,} bytes"):
            plan(made, 1, ram=least - 1)

    def test_the_zoo_is_exact_in_the_least_ram(self) -> None:
        check([Case(name, build(name, 1, "int8"), 1 + i % 4, curve=0) for i, name in enumerate(ZOO)])


class TestStreamedEdges:
    def test_they_are_the_network_without_padding_on_a_longer_window(self) -> None:
        """SAME with streamed edges is VALID, LiteRT's own, on as many frames more as the padding reaches for."""
        climber = prepare(Case("stack", stack("float32"), 3, outputs=5, streamed=True))
        streamed = climber.plan.streamed
        assert streamed is not None
        assert (streamed.before, streamed.after) == (3 + 2 + 1, 4 + 2 + 1)
        assert climber.plan.schedule.window_frames == WINDOW + 13
        valid = stack("float32", "VALID", WINDOW + 13)
        for ours, window in zip(climber.numpy_stream(), climber.windows, strict=True):
            (theirs,) = run(valid, [w.reshape(1, WINDOW + 13, 9) for w in window])
            np.testing.assert_allclose(ours[0], theirs, rtol=0, atol=1e-5 * np.ptp(theirs))

    def test_they_cost_one_column_a_layer(self) -> None:
        made = plan(network(stack()), 1, edges="stream")
        assert {len(p.computed) for p in made.schedule.streams.values()} == {1}
        assert made.schedule.macs_per_hop == 8 * 9 * 16 + 5 * 16 * 32 + 3 * 32 * 16

    def test_nothing_changes_without_padding(self) -> None:
        made = network(build("fcn_valid"))
        exact, streamed = plan(made, 2), plan(made, 2, edges="stream")
        assert exact.schedule.window_frames == streamed.schedule.window_frames
        assert exact.schedule.macs_per_hop == streamed.schedule.macs_per_hop

    def test_outputs_keep_the_trained_columns(self) -> None:
        """An output that a later layer's padding reaches beyond, and columns joined over time."""
        net = Net("read on", np.random.default_rng(0))
        x = net.conv1d(net.input((1, 12, 3)), 4, 3)
        net.output(x, net.conv1d(net.mirror_pad(x, [(0, 0), (2, 1), (0, 0)]), 2, 5), net.conv1d(x, 2, 5))
        climber = prepare(Case("read on", net.build(), 2, streamed=True))
        assert [s.shape for s in climber.graph.outputs] == [(1, 12, 4), (1, 15, 2), (1, 12, 2)]
        check([climber.case])

    def test_the_zoo_streams_as_its_longer_windows(self) -> None:
        check([Case(name, build(name, 1), 1 + i % 4, streamed=True) for i, name in enumerate(ZOO)])
