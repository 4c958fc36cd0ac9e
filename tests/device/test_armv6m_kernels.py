"""The kernels for Armv6-M give the portable C's bytes: their assembly on QEMU, their C on the host."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import load_board
from edgeshift.device.deploy import run_on_board
from edgeshift.ops.conv import Conv, DepthwiseConv
from edgeshift.ops.dense import Dense
from edgeshift.pipeline import Network, plan
from tests.finish import finish
from tests.fuzz.draw import Wish, random_network
from tests.ladder import network
from tests.ladder_c import Program, shared_library
from tests.netbuilder import Net
from tests.zoo.registry import build

BOARD = load_board(Path(__file__).parent / "boards" / "mps2-an385-armv6m.toml")
ZOO_ON_HOST = ("ds_cnn", "fcn_same", "wavenet", "stride_six", "depthwise_multiplied", "frequency_pooled")
ZOO_ON_BOARD = ("ds_cnn", "tc_resnet")
KINDS = ("conv", "depthwise", "dense")
OUTPUTS = 6
HOST_SEEDS = range(3000, 3016)
WISH = Wish(("int8", "int8_floatio"), frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}))


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
        part = (np.arange(rows) * 5 // rows)[:, None]
        made.append(np.select([part == 1, part == 2, part == 3], [ends, -128, 127], noise).astype(np.int8))
    return made


def program(net: Network, hop: int, isa: str, name: str, seed: int) -> Program:
    made = plan(net, hop, isa)
    pushes = made.schedule.warmup_hops - 1 + OUTPUTS * 2
    frames = frames_of(net, pushes * hop, seed)
    made.__dict__["sources"] = made.emit(name)
    temporal = [s.id in net.graph.temporal for s in net.graph.inputs]
    arrays = [
        [f[i * hop : (i + 1) * hop] if t else f for f, t in zip(frames, temporal, strict=True)] for i in range(pushes)
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


def integer_case(seed: int) -> tuple[Network, int]:
    drawn = random_network(seed, WISH)
    return network(drawn.model), drawn.hop


def shapes(kind: str, seed: int) -> Network:
    """Layers of odd sizes, with paddings, strides, dilations; weights drawn from the extremes."""
    rng = np.random.default_rng(seed)
    net = Net("shapes", rng)

    def some(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    if kind == "depthwise":
        channels, features = int(rng.choice([4, 8, 12, 20, 36])), int(rng.choice([1, 3]))
        x = net.input((1, 14, features, channels))
        x = net.depthwise(x, 1, (some(1, 6), some(1, features + 1)), (1, some(1, 3)), padding="SAME")
        x = net.depthwise(x, 1, (3, 1), dilation=(some(1, 3), 1), padding="VALID", activation="relu")
    elif kind == "conv":
        features = int(rng.choice([1, 4]))
        x = net.input((1, 14, features, some(1, 20)))
        x = net.conv2d(x, some(3, 22), (some(1, 5), min(2, features)), padding="SAME")
        x = net.conv2d(x, some(3, 22), (1, 1), activation="relu6")
        x = net.conv2d(x, some(3, 22), (2, 1), dilation=(some(1, 4), 1), padding="VALID")
    else:
        x = net.input((1, 14, some(1, 4), some(30, 90)))
        x = net.dense(x, some(10, 40), keep_num_dims=True)
        x = net.dense(x, some(3, 20), whole=True)
    net.output(x)
    made = network(finish(net, "int8"))
    for op in made.graph.ops:
        if isinstance(op, Conv | DepthwiseConv | Dense):
            op.weights = rng.choice(np.array([-128, -127, 127, 0, 1, -1], np.int8), op.weights.shape)
        if isinstance(op, Conv | DepthwiseConv):
            op.shift = op.shift - int(rng.integers(0, 3))  # the sums are that much larger
    return made


def largest_sums() -> Network:
    """A convolution whose sums come near 2^23, where they are no longer unique."""
    rng = np.random.default_rng(5)
    net = Net("largest", rng)
    net.output(net.conv2d(net.input((1, 8, 1, 168)), 17, (3, 1), padding="VALID"))
    made = network(finish(net, "int8"))
    (op,) = (op for op in made.graph.ops if isinstance(op, Conv))
    quant = op.inputs[0].quant
    assert quant is not None
    quant.zero_point[:] = op.zero_point = 0
    op.bias = rng.integers(-50_000, 50_000, op.bias.shape).astype(np.int32)
    positive = rng.random(op.weights.shape) < np.linspace(0, 1, 17)[:, None, None, None]
    op.weights = np.where(positive, 127, -128).astype(np.int8)
    op.shift = np.full_like(op.shift, -16)
    return made


def pools(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    net = Net("pools", rng)
    channels, features = int(rng.choice([4, 12, 16])), int(rng.integers(1, 5))
    x = net.input((1, 20, features, channels))
    x = net.avg_pool(x, (int(rng.integers(1, 5)), int(rng.integers(1, features + 1))), padding="SAME")
    net.output(net.mean(x, [1, 2]))
    net.output(net.mean(x, [1]))
    return network(finish(net, "int8"))


def test_random_networks_on_the_host() -> None:
    assert compare_on_host([integer_case(seed) for seed in HOST_SEEDS]) > 8


def test_extreme_weights_on_the_host() -> None:
    assert compare_on_host([(shapes(KINDS[i % 3], i), 1 + i % 2) for i in range(12)]) >= 20


def test_the_largest_sums() -> None:
    assert compare_on_host([(largest_sums(), 1)]) == 1


def test_pools_on_the_host() -> None:
    assert compare_on_host([(pools(i), 1 + i) for i in range(4)]) == 12


def test_the_zoo_on_the_host() -> None:
    assert compare_on_host([(network(build(name, 1, "int8")), 1) for name in ZOO_ON_HOST]) > 8


@pytest.mark.parametrize("name", ZOO_ON_BOARD)
def test_the_zoo_on_the_board(tools: None, name: str) -> None:
    assert compare_on_board(network(build(name, 2, "int8")), 2, 7) > 0


@pytest.mark.parametrize("made", [largest_sums, partial(pools, 9)], ids=["largest sums", "pools"])
def test_special_cases_on_the_board(tools: None, made: Callable[[], Network]) -> None:
    assert compare_on_board(made(), 1, 3) > 0


@pytest.mark.parametrize("seed", range(9))
def test_extreme_weights_on_the_board(tools: None, seed: int) -> None:
    assert compare_on_board(shapes(KINDS[seed % 3], 100 + seed), 1 + seed % 2, seed) > 1


@pytest.mark.parametrize("seed", range(3100, 3108))
def test_random_networks_on_the_board(tools: None, seed: int) -> None:
    compare_on_board(*integer_case(seed), seed)
