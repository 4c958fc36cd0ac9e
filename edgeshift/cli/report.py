from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import HOP, JSON, MODEL, PLAN, RATE, READ, RECORDING, complete_boards
from edgeshift.cli.progress import progress
from edgeshift.errors import OutputError
from edgeshift.files import write_files
from edgeshift.kernels import ISAS
from edgeshift.report.html import json_text, report_page
from edgeshift.report.page import report_data


@click.command()
@MODEL
@click.option(
    "-o",
    "--output",
    "page",
    type=click.Path(path_type=Path),
    required=True,
    help="The page; its data goes beside it.",
)
@HOP
@RECORDING
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE", help="A class per frame, .npy or .csv.")
@click.option("--classes", metavar="NAMES", help="Names of the outputs, separated by commas.")
@click.option(
    "--board",
    "boards",
    multiple=True,
    metavar="BOARD",
    shell_complete=complete_boards,
    help="Measure on this board's emulator; repeatable.",
)
@click.option("--rate", type=RATE, metavar="FPS", help="Frames per second, to see which boards are fast enough.")
@click.option("--isa", type=click.Choice(ISAS), help="Kernels of the plan [the first board's, or portable].")
@PLAN
@READ
@JSON
def report(
    model: Path,
    page: Path,
    hop: int | None,
    stream: dict[str, Any],
    labels: Path | None,
    classes: str | None,
    boards: tuple[str, ...],
    rate: float | None,
    isa: str | None,
    plan: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Write one page that shows what shifts, what it costs, and the scores over time; its data beside it.

    The page needs no network. Status 0 only when the outputs agree with the reference.

    \b
    edgeshift report kws.tflite --hop 2 -o report.html
    edgeshift report kws.tflite --input rec.npy --classes yes,no -o report.html
    """
    if page.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"'{page}' must end in .html: its data goes beside it, into {page.stem}.json")
    network = edgeshift.load(model, **read)
    with progress("making the report", as_json) as advance:
        data = report_data(
            network,
            hop,
            boards=boards,
            rate=rate,
            isa=isa,
            labels=labels,
            classes=[name.strip() for name in classes.split(",")] if classes else (),
            progress=advance,
            **stream,
            **plan,
        )
    files = {page.name: report_page(data).encode(), f"{page.stem}.json": (json_text(data) + "\n").encode()}
    write_files(page.parent, files)
    verdict = data["verification"]

    def show(out: Console) -> None:
        for name, content in files.items():
            out.print(f"wrote {page.parent / name} ({len(content):,} bytes)")

    answer(as_json, data, show)
    if verdict["refused"] is not None:
        click.echo(f"note: not compared with a reference: {verdict['refused']}", err=True)
    elif not verdict["exact"]:
        click.echo(
            f"error: {verdict['mismatched_hops']} of {verdict['hops_compared']} hops differ from {verdict['oracle']}",
            err=True,
        )
        raise click.exceptions.Exit(1)
