"""Logistic and tanh of int16 values in gemmlowp's fixed point, as LSTM kernels have them.

`Qm.n` is an int16 with `m` integer bits beside the sign, `n = 15 - m`. `firmware/runtime/fixed_s16.h` does the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.reference.arithmetic import rounding_divide_by_pot

Int = NDArray[np.int64]

LOW, HIGH = -(1 << 15), (1 << 15) - 1
# exp(-1/4), exp(-1/2), ... exp(-8) in Q0.15; exp(-16) is 0
_EXP_FACTORS = (25520, 19875, 12055, 4435, 600, 11, 0)
_EXP_MINUS_EIGHTH, _ONE_THIRD = 28918, 10923
_GUESS_OFFSET, _GUESS_SLOPE = 23130, -15420  # 48/17 and -32/17 in Q2.13


def logistic_int16(x: ArrayLike) -> Int:
    """LOGISTIC of Q3.12 values as Q0.15."""
    x = np.asarray(x, np.int64)
    positive = _saturating_left(_one_over_one_plus(_exp_on_negative(-np.abs(x), 3)), 1)
    return np.where(x == 0, 1 << 14, np.where(x > 0, positive, HIGH - positive))


def tanh_int16(x: ArrayLike, integer_bits: int) -> Int:
    """TANH of `Qm.n` values, `m = integer_bits` in [0, 6], as Q0.15."""
    x = np.asarray(x, np.int64)
    y = _saturating_left(_one_over_one_plus(_exp_on_negative(-np.abs(x), integer_bits + 1)) - (1 << 13), 2)
    return np.where(x == 0, 0, np.where(x < 0, -y, y))


def _exp_on_negative(a: Int, integer_bits: int) -> Int:
    """exp of `Qm.n` values <= 0, as Q0.15."""
    fraction_bits = 15 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    low = (a & (quarter - 1)) - quarter
    remainder = low - a
    # the fourth-order expansion about -1/8
    x = _saturating_left(low, integer_bits) + (1 << 12)
    x2 = _multiply(x, x)
    tail = _divide(_multiply(_divide(_multiply(x2, x2), 2) + _multiply(x2, x), _ONE_THIRD) + x2, 1)
    result = _EXP_MINUS_EIGHTH + _multiply(_EXP_MINUS_EIGHTH, x + tail)
    for power, factor in enumerate(_EXP_FACTORS, -2):
        if power < integer_bits:
            taken = remainder & (1 << (fraction_bits + power))
            result = np.where(taken, _multiply(result, factor), result)
    if integer_bits > 5:
        result = np.where(a < -(32 << fraction_bits), 0, result)
    return np.where(a == 0, HIGH, result)


def _one_over_one_plus(a: Int) -> Int:
    """2 / (1 + a) of Q0.15 values in [0, 1], as Q2.13: three Newton steps."""
    half_denominator = (a + HIGH + 1) >> 1
    x = _GUESS_OFFSET + _multiply(half_denominator, _GUESS_SLOPE)
    for _ in range(3):
        error = (1 << 13) - _multiply(half_denominator, x)
        x = x + _saturating_left(_multiply(x, error), 2)
    return x


def _multiply(a: Int | int, b: Int | int) -> Int:
    product: Int = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    return (product + (1 << 14)) >> 15


def _divide(x: Int, exponent: int) -> Int:
    return rounding_divide_by_pot(x, exponent).astype(np.int64)


def _saturating_left(x: Int, exponent: int) -> Int:
    wide: Int = np.clip(x << exponent, LOW, HIGH)
    return wide
