"""Structure in the weights: zero and repeated filters, zero taps; exact, with the work that it leaves by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from edgeshift.ir import ColumnGraph
from edgeshift.kernels import ISAS
from edgeshift.ops.expand import Expand
from edgeshift.pipeline import plan
from edgeshift.shift import use_structure
from edgeshift.shift.structure import WORTH
from tests.finish import finish
from tests.ladder import Case, at_hops, check, network
from tests.netbuilder import Net, Unit1d
from tests.shift.plans import convolutions
from tests.zoo import NO_INT16, ZOO, build

DTYPES = ("float32", "int8", "int16")
PADDINGS = ("VALID", "SAME", "CAUSAL")

Describe = Callable[[Net], None]


def model_of(describe: Describe, dtype: str = "float32", seed: int = 0) -> bytes:
    net = Net("structured", np.random.default_rng(seed))
    describe(net)
    return finish(net, dtype)


def weights_of(net: Net) -> tuple[np.ndarray, np.ndarray]:
    """The weights and the bias of the newest layer with weights, to be written to."""
    made = [t.data for t in net.network.tensors if t.data is not None and t.name.startswith(("weights", "bias"))]
    return made[-2], made[-1]


def graph_of(describe: Describe, isa: str = "portable") -> ColumnGraph:
    return use_structure(network(model_of(describe)).graph, isa)


# -- zero and repeated filters


def zero(weights: np.ndarray, bias: np.ndarray) -> None:
    weights[[1, 4, 5, 11]] = 0
    bias[4] = -3  # a constant that an activation cuts


def repeated(weights: np.ndarray, bias: np.ndarray) -> None:
    for first, others in ((0, [3, 9]), (7, [8, 10])):
        weights[others], bias[others] = weights[first], bias[first]


def both(weights: np.ndarray, bias: np.ndarray) -> None:
    zero(weights, bias)
    weights[[3, 10]], bias[[3, 10]] = weights[0], bias[0]
    weights[6], bias[6] = weights[2], bias[2] + 0.5  # another bias, another output: stays
    weights[8], bias[8] = weights[7], bias[7]


def all_zero(weights: np.ndarray, bias: np.ndarray) -> None:
    weights[:] = 0


def all_equal(weights: np.ndarray, bias: np.ndarray) -> None:
    weights[:], bias[:] = weights[0], bias[0]


PATTERNS = {f.__name__: f for f in (zero, repeated, both, all_zero, all_equal)}


def filtered(pattern: str, padding: str, dense: bool = False) -> Describe:
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 18, 6)), 12, 5, padding=padding, activation="relu")
        PATTERNS[pattern](*weights_of(net))
        x = net.conv1d(x, 5, 3, padding=padding)
        if dense:
            x = net.dense(x, 12, activation="relu6")
            PATTERNS[pattern](*weights_of(net))
        net.output(net.dense(net.mean(x, 1), 3))

    return describe


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_zero_and_repeated_filters_are_exact(padding: str, dtype: str) -> None:
    found = []
    for pattern in PATTERNS:
        label, model = f"{pattern} {padding} {dtype}", model_of(filtered(pattern, padding), dtype)
        assert use_structure(network(model).graph).notes
        found += at_hops(label, model, (1, 2, 3), outputs=6)
    found.append(Case(label, model, streamed=True, outputs=6))
    check(found, memory=dtype == "int8")


def dense_layers(net: Net) -> None:
    """Per column, in several rows of a column, and over the whole window."""
    x = net.reshape(net.input((1, 10, 32)), (1, 10, 2, 16))
    x = net.dense(x, 12, activation="relu", keep_num_dims=True)
    both(*weights_of(net))
    x = net.dense(x, 12, whole=True)
    both(*weights_of(net))
    net.output(x)


def wide_features(net: Net) -> None:
    """Time on either spatial axis, several feature positions in a column."""
    for time_first in (True, False):
        x = net.input((1, 14, 6, 3) if time_first else (1, 6, 14, 3))
        x = net.conv2d(x, 12, 3, padding="SAME", activation="relu")
        both(*weights_of(net))
        net.output(x)
        break


@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_layers_and_feature_positions_are_exact(dtype: str) -> None:
    found = []
    for describe in (dense_layers, wide_features):
        model = model_of(describe, dtype)
        assert any(isinstance(op, Expand) for op in use_structure(network(model).graph).ops)
        found += at_hops(f"{describe.__name__} {dtype}", model, (1, 3))
    check(found, memory=True)


def test_the_work_of_unique_filters_by_hand() -> None:
    """12 filters, of which 4 are zero and 3 repeat another: 5 remain, filled up to 8 as kernels have blocks of 4."""
    graph = graph_of(filtered("both", "VALID"))
    first, expand = graph.ops[0], graph.ops[1]
    assert (first.macs_per_column, first.trained_macs_per_column) == (8 * 5 * 6, 12 * 5 * 6)
    assert isinstance(expand, Expand) and expand.computed == 8 and sorted(expand.at) == [1, 4, 5, 11]
    assert "4 of 12 filters are constant or repeated, computed once: 120 fewer MACs" in graph.notes[-1]
    trained = network(model_of(filtered("both", "VALID")))
    schedule = plan(trained).schedule
    assert schedule.macs_window == 14 * 12 * 5 * 6 + 12 * 5 * 3 * 12 + 5 * 3
    assert schedule.macs_per_hop == 8 * 5 * 6 + 5 * 3 * 12 + 5 * 3
    assert [s.stream.size for s in convolutions(schedule)] == [8, 5]


def test_filters_that_save_less_than_copying_costs_stay() -> None:
    """Of 16 filters with 6 weights 4 save 24 MACs, and 16 outputs would have to be copied."""

    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 18, 6)), 16, 1)
        weights_of(net)[0][[2, 3, 5, 7]] = 0
        net.output(net.conv1d(x, 4, 3))

    trained = network(model_of(describe)).graph
    assert use_structure(trained) is trained


def test_what_pays_depends_on_the_instruction_set() -> None:
    assert set(WORTH) == set(ISAS)
    trained = network(model_of(filtered("zero", "VALID"))).graph
    made = {isa: len(use_structure(trained, isa).ops) - len(trained.ops) for isa in ISAS}
    assert made["portable"] == 1 and made["dotprod"] == 0


# -- zero taps


def tapped(
    padding: str, lead: int, trail: int, stride: int = 1, dilation: int = 1, depthwise: bool = False
) -> Describe:
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 22, 3)), 4, 3, padding=padding)
        if depthwise:
            x = net.depthwise1d(x, 2, 5, stride, dilation, padding, "relu", unit=Unit1d(axis=2))
        else:
            x = net.conv1d(x, 6, 5, stride, dilation, padding, "relu")
        weights = weights_of(net)[0]
        weights.swapaxes(0, [s == 5 for s in weights.shape].index(True))[[*range(lead), *range(5 - trail, 5)]] = 0
        net.output(net.dense(net.conv1d(x, 3, 3, padding=padding), 2, whole=True))

    return describe


TAPS = ((2, 0), (0, 2), (1, 1), (4, 0), (0, 4), (0, 5))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_zero_taps_are_exact(padding: str, dtype: str) -> None:
    found = []
    forms = ((1, 1, False), (2, 1, True), (1, 2, False), (1, 1, True))
    for number, ((lead, trail), form) in enumerate(itertools.product(TAPS, forms)):
        label = f"taps {lead} {trail} {padding} {form} {dtype}"
        model = model_of(tapped(padding, lead, trail, *form), dtype)
        if padding != "SAME":
            assert "taps are zero in all filters" in use_structure(network(model).graph).notes[0], label
        hop = 1 + (number // len(forms) + number) % 3
        found.append(Case(label, model, hop, outputs=6, seed=number, streamed=number % 7 == 0))
    check(found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_taps_run_under_the_sanitisers(dtype: str) -> None:
    check([Case(str(t), model_of(tapped("SAME", *t), dtype)) for t in TAPS], memory=True)


def test_the_work_of_taps_by_hand() -> None:
    """SAME, 5 taps, the last two zero: no column reads beyond the window, and the right edge shifts too."""
    trained = network(model_of(tapped("SAME", 0, 2)))
    plain, cut = trained.graph.ops[1], use_structure(trained.graph).ops[1]
    assert (plain.windows[0].kernel, plain.windows[0].pad) == (5, 2)
    assert (cut.windows[0].kernel, cut.windows[0].pad) == (3, 2)
    assert (cut.macs_per_column, cut.trained_macs_per_column) == (3 * 4 * 6, 5 * 4 * 6)
    assert cut.interior([range(22)]) == range(2, 22)
    schedule = plan(trained).schedule
    assert schedule.macs_window == 22 * (3 * 3 * 4 + 5 * 4 * 6 + 3 * 6 * 3) + 22 * 3 * 2


def test_a_causal_layer_without_its_oldest_taps_keeps_fewer_columns() -> None:
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 20, 2)), 3, 5, padding="VALID")
        weights = weights_of(net)[0]
        weights[:, :, :3] = 0
        net.output(net.mean(x, 1))

    schedule = plan(network(model_of(describe))).schedule
    frames = schedule.streams[schedule.graph.inputs[0].id]
    assert frames.ring is not None and frames.ring.length == 2
    assert convolutions(schedule)[0].shift.interior == range(16)
    assert schedule.macs_per_hop == 2 * 2 * 3


def test_a_column_never_reads_padding_alone() -> None:
    """The oldest tap alone would let the first two columns of a SAME convolution read nothing."""
    cut = use_structure(network(model_of(tapped("SAME", 0, 4))).graph).ops[1]
    assert (cut.windows[0].kernel, cut.windows[0].pad) == (3, 2)


def aged(net: Net) -> None:
    """A dense layer over the window that does not look at its beginning."""
    x = net.conv1d(net.input((1, 16, 3)), 4, 3, padding="VALID")  # 14 columns
    x = net.dense(x, 3, whole=True)
    weights_of(net)[0].reshape(3, 14, 4)[:, :9] = 0
    net.output(x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dense_layer_needs_no_columns_without_weights(dtype: str) -> None:
    model = model_of(aged, dtype)
    schedule = plan(network(model)).schedule
    (columns,) = convolutions(schedule)
    assert columns.requested == (9, 10, 11, 12, 13) and columns.computed == (13,)
    assert schedule.macs_per_hop == 3 * 3 * 4 + 5 * 4 * 3
    assert schedule.macs_window == 14 * 3 * 3 * 4 + 14 * 4 * 3
    check(at_hops(f"aged {dtype}", model, (1, 2, 3)), memory=True)


# -- what is only told


def valued(*levels: float) -> Describe:
    def describe(net: Net) -> None:
        x = net.conv1d(net.input((1, 18, 6)), 8, 5)
        weights = weights_of(net)[0]
        weights[:] = np.random.default_rng(1).choice(levels, weights.shape)
        net.output(net.dense(net.mean(x, 1), 3))

    return describe


@pytest.mark.parametrize(
    ("levels", "said"),
    [((-0.5, 0.5), "has binary"), ((-0.5, 0.0, 0.5), "has ternary"), ((*[0] * 18, 0.2, -0.3), "80% zeros")],
)
def test_weights_that_gain_nothing_are_named(levels: tuple[float, ...], said: str) -> None:
    trained = network(model_of(valued(*levels))).graph
    made = use_structure(trained)
    assert made.ops == trained.ops
    assert len(made.notes) == 1 and said in made.notes[0] and "no faster" in made.notes[0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_ordinary_networks_are_left_alone(dtype: str) -> None:
    for name in (n for n in ZOO if dtype != "int16" or n not in NO_INT16):
        graph = network(build(name, dtype=dtype)).graph
        assert use_structure(graph) is graph, name
