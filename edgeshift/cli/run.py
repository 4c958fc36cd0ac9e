from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import BOARD, HOP, JSON, MODEL, PLAN, READ, RECORDING
from edgeshift.cli.progress import progress


@click.command()
@MODEL
@HOP
@RECORDING
@BOARD
@PLAN
@READ
@JSON
def run(
    model: Path,
    hop: int | None,
    stream: dict[str, Any],
    board: str,
    plan: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Build for a board, run it on its emulator and print its outputs.

    \b
    edgeshift run kws.tflite --board mps2-an386 --hops 5
    edgeshift run kws.tflite --board raspberry-pi-zero --input recording.npy
    """
    network = edgeshift.load(model, **read)
    with progress("building and running", as_json):
        result = edgeshift.run(network, board, hop, **stream, **plan)

    def show(out: Console) -> None:
        out.print(f"time axis: {network.graph.time_axis}")
        out.print(
            f"{network.name} on {result.board}: {result.flash_bytes:,} bytes of flash, {result.ram_bytes:,} of RAM"
        )
        for hop_index, outputs in zip(result.hops, result.outputs, strict=True):
            values = "  ".join(" ".join(f"{v:g}" for v in o.reshape(-1)) for o in outputs)
            out.print(f"{hop_index:6d}  {values}")

    answer(as_json, result.as_dict(), show)
