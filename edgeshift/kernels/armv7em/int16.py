"""CONV_2D and DEPTHWISE_CONV_2D int16: products in pairs, one multiplication to rescale.

`firmware/runtime/armv7em_int16.h` describes the weights and the arithmetic.
"""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.layout import depthwise_shape, outside_table, padded, patch_shape
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.base import Patches
from edgeshift.ops.conv import Conv, DepthwiseConv
from edgeshift.shift import StreamPlan

LONGEST_PATCH = 2048  # what is longer would cost too much scratch
MOST_TAPS = 256  # of an output: their addresses are on the stack
UNROLLED = 16  # taps that are written out
RUNTIME = ("requantize", "armv7em", "armv7em_int16")


@variant("armv7em", Conv, wide=True)
def conv(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Conv)
    endings = _endings(op)
    weights = padded(padded(op.weights.reshape(op.out_channels, -1), 0, 2), 1, 4)
    size = weights.shape[1]
    if endings is None or op.groups != 1 or size > LONGEST_PATCH:
        return None
    positions = op.features.out_size
    batch = min(max(len(plan.computed), len(plan.early)) * positions, 2, plan.batch_limit)
    patches = Patches("int16_t", size, batch, positions, op.out_channels)
    shape = patch_shape(op, plan) | {"size": size, "batch": batch}
    scalars, tables = op.kernel().scalars, {"weights": _words(weights), **endings}
    return Kernel("armv7em/conv_int16", "patches", shape, tables, scalars, RUNTIME, patches=patches)


@variant("armv7em", DepthwiseConv, wide=True)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    """Weights are stored as halves: two channels to a word, as the inputs."""
    assert isinstance(op, DepthwiseConv)
    endings, taps = _endings(op), op.weights.shape[0] * op.weights.shape[1]
    if endings is None or op.in_channels != op.out_channels or op.out_channels % 2 or taps > MOST_TAPS:
        return None
    shape = depthwise_shape(op, plan, op.weights) | {"unrolled": taps <= UNROLLED}
    tables = {"weights": op.weights.astype(np.int16), **endings, **outside_table(shape, op)}
    return Kernel("armv7em/depthwise_int16", "taps", shape, tables, op.kernel().scalars, RUNTIME)


def _endings(op: Conv | DepthwiseConv) -> dict[str, np.ndarray] | None:
    """Biases, and multipliers of 2^-32, for an even number of channels.

    `None` where sums need 64 bits, or the reference rounds twice, or by another power of two.
    """
    if op.sums.type != "int32_t" or not op.sums.wide:
        return None
    reduced, shift = op.sums.arguments(op.multiplier, op.shift)
    if not (((shift >= 16) & (shift <= 32)) | (reduced == 0)).all():
        return None
    multiplier = reduced.astype(np.int64) << np.where(reduced == 0, 0, 32 - shift.astype(np.int64))
    return {"bias": padded(op.bias.astype(np.int32), 0, 2), "multiplier": padded(multiplier.astype(np.int32), 0, 2)}


def _words(weights: np.ndarray) -> np.ndarray:
    """`[pairs of channels, inputs / 4, 2]` words of weights `[channels, inputs]`, as `armv7em_int16.h` describes."""
    pairs = weights.reshape(len(weights) // 2, 2, -1, 4).transpose(0, 2, 1, 3)[..., [0, 2, 1, 3]]
    return np.ascontiguousarray(pairs).view(np.uint8).reshape(-1, 4).copy().view("<u4").astype(np.uint32)
