"""The models of ../shared/models that nobody here made: exact at every hop, planned as described, or refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from tests.shared import SHARED, shared_model

ROOT = Path(__file__).resolve().parents[2]

INTEGER = (
    "mlperf_kws_dscnn_int8",
    "mlperf_sww_int8",
    "tflm_micro_speech_int8",
    "arm_har_cnn_int8",
    "arm_cnn_s_int8_floatio",
    "ecg_heartbeats_int8_floatio",
    "random_fcn_c9_w128_int8",
    "random_tcresnet8_w98_int8",
    "tflm_mnist_lstm_int8",
    "arm_dscnn_s_int16x8",
)
FLOAT = ("tflm_magic_wand_f32", "ecg_heartbeats_f32")
HOPS = (1, 2, 3, 5)


def model(name: str) -> Path:
    return shared_model(f"{name}.tflite")


# -- exact


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("name", INTEGER)
def test_integers_are_bit_for_bit_the_reference(name: str, hop: int) -> None:
    report = edgeshift.verify(model(name), hop, seed=hop)
    assert report.exact and report.mismatched_hops == 0
    assert report.hops_compared >= 200
    assert report.max_abs_diff == 0


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("name", FLOAT)
def test_float_is_the_reference_within_rounding(name: str, hop: int) -> None:
    report = edgeshift.verify(model(name), hop, seed=hop)
    assert report.exact and report.mismatched_hops == 0
    assert report.hops_compared >= 200
    assert report.max_abs_diff <= report.tolerance <= 1e-5
    assert report.matches_window_run is True


@pytest.mark.oracle
@pytest.mark.parametrize("hop", (1, 3))
@pytest.mark.parametrize("name", (*INTEGER, *FLOAT))
def test_exact_with_whichever_oracle_is_installed(name: str, hop: int) -> None:
    """The dense layers round as the oracle at hand does: LiteRT in double, tflite-runtime in fixed point."""
    report = edgeshift.verify(model(name), hop, hops=60, seed=7)
    assert report.exact and report.hops_compared == 60
    assert report.oracle.endswith("reference kernels")


@pytest.mark.oracle
def test_long_hops_are_exact() -> None:
    """A hop that does not divide the window, the window itself, and one beyond it."""
    network = edgeshift.load(model("mlperf_sww_int8"))
    for hop in (7, 29, 30, 31, 64):
        assert edgeshift.verify(network, hop, hops=40).exact


def recording(name: str, folder: Path) -> Path:
    """Real frames, end to end: spectrograms of a wake word, or heartbeats."""
    data = SHARED / "data"
    if name.startswith("mlperf_sww"):
        frames = np.load(data / "mlperf_sww_calibration.npz")["specs"][:20].reshape(-1, 40)
    else:
        frames = np.load(data / "mitbih" / "119_beats.npz")["X"][40:46].reshape(-1, 1)
    np.save(folder / "frames.npy", frames.astype(np.float32))
    return folder / "frames.npy"


@pytest.mark.oracle
@pytest.mark.parametrize("hop", (1, 4))
@pytest.mark.parametrize("name", ("mlperf_sww_int8", "ecg_heartbeats_int8_floatio", "ecg_heartbeats_f32"))
def test_real_recordings_are_exact(name: str, hop: int, tmp_path: Path) -> None:
    """Every hop of a recording, however long it is."""
    network = edgeshift.load(model(name))
    frames = recording(name, tmp_path)
    report = edgeshift.verify(network, hop, recording=frames)
    length, window = len(np.load(frames)), network.graph.window_frames
    assert report.exact
    assert report.hops_compared == length // hop - -(-window // hop) + 1
    assert report.input == frames.name


@pytest.mark.oracle
def test_a_wrong_answer_is_noticed() -> None:
    """What makes `exact` worth something: weights other than the oracle's do not pass."""
    network = edgeshift.load(model("mlperf_kws_dscnn_int8"))
    data = bytearray(network.model)
    changed = 0
    for tensor in network.imported.tensors.values():
        if tensor.data is not None and tensor.data.ndim == 4:
            at = data.find(tensor.data.tobytes())
            data[at : at + tensor.data.nbytes] = (-1 - tensor.data).tobytes()
            changed += at > 0
    assert changed > 0
    report = edgeshift.verify(replace(network, model=bytes(data)), hops=20)
    assert not report.exact and report.mismatched_hops > 0 and report.max_abs_diff > 0


# -- the plan's figures


@dataclass(frozen=True)
class Figures:
    """Multiply-accumulates of a window and of a hop, as shift-plan.md has them."""

    window: int
    hop1: int


FIGURES = {
    "mlperf_sww_int8": Figures(826_368, 46_040),
    "mlperf_kws_dscnn_int8": Figures(2_656_768, 1_105_408),
    "random_fcn_c9_w128_int8": Figures(34_734_848, 3_416_832),
    "random_tcresnet8_w98_int8": Figures(1_522_560, 840_000),
    "tflm_magic_wand_f32": Figures(62_016, 6_784),
}


@pytest.mark.parametrize("name", FIGURES)
def test_work_per_hop(name: str) -> None:
    schedule = edgeshift.plan(model(name)).schedule
    assert schedule.macs_window == pytest.approx(FIGURES[name].window, rel=0.01)
    assert schedule.macs_per_hop == pytest.approx(FIGURES[name].hop1, rel=0.01)


def test_a_stride_of_two_costs_the_same_at_hop_1_and_2() -> None:
    network = edgeshift.load(model("mlperf_kws_dscnn_int8"))
    work = {hop: edgeshift.plan(network, hop).schedule.macs_per_hop for hop in (1, 2, 3)}
    assert work[1] == work[2] < work[3]


@pytest.mark.parametrize("name", (*INTEGER, *FLOAT))
def test_no_hop_costs_more_than_the_window(name: str) -> None:
    network = edgeshift.load(model(name))
    for hop in (1, 2, 5, 16, network.graph.window_frames, 3 * network.graph.window_frames):
        schedule = edgeshift.plan(network, hop).schedule
        assert schedule.macs_per_hop <= schedule.macs_window
        if hop >= network.graph.window_frames:
            assert not any(plan.ring for plan in schedule.streams.values())


@pytest.mark.parametrize(
    ("name", "window", "frame"),
    [
        ("mlperf_kws_dscnn_int8", 49, 10),
        ("mlperf_sww_int8", 30, 40),
        ("tflm_micro_speech_int8", 49, 40),
        ("arm_cnn_s_int8_floatio", 49, 10),
        ("arm_dscnn_s_int16x8", 49, 10),
        ("arm_har_cnn_int8", 90, 3),
        ("ecg_heartbeats_f32", 260, 1),
        ("random_fcn_c9_w128_int8", 128, 9),
        ("random_tcresnet8_w98_int8", 98, 40),
        ("tflm_magic_wand_f32", 128, 3),
    ],
)
def test_time_is_found(name: str, window: int, frame: int) -> None:
    graph = edgeshift.load(model(name)).graph
    assert (graph.window_frames, graph.inputs[0].size) == (window, frame)
    assert f"{window}" in graph.time_axis


# -- refused


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mlperf_kws_dscnn_dynrange", "dynamic-range"),
        ("dtln_1_dynrange_lstm", "dynamic-range quantisation.: activations are quantised at run time"),
    ],
)
def test_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(edgeshift.UnsupportedOpError, match=reason) as error:
        edgeshift.load(model(name))
    assert "\n" not in str(error.value)
    assert any(remedy in str(error.value) for remedy in ("quantise", "export", "replace", "split"))
