"""Lines to the app `stream` on an emulated board, and one that damages what goes over it."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgeshift.device import Board
from edgeshift.device.emulator import command_line
from edgeshift.device.protocol import Link


class Pipes:
    """The console of an emulator as a line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._to, self._from = process.stdin, process.stdout.fileno()

    def write(self, data: bytes) -> None:
        self._to.write(data)
        self._to.flush()

    def read(self, timeout: float) -> bytes:
        return os.read(self._from, 1 << 16) if select.select([self._from], [], [], timeout)[0] else b""


@contextmanager
def emulated(board: Board, elf: Path) -> Iterator[Pipes]:
    """A line to an image that runs until the end of the block."""
    command = command_line(board, elf, talk=True)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Pipes(process)
        finally:
            process.kill()


class Noisy:
    """A line that loses, or changes, each byte with a probability, both ways; `harmed` counts them."""

    def __init__(self, line: Link, rate: float, seed: int) -> None:
        self._line, self._rate, self._random = line, rate, np.random.default_rng(seed)
        self.harmed = 0

    def _harm(self, data: bytes) -> bytes:
        harmed = bytearray()
        for byte, chance in zip(data, self._random.random(len(data)), strict=True):
            if chance >= self._rate:
                harmed.append(byte)
                continue
            self.harmed += 1
            if chance >= self._rate / 2:
                harmed.append(byte ^ int(self._random.integers(1, 256)))
        return bytes(harmed)

    def write(self, data: bytes) -> None:
        self._line.write(self._harm(data))

    def read(self, timeout: float) -> bytes:
        return self._harm(self._line.read(timeout))
