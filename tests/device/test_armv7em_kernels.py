"""The kernels for Armv7E-M give the portable C's bytes: on QEMU's Cortex-M4, many networks to an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import load_board
from edgeshift.kernels.armv7em.requantize import finish
from edgeshift.ops.conv import Conv, DepthwiseConv
from edgeshift.ops.dense import Dense
from edgeshift.pipeline import Network, plan
from edgeshift.reference.arithmetic import multiply_by_quantized_multiplier
from tests.device.fleet import Ship, differences
from tests.finish import finish as finish_net
from tests.fuzz.draw import Wish, random_network
from tests.ladder import network
from tests.netbuilder import Handle, Net
from tests.zoo.registry import build

BOARD = load_board("mps2-an386")
ISA = "armv7em"
RANDOM = 16
REGRESSION = Path(__file__).parents[1] / "regression"
PLENTY = 1 << 20  # bytes of RAM: as many patches share a load of weights as can; three of four networks get them
ZOO = ("tc_resnet", "ds_cnn", "wavenet", "depthwise_multiplied", "avg_pool_padded", "constant_affine")

pytestmark = pytest.mark.usefixtures("tools")

Sizes = Callable[[Iterable[int]], int]


def draw(seed: int, dtype: str, layers: Callable[[Net, Sizes], Handle]) -> Network:
    rng = np.random.default_rng(seed)
    net = Net("drawn", rng)
    net.output(layers(net, lambda options: int(rng.choice(list(options)))))
    return network(finish_net(net, dtype))


def convolutions(net: Net, some: Sizes) -> Handle:
    """Two axes, all sizes odd and even, paddings, strides, dilations."""
    features = some((1, 3, 6))
    x = net.input((1, 16, features, some((1, 3, 4, 8, 9))))
    kernel = (some((1, 2, 5)), some((1, min(3, features))))
    x = net.conv2d(x, some((2, 3, 7, 8, 10)), kernel, (1, some((1, 2))), padding="SAME", activation="relu")
    x = net.conv2d(x, some((1, 4, 5, 9, 16)), 1, activation="relu6")
    return net.conv2d(x, some((2, 6, 13)), (3, 1), dilation=(some((1, 2)), 1), padding=("SAME", "VALID")[some((0, 1))])


def depthwise(net: Net, some: Sizes) -> Handle:
    features, channels = some((1, 2, 5, 7)), some((4, 8, 9, 12, 23))
    x = net.input((1, 16, features, channels))
    x = net.depthwise(
        x,
        1,
        (3, min(3, features)),
        (1, some((1, 2))),
        padding="SAME",
        activation=("relu", None)[some((0, 1))],
    )
    x = net.depthwise(
        x, 1, (some((1, 2, 4, 5)), 1), dilation=(some((1, 2)), 1), padding=("SAME", "VALID")[some((0, 1))]
    )
    return net.depthwise(x, some((1, 2)), (2, 1), padding="VALID", activation="relu6")


def depthwise_3x3(net: Net, some: Sizes) -> Handle:
    x = net.input((1, 12, some((3, 4, 5, 9, 12)), some((4, 8, 20))))
    for _ in range(2):
        padding = ("SAME", "VALID")[some((0, 0, 1))] if x.shape[2] > 3 else "SAME"
        x = net.depthwise(x, 1, 3, (1, some((1, 2))), padding=padding, activation=("relu", None)[some((0, 1))])
    return x


def dense(net: Net, some: Sizes) -> Handle:
    x = net.input((1, 10, some((1, 3)), some((5, 8, 18))))
    x = net.dense(x, some((3, 4, 9)), activation="relu", keep_num_dims=True)
    x = net.dense(x, some((1, 5, 10)), whole=True)
    return net.dense(x, some((2, 3, 4)))


def pools(net: Net, some: Sizes) -> Handle:
    channels, features = some((4, 6, 8, 11)), some((1, 2, 5))
    x = net.input((1, 20, features, channels))
    x = net.max_pool(x, (2, some((1, features))), (1, 1), padding="SAME", activation=("relu", None)[some((0, 1))])
    x = net.avg_pool(x, (3, some((1, features))), (some((1, 2)), 1), padding="SAME")
    net.output(net.mean(x, [1, 2]))
    return net.mean(x, [2])


def sums(net: Net, some: Sizes) -> Handle:
    x = net.input((1, 12, some((3, 8))))
    y = net.conv1d(x, x.shape[2], 3, padding="SAME", activation=("relu", None)[some((0, 1))])
    z = net.add(x, y, activation=("relu", None)[some((0, 1))])
    w = net.sub(z, y) if some((0, 1)) else net.mul(z, y)
    return net.add(w, net.constant(net.rng.normal(size=(1, 1, x.shape[2]))))


DRAWN = (convolutions, depthwise, depthwise_3x3, dense, pools, sums)


def with_weights(made: Network, values: Sequence[int], seed: int) -> Network:
    """Its weights drawn from few values, the shifts larger so that outputs do not all saturate."""
    rng = np.random.default_rng(seed)
    for op in made.graph.ops:
        if isinstance(op, Conv | DepthwiseConv | Dense):
            op.weights = rng.choice(np.array(values, np.int8), op.weights.shape)
        if isinstance(op, Conv | DepthwiseConv):
            op.shift = op.shift - int(rng.integers(0, 4))
    return made


def random_int8(seeds: Iterable[int]) -> list[tuple[Network, int]]:
    drawn = [random_network(seed, Wish(("int8", "int8_floatio"))) for seed in seeds]
    return [(network(d.model), d.hop) for d in drawn]


def check(cases: Sequence[tuple[Network, int]]) -> set[str]:
    """Compare them all; which kernels took part."""
    ships = [Ship.of(net, hop, ISA, seed, ram=(PLENTY, None)[seed % 4 == 3]) for seed, (net, hop) in enumerate(cases)]
    assert differences(ships, BOARD) == []
    return set().union(*(ship.templates for ship in ships))


def test_random_networks() -> None:
    check(random_int8(range(4000, 4000 + RANDOM)))


def test_padding_on_the_early_left_edge_alone() -> None:
    """A depthwise convolution reads padding only for the window that begins later."""
    check([(network((REGRESSION / "early_left_edge" / "model.tflite").read_bytes()), 1)])


def test_zoo() -> None:
    check([(network(build(name, 1, "int8")), 1 + index % 3) for index, name in enumerate(ZOO)])


def test_drawn_layers_of_all_sizes() -> None:
    cases = [(draw(seed, "int8", layers), 1 + seed % 3) for layers in DRAWN for seed in range(3)]
    families = ("conv", "depthwise", "pool", "reduce", "elementwise")
    assert {f"armv7em/{family}" for family in families} <= check(cases)


def test_int16_activations() -> None:
    """Layers of all sizes, with weights as they come and as large as they can be; what wants 64 bits is in C."""
    layers = (convolutions, depthwise, depthwise_3x3)
    cases = [(draw(seed, "int16", which), 1 + seed % 3) for which in layers for seed in range(4)]
    cases += [
        (with_weights(draw(seed, "int16", which), (-128, 127), seed), 1 + seed % 2)
        for which in layers
        for seed in (7, 8)
    ]
    cases += [(network(build(name, 1, "int16")), 2) for name in ("ds_cnn", "tc_resnet")]
    assert {"armv7em/conv_int16", "armv7em/depthwise_int16"} <= check(cases)


def test_int16_sums_of_64_bits_are_portable() -> None:
    for taps, template in ((60, "armv7em/conv_int16"), (130, "conv")):
        net = Net("long", np.random.default_rng(1))
        net.output(net.conv2d(net.input((1, 6, 1, 4 * taps)), 4, 1))
        made = network(finish_net(net, "int16"))
        (op,) = (op for op in made.graph.ops if isinstance(op, Conv))
        op.weights = np.full_like(op.weights, 127)
        assert plan(made, 2, ISA).kernels[op].template == template


@pytest.mark.parametrize("values", [(-128, 127), (-128, -127, 0, 1, 127)], ids=["ends", "few"])
def test_extreme_weights(values: tuple[int, ...]) -> None:
    layers = (convolutions, depthwise, depthwise_3x3, dense)
    check(
        [(with_weights(draw(seed, "int8", which), values, seed), 1 + seed % 2) for which in layers for seed in (7, 8)]
    )


def conv_layer(weights: np.ndarray, seed: int = 0) -> tuple[Network, Conv]:
    """A pointwise convolution over 6 columns with the given `[channels, inputs]`."""
    rng = np.random.default_rng(seed)
    net = Net("layer", rng)
    net.output(net.conv2d(net.input((1, 6, 1, weights.shape[1])), len(weights), 1))
    made = network(finish_net(net, "int8"))
    (op,) = (op for op in made.graph.ops if isinstance(op, Conv))
    op.weights = weights.astype(np.int8).reshape(op.weights.shape)
    return made, op


def shape_of(made: Network, op: Conv) -> tuple[str, dict[str, object]]:
    kernel = plan(made, 2, ISA, ram=PLENTY).kernels[op]
    return kernel.template, dict(kernel.shape)


def test_what_does_not_fit_is_done_otherwise() -> None:
    """256 * w0 + w1 beyond 16 bits, sums beyond 2^23, shifts to the left, sums beyond 2^30."""
    rng = np.random.default_rng(3)
    some = rng.integers(-127, 128, (6, 20))
    packs, op = conv_layer(some)
    assert shape_of(packs, op)[1]["packed"] and shape_of(packs, op)[1]["finished"]

    below = some.copy()
    below[2, 4], below[3, 4] = -128, -1
    beyond, op_beyond = conv_layer(below)
    assert not shape_of(beyond, op_beyond)[1]["packed"]
    below[3, 4] = 0
    fits, op_fits = conv_layer(below)
    assert shape_of(fits, op_fits)[1]["packed"]

    large, op_large = conv_layer(some)
    op_large.bias = op_large.bias + np.int32(1 << 23)
    op_large.shift = op_large.shift - 8
    assert not shape_of(large, op_large)[1]["packed"]

    left, op_left = conv_layer(some)
    op_left.shift = np.array([-9, 0, 1, -7, 2, -8], op_left.shift.dtype)
    op_left.bias = op_left.bias // 1000
    assert not shape_of(left, op_left)[1]["finished"]

    huge, op_huge = conv_layer(some)
    op_huge.bias = np.full_like(op_huge.bias, (1 << 30) + 77)
    op_huge.shift = op_huge.shift - 12
    assert not shape_of(huge, op_huge)[1]["finished"]

    check([(made, hop) for made in (packs, beyond, fits, large, left, huge) for hop in (1, 6)])


def test_finish_constants_round_as_the_reference() -> None:
    rng = np.random.default_rng(0)
    for zero_point in (-128, -5, 0, 127):
        multiplier = rng.integers(1 << 30, 1 << 31, 64)
        multiplier[:2] = 1 << 30, (1 << 31) - 1
        shift = -rng.integers(1, 22, 64)
        largest = 1 << 24
        made = finish(np.full(64, -largest), np.full(64, largest), multiplier, shift, zero_point)
        assert made is not None
        near = (np.arange(-40, 41)[:, None] << 31) // multiplier << rng.integers(0, 12)  # about the halves
        acc = np.concatenate([rng.integers(-largest, largest + 1, (400, 64)), near, near - 1, near + 1])
        acc = np.clip(acc, -largest, largest)
        high = (2 * acc * made.multiplier + (1 << 31)) >> 32
        got = (made.centre + (acc >> 63) + high) >> made.shift
        wanted = multiply_by_quantized_multiplier(acc, multiplier, shift).astype(np.int64) + zero_point
        np.testing.assert_array_equal(got, wanted)


def test_finish_declines_what_it_cannot() -> None:
    one = np.array([1000])
    assert finish(-one, one, np.array([1 << 30]), np.array([0]), 0) is None
    assert finish(-one, one << 21, np.array([1 << 30]), np.array([-1]), 0) is None
    always_zero_point = finish(-one, one, np.array([1 << 30]), np.array([-31]), 5)
    assert always_zero_point is not None and always_zero_point.multiplier[0] == 0
