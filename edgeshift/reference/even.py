"""Rescaling as ONNX Runtime's integer kernels do: in float32, to nearest, ties to even.

QLinearConv, QLinearMatMul, QGemm and QLinearGlobalAveragePool add up in int32; then each converts the sum to float32,
multiplies it by one float32 scale and rounds: three roundings. No target needs floats for it: `es_even_rescale`
rounds the exact product, and imitates the three roundings only where they could matter, near a tie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import clamp_to, dequantize

_LEAST_SHIFT, _MOST_SHIFT = 14, 56


@dataclass(frozen=True)
class EvenScales:
    """Float32 scales `[channels]`, each `multiplier * 2^-shift`: the arguments of `es_even_rescale`.

    A multiplier is 0 or in [2^23, 2^24), a shift in [14, 56].
    """

    scale: NDArray[np.float32]
    multiplier: NDArray[np.uint32]
    shift: NDArray[np.int8]


def even_scales(input_scale: float, filter_scales: ArrayLike, output_scale: float) -> EvenScales:
    """The scales of a layer, `input * filter / output`, two float32 operations each."""
    filters = np.atleast_1d(np.asarray(filter_scales, np.float32))
    return split_scales(np.float32(input_scale) * filters / np.float32(output_scale))


def mean_scale(input_scale: float, output_scale: float, count: int) -> EvenScales:
    """The scale of a mean over `count` elements, `input / (output * count)`."""
    return split_scales(np.atleast_1d(np.float32(input_scale) / (np.float32(output_scale) * np.float32(count))))


def split_scales(scales: NDArray[np.float32]) -> EvenScales:
    """Scales below 2^-33 round every int32 to 0, as 0 does."""
    multipliers, shifts = [], []
    for scale in scales.tolist():
        fraction, exponent = math.frexp(scale)
        if not 0.0 <= scale < math.inf or 24 - exponent < _LEAST_SHIFT:
            raise UnsupportedOpError(f"a rescale by {scale:g} is beyond 8 bits: check the scales of the tensors")
        small = scale == 0.0 or 24 - exponent > _MOST_SHIFT
        multipliers.append(0 if small else int(fraction * 2.0**24))
        shifts.append(_MOST_SHIFT if small else 24 - exponent)
    return EvenScales(np.asarray(scales, np.float32), np.array(multipliers, np.uint32), np.array(shifts, np.int8))


def even_int8(
    acc: ArrayLike, scale: NDArray[np.float32], output_zp: int, act_min: int = -128, act_max: int = 127
) -> NDArray[np.int8]:
    """Finish int32 accumulators `[..., channels]` as ONNX Runtime does."""
    product = np.asarray(acc, np.int64).astype(np.float32) * scale
    steps = np.rint(np.clip(product, -131072.0, 131072.0)).astype(np.int64)
    return clamp_to(steps + output_zp, act_min, act_max)


def quantize_even(x: ArrayLike, scale: float, zero_point: int) -> NDArray[np.int8]:
    """ONNX's QuantizeLinear to int8: `round_half_even(x / scale) + zero_point`, a float32 division, saturated.

    NaN becomes the smallest value, as in `es_quantize_even`.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.asarray(x, np.float32) / np.float32(scale)
    steps = np.clip(np.where(np.isnan(steps), -np.inf, steps), -131072.0, 131072.0)
    return clamp_to(np.rint(steps).astype(np.int64) + zero_point, -128, 127)


# --- two operands ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class EvenSum:
    """`(a_multiplier * (a + a_offset) + b_multiplier * (b + b_offset)) / 2^shift`, to even, offset and clamped.

    The fields are those of `es_even_sum_s8_params`.
    """

    a_offset: int
    b_offset: int
    a_multiplier: int
    b_multiplier: int
    shift: int
    output_offset: int
    activation_min: int
    activation_max: int

    kernel = "even_sum"

    def of(self, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
        left = (np.asarray(a, np.int64) + self.a_offset) * self.a_multiplier
        right = (np.asarray(b, np.int64) + self.b_offset) * self.b_multiplier
        steps = _even_shift(left + right, self.shift)
        return clamp_to(steps + self.output_offset, self.activation_min, self.activation_max)


@dataclass(frozen=True)
class EvenProduct:
    """`multiplier * (a + a_offset) * (b + b_offset) / 2^shift` likewise; the fields of `es_even_product_s8_params`."""

    a_offset: int
    b_offset: int
    multiplier: int
    shift: int
    output_offset: int
    activation_min: int
    activation_max: int

    kernel = "even_product"

    def of(self, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
        product = (np.asarray(a, np.int64) + self.a_offset) * (np.asarray(b, np.int64) + self.b_offset)
        steps = _even_shift(product * self.multiplier, self.shift)
        return clamp_to(steps + self.output_offset, self.activation_min, self.activation_max)


@dataclass(frozen=True)
class EvenFloatSum:
    """The float operation itself: dequantised, added, quantised; then clamped. SUB has a negative `b_scale`.

    The fields are those of `es_even_float_sum_s8_params`; scales are float32 values.
    """

    a_scale: np.float32
    b_scale: np.float32
    output_scale: np.float32
    a_zero_point: int
    b_zero_point: int
    output_offset: int
    activation_min: int
    activation_max: int

    kernel = "even_float_sum"

    def of(self, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
        left = dequantize(a, float(self.a_scale), self.a_zero_point)
        right = dequantize(b, float(self.b_scale), self.b_zero_point)
        made = quantize_even(self.joined(left, right), float(self.output_scale), self.output_offset)
        return clamp_to(made, self.activation_min, self.activation_max)

    def joined(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
        return left + right


@dataclass(frozen=True)
class EvenFloatProduct(EvenFloatSum):
    """The same multiplied."""

    kernel = "even_float_product"

    def joined(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
        return left * right


EvenPair = EvenSum | EvenProduct | EvenFloatSum


def _even_shift(x: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    """`x / 2^shift` to nearest, ties to even."""
    whole = x >> shift
    twice, one = (x - (whole << shift)) * 2, 1 << shift
    rounded: NDArray[np.int64] = whole + ((twice > one) | ((twice == one) & (whole % 2 == 1)))
    return rounded
