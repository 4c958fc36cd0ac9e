"""Runs an image on a board's emulator, without a window, its console as standard output."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from edgeshift.device.boards import Board
from edgeshift.device.toolchain import find_program
from edgeshift.errors import BoardError, ToolchainError
from edgeshift.resources import resource

EOT = b"\x04"
NODE_PACKAGES = {"rp2040js": "1.4.1"}  # the versions that the tests run


def run(board: Board, elf: Path, timeout: float, extra_args: Sequence[str] = ()) -> str:
    """What the image prints until it ends by itself.

    `timeout` is in seconds of real time; `extra_args` go to the emulator (a plugin, say).
    Raises BoardError for a board without emulator; ToolchainError when the emulator is not installed, when
    the time is up, and when the image faults or ends with a status other than 0.
    """
    command = command_line(board, elf, extra_args)
    try:
        process = _run_serial(command, timeout) if _is_serial(board) else _run(command, timeout)
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"{elf.name} did not end within {timeout:g} s on {board.name}: use fewer hops, or a longer time limit"
        ) from error
    if process.returncode != 0:
        raise ToolchainError(f"{elf.name} failed on {board.name}: {_reason(process)}")
    return process.stdout


def _is_serial(board: Board) -> bool:
    """Whether the console is a machine's serial port, on which the end of the program does not end the emulator."""
    return board.console.baud is not None and board.emulator is not None and board.emulator.kind == "qemu-system"


def _run(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )


def _run_serial(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """The same until the image says that it ends (firmware/console/serial.h): by EOT and its status."""
    printed, end = bytearray(), time.monotonic() + timeout
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        watchdog = threading.Timer(timeout, process.kill)
        watchdog.start()
        while printed[-2:-1] != EOT and (chunk := os.read(process.stdout.fileno(), 1 << 16)):
            printed += chunk
        watchdog.cancel()
        process.kill()
        status, complaints = process.wait(), process.stderr.read()
    if printed[-2:-1] == EOT:
        status = printed[-1]
        del printed[-2:]
    elif time.monotonic() >= end:
        raise subprocess.TimeoutExpired(command, timeout)
    text = printed.decode("utf-8", "replace")
    return subprocess.CompletedProcess(command, status, text, complaints.decode("utf-8", "replace"))


def command_line(board: Board, elf: Path, extra_args: Sequence[str] = (), talk: bool = False) -> list[str]:
    """The emulator's command; the board's console is its standard output, and input. With `talk` it takes what it is
    given there and does not end by itself. Raises BoardError without emulator, ToolchainError when it is not installed.
    """
    emulator = board.emulator
    if emulator is None:
        raise BoardError(f"{board.name} has no emulator: use a board that has one")
    program = [str(find_program(emulator.program, emulator.packages)), *emulator.args]
    if emulator.kind == "qemu-user":
        return [*program, *extra_args, str(elf)]
    if emulator.kind == "rp2040js":
        script = resource("firmware") / "host" / "rp2040.cjs"
        mode = "talk" if talk else "run"
        return [*program, str(script), str(_node_package("rp2040js")), str(elf.with_suffix(".uf2")), mode, *extra_args]
    serial = _is_serial(board)
    return [
        *program,
        *("-M", str(emulator.machine)),
        *("-display", "none", "-monitor", "none", "-nodefaults"),
        *("-chardev", "stdio,id=console,signal=off"),
        *("-serial", "chardev:console" if serial else "none"),
        *([] if serial else ["-semihosting-config", "enable=on,target=native,chardev=console"]),
        *("-kernel", str(elf)),
        *extra_args,
    ]


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
