"""What of the tools around EdgeShift is installed, and how to get the rest."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cffi

from edgeshift.device import Board, all_boards
from edgeshift.device.emulator import command_line
from edgeshift.device.flashing import TOOLS
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import EdgeShiftError, ToolchainError
from edgeshift.host.library import FLAGS, find_compiler
from edgeshift.host.oracle import find_runtime

HOST, ORACLES, BUILD, EMULATE, FLASH = (
    "this computer", "judges of ONNX models", "compilers for boards", "emulators of boards", "tools that flash",
)  # fmt: skip
GROUPS = (HOST, ORACLES, BUILD, EMULATE, FLASH)
EMULATORS = {"rp2040js": "rp2040js (node)"}  # where the program's name says little
VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*")
PROGRAM = "#include <stdint.h>\n#include <string.h>\nint32_t answer(void) { return 42; }\n"


@dataclass(frozen=True)
class Finding:
    """One tool: `detail` is its version and what it is for, or, when it is `missing`, how to get it. Without what is
    `needed` no network can be compiled and verified on this computer."""

    group: str
    name: str
    missing: bool
    detail: str
    needed: bool = False


def examine() -> list[Finding]:
    """Every tool, by group. A compiler of this computer counts when what it builds can be loaded."""
    return [*_host(), *_onnx(), *_compilers(), *_emulators(), *_runners()]


def _host() -> Iterator[Finding]:
    yield _finding(HOST, "C compiler", _compile, needed=True)
    yield _finding(HOST, "reference kernels", _oracle, needed=True)


def _onnx() -> Iterator[Finding]:
    for package in ("onnx", "onnxruntime"):
        yield _finding(ORACLES, package, partial(_package, package))


def _compilers() -> Iterator[Finding]:
    for name, boards in _by(lambda board: f"{board.toolchain.prefix}gcc").items():
        yield _finding(BUILD, name, partial(_compiler, boards))


def _emulators() -> Iterator[Finding]:
    for name, boards in _by(_emulator_name).items():
        yield _finding(EMULATE, name, partial(_emulator, boards))


def _runners() -> Iterator[Finding]:
    for kind, tool in TOOLS.items():
        if kind != "uf2":  # a copy onto a drive
            boards = [board for board in all_boards() if kind in {runner.kind for runner in board.runner}]
            missing = shutil.which(tool.program) is None
            yield Finding(FLASH, tool.program, missing, tool.get if missing else _count(boards))


def _emulator_name(board: Board) -> str | None:
    return EMULATORS.get(board.emulator.kind, board.emulator.program) if board.emulator else None


def _by(name: Callable[[Board], str | None]) -> dict[str, list[Board]]:
    """The boards by a name that they have."""
    named: dict[str, list[Board]] = {}
    for board in all_boards():
        if key := name(board):
            named.setdefault(key, []).append(board)
    return named


def _finding(group: str, name: str, look: Callable[[], str], needed: bool = False) -> Finding:
    try:
        return Finding(group, name, False, look(), needed)
    except EdgeShiftError as error:
        return Finding(group, name, True, str(error).rpartition(" is not installed: ")[2], needed)


def _compile() -> str:
    """The compiler's name and version, when it can build a library that loads."""
    compiler = find_compiler()
    with tempfile.TemporaryDirectory(prefix="edgeshift-") as folder:
        source, library = Path(folder) / "doctor.c", Path(folder) / "doctor.so"
        source.write_text(PROGRAM, encoding="ascii")
        command = [compiler, *FLAGS, str(source), "-o", str(library)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            reason = next(iter(done.stderr.strip().splitlines()), f"status {done.returncode}")
            raise ToolchainError(f"{compiler} builds nothing ({reason}): apt-get install gcc libc6-dev")
        ffi = cffi.FFI()
        ffi.cdef("int32_t answer(void);")
        try:
            works = ffi.dlopen(str(library)).answer() == 42
        except OSError as error:
            raise ToolchainError(f"what {compiler} builds cannot be loaded: {error}") from error
        if not works:
            raise ToolchainError(f"what {compiler} builds does not work: apt-get install gcc libc6-dev")
    return f"{Path(compiler).name} {_version(compiler)}"


def _oracle() -> str:
    package = find_runtime()[0].replace("_", "-")
    return f"{package} {importlib.metadata.version(package)}"


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolchainError("pip install 'edgeshift[onnx]'") from error


def _compiler(boards: list[Board]) -> str:
    return f"{_version(str(find_toolchain(boards[0]).gcc))}, {_count(boards)}"


def _emulator(boards: list[Board]) -> str:
    return f"{_version(command_line(boards[0], Path('image.elf'))[0])}, {_count(boards)}"


def _version(program: str) -> str:
    """What a program says that its version is."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{program} does not run: {error}") from error
    found = VERSION.search(done.stdout)
    return found[0] if found else "version unknown"


def _count(boards: list[Board]) -> str:
    return f"{len(boards)} board{'s' if len(boards) > 1 else ''}"
