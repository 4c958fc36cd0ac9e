"""The committed example is what its model card says: its accuracy, judged by the reference interpreter."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "activity"


@pytest.fixture(scope="module")
def evaluate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("activity_evaluate", FOLDER / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.oracle
def test_the_reference_interpreter_reaches_the_model_cards_accuracy(evaluate: ModuleType) -> None:
    frames, labels = evaluate.load_stream()
    outputs = evaluate.run_reference(evaluate.MODEL.read_bytes(), evaluate.stream_windows(frames))
    accuracy = evaluate.stream_accuracy(outputs, labels)
    assert (accuracy.correct, accuracy.counted, accuracy.straddling) == (1477, 1480, 2457)


def test_the_stream_has_a_label_for_each_frame(evaluate: ModuleType) -> None:
    frames, labels = evaluate.load_stream()
    assert frames.shape == (4000, 6) and frames.dtype == np.float32
    assert labels.shape == (4000,) and set(labels) == {0, 1, 2, 3}


@pytest.mark.parametrize("hop", [1, 3, 64, 100])
def test_windows_that_straddle_two_recordings_are_not_counted(evaluate: ModuleType, hop: int) -> None:
    labels = np.repeat([0, 1], 100)
    ends = evaluate.window_ends(len(labels), 64, hop)
    within = [end for end in ends if end <= 100 or end >= 164]
    perfect = np.eye(4)[labels[ends - 1]]
    accuracy = evaluate.stream_accuracy(perfect, labels, 64, hop)
    assert (accuracy.correct, accuracy.counted) == (len(within), len(within))
    assert accuracy.straddling == len(ends) - len(within)
