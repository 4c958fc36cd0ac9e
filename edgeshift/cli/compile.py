from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import HOP, JSON, KERNELS, MODEL, PLAN, READ, instruction_set
from edgeshift.report import data


@click.command()
@MODEL
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write into.")
@click.option("--name", help="Prefix of everything in the C [the file's name].")
@HOP
@PLAN
@KERNELS
@READ
@JSON
def compile(
    model: Path,
    folder: Path,
    name: str | None,
    hop: int | None,
    plan: dict[str, Any],
    kernels: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Write <name>.h and <name>.c: C99 without heap, all state in one struct.

    \b
    edgeshift compile kws.tflite -o out
    edgeshift compile kws.tflite -o out --hop 2 --ram 8192 --board nucleo-f446re
    """
    network = edgeshift.load(model, **read)
    made = edgeshift.compile(edgeshift.plan(network, hop, instruction_set(**kernels), **plan), folder, name=name)
    figures = data.plan_data(made.plan) | {"name": made.name, "files": [str(made.header), str(made.source)]}

    def show(out: Console) -> None:
        out.print(f"time axis: {network.graph.time_axis}")
        for file in (made.header, made.source):
            out.print(f"wrote {file} ({file.stat().st_size:,} bytes)")
        out.print(f"RAM {figures['struct_bytes']:,} bytes, constants {figures['weights_bytes']:,} bytes")

    answer(as_json, figures, show)
