from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import HOP, JSON, KERNELS, MODEL, PLAN, READ, instruction_set
from edgeshift.export import KINDS


@click.command()
@MODEL
@click.option("--as", "kind", type=click.Choice(list(KINDS)), required=True, help="What the package is for.")
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write into.")
@click.option("--name", help="Name of the package, and prefix of everything in the C [the file's name].")
@click.option("--version", default="1.0.0", show_default=True, help="Version of the package.")
@HOP
@PLAN
@KERNELS
@READ
@JSON
def export(
    model: Path,
    kind: str,
    folder: Path,
    name: str | None,
    version: str,
    hop: int | None,
    plan: dict[str, Any],
    kernels: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Write a package for CMake, Arduino, PlatformIO, Zephyr or ESP-IDF, with an example.

    \b
    edgeshift export kws.tflite --as cmake -o kws
    edgeshift export kws.tflite --as arduino -o kws --board arduino-nano-33-ble
    """
    made = edgeshift.plan(edgeshift.load(model, **read), hop, instruction_set(**kernels), **plan)
    exported = edgeshift.export(made, kind, folder, name, version)
    figures = {"name": exported.name, "kind": kind, "folder": str(folder), "files": list(exported.files)}

    def show(out: Console) -> None:
        for file in exported.files:
            out.print(f"wrote {folder / file}")

    answer(as_json, figures, show)
