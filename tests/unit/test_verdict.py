"""What `verify` tells of several outputs, each with a tolerance of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeshift.host.verify import VerifyReport, _Tally

KNOWN: dict[str, Any] = {"model": "net", "hop": 1, "oracle": "none", "input": "none"}


def told(*outputs: tuple[float, float]) -> VerifyReport:
    """Of outputs that reach over so many units and stray by so much."""
    theirs = [np.array([0, span], np.float32) for span, _ in outputs]
    ours = [np.array([stray, span], np.float32) for span, stray in outputs]
    tally = _Tally(floating=True, tolerant=True)
    tally.add(ours, theirs, ours)
    return tally.report(**KNOWN)


@pytest.mark.parametrize("turned", [1, -1])
def test_difference_and_tolerance_are_of_one_output(turned: int) -> None:
    """A wide output may stray further than a narrow one, and yet be the one that agrees."""
    report = told(*[(100.0, 0.0005), (1.0, 0.00002)][::turned])
    assert not report.exact and report.max_abs_diff > report.tolerance
    report = told(*[(100.0, 0.0005), (1.0, 0.000001)][::turned])
    assert report.exact and report.max_abs_diff == pytest.approx(0.0005) and report.tolerance == pytest.approx(0.001)
