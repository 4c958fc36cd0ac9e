"""What random networks have found, up the ladder again: a folder each in tests/regression, as `--save` writes it."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.run import judge
from tests.stored import stored

REGRESSION = Path(__file__).parent / "regression"


def test_found_cases_climb() -> None:
    names = sorted(folder.name for folder in REGRESSION.iterdir())
    verdicts = judge([stored(REGRESSION / name) for name in names])
    assert not {n: v.message for n, v in zip(names, verdicts, strict=True) if v.kind != "exact"}
