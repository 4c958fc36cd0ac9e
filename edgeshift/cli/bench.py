from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import BOARD, HOP, JSON, MODEL, PLAN, READ, RECORDING
from edgeshift.cli.progress import progress
from edgeshift.report import text


@click.command()
@MODEL
@HOP
@RECORDING
@BOARD
@click.option("--isa", metavar="ISA", help="Kernels of another instruction set than the board's: portable, ...")
@PLAN
@READ
@JSON
def bench(
    model: Path,
    hop: int | None,
    stream: dict[str, Any],
    board: str,
    isa: str | None,
    plan: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Count instructions per hop and layer on a board's emulator, and bytes.

    Exact and the same every time; instructions are not cycles. Fails when the board's outputs are not those of
    this computer.

    \b
    edgeshift bench kws.tflite --board mps2-an386
    edgeshift bench kws.tflite --board mps2-an386 --isa portable --hop 2
    """
    with progress("building and counting", as_json):
        result = edgeshift.bench(edgeshift.load(model, **read), board, hop, isa=isa, **stream, **plan)
    answer(as_json, result.as_dict(), functools.partial(text.print_bench, result=result))
