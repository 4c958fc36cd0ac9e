from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import JSON, complete_boards
from edgeshift.device.boards import RUNNERS


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--board",
    metavar="BOARD",
    shell_complete=complete_boards,
    help="The board, or a file that describes one [that of the build].",
)
@click.option(
    "--runner", type=click.Choice(list(RUNNERS)), metavar="TOOL", help="pyocd, openocd, ... [the first that is here]."
)
@click.option("--port", metavar="PORT", help="The serial port, for bossac: /dev/ttyACM0.")
@click.option("--host", metavar="USER@HOST", help="The computer, for Linux boards: pi@raspberrypi.local.")
@click.option("--dry-run", is_flag=True, help="Print the command, and run nothing.")
@click.option("--force", is_flag=True, help="Flash what was not verified, or was changed since.")
@JSON
def flash(
    image: Path,
    board: str | None,
    runner: str | None,
    port: str | None,
    host: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Flash an image, or the one in a folder of `edgeshift build`, by the tool that the board has.

    The command is printed before it runs. What was not verified is not flashed.

    \b
    edgeshift flash out
    edgeshift flash out/kws.uf2 --dry-run
    edgeshift flash out --runner openocd
    edgeshift flash out --host pi@raspberrypi.local
    """
    flashing = edgeshift.plan_flash(image, board, runner, port, host, force)
    made = {
        "board": flashing.board,
        "runner": flashing.runner,
        "image": str(flashing.image),
        "command": list(flashing.command),
        "first": flashing.first,
        "missing": flashing.missing,
        "flashed": not dry_run,
    }

    def show(out: Console) -> None:
        if flashing.first:
            out.print(f"first: {flashing.first}")
        out.print(f"$ {flashing.shell}")

    if dry_run:
        answer(as_json, made, show)
        if flashing.missing:
            click.echo(f"note: {flashing.missing}", err=True)
        return
    if not as_json:
        answer(False, made, show)
    edgeshift.flash(flashing)
    answer(as_json, made, lambda out: out.print("flashed"))
