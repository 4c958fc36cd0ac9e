"""The kernels for Armv6-M give the portable C's bytes: their assembly on QEMU, their C on the host."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import load_board
from edgeshift.device.deploy import run_on_board
from edgeshift.ops.conv import Conv, DepthwiseConv
from edgeshift.pipeline import Network, plan
from tests.finish import finish
from tests.ladder import network
from tests.ladder_c import Program, shared_library
from tests.netbuilder import Net
from tests.random_networks import random_case
from tests.zoo.registry import build

BOARD = load_board(Path(__file__).parent / "boards" / "mps2-an385-armv6m.toml")
ZOO_ON_HOST = ("ds_cnn", "fcn_same", "wavenet", "stride_six", "depthwise_multiplied", "frequency_pooled")
ZOO_ON_BOARD = ("ds_cnn", "tc_resnet")
OUTPUTS = 6
HOST_SEEDS = range(3000, 3016)


def frames_of(net: Network, count: int, seed: int) -> list[np.ndarray]:
    """Noise, its extremes, and stretches of nothing but -128 or 127."""
    rng = np.random.default_rng(seed)
    made = []
    for stream in net.graph.inputs:
        rows = count if stream.id in net.graph.temporal else 1
        size = stream.size if rows > 1 else stream.size * stream.columns
        if stream.dtype != np.int8:
            made.append(rng.normal(0, 3, (rows, size)).astype(stream.dtype))
            continue
        noise = rng.integers(-128, 128, (rows, size))
        ends = rng.choice([-128, 127], (rows, size))
        flat = np.broadcast_to(rng.choice([-128, 127], (rows, 1)), (rows, size))
        kind = (np.arange(rows) * 5 // rows)[:, None]
        made.append(np.select([kind == 1, kind == 3], [ends, flat], noise).astype(np.int8))
    return made


def program(net: Network, hop: int, isa: str, name: str, seed: int) -> Program:
    made = plan(net, hop, isa)
    pushes = made.schedule.warmup_hops - 1 + OUTPUTS * 2
    frames = frames_of(net, pushes * hop, seed)
    made.__dict__["sources"] = made.emit(name)
    temporal = [s.id in net.graph.temporal for s in net.graph.inputs]
    arrays = [
        [f[i * hop : (i + 1) * hop] if t else f for f, t in zip(frames, temporal, strict=True)]
        for i in range(pushes)
    ]
    return Program(made, arrays)


def compare_on_host(cases: list[tuple[Network, int]]) -> int:
    """How many kernels of this instruction set took part."""
    programs = [
        (program(net, hop, "portable", f"p{i}", i), program(net, hop, "armv6m", f"v{i}", i))
        for i, (net, hop) in enumerate(cases)
    ]
    answers = shared_library([p for pair in programs for p in pair])
    for portable, special in programs:
        for expected, got in zip(answers[portable.name], answers[special.name], strict=True):
            for a, b in zip(expected, got, strict=True):
                np.testing.assert_array_equal(a, b, strict=True)
    return sum(k.template.startswith("armv6m/") for _, s in programs for k in s.plan.kernels.values())


def compare_on_board(net: Network, hop: int, seed: int) -> int:
    """How many kernels of this instruction set took part."""
    portable, special = program(net, hop, "portable", "p", seed), plan(net, hop, "armv6m")
    pushes = len(portable.pushes)
    run = run_on_board(special, frames_of(net, pushes * hop, seed), pushes, BOARD)
    got = [o for o in run.outputs if o is not None]
    for expected, outputs in zip(shared_library([portable])["p"], got, strict=True):
        for a, b in zip(expected, outputs, strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
    return sum(k.template.startswith("armv6m/") for k in special.kernels.values())


def integer_case(seed: int) -> tuple[Network, int] | None:
    drawn = random_case(seed)
    return (network(drawn.model), drawn.hop) if drawn.description.startswith("int8") else None


def shapes(depthwise: bool, seed: int) -> Network:
    """Convolutions of odd sizes, whose weights are then drawn from the extremes: with paddings, strides, dilations."""
    rng = np.random.default_rng(seed)
    net = Net("shapes", rng)
    if depthwise:
        channels, features = int(rng.choice([4, 8, 12, 20, 36])), int(rng.choice([1, 3]))
        x = net.input((1, 14, features, channels))
        x = net.depthwise(x, 1, (int(rng.integers(1, 6)), int(rng.integers(1, features + 1))), padding="SAME")
        x = net.depthwise(x, 1, (3, 1), padding="VALID", activation="relu")
    else:
        channels, features = int(rng.integers(1, 20)), int(rng.choice([1, 4]))
        x = net.input((1, 14, features, channels))
        x = net.conv2d(x, int(rng.integers(3, 22)), (int(rng.integers(1, 5)), min(2, features)), padding="SAME")
        x = net.conv2d(x, int(rng.integers(3, 22)), (1, 1), activation="relu6")
        x = net.conv2d(x, int(rng.integers(3, 22)), (3, 1), padding="VALID")
    net.output(x)
    made = network(finish(net, "int8"))
    for op in made.graph.ops:
        if isinstance(op, Conv | DepthwiseConv):
            op.weights = rng.choice(np.array([-128, -127, 127, 0, 1, -1], np.int8), op.weights.shape)
            op.shift = op.shift - 2  # the sums are that much larger
    return made


def test_random_networks_on_the_host() -> None:
    cases = [c for c in map(integer_case, HOST_SEEDS) if c is not None]
    assert compare_on_host(cases) > 8


def test_extreme_weights_on_the_host() -> None:
    assert compare_on_host([(shapes(bool(i % 2), i), 1 + i % 3) for i in range(10)]) >= 10


def test_the_zoo_on_the_host() -> None:
    assert compare_on_host([(network(build(name, 1, "int8")), 1) for name in ZOO_ON_HOST]) > 8


@pytest.mark.parametrize("name", ZOO_ON_BOARD)
def test_the_zoo_on_the_board(tools: None, name: str) -> None:
    assert compare_on_board(network(build(name, 2, "int8")), 2, 7) > 0


@pytest.mark.parametrize("seed", range(6))
def test_extreme_weights_on_the_board(tools: None, seed: int) -> None:
    assert compare_on_board(shapes(bool(seed % 2), 100 + seed), 1 + seed % 2, seed) > 0


@pytest.mark.parametrize("seed", range(3100, 3112))
def test_random_networks_on_the_board(tools: None, seed: int) -> None:
    case = integer_case(seed)
    if case is None:
        pytest.skip("drawn as float")
    compare_on_board(*case, seed)
