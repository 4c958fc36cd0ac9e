"""Accuracy of the activity network on the committed stream of test recordings.

The stream plays the 40 recordings of the test split one after the other, neighbours always of different
activities, so a window whose frames do not share one label straddles two recordings: it has no right answer,
and is not counted.

    python examples/activity/evaluate.py [--hop N]              run the reference interpreter over the stream
    python examples/activity/evaluate.py --outputs out.npy      judge outputs that something else has computed
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
MODEL = HERE / "activity.tflite"
RECORDING = HERE / "test_recording.npy"
LABELS = HERE / "test_labels.npy"
ACTIVITIES = ("Standing", "Walking", "Running", "Badminton")
WINDOW_FRAMES = 64

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Accuracy:
    """How many of the windows that lie within one recording were named rightly."""

    correct: int
    counted: int
    straddling: int

    @property
    def fraction(self) -> float:
        return self.correct / self.counted if self.counted else float("nan")

    def __str__(self) -> str:
        return f"{100 * self.fraction:.1f} % ({self.correct} of {self.counted} windows)"


def load_stream() -> tuple[Array, Array]:
    """The test stream: float32 frames [frames, 6] in raw sensor units, and the activity of each frame."""
    return np.load(RECORDING), np.load(LABELS)


def window_ends(frame_count: int, window: int, hop: int) -> Array:
    """One past the last frame of each window, in the order in which a stream of hops completes them."""
    return np.arange(-(-window // hop) * hop, frame_count + 1, hop)


def stream_windows(frames: Array, window: int = WINDOW_FRAMES, hop: int = 1) -> Array:
    """The windows that a stream of hops completes, [windows, window, channels]."""
    return np.stack([frames[end - window : end] for end in window_ends(len(frames), window, hop)])


def stream_accuracy(outputs: Array, labels: Array, window: int = WINDOW_FRAMES, hop: int = 1) -> Accuracy:
    """Judge one output vector per complete window; a shorter list of outputs is judged as far as it goes."""
    outputs = np.asarray(outputs).reshape(len(outputs), len(ACTIVITIES))
    ends = window_ends(len(labels), window, hop)
    if len(outputs) > len(ends):
        raise ValueError(f"{len(outputs)} outputs, but the stream has only {len(ends)} windows at hop {hop}")
    ends = ends[: len(outputs)]
    within = np.array([np.all(labels[end - window : end] == labels[end - 1]) for end in ends], dtype=bool)
    right = outputs.argmax(axis=1) == labels[ends - 1]
    return Accuracy(int(np.sum(right & within)), int(np.sum(within)), int(np.sum(~within)))


def reference_interpreter(model: bytes) -> Any:
    """An interpreter that uses the reference kernels, of whichever LiteRT package is installed."""
    for package in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        try:
            module = importlib.import_module(package)
        except ImportError:
            continue
        resolver = module.OpResolverType.BUILTIN_REF
        interpreter = module.Interpreter(model_content=model, experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        return interpreter
    raise SystemExit("error: no interpreter found; install ai-edge-litert or tflite-runtime")


def quantise(frames: Array, scale: float, zero_point: int) -> Array:
    """Raw sensor units to the network's int8 inputs; what lies outside its range saturates."""
    return np.clip(np.round(frames / scale) + zero_point, -128, 127).astype(np.int8)


def run_reference(model: bytes, windows: Array) -> Array:
    """The int8 outputs of the reference interpreter for float windows [n, frames, channels]."""
    interpreter = reference_interpreter(model)
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for window in quantise(windows, *source["quantization"]):
        interpreter.set_tensor(source["index"], window.reshape(source["shape"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(sink["index"])[0])
    return np.array(outputs)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Accuracy of the activity network on its test stream.")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--hop", type=int, default=1)
    parser.add_argument("--outputs", type=Path, help="judge these, .npy [windows, 4]; default: run the reference")
    options = parser.parse_args(arguments)
    frames, labels = load_stream()
    if options.outputs:
        outputs = np.load(options.outputs)
    else:
        windows = stream_windows(frames, hop=options.hop)
        outputs = run_reference(options.model.read_bytes(), windows)
    accuracy = stream_accuracy(outputs, labels, hop=options.hop)
    print(f"accuracy at hop {options.hop}: {accuracy}; {accuracy.straddling} straddle recordings: not counted")


if __name__ == "__main__":
    main()
