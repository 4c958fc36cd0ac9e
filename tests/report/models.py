"""Reports that several tests look at, made once."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import edgeshift
from edgeshift.pipeline import Network
from edgeshift.report.page import report_data
from tests.emit.models import written

ROOT = Path(__file__).resolve().parents[2]
ACTIVITY = ROOT / "examples" / "activity"
CLASSES = ["standing", "walking", "running", "badminton"]


def network(name: str, dtype: str = "int8") -> Network:
    """A network of the zoo."""
    with tempfile.TemporaryDirectory() as folder:
        return edgeshift.load(written(Path(folder), name, dtype))


@cache
def report(name: str, dtype: str = "int8", hop: int | None = 1, edges: str = "exact") -> dict[str, Any]:
    """A report on a network of the zoo and a short drift."""
    return report_data(network(name, dtype), hop, hops=5, edges=edges)  # type: ignore[arg-type]


@cache
def activity() -> dict[str, Any]:
    """The example's report, with its recording, labels and names."""
    return report_data(
        edgeshift.load(ACTIVITY / "activity.tflite"),
        recording=ACTIVITY / "test_recording.npy",
        labels=ACTIVITY / "test_labels.npy",
        classes=CLASSES,
    )


@cache
def worked() -> dict[str, Any]:
    """The report on the worked example of docs/shift-plan.md."""
    return report_data(edgeshift.load(ROOT / "docs" / "example.tflite"), 1, hops=5)
