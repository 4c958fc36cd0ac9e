"""What the tests of the generated C share: models as files, compilers, and what a compiler says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

import edgeshift
from tests.finish import finish
from tests.netbuilder import Net
from tests.zoo import build

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror")
PORTABLE = ("-O2", "-ffp-contract=off")


def tiny_int8(net: Net) -> None:
    """Edges, phases, a ring, a pool over runs, a dense layer."""
    x = net.conv1d(net.input((1, 8, 2)), 2, 3, activation="relu")
    net.output(net.dense(net.reshape(net.max_pool1d(x, 2, 2), (1, -1)), 2))


def tiny_f32(net: Net) -> None:
    """Two inputs and two outputs; one input has no time."""
    x, gain = net.input((1, 6, 2)), net.input((1, 1))
    x = net.conv1d(x, 2, 2, padding="VALID")
    net.output(net.mul(net.mean(x, 1), gain), x)


TINY = {"tiny_int8": (tiny_int8, "int8"), "tiny_f32": (tiny_f32, "float32")}


@cache
def tiny(name: str) -> bytes:
    describe, dtype = TINY[name]
    net = Net(name, np.random.default_rng(1))
    describe(net)
    return finish(net, dtype)


def written(folder: Path, name: str, dtype: str = "int8") -> Path:
    """A network of the zoo, or a tiny one, as a file."""
    file = folder / f"{name}.tflite"
    file.write_bytes(tiny(name) if name in TINY else build(name, 1, dtype))
    return file


def renamed(describe: Callable[[Net], None], names: Iterable[str]) -> bytes:
    """A float network whose first tensors have these names."""
    net = Net("renamed", np.random.default_rng(1))
    describe(net)
    named = [replace(tensor, name=name) for tensor, name in zip(net._tensors, names, strict=False)]
    net._tensors[: len(named)] = named
    return net.build()


def compiled(folder: Path, name: str, dtype: str = "int8", hop: int = 1) -> edgeshift.Artifacts:
    """A network of the zoo as `edgeshift compile` writes it."""
    return edgeshift.compile(written(folder, name, dtype), folder / f"{name}_{dtype}_{hop}", hop)


def run(*command: str | Path) -> str:
    """What a command prints; its complaints are the message of the failure."""
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[:4000]
    return result.stdout
