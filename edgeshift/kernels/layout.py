"""Tables laid out for vector kernels: weights in blocks of channels, offsets folded into the bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.common import Features
from edgeshift.ops.conv import Conv, DepthwiseConv, EvenConv, EvenDepthwiseConv
from edgeshift.ops.dense import Dense
from edgeshift.shift import StreamPlan


def padded(values: np.ndarray, axis: int, multiple: int) -> np.ndarray:
    """`values` with zeros behind, so that the size of `axis` is a multiple."""
    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, -values.shape[axis] % multiple)
    return np.pad(values, widths)


def interleave(weights: np.ndarray, channels: int, inputs: int) -> np.ndarray:
    """`[out, in]` as `[out / channels][in / inputs][channels][inputs]`, filled up with zeros."""
    wide = padded(padded(weights, 0, channels), 1, inputs)
    parts = wide.reshape(len(wide) // channels, channels, wide.shape[1] // inputs, inputs)
    return np.ascontiguousarray(parts.transpose(0, 2, 1, 3))


def wrap(values: np.ndarray) -> np.ndarray:
    """int64 modulo 2^32 as int32: accumulators wrap, so that constants may."""
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def folded_bias(op: Conv | Dense) -> np.ndarray:
    """The int32 bias less what the input's zero point adds to every accumulator."""
    flat = op.weights.astype(np.int64).reshape(len(op.weights), -1)
    return wrap(op.bias.astype(np.int64) - op.zero_point * flat.sum(axis=1))


def rounding(shift: np.ndarray) -> str:
    """How a layer's accumulators are shifted: "right" by 1 or more, "down" by 0 or more, or "both" ways."""
    if (shift < 0).all():
        return "right"
    return "down" if (shift <= 0).all() else "both"


def endings(op: Conv | DepthwiseConv, floats: bool = False) -> tuple[np.ndarray, np.ndarray, str]:
    """What the rescale of a vector takes, per channel twice int32, and its name.

    Of the layers of ONNX networks the first is the bits of a float scale where the instruction set has `floats`.
    """
    if isinstance(op, (EvenConv, EvenDepthwiseConv)):
        first = np.ascontiguousarray(op.scale) if floats else op.multiplier
        return first.view(np.int32), op.shift.astype(np.int32), "even"
    return op.multiplier, op.shift.astype(np.int32), rounding(op.shift)


def patch_shape(op: Conv | Dense, plan: StreamPlan) -> dict[str, Any]:
    """What `macros/patches.j2` must know to gather an output position's inputs; a dense layer's are its rows.

    `padded` is whether a computed column reads columns that are padding.
    """
    window = op.windows[0]
    if isinstance(op, Conv):
        features, in_channels, out_channels = op.features, op.in_channels, op.out_channels
    else:
        features, in_channels, out_channels = Features(1, 1, 1, 0, op.rows, op.rows), op.depth, op.units
    return {
        **features.shape,
        "taps": window.kernel,
        "in_channels": in_channels,
        "out_channels": out_channels,
        "fill": op.zero_point if op.integer else 0,
        "padded": reads_padding(op, plan),
    }


def in_order(values: np.ndarray) -> np.ndarray:
    return values


def even_odd(values: np.ndarray) -> np.ndarray:
    """Of each eight elements of the first axis the even ones, then the odd ones: as Helium narrows."""
    eights = values.reshape(-1, 4, 2, *values.shape[1:])
    return np.ascontiguousarray(eights.swapaxes(1, 2)).reshape(values.shape)


def finish_table(channels: int, order: Callable[[np.ndarray], np.ndarray], *columns: np.ndarray) -> np.ndarray:
    """For each `channels` output channels their biases, multipliers and shifts, each `order`ed."""
    parts = (order(padded(c.astype(np.int32), 0, channels)).reshape(-1, channels) for c in columns)
    return np.ascontiguousarray(np.stack(list(parts), axis=1))


def innermost_is_kept(kernel: Kernel) -> bool:
    """Whether a reduction leaves elements that lie side by side in a column: its vectors run over them."""
    return bool(kernel.shape["kept_loops"][-1][1] == 1)


def depthwise_shape(op: DepthwiseConv, plan: StreamPlan, weights: np.ndarray) -> dict[str, Any]:
    """What `macros/depthwise.j2` must know; `weights` are the table `[time taps, feature taps, channels]`.

    `padded` is whether a computed column reads columns that are padding, `over` whether a position reads
    features that are; `direct` whether the pointers to the columns serve as they are.
    """
    window, features = op.windows[0], op.features
    padded_columns = reads_padding(op, plan)
    reach = (features.out_size - 1) * features.stride + (features.kernel - 1) * features.dilation - features.pad
    over = features.pad > 0 or reach >= features.in_size
    return {
        **features.shape,
        "taps": window.kernel,
        "in_channels": op.in_channels,
        "out_channels": op.out_channels,
        "weight_channels": weights.shape[2],
        "padded": padded_columns,
        "over": over,
        "direct": features.out_size == features.kernel == 1 and not over and not padded_columns,
    }


def outside_table(shape: dict[str, Any], op: DepthwiseConv) -> dict[str, np.ndarray]:
    """What padding is read as where the biases hold the zero point; no table where none is read."""
    used = shape["padded"] or shape["over"]
    return {"outside": np.full(op.in_channels, op.zero_point, op.inputs[0].dtype)} if used else {}


def folded_bias_of_channels(op: DepthwiseConv) -> np.ndarray:
    """As `folded_bias`, for weights whose last axis are the channels."""
    sums = op.weights.astype(np.int64).sum(axis=(0, 1))
    return wrap(op.bias.astype(np.int64) - op.zero_point * sums)


def reads_padding(op: ColumnOp, plan: StreamPlan) -> bool:
    """Whether a computed column reads columns of the operand that are padding."""
    window, columns = op.windows[0], op.inputs[0].columns
    return any(len(window.reads_inside(j, columns)) < window.kernel for j in (*plan.computed, *plan.early))


def tap_pairs_fit(op: DepthwiseConv) -> bool:
    """Whether the products of taps 2n and 2n + 1 always add up within 16 bits."""
    taps = padded(np.abs(op.weights.astype(np.int64)).reshape(-1, op.out_channels), 0, 2)
    return bool((taps.reshape(-1, 2, op.out_channels).sum(axis=1) <= 255).all())


def innermost_is_dense(kernel: Kernel, lanes: int) -> bool:
    """Whether the innermost loop over two operands fills a vector, with steps of one element or none."""
    count, *steps = kernel.shape["loops"][-1]
    return bool(count >= lanes and all(step in (0, 1) for step in steps))
