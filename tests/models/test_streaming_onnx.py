"""The streaming ONNX models of ../shared/models: state in the C, 300 calls within the tolerance of ONNX Runtime."""

from __future__ import annotations

import wave

import numpy as np
import pytest

import edgeshift
from edgeshift.host.model import StreamingModel
from edgeshift.host.oracle import make_oracle
from edgeshift.host.recording import hop_of, reference_inputs
from edgeshift.host.verify import FLOAT_TOLERANCE
from edgeshift.pipeline import Network
from edgeshift.reference.calls import CallExecutor
from tests.shared import SHARED, shared_model

pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")

CALLS, OWN_CALLS = 300, 12


def load(name: str, **options: object) -> Network:
    return edgeshift.load(shared_model(f"{name}.onnx"), **options)  # type: ignore[arg-type]


def speech() -> np.ndarray:
    """Words, noise and silence at 16 kHz."""
    parts = []
    for name in ("yes", "noise", "no", "silence"):
        with wave.open(str(SHARED / "data" / f"{name}_1000ms.wav")) as file:
            parts.append(np.frombuffer(file.readframes(file.getnframes()), "<i2"))
    return np.concatenate(parts).astype(np.float32) / 32768


def agree(network: Network, frames: np.ndarray) -> np.ndarray:
    """300 calls of the C with ONNX Runtime, the first few with our own calls bit for bit; all outputs."""
    made = edgeshift.plan(network)
    graph, hop = made.schedule.graph, made.schedule.hop
    model, oracle, own = StreamingModel(made), make_oracle(network.model, network.state), CallExecutor(graph)
    ours, theirs = [], []
    for call in range(CALLS):
        pushed = hop_of(graph, [frames], hop, call)
        ours.append(model.push_raw(pushed)[0])  # type: ignore[index]
        theirs.append(oracle.run(reference_inputs(network.graph, [frames], hop, call))[0])
        if call < OWN_CALLS:
            assert own.push(pushed)[0].tobytes() == ours[-1].tobytes(), f"call {call}"
    a, b = np.stack(ours), np.stack(theirs)
    assert np.abs(a - b).max() <= FLOAT_TOLERANCE * np.ptp(b)
    return b


@pytest.mark.oracle
def test_silero_vad() -> None:
    """512 new samples a call behind the 64 before them; the sampling rate is an input that changes nothing."""
    network = load("silero_vad_16k", frames=576, state=["state:stateN"])
    sound = np.tile(speech(), 3)[: 64 + 512 * CALLS]
    calls = np.lib.stride_tricks.sliding_window_view(sound, 576)[::512][:CALLS]
    voice = agree(network, calls.reshape(-1, 1)).reshape(-1)
    assert voice.max() > 0.9 and voice.min() < 0.01  # it hears the words


CACHES = [f"{name}_cache:{name}_cache_out" for name in ("conv", "tra", "inter")]


@pytest.mark.oracle
def test_gtcrn() -> None:
    """One frame of a spectrogram a call."""
    network = load("gtcrn_stream", state=CACHES)
    spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(np.tile(speech(), 2), 512)[::256] * np.hanning(512))
    frames = np.stack([spectra.real, spectra.imag], axis=-1)[:CALLS].astype(np.float32)
    agree(network, frames.reshape(CALLS, -1))


def test_the_caches_of_gtcrn_are_rings() -> None:
    """Of the one cache for all layers every layer has its part: nothing but new columns is written."""
    network = load("gtcrn_stream", state=CACHES)
    schedule = edgeshift.plan(network).schedule
    rings = [p.ring.length for p in schedule.streams.values() if p.ring is not None and p.stream.size == 16 * 33]
    assert sorted(rings) == [3, 3, 5, 5, 11, 11]
    assert schedule.graph.call_frames == 1 and schedule.graph.inputs[0].size == 514
