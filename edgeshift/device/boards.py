"""Boards are data: one TOML file each, read into frozen dataclasses whose fields are the file's keys."""

from __future__ import annotations

import dataclasses
import re
import sys
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from edgeshift.errors import BoardError
from edgeshift.kernels import ISAS
from edgeshift.resources import resource

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

ADDRESS_SPACE = 1 << 32  # bytes
IMAGES = ("bare-metal", "linux")
EMULATORS = ("qemu-system", "qemu-user", "rp2040js")
# Files of firmware/boot, with the chip's UF2 family when its ROM takes such files.
BOOTS = {"rp2040": 0xE48BFF56, "rp2350": 0xE48BFF59, "imxrt1062": None}
# What flashes: how a runner of each kind is told its board (edgeshift/device/flashing.py runs them).
RUNNERS = {
    "pyocd": "target",
    "openocd": "scripts",
    "st-flash": None,
    "picotool": None,
    "uf2": "target",
    "teensy_loader_cli": "target",
    "bossac": None,
    "dfu-util": "target",
    "nrfutil": None,
    "scp": None,
}

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Region:
    """A stretch of memory: the address of its first byte, and its size in bytes."""

    origin: int
    size: int

    @property
    def end(self) -> int:
        """The address behind its last byte."""
        return self.origin + self.size


@dataclasses.dataclass(frozen=True)
class Memory:
    """`flash` holds code and constants, `ram` data and the stack; `vectors` is needed only where the core
    looks for its vector table outside of `flash`."""

    flash: Region
    ram: Region
    vectors: Region | None = None


@dataclasses.dataclass(frozen=True)
class ToolchainSpec:
    """A GNU cross toolchain and what to tell its compiler: -mcpu, on 32-bit Arm -mfloat-abi and -mfpu.

    `prefix` is what precedes "gcc" in the programs' names; `packages` are the Debian packages to install.
    """

    prefix: str
    packages: tuple[str, ...]
    cpu: str
    float_abi: str | None = None
    fpu: str | None = None


@dataclasses.dataclass(frozen=True)
class Emulator:
    """An emulator: its kind, its program, the Debian packages that have it, and further arguments.

    "qemu-system" boots a `machine`, "qemu-user" runs a Linux program, "rp2040js" is the npm package.
    """

    kind: str
    program: str
    packages: tuple[str, ...]
    machine: str | None = None
    args: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Clock:
    """The core's clock: `hz` as the firmware here runs it (most boards: as it is after reset), and the most that it can
    be set to, `max_hz`."""

    hz: int
    max_hz: int


@dataclasses.dataclass(frozen=True)
class Console:
    """How an image prints: `kind` names a driver, a file of firmware/console.

    `baud` is that of a serial port, `where` tells people which one. `constants` are what one driver needs to know to
    serve many boards: addresses, bits, pins. They are exactly the CONSOLE_... macros that its file names, in lower
    case; CONSOLE_BAUD and CLOCK_HZ come from `baud` and the board's clock.
    """

    kind: str
    baud: int | None = None
    where: str = ""
    constants: dict[str, int] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def receives(self) -> bool:
        """Whether bytes can come from it."""
        return self.kind != "semihosting"

    @property
    def source(self) -> Path:
        """The driver."""
        return resource("firmware") / "console" / f"{self.kind}.c"


@dataclasses.dataclass(frozen=True)
class Step:
    """One register of `setup`, by its address: the bits of `clear` go, those of `set` come, and then the step waits
    until all of `wait` are set. `write` is the whole register instead."""

    at: int
    clear: int = 0
    set: int = 0
    write: int | None = None
    wait: int = 0

    @property
    def keep(self) -> int:
        """The bits that stay as they are."""
        return 0 if self.write is not None else ~self.clear & ADDRESS_SPACE - 1

    @property
    def bits(self) -> int:
        """The bits that are set."""
        return self.set if self.write is None else self.write


@dataclasses.dataclass(frozen=True)
class Runner:
    """A tool that puts an image onto the board.

    pyocd wants a `target`, openocd its `scripts`, teensy_loader_cli the MCU as `target`, dfu-util the USB id, uf2 the
    drive's label.
    """

    kind: str
    target: str | None = None
    scripts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Board:
    """One board.

    `isa` names the kernels that its core runs best. The image is "bare-metal", with a memory map, or a "linux" program.
    Without `emulator` it runs only for real; of the flash runners the first that is installed is taken. `boot` names
    what the chip's ROM wants to find in flash, `setup` are the registers that the start-up sets: clocks, and the
    console's pins.
    """

    name: str
    description: str
    core: str
    clock: Clock
    console: Console
    toolchain: ToolchainSpec
    memory: Memory | None = None
    isa: str = "portable"
    image: str = "bare-metal"
    boot: str | None = None
    setup: tuple[Step, ...] = ()
    emulator: Emulator | None = None
    runner: tuple[Runner, ...] = ()
    notes: str = ""

    @property
    def defines(self) -> list[str]:
        """What the firmware is told of the board: macros, as arguments of the compiler."""
        given = {"CLOCK_HZ": self.clock.hz}
        given |= {f"CONSOLE_{name.upper()}": value for name, value in self.console.constants.items()}
        if self.console.baud is not None:
            given["CONSOLE_BAUD"] = self.console.baud
        return [f"-D{name}={value:#x}u" for name, value in given.items()]


def load_board(name_or_path: str | Path) -> Board:
    """The board that EdgeShift ships under a name, or the one in a TOML file (a path that ends in .toml).

    Raises BoardError when there is no such board, or when its file is not valid.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        known = {file.stem: file for file in _shipped()}
        if str(name_or_path) not in known:
            raise BoardError(
                f"unknown board {str(name_or_path)!r}: use one of {', '.join(known)}, or the path of a .toml file"
            )
        path = known[str(name_or_path)]
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        board = _read(Board, table, "")
        _check(board)
    except OSError as error:
        raise BoardError(f"cannot read the board file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"{path} is not a TOML file: {' '.join(str(error).split())}") from error
    except BoardError as error:
        raise BoardError(f"{path}: {error}") from error
    return board


def all_boards() -> list[Board]:
    """Every board that EdgeShift ships, by name. Raises BoardError when one of the files is not valid."""
    return [load_board(path) for path in _shipped()]


def _shipped() -> list[Path]:
    return sorted(resource("boards").glob("*.toml"), key=lambda file: file.stem)


def _read(cls: type[T], table: dict[str, Any], where: str) -> T:
    """`table` as an instance of the dataclass `cls`; `where` is its dotted place in the file ("memory.")."""
    types = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = [key for key in table if key not in fields]
    if unknown:
        raise BoardError(f"unknown key '{where}{unknown[0]}', the keys here are {', '.join(fields)}")
    missing = [
        key
        for key, field in fields.items()
        if field.default is field.default_factory is dataclasses.MISSING and key not in table
    ]
    if missing:
        raise BoardError(f"the key '{where}{missing[0]}' is missing")
    return cls(**{key: _value(types[key], value, where + key) for key, value in table.items()})


def _value(wanted: Any, value: Any, key: str) -> Any:
    """`value` of the file as the type that its field wants."""
    options = [option for option in typing.get_args(wanted) if option is not type(None)]
    if typing.get_origin(wanted) is tuple:
        kind, wanted_list = (dict, f"tables, [[{key}]]") if dataclasses.is_dataclass(options[0]) else (str, "strings")
        if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
            raise BoardError(f"'{key}' must be a list of {wanted_list}")
        return tuple(_value(options[0], item, key) for item in value)
    if typing.get_origin(wanted) is dict:
        if not isinstance(value, dict) or not all(type(item) is int for item in value.values()):
            raise BoardError(f"'{key}' must be a table of integers, [{key}]")
        return value
    if options:  # X | None
        return _value(options[0], value, key)
    if dataclasses.is_dataclass(wanted):
        if not isinstance(value, dict):
            raise BoardError(f"'{key}' must be a table, [{key}]")
        return _read(typing.cast(type, wanted), value, key + ".")
    if type(value) is not wanted:
        raise BoardError(f"'{key}' must be {'an integer' if wanted is int else 'a string'}, not {value!r}")
    return value


def _check(board: Board) -> None:
    """What types cannot say."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", board.name):
        raise BoardError(f"the name {board.name!r} must be made of a-z, 0-9, -, . and _")
    _check_choice("isa", board.isa, ISAS)
    _check_choice("image", board.image, IMAGES)
    if not 0 < board.clock.hz <= board.clock.max_hz < ADDRESS_SPACE:
        raise BoardError("clock.hz must be above 0 and at most clock.max_hz")
    _check_console(board.console)
    if board.boot is not None:
        _check_choice("boot", board.boot, list(BOOTS))
    for step in board.setup:
        _check_step(step)
    for runner in board.runner:
        _check_runner(runner)
    if board.emulator:
        _check_choice("emulator.kind", board.emulator.kind, EMULATORS)
        if (board.emulator.machine is None) == (board.emulator.kind == "qemu-system"):
            raise BoardError("the key 'emulator.machine' belongs to emulators of the kind qemu-system, and only there")
    if (board.memory is None) == (board.image == "bare-metal"):
        raise BoardError("the table [memory] belongs to bare-metal images, and only there")
    if board.memory:
        _check_memory(board.memory)


def _check_choice(key: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise BoardError(f"unknown {key} {value!r}, use one of {', '.join(known)}")


def _check_console(console: Console) -> None:
    _check_choice("console.kind", console.kind, sorted(f.stem for f in console.source.parent.glob("*.c")))
    named = {n.lower() for n in re.findall(r"\bCONSOLE_([A-Z0-9_]+)\b", console.source.read_text(encoding="utf-8"))}
    if "baud" in named and console.baud is None:
        raise BoardError(f"the key 'console.baud' is missing, {console.kind} is a serial console")
    if "baud" not in named and console.baud is not None:
        raise BoardError(f"console.baud belongs to serial consoles, {console.kind} is another")
    wanted = named - {"baud"}
    for key, wrong in (("unknown", console.constants.keys() - wanted), ("missing", wanted - console.constants.keys())):
        if wrong:
            keys = f", the keys here are {', '.join(sorted(wanted))}" if wanted else ""
            raise BoardError(f"{key} key 'console.constants.{min(wrong)}' of {console.kind}{keys}")
    for name, value in {**console.constants, "baud": console.baud or 0}.items():
        if not 0 <= value < ADDRESS_SPACE:
            raise BoardError(f"console constant '{name}' must be of 32 bits")


def _check_step(step: Step) -> None:
    if step.write is not None and (step.clear or step.set):
        raise BoardError(f"setup of {step.at:#010x}: 'write' is the whole register, without 'clear' and 'set'")
    for value in (step.at, step.clear, step.set, step.write or 0, step.wait):
        if not 0 <= value < ADDRESS_SPACE:
            raise BoardError(f"setup of {step.at:#010x}: {value:#x} is not of 32 bits")
    if step.at % 4:
        raise BoardError(f"setup of {step.at:#010x}: a register's address is a multiple of 4")


def _check_runner(runner: Runner) -> None:
    _check_choice("runner.kind", runner.kind, list(RUNNERS))
    for key in ("target", "scripts"):
        if bool(getattr(runner, key)) != (RUNNERS[runner.kind] == key):
            wants = RUNNERS[runner.kind] or "neither 'target' nor 'scripts'"
            raise BoardError(f"'runner.{key}': a runner of the kind {runner.kind} wants {wants}")


def _check_memory(memory: Memory) -> None:
    places = {"flash": memory.flash, "ram": memory.ram}
    if memory.vectors:
        places["vectors"] = memory.vectors
    for name, region in places.items():
        if region.size <= 0 or region.origin < 0 or region.end > ADDRESS_SPACE:
            raise BoardError(f"memory.{name} must have a size and lie within 32-bit addresses")
    ordered = sorted(places.items(), key=lambda place: place[1].origin)
    for (low_name, low), (high_name, high) in zip(ordered, ordered[1:], strict=False):
        if high.origin < low.end:
            raise BoardError(f"memory.{low_name} and memory.{high_name} overlap")
