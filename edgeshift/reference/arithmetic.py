"""The integer arithmetic of LiteRT's reference kernels: multipliers, requantisation, ranges, conversions.

Every function is vectorised over numpy arrays and gives the bits of `OpResolverType.BUILTIN_REF`. Scales are
float32 values (a Python float is taken as the float32 nearest to it), zero points and multipliers are int32.

The shipped interpreter requantises with *two* roundings (gemmlowp's `SaturatingRoundingDoublingHighMul`, then
`RoundingDivideByPOT`), so a result may differ by one from a single rounding of the exact product.

Facts about operators that need no arithmetic here:

* CONCATENATION int8 copies; at allocation the kernel refuses inputs whose scale or zero point is not exactly
  the output's. (Only uint8 is rescaled, in float.)
* PAD of a quantised tensor writes the *output's* zero point, of a float tensor 0.0; the rest is copied and
  never rescaled. PADV2 writes its constant, whose scale and zero point must be exactly the output's.
* MAX_POOL_2D and AVERAGE_POOL_2D never rescale: only the fused clamp looks at a scale, the output's.
* REDUCE_MAX and REDUCE_MIN int8 compare raw values; when invoked they refuse an output whose scale or zero
  point differs from the input's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.errors import UnsupportedOpError

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1

IntType = type[np.signedinteger[Any]] | type[np.unsignedinteger[Any]]


def wrap_int32(x: ArrayLike) -> NDArray[np.int64]:
    """Reduce integers modulo 2^32 into the int32 range; the result stays int64."""
    x = np.asarray(x, np.int64)
    return ((x + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def round_half_away(x: ArrayLike) -> NDArray[np.float64]:
    """C's `round`: to the nearest integer, ties away from zero; exact."""
    x = np.asarray(x, np.float64)
    whole = np.trunc(x)
    rounded: NDArray[np.float64] = whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0.0)
    return rounded


# --- multipliers ----------------------------------------------------------------------------------


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write `real >= 0` as `multiplier * 2^(shift - 31)`, multiplier in [2^30, 2^31). (`QuantizeMultiplier`)

    A positive shift is a left shift. Zero, and everything that would need a shift below -31, is (0, 0).
    """
    if not 0.0 <= real < math.inf:
        raise ValueError(f"a multiplier must be finite and not negative, not {real}")
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2.0**31 + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 31:
        raise UnsupportedOpError(f"a rescale by {real:g} overflows 32 bits: check the scales of the tensors")
    return multiplier, shift


def quantize_multiplier_below_one(real: float, what: str) -> tuple[int, int]:
    """The same for `real` in (0, 1), shift in [-31, 0]: on any other value the interpreter aborts.

    (`QuantizeMultiplierSmallerThanOneExp`)
    """
    multiplier, shift = quantize_multiplier(real)
    if not 0.0 < real < 1.0 or shift > 0:
        raise UnsupportedOpError(f"{what} is {real:g}, but the reference kernel needs it within (0, 1)")
    return multiplier, shift


def conv_multipliers(
    input_scale: float, filter_scales: ArrayLike, output_scale: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV int8: multiplier and shift of each filter scale.

    The product is formed in double, `input * filter / output` (`PopulateConvolutionQuantizationParams`). A
    filter with one scale gives one pair, to be used for all channels.
    """
    scales = np.atleast_1d(np.asarray(filter_scales, np.float32)).astype(np.float64)
    real = np.float64(np.float32(input_scale)) * scales / np.float64(np.float32(output_scale))
    pairs = np.array([quantize_multiplier(float(r)) for r in real], np.int32).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def dense_multipliers(
    input_scale: float, filter_scales: ArrayLike, output_scale: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """FULLY_CONNECTED int8 in fixed point: *not* LiteRT's reference kernel any more, see `reference.dense`.

    tflite-runtime 2.14 is like this: as `conv_multipliers` when there are several filter scales; with one the
    product `input * filter` is rounded to float32 first (`GetQuantizedConvolutionMultipler`).
    """
    scales = np.atleast_1d(np.asarray(filter_scales, np.float32))
    if scales.size > 1:
        return conv_multipliers(input_scale, scales, output_scale)
    product = np.float64(np.float32(input_scale) * scales[0])
    multiplier, shift = quantize_multiplier(float(product / np.float64(np.float32(output_scale))))
    return np.array([multiplier], np.int32), np.array([shift], np.int32)


# --- requantisation -------------------------------------------------------------------------------


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> NDArray[np.int32]:
    """`(a * b + 2^30) >> 31` of int32 values; -2^31 * -2^31 saturates to 2^31 - 1. (gemmlowp, VQRDMULH)"""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: NDArray[np.int64] = np.minimum((product + (1 << 30)) >> 31, INT32_MAX)
    return high.astype(np.int32)


def rounding_divide_by_pot(x: ArrayLike, exponent: ArrayLike) -> NDArray[np.int32]:
    """Int32 values / `2^exponent`, exponent in [0, 31], to nearest, ties away from zero. (gemmlowp)"""
    x, exponent = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    quotient: NDArray[np.int64] = (x >> exponent) + ((x & mask) > threshold)
    return quotient.astype(np.int32)


def multiply_by_quantized_multiplier(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> NDArray[np.int32]:
    """`x * multiplier * 2^(shift - 31)` of int32 values with two roundings; the arguments broadcast.

    `multiplier` in [0, 2^31), `shift` in [-31, 31]. The reference defines the result where `x * 2^shift` fits
    int32; beyond that it is wrapped here, as in `es_requantize`.
    """
    x, shift = np.asarray(x, np.int64), np.asarray(shift, np.int64)
    shifted = wrap_int32(x << np.maximum(shift, 0))
    high = saturating_rounding_doubling_high_mul(shifted, multiplier)
    return rounding_divide_by_pot(high, np.maximum(-shift, 0))


def reduced_multipliers(multiplier: ArrayLike, shift: ArrayLike) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """What rescales 64-bit accumulators: 15 bits of a multiplier, and how far right its product is shifted, 1 to 46.

    `shift` in [-31, 14].
    """
    shift = np.asarray(shift, np.int64)
    if (shift > 14).any():
        raise UnsupportedOpError("a rescale of 64-bit sums by 2^14 or more: check the scales of the tensors")
    reduced = np.minimum((np.asarray(multiplier, np.int64) + (1 << 15)) >> 16, 0x7FFF)
    return reduced.astype(np.int16), (15 - shift).astype(np.uint8)


def rescale_wide(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """`x * multiplier * 2^-shift` of values below 2^47, rounded half up, kept to 32 bits (`reduced_multipliers`).

    (`MultiplyByQuantizedMultiplier` of int64 values.)
    """
    shift = np.asarray(shift, np.int64)
    product = np.asarray(x, np.int64) * np.asarray(multiplier, np.int64)
    return wrap_int32((product + (np.int64(1) << (shift - 1))) >> shift)


def clamp_to(x: ArrayLike, low: int, high: int, dtype: IntType = np.int8) -> NDArray[Any]:
    """Clamp integers to [low, high] and store them as `dtype`."""
    return np.clip(np.asarray(x, np.int64), low, high).astype(dtype)


# --- activation ranges ----------------------------------------------------------------------------

_FLOAT_MAX = float(np.finfo(np.float32).max)
_RANGES = {
    "NONE": (-_FLOAT_MAX, _FLOAT_MAX),
    "RELU": (0.0, _FLOAT_MAX),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


def float_activation_range(activation: str) -> tuple[float, float]:
    """Bounds of a fused activation on float32. NONE clamps too: infinities become +-FLT_MAX, NaN stays."""
    return _RANGES[activation]


def activation_range(activation: str, dtype: IntType, scale: float, zero_point: int) -> tuple[int, int]:
    """Quantised bounds of a fused activation, for an int8, uint8 or int16 output.

    (`CalculateActivationRangeQuantized`: `zero_point + round(bound / scale)` with a float32 division.)
    """
    info = np.iinfo(dtype)
    low, high = _RANGES[activation]

    def quantized(bound: float) -> int:
        steps = float(round_half_away(np.float32(bound) / np.float32(scale)))
        if not INT32_MIN <= steps <= INT32_MAX:
            raise UnsupportedOpError(f"{activation}: {bound} at scale {scale:g} overflows 32 bits")
        return zero_point + int(steps)

    low_q = info.min if low == -_FLOAT_MAX else max(info.min, quantized(low))
    high_q = info.max if high == _FLOAT_MAX else min(info.max, quantized(high))
    return int(low_q), int(high_q)


# --- conversions ----------------------------------------------------------------------------------


def quantize_float(x: ArrayLike, scale: float, zero_point: int, dtype: IntType = np.int8) -> NDArray[Any]:
    """QUANTIZE float32 -> int8, uint8, int16: `round(x / scale) + zero_point`, float32 division, saturated.

    The reference converts to int32 before it adds the zero point, which C++ leaves undefined from
    |x / scale| = 2^31 on (x86: -2^31, so that infinity gives -128 or, by wrapping, 127). Here, and in
    `es_quantize`, everything saturates by its sign and NaN becomes the smallest value.
    """
    info = np.iinfo(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.asarray(x, np.float32) / np.float32(scale)
    steps = np.clip(np.where(np.isnan(steps), -np.inf, steps), -131072.0, 131072.0)
    return clamp_to(round_half_away(steps) + zero_point, info.min, info.max, dtype)


def dequantize(q: ArrayLike, scale: float, zero_point: int) -> NDArray[np.float32]:
    """DEQUANTIZE int8, uint8, int16 -> float32: `scale * (q - zero_point)`.

    The reference multiplies in double and rounds once; the difference has fewer than 24 bits, so one float32
    multiplication gives the same.
    """
    difference: NDArray[np.int32] = np.asarray(q, np.int32) - np.int32(zero_point)
    return np.multiply(np.float32(scale), difference.astype(np.float32), dtype=np.float32)
