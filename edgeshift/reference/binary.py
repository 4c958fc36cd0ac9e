"""MAXIMUM, MINIMUM, DIV, SQUARED_DIFFERENCE and PRELU, as LiteRT's reference kernels compute them.

MAXIMUM and MINIMUM int8 compare the stored numbers, whatever the scales are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.reference.arithmetic import (
    clamp_to,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    quantize_multiplier_below_one,
)
from edgeshift.reference.elementwise import clamp_float

Int8 = NDArray[np.int8]
Float = NDArray[np.float32]
f32 = np.float32


@dataclass(frozen=True)
class SquaredDifferenceParams:
    """The fields of `es_squared_difference_s8_params`."""

    a_offset: int
    b_offset: int
    a_multiplier: int
    b_multiplier: int
    a_shift: int
    b_shift: int
    output_offset: int
    output_multiplier: int
    output_shift: int


@dataclass(frozen=True)
class PreluParams:
    """The fields of `es_prelu_s8_params`."""

    a_offset: int
    b_offset: int
    output_offset: int
    identity_multiplier: int
    identity_shift: int
    slope_multiplier: int
    slope_shift: int


def squared_difference_params(
    a_scale: float, a_zp: int, b_scale: float, b_zp: int, o_scale: float, o_zp: int
) -> SquaredDifferenceParams:
    """Refuses scales at which the interpreter itself would abort."""
    a, b, o = (float(f32(s)) for s in (a_scale, b_scale, o_scale))
    twice = 2.0 * max(a, b)
    what = "SQUARED_DIFFERENCE: a multiplier"
    a_pair, b_pair = (quantize_multiplier_below_one(s / twice, what) for s in (a, b))
    o_pair = quantize_multiplier_below_one(twice * twice / float(f32(1 << 14) * f32(o)), what)
    return SquaredDifferenceParams(-a_zp, -b_zp, a_pair[0], b_pair[0], a_pair[1], b_pair[1], o_zp, *o_pair)


def prelu_params(a_scale: float, a_zp: int, b_scale: float, b_zp: int, o_scale: float, o_zp: int) -> PreluParams:
    identity = quantize_multiplier(float(f32(a_scale) / f32(o_scale)))
    slope = quantize_multiplier(float(f32(a_scale) * f32(b_scale) / f32(o_scale)))
    return PreluParams(-a_zp, -b_zp, o_zp, *identity, *slope)


def squared_difference_int8(a: Int8, b: Int8, p: SquaredDifferenceParams) -> Int8:
    left = multiply_by_quantized_multiplier((a.astype(np.int64) + p.a_offset) << 7, p.a_multiplier, p.a_shift)
    right = multiply_by_quantized_multiplier((b.astype(np.int64) + p.b_offset) << 7, p.b_multiplier, p.b_shift)
    square = (left.astype(np.int64) - right) ** 2
    scaled = multiply_by_quantized_multiplier(square, p.output_multiplier, p.output_shift)
    return clamp_to(scaled.astype(np.int64) + p.output_offset, -128, 127)


def prelu_int8(a: Int8, b: Int8, p: PreluParams) -> Int8:
    x, alpha = a.astype(np.int64) + p.a_offset, b.astype(np.int64) + p.b_offset
    above = multiply_by_quantized_multiplier(x + 0 * alpha, p.identity_multiplier, p.identity_shift)
    below = multiply_by_quantized_multiplier(x * alpha, p.slope_multiplier, p.slope_shift)
    return clamp_to(np.where(x >= 0, above, below).astype(np.int64) + p.output_offset, -128, 127)


def squared_difference_float(a: Float, b: Float, activation: str) -> Float:
    difference: Float = a - b
    with np.errstate(over="ignore"):
        return difference * difference


def prelu_float(a: Float, b: Float, activation: str) -> Float:
    result: Float = np.where(a >= 0, a, a * b)
    return result


def keep_positive_float(a: Float, b: Float, activation: str) -> Float:
    """`a` where `b` is above zero, else 0."""
    return np.where(b > 0, a, f32(0))


def keep_others_float(a: Float, b: Float, activation: str) -> Float:
    """`a` where `b` is not above zero, else 0."""
    return np.where(b > 0, f32(0), a)


def div_float(a: ArrayLike, b: ArrayLike, activation: str) -> Float:
    """Infinities become +-FLT_MAX, as those of every clamp."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return clamp_float(np.asarray(a, np.float32) / np.asarray(b, np.float32), activation)


def maximum(a: NDArray[Any], b: NDArray[Any], activation: str) -> NDArray[Any]:
    return np.where(a > b, a, b)


def minimum(a: NDArray[Any], b: NDArray[Any], activation: str) -> NDArray[Any]:
    return np.where(a < b, a, b)
