"""Runs the app `replay` and reads what it prints (firmware/replay.h says how)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeshift.device import emulator
from edgeshift.device.boards import Board
from edgeshift.device.image import Array, DeviceModel, Image
from edgeshift.errors import ToolchainError

# A stack with less than this left is taken as overflowed: a frame need not touch its own last bytes.
STACK_MARGIN_BYTES = 256


@dataclass(frozen=True)
class ReplayResult:
    """What the board gave: per output an array [ready hops, elements]; the index of the first hop that gave
    an output (the number of hops when none did); the deepest that the stack has been, in bytes."""

    outputs: list[Array]
    first_hop: int
    stack_bytes: int


def replay(board: Board, image: Image, timeout: float = 120.0) -> ReplayResult:
    """Runs a replay image on the board's emulator, for at most `timeout` seconds of real time.

    Raises BoardError for a board without emulator, ToolchainError when the run fails, when its output is
    damaged and when its stack overflowed.
    """
    return read_replay(board, image, emulator.run(board, image.elf, timeout))


def read_replay(board: Board, image: Image, text: str) -> ReplayResult:
    """The printed `text` of a run. Raises ToolchainError when it is damaged and when the stack overflowed."""
    try:
        result = _parse(text, image.model, image.hops)
    except ValueError as error:
        raise ToolchainError(f"{image.elf.name} printed damaged output on {board.name}: {error}") from error
    if result.stack_bytes > image.stack_bytes - STACK_MARGIN_BYTES:
        raise ToolchainError(f"{image.elf.name} overflowed its stack of {image.stack_bytes:,} bytes on {board.name}")
    return result


def _parse(text: str, model: DeviceModel, total: int) -> ReplayResult:
    """Raises ValueError when a line, or the order or the checksum of the lines, is not as it must be."""
    *lines, stack_line, end_line = text.splitlines() or [""] * 2
    if not (stack_line.startswith("STACK ") and end_line.startswith("END ")):
        raise ValueError("the end is missing")

    first_hop = total - len(lines)
    sizes = [port.bytes for port in model.outputs]
    rows: list[list[bytes]] = []
    for hop, line in enumerate(lines, start=first_hop):
        number, *blocks = line.split(" ")
        row = [bytes.fromhex(block) for block in blocks]
        if int(number) != hop or [len(block) for block in row] != sizes:
            raise ValueError(f"the line of hop {hop} is {line[:60]!r}")
        rows.append(row)
    checksum = fnv1a(b"".join(block for row in rows for block in row))
    if end_line != f"END {len(lines)} {checksum:08x}":
        raise ValueError(f"{end_line!r} does not fit {len(lines)} lines with the checksum {checksum:08x}")
    return ReplayResult(
        outputs=[
            _array([row[i] for row in rows], dtype, size)
            for i, (dtype, size) in enumerate(zip(model.output_dtypes, model.output_sizes, strict=True))
        ],
        first_hop=first_hop,
        stack_bytes=int(stack_line.removeprefix("STACK ")),
    )


def _array(rows: list[bytes], dtype: np.dtype[Any], size: int) -> Array:
    little_endian = np.frombuffer(b"".join(rows), dtype.newbyteorder("<"))
    return little_endian.astype(dtype).reshape(-1, size)


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a checksum, as firmware/replay.c computes it."""
    checksum = 2166136261
    for byte in data:
        checksum = (checksum ^ byte) * 16777619 & 0xFFFFFFFF
    return checksum
