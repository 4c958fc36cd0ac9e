"""CONV_2D and FULLY_CONNECTED int8: pairs of channels in one word, 1 to 3 patches for each load of weights.

`firmware/runtime/armv7em_conv.h` describes the table and the arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv7em.requantize import Finish, accumulator_bounds, finish, words
from edgeshift.kernels.layout import patch_shape
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.base import Patches
from edgeshift.ops.conv import Conv, EvenConv
from edgeshift.ops.dense import Dense
from edgeshift.shift import StreamPlan

LONGEST_PATCH = 2048  # 16-bit inputs: what is longer would cost too much scratch
MOST_PATCHES = 3  # that share a load of weights; a third one saves a twentieth of the instructions


@variant("armv7em", Conv, EvenConv)
def conv(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Conv)
    if not op.integer or op.groups != 1:
        return None
    base, shape = op.kernel(), patch_shape(op, plan)
    bias = _folded(op)
    bounds = accumulator_bounds(_flat(op), bias)
    rescale, ending = op.rescale or "es_requantize", None
    if not op.rescale:
        ending = finish(*bounds, op.multiplier, op.shift, op.output_offset)
    return _kernel(base, shape, _flat(op), bias, bounds, ending, rescale, op.features.out_size, plan)


@variant("armv7em", Dense)
def dense(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Dense)
    if not op.integer or op.taps > 1 and op.rows > 1:
        return None
    base, shape = op.kernel(), patch_shape(op, plan)
    bias = _folded(op)
    bounds = accumulator_bounds(_flat(op), bias)
    rescale = base.shape["rescale"]
    ending = None
    if rescale == "es_requantize":
        tables = base.tables
        ending = finish(*bounds, tables["multiplier"], tables["shift"], op.output_offset)
    return _kernel(base, shape, _flat(op), bias, bounds, ending, rescale, op.rows, plan)


def _flat(op: Conv | Dense) -> np.ndarray:
    return op.weights.reshape(len(op.weights), -1).astype(np.int64)


def _folded(op: Conv | Dense) -> np.ndarray:
    return op.bias.astype(np.int64) - op.zero_point * _flat(op).sum(axis=1)


def _kernel(
    base: Kernel,
    shape: dict[str, Any],
    weights: np.ndarray,
    bias: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    ending: Finish | None,
    rescale: str,
    positions: int,
    plan: StreamPlan,
) -> Kernel | None:
    """The kernel for `weights` `[channels, inputs]`; without an `ending` accumulators are finished in C."""
    if max(abs(int(bounds[0].min())), abs(int(bounds[1].max()))) >= 1 << 31:
        return None  # the reference's accumulator may wrap
    channels, inputs = weights.shape
    batch = min(max(len(plan.computed), len(plan.early)) * positions, MOST_PATCHES, plan.batch_limit)
    group = 8 if batch == 1 else 4
    size = -(-inputs // group) * group
    if size > LONGEST_PATCH:
        return None
    whole = _in_groups(shape)
    together = 4 if batch == 1 else 2
    shape |= {
        "size": size,
        "groups": size // 4,
        "batch": batch,
        "whole": whole,
        "packed": _packs(weights, bounds, together),
        "finished": ending is not None,
        "rescale": rescale,
    }
    table = _table(weights, bias, ending, together, group, shape["packed"])
    shape["words"] = table.shape[1]
    scalars = {k: v for k, v in base.scalars.items() if k in ("activation_min", "activation_max")}
    tables = {"packed": table}
    if ending is None:
        tables |= {k: base.tables[k] for k in ("multiplier", "shift")}
        scalars["output_offset"] = base.scalars["output_offset"]
    else:
        low, high = (scalars.pop(k)[1] for k in ("activation_min", "activation_max"))
        shape["clamp"] = None if (low, high) == (-128, 127) else (int(low), int(high))
    staged = 0 if whole else -(-size // (2 * batch))  # the bytes of one patch, shared among all
    patches = Patches("int16_t", size + staged + staged % 2, batch, positions, channels, interleaved=True)
    runtime = ("requantize", "armv7em", "armv7em_conv")
    return Kernel("armv7em/conv", "patches", shape, tables, scalars, runtime, patches=patches)


def _in_groups(shape: dict[str, Any]) -> bool:
    """Whether every piece that is copied at once is a number of groups of four."""
    reach = (shape["out_features"] - 1) * shape["feature_stride"]
    reach += (shape["feature_kernel"] - 1) * shape["feature_dilation"]
    whole_rows = shape["feature_pad"] == 0 and reach < shape["in_features"] and shape["feature_dilation"] == 1
    return (shape["in_channels"] * (shape["feature_kernel"] if whole_rows else 1)) % 4 == 0


def _packs(weights: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], together: int) -> bool:
    """Whether `256 * w0 + w1` fits 16 bits for every pair of channels, and `256 * acc0` 32."""
    even, odd = _pairs(weights, together)
    low, high = (_pairs(b[:, None], together)[0] for b in bounds)
    fits = 256 * even + odd >= -(1 << 15)
    return bool(fits.all() and (low >= -(1 << 23)).all() and (high < 1 << 23).all())


def _pairs(values: np.ndarray, together: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows 0, 2, ... and 1, 3, ... with zeros behind up to a multiple of `together` rows."""
    padded = np.pad(values, ((0, -len(values) % together), (0, 0)))
    return padded[0::2], padded[1::2]


def _table(
    weights: np.ndarray, bias: np.ndarray, ending: Finish | None, together: int, group: int, packed: bool
) -> np.ndarray:
    """`[pairs, or couples of pairs, words]`, as `armv7em_conv.h` describes."""
    wide = np.pad(weights, ((0, 0), (0, -weights.shape[1] % group)))
    even, odd = _pairs(wide, together)
    halves = 256 * even + (odd if packed else odd & 255)
    grouped = halves.reshape(len(halves), -1, 2, 2)  # [pair, group, half of the group, word of it]
    body = words((grouped[:, :, 0] & 0xFFFF) | (grouped[:, :, 1] & 0xFFFF) << 16)
    first, second = _pairs(bias[:, None], together)
    starts = words(np.concatenate([256 * first + second if packed else first, second], axis=1))
    if ending is None:
        endings = np.zeros((len(starts), 0), np.uint32)
    else:
        (n0, n1), (m0, m1), (c0, c1) = (
            _pairs(v[:, None], together) for v in (ending.shift, ending.multiplier, ending.centre)
        )
        endings = words(np.concatenate([n0 | n1 << 8, m0, c0, m1, c1], axis=1))
    couples = together // 2
    count = len(starts) // couples
    parts = (
        starts.reshape(count, -1),
        body.reshape(count, couples, -1, 2).transpose(0, 2, 1, 3).reshape(count, -1),
        endings.reshape(count, couples * endings.shape[1]),
    )
    return np.concatenate(parts, axis=1)
