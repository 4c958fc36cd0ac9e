"""Where the architectures of the zoo are entered, and how one becomes model bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.finish import finish
from tests.netbuilder import Handle, Net

Describe = Callable[[Net], None]

ARCHITECTURES: dict[str, Describe] = {}
ZOO: dict[str, Callable[[np.random.Generator, str], bytes]] = {}


def architecture(describe: Describe) -> Describe:
    """Enter a function that draws a network into a builder, under its own name."""
    name = describe.__name__

    def model(rng: np.random.Generator, dtype: str = "float32") -> bytes:
        net = Net(name, rng)
        describe(net)
        return finish(net, dtype)

    ARCHITECTURES[name] = describe
    ZOO[name] = model
    return describe


def build(name: str, seed: int = 0, dtype: str = "float32") -> bytes:
    return ZOO[name](np.random.default_rng(seed), dtype)


def network(name: str, seed: int = 0) -> Net:
    """The builder itself, before any quantisation."""
    net = Net(name, np.random.default_rng(seed))
    ARCHITECTURES[name](net)
    return net


def classes(net: Net, x: Handle, units: int = 4) -> None:
    """The usual end: dense and softmax."""
    net.output(net.softmax(net.dense(x, units)))
