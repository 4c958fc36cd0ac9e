"""Real networks on emulated boards: the reference's answers there too, float networks with the host's very bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeshift
from edgeshift.host.recording import gather_frames, hop_of
from edgeshift.shift import Recurrent
from tests.models.test_shared_models import model
from tests.zoo import build

ACTIVITY = Path(__file__).resolve().parents[2] / "examples" / "activity"
BOARDS = (
    "mps2-an386", "mps2-an385", "mps2-an500", "mps2-an505", "mps3-an547", "netduino-plus-2", "raspberry-pi-zero",
    "raspberry-pi-zero-2",
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("tools")


@pytest.mark.parametrize("name", BOARDS)
def test_the_wake_word_is_exact_on_every_board(name: str) -> None:
    report = edgeshift.verify(model("mlperf_sww_int8"), board=name, hops=200 if name == "mps2-an386" else 60)
    assert report.exact and report.mismatched_hops == 0
    assert report.board == name and report.stack_bytes is not None and 0 < report.stack_bytes < 16384


@pytest.mark.parametrize("hop", (2, 5))
def test_longer_hops_are_exact(hop: int) -> None:
    report = edgeshift.verify(model("mlperf_kws_dscnn_int8"), hop, board="mps2-an386", hops=20)
    assert report.exact and report.hops_compared == 20


@pytest.mark.parametrize("name", ("mps2-an386", "mps2-an385", "mps3-an547", "raspberry-pi-4"))
def test_int16_activations_are_exact(name: str) -> None:
    report = edgeshift.verify(model("arm_dscnn_s_int16x8"), 3, board=name, hops=12)
    assert report.exact and report.hops_compared == 12


@pytest.mark.parametrize("recurrent", ("zero", "carry"))
def test_an_lstm_is_exact(recurrent: Recurrent) -> None:
    report = edgeshift.verify(model("tflm_mnist_lstm_int8"), 3, board="mps2-an386", hops=15, recurrent=recurrent)
    assert report.exact and report.hops_compared == 15 and report.recurrent == recurrent


def test_the_activity_example_is_exact_on_its_recording() -> None:
    report = edgeshift.verify(
        ACTIVITY / "activity.tflite", board="mps2-an386", hops=150, recording=ACTIVITY / "test_recording.npy"
    )
    assert report.exact and report.hops_compared == 150


@pytest.mark.parametrize("hop", (1, 3))
@pytest.mark.parametrize("architecture", ("wavenet", "two_inputs_static", "squeeze_excite_2d"))
@pytest.mark.parametrize("name", ("mps2-an386", "mps2-an385", "raspberry-pi-zero"))
def test_float_has_the_bits_of_the_host(name: str, architecture: str, hop: int, tmp_path: Path) -> None:
    """With a floating-point unit and without; exponentials and means among them."""
    file = tmp_path / f"{architecture}.tflite"
    file.write_bytes(build(architecture, 1))
    network = edgeshift.load(file)
    result = edgeshift.run(network, name, hop, hops=12, seed=3)
    host = edgeshift.StreamingModel(network, hop)
    schedule = host.plan.schedule
    frames, _, pushes = gather_frames(schedule, 12, 3, None)
    answers = [host.push_raw(hop_of(schedule.graph, frames, hop, i)) for i in range(pushes)]
    assert result.hops == [i for i, answer in enumerate(answers) if answer is not None]
    for push, outputs in zip(result.hops, result.outputs, strict=True):
        expected = answers[push]
        assert expected is not None
        assert [np.asarray(o).tobytes() for o in outputs] == [o.tobytes() for o in expected]
