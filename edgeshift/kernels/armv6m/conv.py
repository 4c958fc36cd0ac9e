"""CONV_2D int8: weights of four output channels in a word, three multiplications for their four products."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv6m.common import folded_bias, output_scalars, rescalable, scales, within_limit
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.base import Patches
from edgeshift.ops.conv import Conv, EvenConv
from edgeshift.shift import StreamPlan

LANES = 4
BLOCK = 8  # output channels that are computed together
FEWEST = 3  # below this the portable kernel needs less
WORD_MASK = 0xFFFFFFFF


@variant("armv6m", Conv, EvenConv)
def conv(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Conv)
    if not op.integer or op.groups != 1 or op.out_channels < FEWEST:
        return None
    weights = op.weights.reshape(op.out_channels, -1)
    folded = folded_bias(op.bias, weights, op.zero_point)
    if not (within_limit(folded, weights) and (op.rescale or rescalable(op))):
        return None
    base = op.kernel()
    size = weights.shape[1]
    shape = {
        **base.shape,
        "size": size,
        "blocks": -(-op.out_channels // BLOCK),
        "fill": op.zero_point + 128,
    }
    tables = {
        "weights": packed_weights(weights),
        "bias": packed_bias(folded - 128 * weights.astype(np.int64).sum(axis=1)),
    }
    patches = Patches("uint8_t", -(-size // 4) * 4, 1, op.features.out_size, op.out_channels)
    runtime: tuple[str, ...] = ("armv6m", "armv6m_conv")
    if op.rescale:  # in C, one by one
        tables |= {name: base.tables[name] for name in ("multiplier", "shift")}
        scalars, runtime = dict(base.scalars), ("requantize", *runtime)
        scalars.pop("input_offset")
    else:
        tables["scales"] = scales(op)
        scalars = output_scalars(op, base.scalars)
    return Kernel("armv6m/conv", "patches", shape, tables, scalars, runtime, patches=patches)


def packed_weights(weights: np.ndarray) -> np.ndarray:
    """`[channel, input]` to words of four channels: `[block, input (an even number), half of the block]`."""
    channels, size = weights.shape
    whole = np.full((-(-channels // BLOCK) * BLOCK, size + size % 2), 128, np.uint32)
    whole[:channels, :size] = weights.astype(np.int64) + 128
    lanes = whole.reshape(-1, BLOCK // LANES, LANES, whole.shape[1])
    places = 8 * np.arange(LANES, dtype=np.uint32)[:, None]
    return np.ascontiguousarray((lanes << places).sum(axis=2, dtype=np.uint32).transpose(0, 2, 1))


def packed_bias(bias: np.ndarray) -> np.ndarray:
    """The start of the three sums of each four channels, `[block, half of the block, t n p]`; modulo 2^32."""
    whole = np.zeros(-(-len(bias) // BLOCK) * BLOCK, np.int64)
    whole[: len(bias)] = bias
    b0, b1, b2, b3 = whole.reshape(-1, LANES).T
    t = b2 + (b3 << 8)
    n = b3 + (b2 << 8) + (b1 << 16) + (b0 << 24)
    p = b0 + (b1 << 8) + (b2 << 16) + (b3 << 24)
    return (np.stack([t, n, p], axis=1) & WORD_MASK).astype(np.uint32)
