"""Runs an image on a board's emulator, without a window, with semihosting as its console."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgeshift.device.boards import Board
from edgeshift.device.toolchain import find_program
from edgeshift.errors import BoardError, ToolchainError


def run(board: Board, elf: Path, timeout: float, extra_args: Sequence[str] = ()) -> str:
    """What the image prints until it ends by itself.

    `timeout` is in seconds of real time; `extra_args` go to the emulator (a plugin, say).
    Raises BoardError for a board without emulator; ToolchainError when the emulator is not installed, when
    the time is up, and when the image faults or ends with a status other than 0.
    """
    command = [*command_line(board, elf), *extra_args]
    try:
        process = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"{elf.name} did not end within {timeout:g} s on {board.name}: "
            "use fewer hops, or a longer time limit"
        ) from error
    if process.returncode != 0:
        raise ToolchainError(f"{elf.name} failed on {board.name}: {_reason(process)}")
    return process.stdout


def command_line(board: Board, elf: Path) -> list[str]:
    """The emulator's command. Raises BoardError without emulator, ToolchainError when it is not installed."""
    emulator = board.emulator
    if emulator is None:
        raise BoardError(f"{board.name} has no emulator: use a board that has one")
    return [
        str(find_program(emulator.program, emulator.packages)),
        *("-M", emulator.machine),
        *emulator.args,
        *("-display", "none", "-monitor", "none", "-serial", "none", "-nodefaults"),
        *("-chardev", "stdio,id=console,signal=off"),
        *("-semihosting-config", "enable=on,target=native,chardev=console"),
        *("-kernel", str(elf)),
    ]


def _reason(process: subprocess.CompletedProcess[str]) -> str:
    """Why it failed, in one line: the image's own words, the emulator's, or the status."""
    for line in process.stdout.splitlines():
        if line.startswith("FAULT"):
            return line
    for line in process.stderr.splitlines():
        if line.startswith("qemu") and "warning:" not in line:
            return line
    if process.returncode < 0:
        return f"the emulator was ended by signal {-process.returncode}"
    last = (process.stdout.splitlines() or ["nothing was printed"])[-1]
    return f"exit status {process.returncode}, {last[:200]}"
