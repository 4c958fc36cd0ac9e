"""Boards: a table of all of them, and one in detail."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from edgeshift.device import Board
from edgeshift.device.boards import Region
from edgeshift.report.table import print_table, table


def board_data(board: Board) -> dict[str, Any]:
    """What the table shows; sizes in bytes, clocks in Hz."""
    return {
        "name": board.name,
        "description": board.description,
        "core": board.core,
        "isa": board.isa,
        "image": board.image,
        "clock_hz": board.clock.hz,
        "max_clock_hz": board.clock.max_hz,
        "flash_bytes": board.memory.flash.size if board.memory else None,
        "ram_bytes": board.memory.ram.size if board.memory else None,
        "emulator": board.emulator.program if board.emulator else None,
        "runners": [runner.kind for runner in board.runner],
    }


def detailed_board_data(board: Board) -> dict[str, Any]:
    """All that its file says."""
    return dataclasses.asdict(board)


def print_boards(out: Console, boards: Iterable[Board]) -> None:
    """One line each."""
    made = table("board", "core", "kernels", "MHz", "flash KB", "RAM KB", "emulator", right=(3, 4, 5))
    for board in boards:
        memory = (board.memory.flash.size, board.memory.ram.size) if board.memory else ()
        made.add_row(
            board.name,
            board.core,
            board.isa,
            f"{board.clock.max_hz / 1e6:g}",
            *([f"{size // 1024:,}" for size in memory] or ["-", "-"]),
            board.emulator.kind.partition("-")[0] if board.emulator else "-",
        )
    print_table(out, made)
    out.print("\nMHz are the most. One in detail: edgeshift boards NAME")


def print_board(out: Console, board: Board) -> None:
    """Its file, in words."""
    tools, console, emulator = board.toolchain, board.console, board.emulator
    flags = ", ".join(flag for flag in (tools.cpu, tools.float_abi, tools.fpu) if flag)
    lines = {
        "core": f"{board.core}, {board.isa} kernels, {board.image}",
        "clock": f"{_mhz(board.clock.hz)} as the firmware runs it, {_mhz(board.clock.max_hz)} at most",
    }
    if board.memory:
        regions = {"flash": board.memory.flash, "RAM": board.memory.ram, "vectors": board.memory.vectors}
        lines |= {name: _region(region) for name, region in regions.items() if region}
    baud = f", {console.baud:,} baud" if console.baud else ""
    lines["console"] = console.kind + baud
    if console.where:
        lines["at"] = console.where
    lines["compiler"] = f"{tools.prefix}gcc for {flags}"
    if emulator:
        lines["emulator"] = emulator.program + (f" -M {emulator.machine}" if emulator.machine else "")
    else:
        lines["emulator"] = "none: it runs only for real"
    lines["flash by"] = ", ".join(runner.kind for runner in board.runner) or "none is known"
    lines["Debian"] = " ".join((*tools.packages, *(emulator.packages if emulator else ())))
    out.print(f"{board.name}: {board.description}", style="bold")
    for name, text in lines.items():
        out.print(f"{name:9} {text}")
    if board.notes:
        out.print("\n" + textwrap.fill(board.notes, 80))


def _mhz(hz: int) -> str:
    return f"{hz / 1e6:g} MHz"


def _region(region: Region) -> str:
    return f"{region.size / 1024:,.10g} KB at 0x{region.origin:08X}"
