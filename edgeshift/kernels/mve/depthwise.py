"""DEPTHWISE_CONV_2D int8 without channel multiplier: 16 channels and two taps at a time, or eight and one."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.layout import (
    depthwise_shape,
    endings,
    even_odd,
    finish_table,
    folded_bias_of_channels,
    outside_table,
    padded,
    tap_pairs_fit,
)
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import DepthwiseConv, EvenDepthwiseConv
from edgeshift.shift import StreamPlan

LANES = 8
BYTES = 16


@variant("mve", DepthwiseConv, EvenDepthwiseConv)
def depthwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, DepthwiseConv)
    if not op.integer or op.in_channels != op.out_channels:
        return None
    wide = op.out_channels >= BYTES and tap_pairs_fit(op)
    multiplier, shift, name = endings(op)
    constants = (folded_bias_of_channels(op), multiplier, shift)
    if wide:
        template, weights = "mve/depthwise", padded(op.weights.reshape(-1, op.out_channels), 0, 2)
        at = _blocks(op.out_channels)
        tables = {
            "weights": np.ascontiguousarray(weights[:, at].transpose(1, 0, 2)),
            "finish": finish_table(BYTES, _by_four, *(c[at].reshape(-1) for c in constants)),
        }
        extra = {"pairs": len(weights) // 2}
    else:
        template, extra = "mve/depthwise_any", {}
        tables = {
            "weights": padded(op.weights, 2, LANES),
            "finish": finish_table(LANES, even_odd, *constants),
        }
    shape = {**depthwise_shape(op, plan, tables["weights"]), "rounding": name, **extra}
    scalars = {k: v for k, v in op.kernel().scalars.items() if k != "input_offset"}
    tables |= outside_table(shape, op)
    return Kernel(template, "taps", shape, tables, scalars, ("requantize", "mve"))


def _blocks(channels: int) -> np.ndarray:
    """The channels of each 16, `[blocks, 16]`; the last ones overlap those before."""
    starts = np.minimum(np.arange(0, channels, BYTES), channels - BYTES)
    return starts[:, None] + np.arange(BYTES)


def _by_four(values: np.ndarray) -> np.ndarray:
    """Of each 16 the channels 0, 4, 8, 12, then 2, 6, ..., 1, 5, ..., 3, 7, ...: as products widen."""
    sixteens = values.reshape(-1, 4, 4)[:, :, [0, 2, 1, 3]]
    return np.ascontiguousarray(sixteens.transpose(0, 2, 1)).reshape(values.shape)
