"""Runs an image on a board's emulator, without a window, its console as standard output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeshift.device.boards import Board
from edgeshift.device.toolchain import find_program
from edgeshift.errors import BoardError, ToolchainError
from edgeshift.resources import resource

NODE_PACKAGES = {"rp2040js": "1.4.1"}  # the versions that the tests run


def run(board: Board, elf: Path, timeout: float, extra_args: Sequence[str] = ()) -> str:
    """What the image prints until it ends by itself.

    `timeout` is in seconds of real time; `extra_args` go to the emulator (a plugin, say).
    Raises BoardError for a board without emulator; ToolchainError when the emulator is not installed, when
    the time is up, and when the image faults or ends with a status other than 0.
    """
    try:
        process = subprocess.run(
            command_line(board, elf, extra_args),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"{elf.name} did not end within {timeout:g} s on {board.name}: use fewer hops, or a longer time limit"
        ) from error
    if process.returncode != 0:
        raise ToolchainError(f"{elf.name} failed on {board.name}: {_reason(process)}")
    return process.stdout


def command_line(board: Board, elf: Path, extra_args: Sequence[str] = ()) -> list[str]:
    """The emulator's command. Raises BoardError without emulator, ToolchainError when it is not installed."""
    emulator = board.emulator
    if emulator is None:
        raise BoardError(f"{board.name} has no emulator: use a board that has one")
    program = [str(find_program(emulator.program, emulator.packages)), *emulator.args]
    if emulator.kind == "qemu-user":
        return [*program, *extra_args, str(elf)]
    if emulator.kind == "rp2040js":
        script = resource("firmware") / "host" / "rp2040.cjs"
        return [*program, str(script), str(_node_package("rp2040js")), str(elf), _vectors(board), *extra_args]
    return [
        *program,
        *("-M", str(emulator.machine)),
        *("-display", "none", "-monitor", "none", "-serial", "none", "-nodefaults"),
        *("-chardev", "stdio,id=console,signal=off"),
        *("-semihosting-config", "enable=on,target=native,chardev=console"),
        *("-kernel", str(elf)),
        *extra_args,
    ]


def _vectors(board: Board) -> str:
    """The address of the vector table."""
    assert board.memory is not None  # boards.py checks it
    return hex((board.memory.vectors or board.memory.flash).origin)


def _node_package(name: str) -> Path:
    """The folder of an npm package. Raises ToolchainError that says how to install it."""
    own = Path(sys.prefix) / "node"
    folder = Path(os.environ.get("EDGESHIFT_NODE_MODULES") or own / "node_modules") / name
    if not folder.is_dir():
        raise ToolchainError(
            f"the npm package {name} is not in {folder.parent} (EDGESHIFT_NODE_MODULES names another): "
            f"npm install --prefix {own} {name}@{NODE_PACKAGES[name]}"
        )
    return folder


def _reason(process: subprocess.CompletedProcess[str]) -> str:
    """Why it failed, in one line: the image's own words, the emulator's, or the status."""
    for line in process.stdout.splitlines():
        if line.startswith("FAULT"):
            return line
    for line in process.stderr.splitlines():
        if line.startswith(("qemu", "Error:")) and "warning:" not in line:
            return line
    if process.returncode < 0:
        return f"the emulator was ended by signal {-process.returncode}"
    last = (process.stdout.splitlines() or ["nothing was printed"])[-1]
    return f"exit status {process.returncode}, {last[:200]}"
