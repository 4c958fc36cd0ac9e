"""What the device tests share: the hand-written models, and the tools that must be there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import Board, DeviceModel, all_boards

FAKE_MODELS = Path(__file__).parent / "fake_model"


@pytest.fixture
def tools() -> None:
    """Skips without compiler or emulator, but never in CI: there the test fails for want of them."""
    missing = [tool for tool in ("arm-none-eabi-gcc", "qemu-system-arm") if shutil.which(tool) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(params=[board for board in all_boards() if board.emulator], ids=lambda board: board.name)
def board(request: pytest.FixtureRequest) -> Board:
    """Every board that an emulator runs."""
    chosen: Board = request.param
    return chosen


@pytest.fixture
def toy() -> DeviceModel:
    int8 = np.dtype(np.int8)
    return DeviceModel("toy", FAKE_MODELS, (int8,), (4,), (int8,), (4,))


@pytest.fixture
def duo() -> DeviceModel:
    return DeviceModel(
        "duo",
        FAKE_MODELS,
        input_dtypes=(np.dtype(np.float32), np.dtype(np.int16)),
        input_sizes=(5, 5),
        output_dtypes=(np.dtype(np.float32), np.dtype(np.int32)),
        output_sizes=(5, 1),
    )
