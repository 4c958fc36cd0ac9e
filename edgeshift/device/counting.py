"""Runs an image on an emulator that counts, exactly, the instructions executed up to each marked address."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeshift.device import emulator
from edgeshift.device.boards import Board
from edgeshift.device.tracing import run_traced
from edgeshift.errors import ToolchainError
from edgeshift.resources import resource

FIRST_INTERFACE, LAST_INTERFACE = 1, 6  # versions of QEMU's plugin interface that firmware/host/count.c fits


@dataclass(frozen=True)
class Reached:
    """Address number `mark` was reached after so many instructions (and cycles, where the emulator knows)."""

    mark: int
    instructions: int
    cycles: int | None


def run_counted(board: Board, elf: Path, addresses: Sequence[int], timeout: float) -> tuple[str, list[Reached]]:
    """What the image prints, and each time that one of the addresses was reached, in order.

    Raises BoardError and ToolchainError as `emulator.run`, ToolchainError without a compiler for the plugin.
    """
    with tempfile.TemporaryDirectory(prefix="edgeshift-count-") as name:
        folder = Path(name)
        counts, marks = folder / "counts.txt", [hex(address) for address in addresses]
        if board.emulator is not None and board.emulator.kind == "rp2040js":
            return emulator.run(board, elf, timeout, [str(counts), *marks]), _read(counts)
        version = FIRST_INTERFACE
        while True:
            plugin = ",mark=".join([f"{_build_plugin(folder, version)},out={counts}", *marks])
            try:
                return emulator.run(board, elf, timeout, ["-plugin", plugin]), _read(counts)
            except ToolchainError as error:
                if "unknown option 'plugin'" in str(error):
                    text, reached = run_traced(board, elf, addresses, timeout)
                    return text, [Reached(mark, instructions, None) for mark, instructions in reached]
                wanted = re.search(r"minimum version of (\d+)", str(error))
                if wanted is None:
                    raise
                version = _next_version(version, int(wanted[1]))


def _next_version(tried: int, wanted: int) -> int:
    """The interface's version that this QEMU asks for, when it is one that the plugin fits."""
    if not tried < wanted <= LAST_INTERFACE:
        raise ToolchainError(
            f"this QEMU wants version {wanted} of its plugin interface, "
            f"EdgeShift knows up to {LAST_INTERFACE}: "
            "use an older QEMU (7.2 to 10)"
        )
    return wanted


def _build_plugin(folder: Path, version: int) -> Path:
    """Compile firmware/host/count.c for a version of the interface."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise ToolchainError("gcc is not installed, the instruction counter needs it: apt-get install gcc libc6-dev")
    source, library = resource("firmware") / "host" / "count.c", folder / f"count{version}.so"
    flags = ["-std=c99", "-O2", "-fPIC", "-shared", f"-DPLUGIN_VERSION={version}"]
    made = subprocess.run([compiler, *flags, source, "-o", library], capture_output=True, text=True, check=False)
    if made.returncode:
        reason = next(iter(made.stderr.strip().splitlines()), f"status {made.returncode}")
        raise ToolchainError(f"{Path(compiler).name} cannot build the instruction counter: {reason}")
    return library


def _read(counts: Path) -> list[Reached]:
    lines = counts.read_text(encoding="ascii").splitlines() if counts.exists() else []
    rows = [[int(word) for word in line.split()] for line in lines]
    return [Reached(row[0], row[1], row[2] if len(row) > 2 else None) for row in rows]
