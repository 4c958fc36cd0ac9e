from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import HOP, JSON, MODEL, PLAN, READ, RECORDING, complete_boards
from edgeshift.cli.progress import progress
from edgeshift.report import text


@click.command()
@MODEL
@HOP
@RECORDING
@click.option(
    "--board",
    metavar="BOARD",
    shell_complete=complete_boards,
    help="Run on this board's emulator instead of this computer.",
)
@click.option("--port", metavar="PORT", help="Run on the board at this port, with --app stream: /dev/ttyACM0.")
@click.option("--baud", type=click.IntRange(min=1), metavar="RATE", help="Its speed [that of --board, or 115200].")
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE", help="Classes, for --edges stream.")
@PLAN
@READ
@JSON
def verify(
    model: Path,
    hop: int | None,
    stream: dict[str, Any],
    board: str | None,
    port: str | None,
    baud: int | None,
    labels: Path | None,
    plan: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Compare the generated C with the reference interpreter, output by output.

    Streams a recording, or a seeded drift, through the C hop by hop; each output must be the reference's for
    that window. Status 0 only when all are exact.

    \b
    edgeshift verify kws.tflite
    edgeshift verify kws.tflite --hop 2 --board mps2-an386 --hops 50
    edgeshift verify kws.tflite --port /dev/ttyACM0
    edgeshift verify kws.tflite --edges stream --input recording.npy
    """
    network = edgeshift.load(model, **read)
    with progress("comparing", as_json) as step:
        report = edgeshift.verify(
            network,
            hop,
            board=board,
            port=port,
            baud=baud,
            progress=step,
            labels=labels,
            **stream,
            **plan,
        )

    def show(out: Console) -> None:
        out.print(f"time axis: {network.graph.time_axis}")
        for note in network.graph.notes:
            out.print(f"note: {note}")
        text.print_report(out, report)

    answer(as_json, report.as_dict() | {"time_axis": network.graph.time_axis}, show)
    if not report.exact:
        click.echo(
            f"error: {report.mismatched_hops} of {report.hops_compared} hops differ from {report.oracle}", err=True
        )
        raise click.exceptions.Exit(1)
