"""Networks that already stream: exact from the first call on, whatever their state is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from edgeshift.host.oracle import make_oracle
from edgeshift.reference.calls import CallExecutor
from edgeshift.reference.stream import StreamExecutor
from tests.finish import finish
from tests.ladder import network
from tests.netbuilder import Handle, Net
from tests.shared import shared_model
from tests.stateful import State, Stateful, with_variables

PUBLISHED = ("esphome_vad", "esphome_hey_jarvis", "esphome_okay_nabu")
STATE_BYTES = {"esphome_vad": 1476, "esphome_hey_jarvis": 3308, "esphome_okay_nabu": 3708}


def published(name: str) -> Path:
    return shared_model(f"{name}_v2_int8_stateful.tflite")


# -- published wake-word models


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_are_exact_over_500_calls(name: str) -> None:
    report = edgeshift.verify(published(name), hops=500, seed=3)
    assert report.exact and report.hops_compared == 500 and report.max_abs_diff == 0
    assert report.hop == 3


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_keep_each_column_once(name: str) -> None:
    plan = edgeshift.plan(published(name))
    assert plan.memory.struct_bytes <= STATE_BYTES[name]
    assert plan.schedule.macs_per_hop == plan.schedule.macs_window
    assert not any(op.op.endswith("_VARIABLE") for op in plan.schedule.ops)
    assert "_initial[" not in plan.sources.files[f"{plan.sources.name}.c"]


def test_reset_is_the_state_before_the_first_call() -> None:
    model = edgeshift.StreamingModel(published("esphome_okay_nabu"))
    frames = np.random.default_rng(1).integers(-128, 128, (9, 3, 40), np.int8)
    first = [model.push(f).tolist() for f in frames]
    model.reset()
    assert first == [model.push(f).tolist() for f in frames]


def test_another_hop_is_refused() -> None:
    with pytest.raises(edgeshift.PlanError, match="takes 3 frames at a call: its hop is 3, not 2"):
        edgeshift.plan(published("esphome_vad"), 2)
    with pytest.raises(edgeshift.PlanError, match="carries its own state"):
        edgeshift.plan(published("esphome_vad"), edges="stream")


def test_frames_of_a_call_in_front_of_a_stride() -> None:
    """All that is kept grows by one column a call, yet a call takes three frames."""
    made = Stateful((1, 3, 1, 8))
    h = made.net.conv2d(made.frames, 4, (3, 1), (3, 1), padding="VALID")
    made_of = made.net.depthwise(made.history(h, 4), 1, (5, 1), padding="VALID")
    graph = network(with_variables(*made.finish(made_of, dtype="float32"))).graph
    assert graph.call_frames == 3 and graph.inputs[0].size == 8


# -- all kinds of state


def wake_word(dtype: str) -> tuple[bytes, list[State]]:
    """Strided first layer, one column a call from there on, dense over the last history."""
    made = Stateful((1, 3, 1, 8))
    net = made.net
    h = net.conv2d(made.history(made.frames, 2), 8, (5, 1), (3, 1), padding="VALID", activation="relu")
    for taps in (5, 7):
        h = net.depthwise(made.history(h, taps - 1), 1, (taps, 1), padding="VALID")
        h = net.conv2d(h, 8, 1, padding="VALID", activation="relu")
    h = net.dense(net.reshape(made.history(h, 3), (1, 32)), 2)
    return made.finish(net.logistic(h), dtype=dtype)


def per_frame(dtype: str) -> tuple[bytes, list[State]]:
    """Four frames a call, an answer for each; dilation, and an older column of the same stream beside it."""
    made = Stateful((1, 4, 1, 6))
    net = made.net
    h = net.conv2d(made.history(made.frames, 2), 6, (3, 1), padding="VALID", activation="relu")
    whole = made.history(h, 6)
    wide = net.conv2d(whole, 6, (3, 1), dilation=(3, 1), padding="VALID", activation="relu")
    delayed = net.strided_slice(whole, (0, 1, 0, 0), (1, 5, 1, 6))
    return made.finish(net.add(wide, delayed), dtype=dtype)


def two_histories(dtype: str) -> tuple[bytes, list[State]]:
    """Two states of different lengths on one stream, and that stream an output."""
    made = Stateful((1, 2, 1, 4))
    net = made.net
    h = net.conv2d(made.frames, 4, 1, padding="VALID", activation="relu")
    a = net.conv2d(made.history(h, 4), 3, (5, 1), padding="VALID")
    b = net.conv2d(made.history(h, 2), 3, (3, 1), padding="VALID")
    return made.finish(net.add(a, b), h, dtype=dtype)


def phases(dtype: str) -> tuple[bytes, list[State]]:
    """A stride that the frames of a call are no multiple of: two grids of columns take turns."""
    made = Stateful((1, 3, 1, 4))
    net = made.net
    whole = made.history(made.frames, 8)
    pooled = net.max_pool(whole, (3, 1), (2, 1))
    return made.finish(net.dense(pooled, 3, whole=True), dtype=dtype)


def mixed_kernels(dtype: str) -> tuple[bytes, list[State]]:
    """Channels go through kernels of different length, as in mixed convolutions."""
    made = Stateful((1, 1, 1, 6))
    net = made.net
    whole = made.history(net.conv2d(made.frames, 8, 1, padding="VALID", activation="relu"), 6)
    parts = [net.strided_slice(whole, (0, 0, 0, at), (1, 7, 1, at + 4)) for at in (0, 4)]
    short = net.depthwise(net.strided_slice(parts[0], (0, 4, 0, 0), (1, 7, 1, 4)), 1, (3, 1), padding="VALID")
    long = net.depthwise(parts[1], 1, (7, 1), padding="VALID")
    mixed = net.conv2d(net.concat([short, long], 3), 5, 1, padding="VALID")
    return made.finish(mixed, dtype=dtype)


def derived(dtype: str) -> tuple[bytes, list[State]]:
    """What is computed from older columns is not computed again."""
    made = Stateful((1, 1, 1, 6))
    net = made.net
    wide = net.conv2d(made.history(made.frames, 7), 5, (3, 1), padding="VALID", activation="relu")
    return made.finish(net.mean(wide, 1), dtype=dtype)


def recurrent(dtype: str) -> tuple[bytes, list[State]]:
    """A state that is no history of columns: tanh of frame and state."""
    made = Stateful((1, 6))
    return made.finish(made.net.dense(made.cell(made.frames, 6), 3), dtype=dtype)


def dead_state(dtype: str) -> tuple[bytes, list[State]]:
    """A state that no answer depends on, one that never changes, and one that is used only by the next call."""
    made = Stateful((1, 4))
    net = made.net
    made.keep(net.relu(made.state((1, 4))))
    fixed = made.state((1, 4))
    made.keep(fixed)
    late = made.state((1, 4))
    made.keep(net.reshape(made.frames, (1, 4)))
    return made.finish(net.add(net.add(late, made.frames), net.relu(fixed)), dtype=dtype)


NETWORKS = (wake_word, per_frame, two_histories, phases, mixed_kernels, derived, recurrent, dead_state)
Make = Callable[[str], tuple[bytes, list[State]]]


def climb(net: edgeshift.Network, calls: int, outputs: str = "all") -> None:
    """LiteRT == whole calls in numpy == the plan in numpy == the C, call by call, twice over."""
    plan = edgeshift.plan(net, outputs=outputs)
    graph, hop, rng = plan.schedule.graph, plan.schedule.hop, np.random.default_rng(9)
    runs = {
        "whole calls": CallExecutor(graph).push,
        "the plan": StreamExecutor(plan.schedule).push,
        "the C": edgeshift.StreamingModel(plan, sanitize=True).push_raw,
    }
    oracle = make_oracle(net.model, net.state, streams=True)
    for call in range(calls):
        frames = []
        for stream in graph.inputs:
            shape = (hop if stream.id in graph.temporal else stream.columns, stream.size)
            real = rng.normal(0, 1, shape).astype(np.float32)
            frames.append(rng.integers(-128, 128, shape, np.int8) if stream.dtype == np.int8 else real)
        given = [
            replace(s.layout, columns=len(f)).from_columns(f, s.shape)
            for s, f in zip(graph.inputs, frames, strict=True)
        ]
        expected = plan.given_of(oracle.run(given))
        answers = {name: push(frames) for name, push in runs.items()}
        for name, answer in answers.items():
            assert answer is not None, f"{name} gives nothing at call {call}"
            for ours, theirs in zip(answer, expected, strict=True):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                if ours.dtype.kind == "f":
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5, err_msg=f"{name}, call {call}")
                else:
                    np.testing.assert_array_equal(ours, theirs, err_msg=f"{name}, call {call}")
        for ours, theirs in zip(answers["the plan"], answers["the C"], strict=True):  # type: ignore[arg-type]
            assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("dtype", ("float32", "int8"))
@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
def test_variables(make: Make, dtype: str) -> None:
    model, states = make(dtype)
    climb(network(with_variables(model, states)), calls=40)


@pytest.mark.parametrize("make", NETWORKS[:-1], ids=lambda make: make.__name__)
def test_state_that_the_caller_carries(make: Make, tmp_path: Path) -> None:
    """The same networks, their states handed in and out: `--state`."""
    model, states = make("int8")
    file = tmp_path / "carried.tflite"
    file.write_bytes(model)
    climb(edgeshift.load(file, state=[f"{s.input}:{s.output}" for s in states]), calls=40)


def test_only_the_newest_frame_of_a_call() -> None:
    model, states = per_frame("int8")
    net = network(with_variables(model, states))
    climb(net, calls=30, outputs="last")
    assert edgeshift.plan(net, outputs="last").schedule.macs_per_hop < edgeshift.plan(net).schedule.macs_per_hop


def test_a_column_is_made_where_it_is_kept() -> None:
    """The operator before a state writes into its ring: nothing copies columns into it."""
    model, states = wake_word("int8")
    plan = edgeshift.plan(network(with_variables(model, states)))
    assert [op.op for op in plan.schedule.ops if not op.macs_per_column] == ["LOGISTIC"]
    assert len(plan.memory.rings) == len(states)


def test_columns_derived_from_the_first_state_are_there() -> None:
    model, states = derived("int8")
    plan = edgeshift.plan(network(with_variables(model, states)))
    conv = next(op for op in plan.schedule.ops if op.op == "CONV_2D")
    assert plan.schedule.streams[conv.output.id].columns_per_hop == 1 < conv.output.columns


# -- operators that keep a state of their own


def filters(net: Net, x: Handle) -> Handle:
    return net.svdf(net.svdf(x, 5, 2, 7), 4, 1, 3, bias=False)


def per_call(net: Net) -> None:
    net.output(net.softmax(net.dense(filters(net, net.input((1, 6))), 3)))


def stacked_frames(net: Net) -> None:
    """Four frames a call, which all together are one column."""
    x = net.conv1d(net.input((1, 4, 3)), 4, 3, padding="VALID", activation="relu")
    net.output(net.dense(filters(net, net.reshape(x, (1, 8))), 2))


def no_memory(net: Net) -> None:
    net.output(net.svdf(net.input((1, 6)), 3, 2, 1))


def other_activations(net: Net) -> None:
    x = net.svdf(net.input((1, 5)), 4, 3, 4, activation=None)
    net.output(net.svdf(x, 3, 1, 2, activation="relu6"))


SVDF = [(describe, dtype) for describe in (per_call, stacked_frames, no_memory) for dtype in ("float32", "int8")]


@pytest.mark.parametrize(("describe", "dtype"), [*SVDF, (other_activations, "float32")])  # int8 has RELU alone
def test_svdf(describe: Callable[[Net], None], dtype: str) -> None:
    net = Net("svdf", np.random.default_rng(3))
    describe(net)
    climb(network(finish(net, dtype)), calls=25)


def test_svdf_is_exact_over_500_calls(tmp_path: Path) -> None:
    net = Net("svdf", np.random.default_rng(3))
    per_call(net)
    (tmp_path / "svdf.tflite").write_bytes(finish(net, "int8"))
    report = edgeshift.verify(tmp_path / "svdf.tflite", hops=500)
    assert report.exact and report.hops_compared == 500 and report.max_abs_diff == 0


def test_svdf_moves_no_memory() -> None:
    """Its memory is a ring, written where a frame's features are made."""
    net = Net("svdf", np.random.default_rng(3))
    per_call(net)
    plan = edgeshift.plan(network(finish(net, "int8")))
    assert [op.op for op in plan.schedule.ops][:4] == ["SVDF_FEATURES", "SVDF", "SVDF_FEATURES", "SVDF"]
    assert sorted(plan.memory.rings.values()) == [2 * 3 * 4, 2 * 7 * 10]


def test_svdf_of_another_activation_in_int8_is_refused() -> None:
    net = Net("svdf", np.random.default_rng(3))
    net.output(net.svdf(net.input((1, 5)), 4, 3, 4, activation=None))
    with pytest.raises(edgeshift.UnsupportedOpError, match="SVDF .*only RELU in int8"):
        network(finish(net, "int8"))


# -- refused


def test_a_variable_without_a_first_value_is_refused() -> None:
    model, states = wake_word("int8")
    with pytest.raises(edgeshift.UnsupportedOpError, match="not frozen.*from_keras_model"):
        network(with_variables(model, states, initialise=False))


def test_a_state_of_another_scale_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "carried.tflite"
    file.write_bytes(dead_state("int8")[0])
    with pytest.raises(edgeshift.PlanError, match="input1.*relu0.*of another shape, type or scale"):
        edgeshift.load(file, state=["1:1"])


@pytest.mark.parametrize("pair", ("9:9", "input1", "0:1", "input0:nothing"))
def test_a_state_that_is_none_is_refused(pair: str, tmp_path: Path) -> None:
    file = tmp_path / "carried.tflite"
    file.write_bytes(wake_word("int8")[0])
    with pytest.raises(edgeshift.PlanError, match="--state"):
        edgeshift.load(file, state=[pair])
