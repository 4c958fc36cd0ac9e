"""How far a network with streamed edges or carried state strays from the trained one, on the user's own recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeshift.errors import InputError
from edgeshift.files import read_array


def read_labels(path: str | Path | None, frames: Sequence[np.ndarray]) -> np.ndarray | None:
    """A class for each frame of a recording, -1 where there is none, from a `.npy` file, or from a `.csv` of one class
    a line. Raises `InputError`."""
    if path is None:
        return None
    try:
        if Path(path).suffix.lower() == ".csv":
            labels = np.array([int(line) for line in Path(path).read_text().splitlines()])
        else:
            labels = read_array(Path(path))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the labels '{path}': {error}") from error
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or all(len(labels) != len(f) for f in frames):
        raise InputError(f"'{path}' must hold one integer for each frame of the recording")
    return labels


def window_label(labels: np.ndarray | None, end: int, length: int) -> int:
    """The one class of all `length` frames before frame `end`, or -1."""
    if labels is None or end < 1:
        return -1
    window = labels[max(0, end - length) : end]
    return int(window[0]) if (window == window[0]).all() else -1


class Deviation:
    """Collects differences between streamed and trained outputs, for networks whose first output is scores.

    The streamed ones come `later` frames after those of the trained window of `frames`.
    """

    def __init__(self, frames: int, later: int, labels: np.ndarray | None) -> None:
        self._frames, self._later, self._labels = frames, later, labels
        self._differences: list[np.ndarray] = []
        self._decisions: list[tuple[int, int, int]] = []  # streamed, trained, label (-1 for none)

    def add(self, ours: Sequence[np.ndarray], trained: Sequence[np.ndarray], end: int) -> None:
        """Outputs for the trained window that ends before frame `end`."""
        pairs = list(zip(ours, trained, strict=True))
        self._differences.append(
            np.concatenate([np.abs(a.astype(np.float64) - b.astype(np.float64)).reshape(-1) for a, b in pairs])
        )
        label = window_label(self._labels, end, self._frames)
        self._decisions.append((int(ours[0].argmax()), int(trained[0].argmax()), label))

    def as_dict(self, oracle: str) -> dict[str, Any]:
        """Mean and worst absolute difference, in units of the output; the share of hops whose top class changed; with
        labels the accuracy of both, over windows of one class."""
        ours, trained, labels = np.array(self._decisions).T
        judged = labels >= 0
        made: dict[str, Any] = {
            "trained_oracle": oracle,
            "frames_later": self._later,
            "mean_abs_diff": float(np.mean(self._differences)),
            "max_abs_diff": float(np.max(self._differences)),
            "changed_top1": float((ours != trained).mean()),
        }
        if judged.any():
            made |= {
                "labelled_hops": int(judged.sum()),
                "accuracy_trained": float((trained == labels)[judged].mean()),
                "accuracy_streamed": float((ours == labels)[judged].mean()),
            }
        return made
