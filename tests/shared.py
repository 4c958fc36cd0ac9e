"""The real networks and recordings of ../shared, which users do not have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_model(name: str) -> Path:
    """A model's file. Without ../shared its tests are skipped, but never in CI."""
    file = SHARED / "models" / name
    if not file.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{file} is missing, and this is CI")
        pytest.skip(f"{file} is not here")
    return file
