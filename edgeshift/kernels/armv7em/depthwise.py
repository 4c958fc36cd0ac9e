"""DEPTHWISE_CONV_2D int8: four channels at a time, taps in pairs.

`firmware/runtime/armv7em_depthwise.h` describes the tables and the arithmetic.
"""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv7em.requantize import Finish, accumulator_bounds, finish, words
from edgeshift.kernels.layout import reads_padding
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import DepthwiseConv
from edgeshift.shift import StreamPlan

LONGEST = 256  # taps of an output: their addresses are on the stack
LARGEST_STAGE = 32  # positions of 24 bytes


@variant("armv7em", DepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, DepthwiseConv)
    channels, features = op.out_channels, op.features
    weights = op.weights.reshape(-1, channels).astype(np.int64)
    if not op.integer or op.in_channels != channels or channels < 4 or len(weights) > LONGEST:
        return None
    bias = op.bias.astype(np.int64) - op.zero_point * weights.sum(axis=0)
    ending = finish(*accumulator_bounds(weights.T, bias), op.multiplier, op.shift, op.output_offset)
    if ending is None:
        return None
    base = op.kernel()
    reach = (features.out_size - 1) * features.stride + (features.kernel - 1) * features.dilation
    bounds = tuple(int(base.scalars[k][1]) for k in ("activation_min", "activation_max"))
    blocks = channels // 4
    staged = _stages(op) and plan.batch_limit > 1
    padded = reads_padding(op, plan)
    body = _taps_3x3(op.weights[:, :, : 4 * blocks]) if staged else _tap_pairs(weights[:, : 4 * blocks])
    positions = (features.out_size - 1) * features.stride + 3
    bordered = staged and features.pad == 1 and positions == features.in_size + 2
    biases = [bias]
    if bordered:  # what the padding adds where the last or the first feature tap is left out
        edges = op.zero_point * op.weights.astype(np.int64).sum(axis=0)
        biases = [bias + edges[2], bias + edges[0], bias]
    table = _table(body, biases, ending, staged)
    shape = {
        **base.shape,
        "staged": staged,
        "bordered": bordered,
        "zero_point": op.zero_point,
        "pairs": -(-len(weights) // 2),
        "blocks": blocks,
        "words": table.shape[1],
        "padded": padded,
        "clipped": features.pad > 0 or reach >= features.in_size,
        "clamp": None if bounds == (-128, 127) else bounds,
    }
    tables = {"packed": table}
    if padded or (shape["clipped"] and not staged):
        tables["fill"] = np.full(op.inputs[0].size if staged else channels, op.zero_point, np.int8)
    if channels % 4:
        tables |= {"weights": np.ascontiguousarray(weights[:, 4 * blocks :].astype(np.int8))}
        tables |= {"ending": _endings(bias, ending)[4 * blocks :]}
    work = 4 * (18 + 6 * (features.in_size if bordered else positions)) if staged else 0
    return Kernel("armv7em/depthwise", "taps", shape, tables, {}, ("armv7em", "armv7em_depthwise"), work=work)


def _stages(op: DepthwiseConv) -> bool:
    """Whether `es_depthwise_3x3` does it: 3 x 3 taps over some positions, whose stage is not too large."""
    features = op.features
    return (
        op.windows[0].kernel == features.kernel == 3
        and features.dilation == 1
        and features.stride in (1, 2)
        and features.out_size > 1
        and features.pad < 3
        and features.in_size <= LARGEST_STAGE
        and op.out_channels % 4 == 0
    )


def _endings(bias: np.ndarray, ending: Finish) -> np.ndarray:
    """For each channel bias, multiplier, centre, shift."""
    return np.stack([bias, ending.multiplier, ending.centre, ending.shift], axis=1).astype(np.int32)


def _tap_pairs(weights: np.ndarray) -> np.ndarray:
    """`[blocks of four channels, words]` of `weights` `[taps, channels]`.

    Of each two taps a word of bytes (tap 0: c0 c1, tap 1: c0 c1) and one of channels 2 and 3.
    """
    taps, channels = weights.shape
    wide = np.pad(weights, ((0, taps % 2), (0, 0))) & 255
    pairs = wide.reshape(-1, 2, channels // 4, 2, 2)  # [pair, tap of it, block, word, channel of it]
    scale = 1 << 8 * (2 * np.arange(2)[:, None, None, None] + np.arange(2))
    return (pairs * scale).sum(axis=(1, 4)).transpose(1, 0, 2).reshape(channels // 4, -1)


def _taps_3x3(weights: np.ndarray) -> np.ndarray:
    """`[blocks, 9 words]` of `weights` `[3, 3, channels]`.

    For each feature tap columns 0 and 1 as a pair, then column 2: bytes c0 to c3.
    """
    words_of = []
    for feature in range(3):
        column = weights[:, feature].astype(np.int64)
        single = (column[2].reshape(-1, 4) & 255) << 8 * np.arange(4)
        words_of += [_tap_pairs(column[:2]), single.sum(axis=1)[:, None]]
    return np.concatenate(words_of, axis=1)


def _table(body: np.ndarray, starts: list[np.ndarray], ending: Finish, staged: bool) -> np.ndarray:
    """`[blocks of four channels, words]`, as `armv7em_depthwise.h` describes."""
    channels = 4 * len(body)
    biases = np.concatenate([start[:channels].reshape(-1, 4) for start in starts], axis=1)
    constants = _endings(starts[-1], ending)[:channels, 1:].reshape(-1, 12)
    return words(np.concatenate([body, biases, constants] if staged else [biases, body, constants], axis=1))
