"""The networks of the benchmark: files of ../shared/models, and one that is built here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

import edgeshift
from tests.netbuilder import Net

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"
TWIN = "fcn_c9_w128_f32"


def file_of(name: str) -> Path:
    """A network's file. Ends with one clear line where it is not here."""
    file = MODELS / f"{name}.tflite"
    if not file.exists():
        raise SystemExit(f"error: {name}.tflite is missing; the benchmark's networks belong into ../shared/models")
    return file


@cache
def network(name: str, folder: Path) -> edgeshift.Network:
    """A network by name; the one that is built here is written into `folder` first."""
    if name != TWIN:
        return edgeshift.load(file_of(name))
    file = folder / f"{name}.tflite"
    file.write_bytes(float_fcn())
    return edgeshift.load(file)


def float_fcn() -> bytes:
    """The layers of random_fcn_c9_w128_int8 in float32, random weights: three SAME convolutions, mean, dense."""
    net = Net(TWIN, np.random.default_rng(0))
    x = net.input((1, 128, 9))
    for channels, kernel in ((128, 8), (256, 5), (128, 3)):
        x = net.conv1d(x, channels, kernel, activation="relu")
    net.output(net.dense(net.mean(x, 1), 6))
    return net.build()


def worked_example() -> bytes:
    """The network of docs/shift-plan.md, int8: windows of 12 frames of 2, two SAME convolutions, mean, dense."""
    rng = np.random.default_rng(0)
    net = Net("example", rng)
    x = net.input((1, 12, 2))
    x = net.conv1d(x, 4, 3, activation="relu")
    x = net.conv1d(x, 4, 3, activation="relu")
    net.output(net.dense(net.mean(x, 1), 3))
    return net.quantize([[rng.standard_normal((1, 12, 2)).astype(np.float32)] for _ in range(8)])
