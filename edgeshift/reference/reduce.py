"""MEAN, SUM and average pooling: a sum of raw values, then a finishing function of that sum.

The reference kernels take one path for every shape and set of axes, with or without `keep_dims` (the special
case for axes {1, 2} of four dimensions belongs to the optimised kernels): a sum in int32 over all the reduced
elements, whose order cannot matter, then one rescale, also where input and output have the same scale.

SUM int8 of the reference kernels is broken in LiteRT 2.3: it reads and writes the int8 tensors as uint8, with
their zero points unchanged. `sum_int8_reference` is that, bit for bit. `sum_int8_builtin` is the optimised
(builtin) kernel, in float32: what anybody who deployed such a network has seen.

Float: elements are added in the order in which they lie in memory, one float32 accumulator per output. MEAN
then divides by the float32 count, average pooling by the count of elements that are not padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.reference.arithmetic import (
    IntType,
    clamp_to,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
    wrap_int32,
)
from edgeshift.reference.even import even_int8, mean_scale


@dataclass(frozen=True)
class MeanParams:
    """`count` elements go into a sum; the other fields are the arguments of `es_mean_s8`, `es_mean_s16`, or of
    `es_mean_even_s8`.

    `sum_offset` is `-count * zero_point`; `es_mean_s8` has `multiplier` in [0, 2^31), `shift` in [-31, 31].
    """

    count: int
    sum_offset: int
    multiplier: int
    shift: int
    output_offset: int


def mean_params(in_scale: float, in_zp: int, out_scale: float, out_zp: int, count: int) -> MeanParams:
    """MEAN of integers over `count` elements, below 2^24: the division by `count` is folded into the multiplier."""
    multiplier, shift = _rescale(in_scale, out_scale)
    spare = min(count.bit_length() - 1, 32, 31 + shift)
    return MeanParams(count, -in_zp * count, (multiplier << spare) // count, shift - spare, out_zp)


def mean_integer(acc: ArrayLike, params: MeanParams, dtype: IntType = np.int8) -> NDArray[Any]:
    """Finish MEAN of int8 or int16 from the int32 sums of the raw values."""
    info = np.iinfo(dtype)
    shifted = wrap_int32(np.asarray(acc, np.int64) + params.sum_offset)
    scaled = multiply_by_quantized_multiplier(shifted, params.multiplier, params.shift)
    return clamp_to(scaled.astype(np.int64) + params.output_offset, info.min, info.max, dtype)


def mean_even_params(in_scale: float, in_zp: int, out_scale: float, out_zp: int, count: int) -> MeanParams:
    """MEAN int8 of ONNX Runtime over `count` elements; multiplier and shift are those of `es_even_rescale`."""
    found = mean_scale(in_scale, out_scale, count)
    return MeanParams(count, -in_zp * count, int(found.multiplier[0]), int(found.shift[0]), out_zp)


def mean_even(acc: ArrayLike, params: MeanParams) -> NDArray[np.int8]:
    """Finish MEAN of ONNX Runtime from the sums of the raw int8 values."""
    scale = np.float32(params.multiplier * 2.0**-params.shift)
    return even_int8(np.asarray(acc, np.int64) + params.sum_offset, np.asarray(scale), params.output_offset)


def sum_params(in_scale: float, in_zp: int, out_scale: float, out_zp: int, count: int) -> MeanParams:
    """SUM int8 over `count` elements, for `sum_int8_reference`."""
    multiplier, shift = _rescale(in_scale, out_scale)
    return MeanParams(count, -in_zp * count, multiplier, shift, out_zp)


def sum_int8_reference(byte_acc: ArrayLike, params: MeanParams) -> NDArray[np.int8]:
    """Finish SUM as the reference kernel does, from the sums of the values' *bytes* (`q & 0xff`)."""
    shifted = wrap_int32(np.asarray(byte_acc, np.int64) + params.sum_offset)
    scaled = multiply_by_quantized_multiplier(shifted, params.multiplier, params.shift)
    return clamp_to(scaled.astype(np.int64) + params.output_offset, 0, 255, np.uint8).view(np.int8)


@dataclass(frozen=True)
class FloatSumParams:
    """`scale` and `bias` are float32 values; the fields are the arguments of `es_sum_builtin_s8`."""

    scale: float
    bias: float
    output_offset: int


def float_sum_params(in_scale: float, in_zp: int, out_scale: float, out_zp: int, count: int) -> FloatSumParams:
    """SUM int8 over `count` elements, for `sum_int8_builtin`."""
    scale = np.float32(in_scale) / np.float32(out_scale)
    return FloatSumParams(float(scale), float(np.float32(-in_zp) * scale * np.float32(count)), out_zp)


def sum_int8_builtin(acc: ArrayLike, params: FloatSumParams) -> NDArray[np.int8]:
    """Finish SUM as the optimised kernel does, from the int32 sums of the raw int8 values."""
    steps = np.asarray(acc).astype(np.float32) * np.float32(params.scale) + np.float32(params.bias)
    return clamp_to(round_half_away(np.clip(steps, -131072.0, 131072.0)) + params.output_offset, -128, 127)


def average_pool_int8(acc: ArrayLike, count: ArrayLike, act_min: int, act_max: int) -> NDArray[np.int8]:
    """AVERAGE_POOL_2D int8: `acc / count` to nearest, ties away from zero, clamped. Padding is in neither."""
    acc, count = np.asarray(acc, np.int64), np.asarray(count, np.int64)
    magnitude = (np.abs(acc) + count // 2) // count
    return clamp_to(np.where(acc > 0, magnitude, -magnitude), act_min, act_max)


def sequential_sum(x: ArrayLike, axes: Sequence[int], keep_dims: bool = False) -> NDArray[np.float32]:
    """SUM float32 in the reference's order: as the elements lie in memory, one after the other, from 0."""
    x = np.asarray(x, np.float32)
    axes = tuple(sorted({axis % x.ndim for axis in axes}))
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    rows = x.transpose(axes + kept).reshape(-1, *(x.shape[axis] for axis in kept))
    total = np.zeros(rows.shape[1:], np.float32)
    for row in rows:
        total = total + row
    return np.expand_dims(total, axes) if keep_dims else total


def extreme(x: np.ndarray, axis: int, largest: bool) -> np.ndarray:
    """The largest or the smallest along an axis; of equal ones, as 0 and -0 are, the first, as a loop finds it."""
    at = np.argmax(x, axis, keepdims=True) if largest else np.argmin(x, axis, keepdims=True)
    return np.take_along_axis(x, at, axis).squeeze(axis)


def mean_float(x: ArrayLike, axes: Sequence[int], keep_dims: bool = False) -> NDArray[np.float32]:
    """MEAN float32 in the reference's order."""
    x = np.asarray(x, np.float32)
    total = sequential_sum(x, axes, keep_dims)
    mean: NDArray[np.float32] = total / np.float32(x.size // total.size)
    return mean


def _rescale(in_scale: float, out_scale: float) -> tuple[int, int]:
    return quantize_multiplier(float(np.float32(in_scale)) / float(np.float32(out_scale)))
