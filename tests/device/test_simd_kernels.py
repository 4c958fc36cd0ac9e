"""The kernels for Helium and AArch64 give the portable C's bytes, on their emulators."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

import numpy as np
import pytest

from edgeshift.device import load_board
from edgeshift.device.deploy import run_on_board
from edgeshift.host.model import StreamingModel
from edgeshift.kernels import ISAS
from edgeshift.ops.conv import Conv, DepthwiseConv
from edgeshift.ops.dense import Dense
from edgeshift.pipeline import Network, plan
from tests.finish import finish
from tests.fuzz.draw import random_network
from tests.ladder import network
from tests.netbuilder import Handle, Net
from tests.zoo.registry import build

BOARDS = ("mps3-an547", "raspberry-pi-4", "raspberry-pi-5")
FLOAT_BOARDS = ("raspberry-pi-4",)  # the Raspberry Pi 5 has the same float kernels
HOPS = 6
TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm", "aarch64-linux-gnu-gcc", "qemu-aarch64")


@pytest.fixture(autouse=True)
def simd_tools() -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"not installed: {', '.join(missing)}")


def frames_of(net: Network, count: int, seed: int) -> list[np.ndarray]:
    """Noise, its extremes, noise again, stretches of nothing but -128 or 127; float of all magnitudes."""
    rng = np.random.default_rng(seed)
    made = []
    for stream in net.graph.inputs:
        shape = (count if stream.id in net.graph.temporal else stream.columns, stream.size)
        if stream.dtype != np.int8:
            noise = rng.normal(0, 1, shape) * rng.choice([0, 1e-30, 1e-3, 1, 50], (shape[0], 1))
            made.append(noise.astype(stream.dtype))
            continue
        noise = rng.integers(-128, 128, shape)
        ends = rng.choice([-128, 127], shape)
        flat = np.broadcast_to(rng.choice([-128, 127], (shape[0], 1)), shape)
        kind = (np.arange(shape[0]) * 4 // shape[0])[:, None]
        made.append(np.select([kind == 1, kind == 3], [ends, flat], noise).astype(np.int8))
    return made


def compare(net: Network, hop: int, board_name: str, seed: int) -> set[str]:
    """The kernels of the board's own instruction sets that took part."""
    board = load_board(board_name)
    special = plan(net, hop, board.isa)
    pushes = special.schedule.warmup_hops - 1 + HOPS
    frames = frames_of(net, pushes * hop, seed)
    host = StreamingModel(plan(net, hop, "portable"))
    ran = run_on_board(special, frames, pushes, board)
    for push, got in enumerate(ran.outputs):
        rows = [
            f[push * hop : (push + 1) * hop] if s.id in net.graph.temporal else f
            for f, s in zip(frames, net.graph.inputs, strict=True)
        ]
        expected = host.push_raw(rows)
        assert (expected is None) == (got is None), push
        for a, b in zip(expected or (), got or (), strict=True):
            assert a.dtype == b.dtype and a.tobytes() == b.tobytes(), push
    simd = ISAS[ISAS.index("mve") :]
    return {k.template for k in special.kernels.values() if k.template.split("/")[0] in simd}


def sizes(rng: np.random.Generator, options: Iterable[int]) -> int:
    return int(rng.choice(list(options)))


def convolutions(net: Net, rng: np.random.Generator) -> list[Handle]:
    """Channels above and below whole blocks; paddings, strides, dilations over time and features; dense."""
    features = sizes(rng, (1, 3))
    x = net.input((1, 11, features, sizes(rng, (1, 5, 9, 16))))
    y = net.conv2d(x, sizes(rng, (13, 33, 70)), (3, min(2, features)), padding="SAME", activation="relu")
    z = net.conv2d(y, sizes(rng, (3, 16, 37)), (2, 1), dilation=(2, 1), padding="VALID")
    across = (1, features)
    w = net.conv2d(z, sizes(rng, (8, 20, 64)), across, stride=(2, 1), padding="VALID", activation="relu6")
    mean = net.mean(y, (1, 2))
    return [z, w, mean, net.dense(mean, sizes(rng, (1, 7, 35))), net.dense(w, sizes(rng, (2, 5)), whole=True)]


def depthwise(net: Net, rng: np.random.Generator) -> list[Handle]:
    """The same for depthwise convolutions, with elementwise operators, pools, reductions, dense layers."""
    features, channels = sizes(rng, (1, 4)), sizes(rng, (6, 16, 21, 40))
    x = net.input((1, 12, features, channels))
    y = net.depthwise(x, 1, (sizes(rng, (2, 3, 5)), min(3, features)), padding="SAME", activation="relu6")
    z = net.depthwise(y, 1, (3, 1), dilation=(2, 1), padding="VALID")
    scaled = net.mul(y, net.rng.uniform(-1.5, 1.5, channels))
    mixed = [net.add(x, y, "relu"), net.sub(scaled, x), net.mul(x, y)]
    ends = [net.reduce_max(y, (1,)), net.mean(z, (1,)), net.dense(z, sizes(rng, (4, 9)), keep_num_dims=True)]
    pools = [net.max_pool(y, (3, 1), (1, 1), "SAME"), net.avg_pool(y, (2, features), (2, 1), "SAME")]
    return [z, *mixed, *pools, *ends]


def drawn_from_extremes(kind: str, seed: int, dtype: str) -> Network:
    """A network whose int8 weights are all extreme; most without -128, as converters write them."""
    rng = np.random.default_rng(seed)
    net = Net("extremes", rng)
    for output in (convolutions if kind == "convolutions" else depthwise)(net, rng):
        net.output(output)
    made = network(finish(net, dtype))
    extremes = np.array([127, -127, 0, 1] + [-128] * (seed % 2), np.int8)
    for op in made.graph.ops:
        if isinstance(op, Conv | DepthwiseConv | Dense) and op.integer:
            op.weights = rng.choice(extremes, op.weights.shape)
        if isinstance(op, Conv | DepthwiseConv) and op.integer:
            op.shift = op.shift - rng.integers(0, 4, op.shift.shape)  # the sums are that much larger
    return made


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["convolutions", "depthwise"])
def test_extreme_weights(board: str, kind: str, seed: int) -> None:
    found = compare(drawn_from_extremes(kind, seed, "int8"), 1 + seed % 3, board, seed)
    family = "conv" if kind == "convolutions" else "depthwise"
    assert any(family in template for template in found), found


@pytest.mark.parametrize("board", FLOAT_BOARDS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["convolutions", "depthwise"])
def test_float(board: str, kind: str, seed: int) -> None:
    found = compare(drawn_from_extremes(kind, seed, "float32"), 1 + seed % 3, board, seed)
    assert "neon/conv_f32" in found


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", ["ds_cnn", "tc_resnet"])
def test_zoo(board: str, name: str) -> None:
    assert compare(network(build(name, 2, "int8")), 2, board, 7)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("seed", range(3100, 3103))
def test_random_networks(board: str, seed: int) -> None:
    drawn = random_network(seed)
    compare(network(drawn.model), drawn.hop, board, seed)
