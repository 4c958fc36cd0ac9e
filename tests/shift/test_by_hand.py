"""Plans small enough to be worked out by hand: interior, demand, rings and phases of every layer."""

from __future__ import annotations

import pytest

from edgeshift.errors import PlanError
from edgeshift.shift import Ring
from tests.netbuilder import Net
from tests.shift.plans import blocks, convolutions, input_plan, schedule_of, streams


def fcn(padding: str) -> object:
    """The FCN of the shift plan's table: 6 channels, 96 frames, kernels 8, 5, 3, a global average, 5 classes."""

    def describe(net: Net) -> None:
        x = net.input((1, 96, 6))
        for channels, kernel in ((24, 8), (32, 5), (24, 3)):
            x = net.conv1d(x, channels, kernel, padding=padding, activation="relu")
        net.output(net.dense(net.mean(x, 1), 5))

    return describe


PER_COLUMN = (8 * 6 * 24, 5 * 24 * 32, 3 * 32 * 24)


class TestFcn:
    def test_valid_computes_one_column_a_layer(self) -> None:
        schedule = schedule_of(fcn("VALID"))
        layers = convolutions(schedule)
        assert [p.shift.interior for p in layers] == [range(89), range(85), range(83)]
        assert [p.computed for p in layers] == [(88,), (84,), (82,)]
        assert [(p.ring.first, p.ring.length) for p in layers if p.ring] == [(84, 5), (82, 3), (0, 83)]
        assert schedule.macs_window == 620_280
        assert schedule.macs_per_hop == sum(PER_COLUMN) + 24 * 5 == 7_416

    def test_same_has_two_edges(self) -> None:
        schedule = schedule_of(fcn("SAME"))
        first, second, third = convolutions(schedule)
        assert [p.shift.interior for p in (first, second, third)] == [range(3, 92), range(5, 90), range(6, 89)]
        assert third.computed == (*range(6), *range(88, 96))
        assert second.requested == (*range(7), *range(87, 96))
        assert second.computed == (*range(5), *range(89, 96))
        assert first.requested == (*range(7), *range(87, 96))
        assert first.computed == (*range(3), *range(91, 96))
        assert (first.ring, second.ring) == (Ring(3, 1, 89, 1, 1), Ring(5, 1, 85, 1, 1))
        assert blocks(second) == [(0, 1, 5), (90, 1, 6)]
        work = sum(n * macs for n, macs in zip((8, 12, 14), PER_COLUMN, strict=True))
        assert schedule.macs_per_hop == work + 120 == 87_672
        assert schedule.macs_window == 700_536

    def test_input_keeps_what_the_oldest_edge_reads(self) -> None:
        frames = input_plan(schedule_of(fcn("SAME")))
        assert frames.computed == (95,)
        assert frames.requested == (*range(7), *range(88, 96))
        assert frames.ring == Ring(0, 1, 96, 1, 1)


def last_step(net: Net) -> None:
    x = net.input((1, 40, 4))
    for dilation in (1, 2, 4):
        x = net.conv1d(x, 8, 3, dilation=dilation, padding="CAUSAL", activation="relu")
    net.output(net.dense(net.strided_slice(x, (0, -1, 0), (1, 40, 8)), 2, whole=True))


def test_last_step_of_a_causal_network_demands_one_column_a_layer() -> None:
    schedule = schedule_of(last_step)
    padded = streams(schedule, "PAD")  # column j of a layer reads j, j + dilation, j + 2 * dilation of these
    assert [p.computed for p in convolutions(schedule)] == [(39,)] * 3
    assert [p.ring for p in convolutions(schedule)] == [None] * 3
    assert [p.requested for p in padded] == [(39, 40, 41), (39, 41, 43), (39, 43, 47)]
    assert [p.ring for p in padded] == [Ring(39, 1, 3, 1, 1), Ring(39, 1, 5, 1, 1), Ring(39, 1, 9, 1, 1)]
    assert [p.shift.interior for p in padded] == [range(2, 42), range(4 + 2, 44), range(8 + 6, 48)]
    assert input_plan(schedule).ring is None
    assert schedule.macs_per_hop == 3 * 4 * 8 + 2 * 3 * 8 * 8 + 8 * 2


class TestDilated:
    """One valid convolution, kernel 3 and dilation 4, over 24 frames, of which the last column is wanted."""

    @staticmethod
    def describe(net: Net) -> None:
        x = net.conv1d(net.conv1d(net.input((1, 24, 2)), 3, 1), 3, 3, dilation=4, padding="VALID")
        net.output(net.strided_slice(x, (0, -1, 0), (1, 16, 3)))

    @pytest.mark.parametrize(
        ("hop", "computed", "ring"),
        [
            (1, (23,), Ring(15, 1, 9, 1, 1)),
            (2, (23,), Ring(15, 2, 5, 1, 1)),  # every second column only
            (4, (23,), Ring(15, 4, 3, 1, 1)),
            (3, (15, 19, 23), None),  # no column is ever asked for twice
            (8, (19, 23), Ring(15, 4, 3, 1, 2)),
            (16, (15, 19, 23), None),
        ],
    )
    def test_ring_is_thinned_to_what_is_read(self, hop: int, computed: tuple[int, ...], ring: Ring | None) -> None:
        plan = convolutions(schedule_of(self.describe, hop))[0]
        assert plan.requested == (15, 19, 23)
        assert (plan.computed, plan.ring) == (computed, ring)


def test_ring_of_a_strided_consumer_is_thinned() -> None:
    """A stride of 2 with two taps 2 apart reads even columns alone; at hop 2 odd ones never exist."""

    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 20, 2)), 3, 3, padding="VALID")  # 18 columns
        x = net.conv1d(x, 3, 2, stride=2, dilation=2, padding="VALID")  # 8 columns
        net.output(net.mean(x, 1))

    schedule = schedule_of(describe, 2)
    first, second = convolutions(schedule)
    assert second.computed == (7,)
    assert (first.requested, first.computed) == ((14, 16), (16,))
    assert first.ring == Ring(14, 2, 2, 1, 1)
    first, second = convolutions(schedule_of(describe, 1))
    assert (second.phases, second.ring) == (2, Ring(0, 1, 8, 2, 1))
    assert (first.phases, first.ring) == (1, Ring(14, 1, 3, 1, 1))


def test_a_kernel_of_one_needs_no_ring_below_it() -> None:
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 20, 2)), 3, 3, padding="VALID")
        net.output(net.conv1d(net.conv1d(x, 3, 1, stride=2, padding="VALID"), 2, 3, padding="VALID"))

    first, second, third = convolutions(schedule_of(describe, 2))
    assert first.ring is None and first.computed == (16,) and blocks(first) == [(16, 1, 1)]
    assert second.ring == Ring(6, 1, 3, 1, 1)
    assert third.ring == Ring(0, 1, 7, 1, 1)  # the output itself, whole at every hop


class TestPhases:
    """Convolutions with strides 2 and 3: the last stream has a column every 6 frames."""

    @staticmethod
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 50, 2)), 3, 2, stride=2, padding="VALID")  # 25 columns
        x = net.conv1d(x, 3, 3, stride=3, padding="VALID")  # 8 columns
        net.output(net.mean(net.conv1d(x, 4, 2, padding="VALID"), 1))

    @pytest.mark.parametrize(
        ("hop", "phases", "advance"),
        [(1, (2, 6), (1, 1)), (2, (1, 3), (1, 1)), (3, (2, 2), (3, 1)), (4, (1, 3), (2, 2)), (6, (1, 1), (3, 1))],
    )
    def test_grids_interleave(self, hop: int, phases: tuple[int, int], advance: tuple[int, int]) -> None:
        schedule = schedule_of(self.describe, hop)
        first, second, _ = convolutions(schedule)
        assert (first.shift.stride, second.shift.stride, schedule.total_stride) == (2, 6, 6)
        assert (first.phases, second.phases) == phases
        assert (first.advance, second.advance) == advance

    @pytest.mark.parametrize(("hop", "computed"), [(1, (7,)), (5, (3, 4, 5, 6, 7)), (12, (6, 7)), (18, (5, 6, 7))])
    def test_columns_that_enter(self, hop: int, computed: tuple[int, ...]) -> None:
        """At hop 5 the grid of columns every 6 frames comes round after 30 frames, five columns on."""
        _, second, third = convolutions(schedule_of(self.describe, hop))
        assert second.computed == computed
        assert third.computed == tuple(c - 1 for c in computed)


@pytest.mark.parametrize("hop", [96, 97, 200])
def test_a_hop_of_the_window_and_beyond_computes_the_window(hop: int) -> None:
    schedule = schedule_of(fcn("SAME"), hop)
    assert schedule.macs_per_hop == schedule.macs_window
    assert all(plan.ring is None for plan in schedule.streams.values())
    assert schedule.warmup_hops == 1
    assert input_plan(schedule).computed == tuple(range(96))


@pytest.mark.parametrize(("hop", "warmup"), [(1, 96), (5, 20), (7, 14), (95, 2), (96, 1)])
def test_warm_up_is_rounded_up(hop: int, warmup: int) -> None:
    assert schedule_of(fcn("VALID"), hop).warmup_hops == warmup


@pytest.mark.parametrize("hop", [5, 7])
def test_a_hop_that_does_not_divide_the_window(hop: int) -> None:
    """Valid layers still compute just the columns that enter."""
    layers = convolutions(schedule_of(fcn("VALID"), hop))
    assert [len(p.computed) for p in layers] == [hop] * 3
    assert layers[0].ring == Ring(89 - hop - 4, 1, hop + 4, 1, hop)


def test_window_wide_operators_leave_nothing_to_shift() -> None:
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 24, 4)), 8, 3, padding="VALID")
        gate = net.mean(x, 1, keep_dims=True)
        net.output(net.conv1d(net.mul(x, gate), 2, 3, padding="VALID"))

    schedule = schedule_of(describe)
    first, second = convolutions(schedule)
    assert first.computed == (21,) and first.ring == Ring(0, 1, 22, 1, 1)
    assert second.computed == tuple(range(20)) and second.ring is None
    (gated,) = streams(schedule, "MUL")
    assert len(gated.shift.interior) == 0 and len(gated.computed) == 22


def test_what_no_output_needs_is_not_computed() -> None:
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 24, 4)), 8, 3)
        net.conv1d(x, 8, 3)
        net.output(net.strided_slice(x, (0, 10, 0), (1, 12, 8)))

    schedule = schedule_of(describe)
    (only,) = convolutions(schedule)
    assert only.requested == (11,) and only.ring is None
    (kept,) = streams(schedule, "STRIDED_SLICE")
    assert kept.computed == (1,) and kept.ring == Ring(0, 1, 2, 1, 1)


def test_a_push_beyond_all_memory_is_refused() -> None:
    with pytest.raises(PlanError, match="shorter --hop"):
        schedule_of(fcn("VALID"), 1 << 31)


@pytest.mark.parametrize("hop", [0, -1])
def test_a_hop_below_one_is_refused(hop: int) -> None:
    with pytest.raises(PlanError, match="at least 1"):
        schedule_of(fcn("VALID"), hop)
