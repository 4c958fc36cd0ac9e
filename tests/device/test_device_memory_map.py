"""The memory of each board file is there on its emulated machine, without a hole."""

from __future__ import annotations

import re
import subprocess

import pytest

from edgeshift.device import Board, all_boards
from edgeshift.device.emulator import command_line

MACHINES = [board.name for board in all_boards() if board.emulator and board.emulator.kind == "qemu-system"]

# Memory itself, written or not, or the controller that Armv8-M boards have in front of it.
MEMORY = re.compile(r"^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio \d+, (?:r[ao]m\): |i/o\): tz-mpc-upstream)", re.MULTILINE)


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("board", MACHINES, indirect=True)
def test_regions_are_memory_of_the_machine(board: Board, tmp_path_factory: pytest.TempPathFactory) -> None:
    command = command_line(board, tmp_path_factory.getbasetemp())
    assert board.emulator is not None and board.memory is not None
    monitor = [command[0], "-M", str(board.emulator.machine), "-S", "-display", "none", "-serial", "none"]
    listing = subprocess.run(
        [*monitor, "-monitor", "stdio"],
        input="info mtree -f\nquit\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    view = next(view for view in listing.split("FlatView #") if 'AS "cpu-memory-0"' in view)
    spans = [(int(first, 16), int(last, 16) + 1) for first, last in MEMORY.findall(view)]

    for region in filter(None, (board.memory.flash, board.memory.ram, board.memory.vectors)):
        reached = region.origin
        for first, end in sorted(spans):
            if first <= reached < end:
                reached = end
        assert reached >= region.end, f"{region.origin:#x} is memory only up to {reached:#x}"
