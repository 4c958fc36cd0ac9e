"""DEPTHWISE_CONV_2D int8: four channels at a time, taps in pairs. `firmware/runtime/armv7em_depthwise.h` has the table."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv7em.requantize import Finish, accumulator_bounds, finish, words
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import DepthwiseConv
from edgeshift.shift import StreamPlan

LONGEST = 256  # taps of an output: their addresses are on the stack


@variant("armv7em", DepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, DepthwiseConv)
    channels, window, features = op.out_channels, op.windows[0], op.features
    weights = op.weights.reshape(-1, channels).astype(np.int64)
    if not op.integer or op.in_channels != channels or channels < 4 or len(weights) > LONGEST:
        return None
    bias = op.bias.astype(np.int64) - op.zero_point * weights.sum(axis=0)
    ending = finish(*accumulator_bounds(weights.T, bias), op.multiplier, op.shift, op.output_offset)
    if ending is None:
        return None
    base = op.kernel()
    inside = (len(window.reads_inside(j, op.inputs[0].columns)) for j in plan.computed)
    reach = (features.out_size - 1) * features.stride + (features.kernel - 1) * features.dilation
    bounds = tuple(int(base.scalars[k][1]) for k in ("activation_min", "activation_max"))
    blocks = channels // 4
    table = _table(weights[:, : 4 * blocks], bias, ending)
    shape = {
        **base.shape,
        "pairs": -(-len(weights) // 2),
        "blocks": blocks,
        "words": table.shape[1],
        "padded": any(count < window.kernel for count in inside),
        "clipped": features.pad > 0 or reach >= features.in_size,
        "clamp": None if bounds == (-128, 127) else bounds,
    }
    tables = {"packed": table}
    if shape["padded"] or shape["clipped"]:
        tables["fill"] = np.full(channels, op.zero_point, np.int8)
    if channels % 4:
        tables |= {"weights": np.ascontiguousarray(op.weights.reshape(-1, channels)[:, 4 * blocks :])}
        tables |= {"ending": _endings(bias, ending)[4 * blocks :]}
    return Kernel("armv7em/depthwise", "taps", shape, tables, {}, ("armv7em", "armv7em_depthwise"))


def _endings(bias: np.ndarray, ending: Finish) -> np.ndarray:
    """For each channel bias, multiplier, centre, shift."""
    return np.stack([bias, ending.multiplier, ending.centre, ending.shift], axis=1).astype(np.int32)


def _table(weights: np.ndarray, bias: np.ndarray, ending: Finish) -> np.ndarray:
    """`[blocks of four channels, words]` of `weights` `[taps, channels]`, as `armv7em_depthwise.h` describes."""
    taps, channels = weights.shape
    wide = np.pad(weights, ((0, taps % 2), (0, 0))) & 255
    pairs = wide.reshape(-1, 2, channels // 4, 2, 2)  # [pair, tap of it, block, word, channel of it]
    scale = 1 << 8 * (2 * np.arange(2)[:, None, None, None] + np.arange(2))  # byte = 2 * tap + channel
    body = (pairs * scale).sum(axis=(1, 4)).transpose(1, 0, 2).reshape(channels // 4, -1)
    b, m, c, n = (
        v[:channels].astype(np.int64).reshape(-1, 4)
        for v in (bias, ending.multiplier, ending.centre, ending.shift)
    )
    shifts = n[:, 0] | n[:, 1] << 8 | n[:, 2] << 16 | n[:, 3] << 24
    rest = [m[:, 0], c[:, 0], shifts, m[:, 1], c[:, 1], m[:, 2], c[:, 2], m[:, 3], c[:, 3]]
    return words(np.concatenate([b, body, np.stack(rest, axis=1)], axis=1))
