"""Flashing, by the tools that people have: which of them a board has, what it is told, and what may be flashed."""

from __future__ import annotations

import getpass
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeshift.device.boards import Board, Runner, load_board
from edgeshift.device.manifest import Manifest, read_manifest, sha256
from edgeshift.errors import BoardError, InputError, ToolchainError, VerificationError


@dataclass(frozen=True)
class Job:
    """One image, one board, one runner; `port` is a serial port, `host` a computer as ssh names it."""

    board: Board
    runner: Runner
    image: Path
    port: str | None
    host: str | None

    @property
    def address(self) -> str:
        """Where the image begins."""
        assert self.board.memory is not None  # boards.py refuses a runner for flash without flash
        return f"{self.board.memory.flash.origin:#010x}"

    @property
    def target(self) -> str:
        return str(self.runner.target)


@dataclass(frozen=True)
class Tool:
    """A program that flashes: the suffixes of the images it takes, the best one first; how to get the program; what to
    do to the board first; whether it needs a serial port or a host."""

    program: str
    suffixes: tuple[str, ...]
    get: str
    arguments: Callable[[Job], list[str]]
    first: str = ""
    needs: str | None = None


def _openocd(job: Job) -> list[str]:
    scripts = [word for script in job.runner.scripts for word in ("-f", script)]
    return [*scripts, "-c", f"program {{{job.image}}} verify reset exit"]


def _drive(label: str) -> Path:
    """Where the system mounts a drive: the folder that is there, else the one that would be."""
    places = [
        Path("/media") / getpass.getuser(),
        Path("/run/media") / getpass.getuser(),
        Path("/media"),
        Path("/Volumes"),
    ]
    return next((place / label for place in places if (place / label).is_dir()), places[0] / label)


BOOTSEL = "hold BOOTSEL while you plug the board in"
NRFUTIL_OPTIONS = "chip_erase_mode=ERASE_RANGES_TOUCHED_BY_FIRMWARE,verify=VERIFY_READ,reset=RESET_SYSTEM"
TOOLS = {
    "pyocd": Tool(
        "pyocd",
        (".hex", ".elf"),
        "pip install pyocd",
        lambda job: ["flash", "--target", job.target, str(job.image)],
    ),
    "openocd": Tool("openocd", (".elf", ".hex"), "apt-get install openocd", _openocd),
    "st-flash": Tool(
        "st-flash",
        (".bin",),
        "apt-get install stlink-tools",
        lambda job: ["--reset", "write", str(job.image), job.address],
    ),
    "picotool": Tool(
        "picotool",
        (".uf2", ".elf"),
        "apt-get install picotool (Debian 13 on)",
        lambda job: ["load", "-v", "-x", str(job.image)],
        first=BOOTSEL,
    ),
    "uf2": Tool(
        "cp",
        (".uf2",),
        "it is part of the system",
        lambda job: [str(job.image), str(_drive(job.target))],
        first=BOOTSEL,
    ),
    "teensy_loader_cli": Tool(
        "teensy_loader_cli",
        (".hex",),
        "apt-get install teensy-loader-cli",
        lambda job: [f"--mcu={job.target}", "-w", "-v", str(job.image)],
        first="press the button on the board",
    ),
    "bossac": Tool(
        "bossac",
        (".bin",),
        "arduino-cli core install arduino:mbed_nano",  # 1.9.1-arduino2: that of others does not know the chip
        lambda job: [f"--port={job.port}", "-U", "-i", "-e", "-w", str(job.image), "-R"],
        first="press the reset button twice, quickly",
        needs="port",
    ),
    "dfu-util": Tool(
        "dfu-util",
        (".bin",),
        "apt-get install dfu-util",
        lambda job: ["-d", job.target, "-a", "0", "-s", f"{job.address}:leave", "-D", str(job.image)],
        first="hold the button while you plug the board in",
    ),
    "nrfutil": Tool(
        "nrfutil",
        (".hex",),
        "docs.nordicsemi.com: nRF Util, with device",
        lambda job: ["device", "program", "--firmware", str(job.image), "--options", NRFUTIL_OPTIONS],
    ),
    "scp": Tool(
        "scp",
        ("", ".elf"),
        "apt-get install openssh-client",
        lambda job: [str(job.image), f"{job.host}:"],
        needs="host",
    ),
}


@dataclass(frozen=True)
class Flashing:
    """What was, or would be, done: the command, and what to do to the board before it."""

    board: str
    runner: str
    image: Path
    command: tuple[str, ...]
    first: str

    @property
    def shell(self) -> str:
        """The command as one types it."""
        return shlex.join(self.command)

    @property
    def missing(self) -> str:
        """That the program is not installed, and how to get it; empty when it is there."""
        tool = TOOLS[self.runner]
        return "" if shutil.which(tool.program) else f"{tool.program} is not installed: {tool.get}"


def plan_flash(
    image: str | Path,
    board: str | Path | Board | None = None,
    runner: str | None = None,
    port: str | None = None,
    host: str | None = None,
    force: bool = False,
) -> Flashing:
    """The command that flashes an image, or the one in a folder of `edgeshift build`.

    Without `board` the one that it was built for; without `runner` the first of the board's that is installed. Raises
    BoardError for a board that cannot be flashed so, InputError for an image that is not there or not that which was
    built, VerificationError for one that was not verified (not with `force`).
    """
    path = Path(image)
    if not path.exists():
        raise InputError(f"there is no '{path}': give an image, or the folder of `edgeshift build`")
    folder = path if path.is_dir() else path.parent
    manifest = None if force and board is not None else read_manifest(folder)
    if board is None:
        assert manifest is not None
        board = manifest.board
    known = board if isinstance(board, Board) else load_board(board)
    chosen = _runner(known, runner)
    tool = TOOLS[chosen.kind]
    job = Job(known, chosen, _image(path, tool, chosen.kind), port, host)
    if manifest is not None and not force:
        _check(manifest, known, job.image)
    for name, given in (("port", port), ("host", host)):
        if (given is not None) != (tool.needs == name):
            wants = f"{chosen.kind} wants --{name}" if tool.needs == name else f"{chosen.kind} takes no --{name}"
            raise BoardError(f"{wants}, on {known.name}")
    command = (tool.program, *tool.arguments(job))
    return Flashing(known.name, chosen.kind, job.image, command, tool.first)


def flash(flashing: Flashing) -> None:
    """Runs the command; what it prints goes to standard error.

    Raises ToolchainError when the program is not installed or fails.
    """
    tool = TOOLS[flashing.runner]
    if flashing.missing:
        raise ToolchainError(flashing.missing)
    if flashing.runner == "uf2" and not Path(flashing.command[-1]).is_dir():
        raise ToolchainError(f"there is no drive {flashing.command[-1]}: {tool.first}, or mount it")
    sys.stderr.flush()
    done = subprocess.run(flashing.command, stdin=subprocess.DEVNULL, stdout=2, check=False)
    if done.returncode != 0:
        raise ToolchainError(f"{tool.program} failed with status {done.returncode}: {flashing.shell}")


def installed(runner: Runner) -> bool:
    """Whether the runner's program is on the PATH."""
    return shutil.which(TOOLS[runner.kind].program) is not None


def _runner(board: Board, kind: str | None) -> Runner:
    """The runner of a kind, else the first that is installed, else the first."""
    if not board.runner:
        raise BoardError(f"how to flash {board.name} is not known: its board file has no [[runner]]")
    if kind is None:
        return next(filter(installed, board.runner), board.runner[0])
    for runner in board.runner:
        if runner.kind == kind:
            return runner
    raise BoardError(f"{board.name} is not flashed by {kind}: use {', '.join(r.kind for r in board.runner)}")


def _image(path: Path, tool: Tool, kind: str) -> Path:
    """The file that the tool takes."""
    if not path.is_dir():
        if path.suffix not in tool.suffixes:
            raise InputError(f"{kind} takes {_listed(tool.suffixes)}, not '{path.name}': give the folder, or that file")
        return path
    for suffix in tool.suffixes:
        found = sorted(file for file in path.iterdir() if file.is_file() and file.suffix == suffix)
        if len(found) > 1:
            raise InputError(f"'{path}' has {', '.join(file.name for file in found)}: name the one to flash")
        if found:
            return found[0]
    raise InputError(f"'{path}' has no image that {kind} takes ({_listed(tool.suffixes)})")


def _listed(suffixes: Sequence[str]) -> str:
    return " or ".join(suffix or "a program" for suffix in suffixes)


def _check(manifest: Manifest, board: Board, image: Path) -> None:
    """Raises when the image is not that which was built for the board and verified."""
    if manifest.board != board.name:
        raise BoardError(f"'{image}' was built for {manifest.board}, not for {board.name}: build it for that board")
    built = manifest.files.get(image.name)
    try:
        given = sha256(image.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read '{image}': {error.strerror}") from error
    if given != built:
        raise InputError(
            f"'{image}' is not the file that was built: build again, or flash it all the same with --force"
        )
    if manifest.verified is None:
        raise VerificationError(f"'{image}' was not verified: build it with verification, or flash it with --force")
    if not manifest.verified.exact:
        raise VerificationError(
            f"'{image}' is not exact: {manifest.verified.mismatched_hops} of {manifest.verified.hops} hops differ from "
            f"{manifest.verified.oracle}; --force flashes it all the same"
        )
