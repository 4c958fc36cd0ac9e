from __future__ import annotations

from pathlib import Path

import click

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import JSON, MODEL
from edgeshift.convert import read_windows


@click.command()
@MODEL
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The .tflite or .onnx to write.")
@click.option(
    "--windows",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Representative windows, .npy or .npz, [n, *input shape]: quantise to int8.",
)
@JSON
def convert(model: Path, output: Path, windows: Path | None, as_json: bool) -> None:
    """Convert a network of Keras, PyTorch or ONNX by the framework's own tools.

    \b
    edgeshift convert kws.keras --windows train.npy -o kws.tflite
    edgeshift convert kws.pt2   --windows train.npy -o kws.onnx
    """
    made = edgeshift.convert(model, output, read_windows(windows) if windows is not None else ())
    size = made.stat().st_size
    answer(as_json, {"file": str(made), "bytes": size}, lambda out: out.print(f"wrote {made} ({size:,} bytes)"))
