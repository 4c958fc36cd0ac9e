"""What the device tests share: the hand-written models, and the tools that must be there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import Board, DeviceModel, all_boards, load_board
from edgeshift.device.emulator import command_line
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import ToolchainError

FAKE_MODELS = Path(__file__).parent / "fake_model"


@pytest.fixture
def tools(request: pytest.FixtureRequest) -> None:
    """Skips without the board's compiler or emulator, but never in CI: there the test fails."""
    board = request.getfixturevalue("board") if "board" in request.fixturenames else load_board("mps2-an386")
    try:
        find_toolchain(board)
        if board.emulator:
            command_line(board, Path("image.elf"))
    except ToolchainError as error:
        if os.environ.get("CI") != "true":
            pytest.skip(str(error))


# Of boards with the same images and the same emulator one is enough.
EMULATED = {(b.toolchain, b.isa, b.memory, b.emulator): b.name for b in all_boards() if b.emulator}


@pytest.fixture(params=EMULATED.values())
def board(request: pytest.FixtureRequest) -> Board:
    """Every board that an emulator runs."""
    return load_board(request.param)


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
