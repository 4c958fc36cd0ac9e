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
class Board:
    """One board.

    `isa` names the kernels that its core runs best, `console` a file of firmware/console. The image is
    "bare-metal", with a memory map, or a "linux" program. Without `emulator` it runs only for real.
    """

    name: str
    description: str
    core: str
    console: str
    toolchain: ToolchainSpec
    memory: Memory | None = None
    isa: str = "portable"
    image: str = "bare-metal"
    emulator: Emulator | None = None
    notes: str = ""


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
    return sorted(resource("boards").glob("*.toml"))


def _read(cls: type[T], table: dict[str, Any], where: str) -> T:
    """`table` as an instance of the dataclass `cls`; `where` is its dotted place in the file ("memory.")."""
    types = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = [key for key in table if key not in fields]
    if unknown:
        raise BoardError(f"unknown key '{where}{unknown[0]}', the keys here are {', '.join(fields)}")
    missing = [key for key, field in fields.items() if field.default is dataclasses.MISSING and key not in table]
    if missing:
        raise BoardError(f"the key '{where}{missing[0]}' is missing")
    return cls(**{key: _value(types[key], value, where + key) for key, value in table.items()})


def _value(wanted: Any, value: Any, key: str) -> Any:
    """`value` of the file as the type that its field wants."""
    options = [option for option in typing.get_args(wanted) if option is not type(None)]
    if typing.get_origin(wanted) is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BoardError(f"'{key}' must be a list of strings")
        return tuple(value)
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
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", board.name):
        raise BoardError(f"the name {board.name!r} must be made of a-z, 0-9, - and _")
    consoles = sorted(file.stem for file in (resource("firmware") / "console").glob("*.c"))
    choices = {"console": consoles, "isa": ISAS, "image": IMAGES}
    for key, known in choices.items():
        _check_choice(key, getattr(board, key), known)
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
