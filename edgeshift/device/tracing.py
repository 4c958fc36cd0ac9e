"""Counts instructions from QEMU's log of executed blocks: slower than a plugin, for a QEMU without plugins.

Debian's qemu-user is linked statically from 13 on, and cannot load plugins.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgeshift.device import emulator
from edgeshift.device.boards import Board

CHUNK = 1 << 20  # bytes


def run_traced(board: Board, elf: Path, addresses: Sequence[int], timeout: float) -> tuple[str, list[tuple[int, int]]]:
    """What the image prints, and (number of the address, instructions before it) whenever one was reached.

    The addresses must be entries of functions. Raises BoardError and ToolchainError as `emulator.run`.
    """
    with tempfile.TemporaryDirectory(prefix="edgeshift-trace-") as folder, ThreadPoolExecutor(1) as pool:
        log = Path(folder) / "log"
        os.mkfifo(log)
        end = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        try:
            counter = Counter(addresses)
            running = pool.submit(emulator.run, board, elf, timeout, ["-d", "in_asm,exec,nochain", "-D", str(log)])
            while True:
                ended = running.done()
                chunk = _read(end)
                if chunk:
                    counter.feed(chunk)
                elif ended:
                    return running.result(), counter.reached
                else:
                    time.sleep(0.001)
        finally:
            os.close(end)


def _read(end: int) -> bytes:
    try:
        return os.read(end, CHUNK)
    except BlockingIOError:
        return b""


class Counter:
    """Reads the log piece by piece.

    A block is listed when it is translated, a line "0x<address>: ..." for each instruction, and named each
    time it is executed, "Trace 0: <its place> [<flags>/<address>/...". A place may be used again, for a block
    that is then listed anew.
    """

    def __init__(self, addresses: Sequence[int]) -> None:
        self.reached: list[tuple[int, int]] = []
        self._marks = {address: number for number, address in enumerate(addresses)}
        self._blocks: dict[bytes, tuple[int, int | None]] = {}
        self._listed: int | None = None
        self._executed = 0
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"Trace "):
                self._execute(line)
            elif line.startswith(b"IN:"):
                self._listed = 0
            elif line.startswith(b"0x") and self._listed is not None:
                self._listed += 1

    def _execute(self, line: bytes) -> None:
        place = line[9 : line.index(b" ", 9)]
        if self._listed is not None:
            address = int(line[line.index(b"[") + 1 :].split(b"/", 2)[1], 16)
            self._blocks[place] = self._listed, self._marks.get(address)
            self._listed = None
        count, mark = self._blocks[place]
        if mark is not None:
            self.reached.append((mark, self._executed))
        self._executed += count
