"""SOFTMAX int8 -> int8 on the last axis, in gemmlowp's fixed point.

Values are int32 with an implied point, `Qm.n` having m integer bits beside the sign: the scaled difference to
the row's maximum is Q5.26, exponentials are Q0.31, their sum is Q12.19.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import (
    INT32_MAX,
    INT32_MIN,
    clamp_to,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)

MAX_ROW = 511  # from a sum of 512 on the interpreter aborts; shorter rows can never reach it

Int = NDArray[np.int64]


@dataclass(frozen=True)
class SoftmaxParams:
    """`multiplier` and `shift` (in [0, 31]) bring a difference to Q5.26; below `diff_min` its exp is 0."""

    multiplier: int
    shift: int
    diff_min: int


def softmax_params(beta: float, in_scale: float) -> SoftmaxParams:
    """Parameters for an input scale; the output's scale is always 1/256, its zero point -128."""
    real = min(float(np.float32(beta)) * float(np.float32(in_scale)) * 2.0**26, 2.0**31 - 1.0)
    if real <= 1.0:
        raise UnsupportedOpError(f"SOFTMAX: input scale {in_scale:g} is too small for the reference kernel")
    multiplier, shift = quantize_multiplier(real)
    radius = math.floor(31.0 * 2.0**26 / 2.0**shift)
    return SoftmaxParams(multiplier, shift, -radius)


def softmax_int8(x: NDArray[np.int8], params: SoftmaxParams) -> NDArray[np.int8]:
    """SOFTMAX int8 `[..., n]`, n >= 1, over the last axis; beyond MAX_ROW the interpreter may abort."""
    x = np.asarray(x, np.int64)
    diff = x - x.max(axis=-1, keepdims=True)
    counted = diff >= params.diff_min
    scaled = multiply_by_quantized_multiplier(np.where(counted, diff, 0), params.multiplier, params.shift)
    exps = np.where(counted, exp_on_negative_values(scaled.astype(np.int64)), 0)
    total = wrap_int32(_divide(exps, 12).sum(axis=-1, keepdims=True))

    leading_zeros = 32 - np.frexp((total & 0xFFFFFFFF).astype(np.float64))[1].astype(np.int64)
    reciprocal = one_over_one_plus_x(wrap_int32((total << leading_zeros) - (1 << 31)))
    exponent = 12 - leading_zeros + 31 - 8
    out = _divide(_multiply(reciprocal, exps), np.minimum(exponent, 31))
    return clamp_to(np.where(counted & (exponent <= 31), out, 0) - 128, -128, 127)


def exp_on_negative_values(a: Int) -> Int:
    """exp of Q5.26 values <= 0, as Q0.31; 0 gives 2^31 - 1."""
    quarter = 1 << 24
    low = (a & (quarter - 1)) - quarter
    remainder = low - a
    result = _exp_between_negative_quarter_and_zero(low << 5)
    for bit, factor in _EXP_FACTORS:
        result = np.where(remainder & (1 << bit), _multiply(result, factor), result)
    return np.where(a == 0, INT32_MAX, result)


# exp(-1/4), exp(-1/2), ... exp(-16) in Q0.31, and the bit of a Q5.26 value that stands for each
_EXP_FACTORS = tuple((24 + i, math.floor(math.exp(-(2.0 ** (i - 2))) * 2.0**31 + 0.5)) for i in range(7))
_EXP_MINUS_EIGHTH = math.floor(math.exp(-1 / 8) * 2.0**31 + 0.5)
_ONE_THIRD = math.floor(2.0**31 / 3 + 0.5)


def _exp_between_negative_quarter_and_zero(a: Int) -> Int:
    """exp of Q0.31 values in [-1/4, 0): the fourth-order expansion about -1/8."""
    x = a + (1 << 28)
    x2 = _multiply(x, x)
    x3 = _multiply(x2, x)
    x4 = _multiply(x2, x2)
    tail = _divide(_multiply(_divide(x4, 2) + x3, _ONE_THIRD) + x2, 1)
    return _EXP_MINUS_EIGHTH + _multiply(_EXP_MINUS_EIGHTH, x + tail)


# 48/17 and -32/17 in Q2.29, the linear first guess for Newton's reciprocal of [1/2, 1]
_GUESS_OFFSET = math.floor(48 / 17 * 2.0**29 + 0.5)
_GUESS_SLOPE = -math.floor(32 / 17 * 2.0**29 + 0.5)


def one_over_one_plus_x(a: Int) -> Int:
    """1 / (1 + a) of Q0.31 values in [0, 1), as Q0.31: three Newton steps in Q2.29."""
    half_denominator = (a + INT32_MAX + 1) >> 1
    x = _GUESS_OFFSET + _multiply(half_denominator, _GUESS_SLOPE)
    for _ in range(3):
        error = (1 << 29) - _multiply(half_denominator, x)
        x = x + _saturating_left_shift(_multiply(x, error), 2)
    return _saturating_left_shift(x, 1)


def _multiply(a: Int | int, b: Int | int) -> Int:
    return saturating_rounding_doubling_high_mul(a, b).astype(np.int64)


def _divide(x: Int, exponent: Int | int) -> Int:
    return rounding_divide_by_pot(x, exponent).astype(np.int64)


def _saturating_left_shift(x: Int, exponent: int) -> Int:
    wide: Int = np.clip(x << exponent, INT32_MIN, INT32_MAX)
    return wide
