"""The command line: verbs only, each of which calls the API."""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

import edgeshift
from edgeshift.errors import EdgeShiftError, OutputError
from edgeshift.kernels import ISAS
from edgeshift.pipeline import Edges
from edgeshift.report import data, text
from edgeshift.shift import Outputs

F = TypeVar("F", bound=Callable[..., Any])


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def apply(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return apply


MODEL = click.argument("model", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
READ = _options(
    click.option("--time-axis", type=int, metavar="AXIS", help="The axis of the inputs that is time (else guessed)."),
    click.option("--frames", type=int, metavar="N", help="Frames in a window, for inputs that are flat."),
    click.option(
        "--state", multiple=True, metavar="IN:OUT", help="An input that is handed output OUT of the call before."
    ),
    click.option(
        "--reference",
        type=click.Choice(["litert", "tflm"]),
        help="Whose kernels to equal bit for bit: LiteRT's [default], or TFLite-Micro's and tflite-runtime's.",
    ),
)
PLAN = _options(
    click.option("--ram", type=click.IntRange(min=1), metavar="BYTES", help="Budget for state and scratch."),
    click.option(
        "--edges",
        type=click.Choice(["exact", "stream"]),
        default="exact",
        show_default=True,
        help="stream: padding follows the stream; less work, but not the trained function.",
    ),
    click.option(
        "--outputs",
        type=click.Choice(["all", "last", "seen"]),
        default="all",
        show_default=True,
        help="Of outputs per frame, last: the newest frame; seen: the newest that no padding has reached.",
    ),
)
ISA = _options(
    click.option("--board", metavar="BOARD", help="Choose kernels for this board."),
    click.option("--isa", type=click.Choice(ISAS), help="Choose kernels for this instruction set [portable]."),
)
HOP = click.option("--hop", type=click.IntRange(min=1), help="Frames between outputs [1, or the network's own].")
RECORDING = _options(
    click.option(
        "--hops", type=click.IntRange(min=1), metavar="K", help="Outputs to compare [200, or all]."
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the drift."),
    click.option(
        "--input", "recording", type=click.Path(path_type=Path), metavar="FILE", help="A .npy, .csv or .wav recording."
    ),
)


def _answer(as_json: bool, made: dict[str, Any], show: Callable[[Console], None]) -> None:
    if as_json:
        click.echo(json.dumps(made, indent=2))
    else:
        show(text.console())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edgeshift", prog_name="edgeshift")
def cli() -> None:
    """Turn a trained time-series network into fixed-memory C that computes only what is new.

    \b
    edgeshift inspect kws.tflite --hop 2
    edgeshift verify  kws.tflite --hop 2 --board mps2-an386
    edgeshift compile kws.tflite --hop 2 -o out
    """


@cli.command()
@MODEL
@HOP
@click.option(
    "--curve", is_flag=True, help="RAM against work instead, for this hop and longer ones."
)
@PLAN
@ISA
@READ
@JSON
def inspect(
    model: Path,
    hop: int | None,
    curve: bool,
    ram: int | None,
    edges: Edges,
    outputs: Outputs,
    board: str | None,
    isa: str | None,
    as_json: bool,
    **read: Any,
) -> None:
    """Show the shift plan: what each layer computes per hop, and what it needs.

    \b
    Columns of the table: S is the stride (frames per column), new the columns computed per hop,
    ring the columns kept (x phases).
    """
    network, isa = edgeshift.load(model, **read), _isa(board, isa)
    if curve:
        line = data.curve_data(network, hop, isa, edges, outputs)
        _answer(as_json, line, functools.partial(text.print_curve, line=line))
        return
    plan = edgeshift.plan(network, hop, isa, ram=ram, edges=edges, outputs=outputs)
    _answer(as_json, data.plan_data(plan), functools.partial(text.print_plan, plan=plan))


def _isa(board: str | None, isa: str | None) -> str:
    """The instruction set that was named, or that of the board."""
    if isa is not None:
        return isa
    return edgeshift.load_board(board).isa if board is not None else "portable"


@cli.command()
@MODEL
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write into.")
@click.option("--name", help="Prefix of everything in the C [the file's name].")
@HOP
@PLAN
@ISA
@READ
@JSON
def compile(
    model: Path,
    folder: Path,
    name: str | None,
    hop: int | None,
    ram: int | None,
    edges: Edges,
    outputs: Outputs,
    board: str | None,
    isa: str | None,
    as_json: bool,
    **read: Any,
) -> None:
    """Write <name>.h and <name>.c: C99 without heap, all state in one struct."""
    network = edgeshift.load(model, **read)
    plan = edgeshift.plan(network, hop, _isa(board, isa), ram=ram, edges=edges, outputs=outputs)
    made = edgeshift.compile(plan, folder, name=name)
    answer = data.plan_data(made.plan) | {"name": made.name, "files": [str(made.header), str(made.source)]}

    def show(out: Console) -> None:
        out.print(f"time axis: {network.graph.time_axis}")
        for file in (made.header, made.source):
            out.print(f"wrote {file} ({file.stat().st_size:,} bytes)")
        out.print(f"RAM {answer['struct_bytes']:,} bytes, constants {answer['weights_bytes']:,} bytes")

    _answer(as_json, answer, show)


@cli.command()
@MODEL
@HOP
@RECORDING
@click.option("--board", metavar="BOARD", help="Run on this board's emulator instead of this computer.")
@click.option(
    "--labels", type=click.Path(path_type=Path), metavar="FILE", help="Classes, for --edges stream."
)
@PLAN
@READ
@JSON
def verify(
    model: Path,
    hop: int | None,
    hops: int | None,
    seed: int,
    recording: Path | None,
    board: str | None,
    ram: int | None,
    edges: Edges,
    outputs: Outputs,
    labels: Path | None,
    as_json: bool,
    **read: Any,
) -> None:
    """Compare the generated C with the reference interpreter, output by output.

    Streams a recording, or a seeded drift, through the C hop by hop; each output must be the reference's for
    that window. Status 0 only when all are exact.
    """
    network = edgeshift.load(model, **read)
    with Progress(console=Console(stderr=True), transient=True, disable=as_json or not sys.stderr.isatty()) as bar:
        task = bar.add_task("comparing", total=None)
        report = edgeshift.verify(
            network,
            hop,
            hops,
            seed,
            recording,
            board,
            lambda done, of: bar.update(task, completed=done, total=of),
            ram=ram,
            edges=edges,
            outputs=outputs,
            labels=labels,
        )

    def show(out: Console) -> None:
        out.print(f"time axis: {network.graph.time_axis}")
        text.print_report(out, report)

    _answer(as_json, report.as_dict() | {"time_axis": network.graph.time_axis}, show)
    if not report.exact:
        click.echo(
            f"error: {report.mismatched_hops} of {report.hops_compared} hops differ from {report.oracle}", err=True
        )
        raise click.exceptions.Exit(1)


@cli.command()
@MODEL
@HOP
@RECORDING
@click.option("--board", metavar="BOARD", required=True, help="The board, or a file that describes one.")
@PLAN
@READ
@JSON
def run(
    model: Path,
    hop: int | None,
    hops: int | None,
    seed: int,
    recording: Path | None,
    board: str,
    ram: int | None,
    edges: Edges,
    outputs: Outputs,
    as_json: bool,
    **read: Any,
) -> None:
    """Build for a board, run it on its emulator and print its outputs."""
    network = edgeshift.load(model, **read)
    result = edgeshift.run(network, board, hop, hops, seed, recording, ram=ram, edges=edges, outputs=outputs)

    def show(out: Console) -> None:
        out.print(f"time axis: {network.graph.time_axis}")
        out.print(
            f"{network.name} on {result.board}: {result.flash_bytes:,} bytes of flash, {result.ram_bytes:,} of RAM"
        )
        for hop_index, outputs in zip(result.hops, result.outputs, strict=True):
            values = "  ".join(" ".join(f"{v:g}" for v in o.reshape(-1)) for o in outputs)
            out.print(f"{hop_index:6d}  {values}")

    _answer(as_json, result.as_dict(), show)


@cli.command()
@MODEL
@HOP
@RECORDING
@click.option("--board", metavar="BOARD", required=True, help="The board, or a file that describes one.")
@click.option("--isa", metavar="ISA", help="Kernels of another instruction set than the board's: portable, ...")
@PLAN
@READ
@JSON
def bench(
    model: Path,
    hop: int | None,
    hops: int | None,
    seed: int,
    recording: Path | None,
    board: str,
    isa: str | None,
    ram: int | None,
    edges: Edges,
    outputs: Outputs,
    as_json: bool,
    **read: Any,
) -> None:
    """Count instructions per hop and layer on a board's emulator, and bytes.

    Exact and the same every time; instructions are not cycles. Fails when the board's outputs are not those of
    this computer.
    """
    network = edgeshift.load(model, **read)
    result = edgeshift.bench(network, board, hop, hops, seed, recording, isa, ram=ram, edges=edges, outputs=outputs)
    _answer(as_json, result.as_dict(), functools.partial(text.print_bench, result=result))


@cli.command()
@JSON
def boards(as_json: bool) -> None:
    """List the boards that are known."""
    known = edgeshift.all_boards()
    _answer(
        as_json, {"boards": [data.board_data(b) for b in known]}, functools.partial(text.print_boards, boards=known)
    )


@cli.command()
@JSON
def ops(as_json: bool) -> None:
    """List the operators that are supported."""
    names = edgeshift.operators()
    _answer(as_json, {"operators": names}, lambda out: out.print("\n".join(names)))


def main() -> None:
    """Run the command line: one line `error: ...` and status 1 for what EdgeShift refuses, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # models name tensors as they like
    try:
        status = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except EdgeShiftError as error:
        click.echo(f"error: {' '.join(str(error).split())}", err=True)
        status = 1
    except MemoryError:
        click.echo("error: not enough memory; is a shape of the model, the hop or the recording that large?", err=True)
        status = 1
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("error: interrupted", err=True)
        status = 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except OSError as error:
        click.echo(f"error: {OutputError(error.strerror or error)}", err=True)
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
