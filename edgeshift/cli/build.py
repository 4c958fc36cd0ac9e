from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import BOARD, HOP, JSON, MODEL, PLAN, RATE, READ, RECORDING
from edgeshift.cli.progress import progress
from edgeshift.host import APPS
from edgeshift.report import text


@click.command()
@MODEL
@BOARD
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write into.")
@click.option("--app", type=click.Choice(APPS), help="What the image does [replay; on Linux pipe].")
@HOP
@RECORDING
@click.option("--rate", type=RATE, metavar="FPS", help="Frames per second: refuse what is too slow for them.")
@click.option("--no-verify", is_flag=True, help="Build what was not verified; it is flashed only with --force.")
@PLAN
@READ
@JSON
def build(
    model: Path,
    board: str,
    folder: Path,
    app: Any,
    hop: int | None,
    stream: dict[str, Any],
    rate: float | None,
    no_verify: bool,
    plan: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Verify a network on this computer and write its image for a board.

    \b
    replay  prints the outputs of a recording that is in the image
    bench   the same, and what each hop costs
    stream  gets frames over the board's console (`verify --port`)
    pipe    gets them from standard input, on Linux

    \b
    edgeshift build kws.tflite --board raspberry-pi-pico -o out
    edgeshift build kws.tflite --board nucleo-f446re --app stream -o out
    edgeshift flash out
    """
    network = edgeshift.load(model, **read)
    with progress("building and verifying", as_json) as step:
        result = edgeshift.build(
            network,
            board,
            folder,
            hop,
            app=app,
            verified=not no_verify,
            progress=step,
            rate=rate,
            **stream,
            **plan,
        )
    answer(as_json, result.as_dict(), functools.partial(text.print_build, result=result))
