"""ADD, SUB, MUL on int8 and float32, with broadcasting, as LiteRT's reference kernels compute them.

ADD and SUB int8: both operands are shifted left by 20, scaled to twice the larger input scale, added or
subtracted in int32, scaled to the output and clamped; both have the same parameters. MUL int8: one rescale of
the product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.reference.arithmetic import (
    activation_range,
    clamp_to,
    float_activation_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    quantize_multiplier_below_one,
)

LEFT_SHIFT = 20


@dataclass(frozen=True)
class AddParams:
    """Parameters of ADD and SUB int8; the fields are those of `es_add_s8_params`. Shifts are in [-31, 0]."""

    a_offset: int
    b_offset: int
    a_multiplier: int
    b_multiplier: int
    a_shift: int
    b_shift: int
    output_offset: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class MulParams:
    """Parameters of MUL int8; the fields are those of `es_mul_s8_params`. The shift is in [-31, 31]."""

    a_offset: int
    b_offset: int
    output_offset: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int


def add_params(
    a_scale: float, a_zp: int, b_scale: float, b_zp: int, o_scale: float, o_zp: int, activation: str = "NONE"
) -> AddParams:
    """Parameters of ADD int8 (and SUB). Refuses output scales at which the interpreter itself would abort."""
    a, b, o = (float(np.float32(s)) for s in (a_scale, b_scale, o_scale))
    twice_max = 2.0 * max(a, b)
    a_multiplier, a_shift = quantize_multiplier_below_one(a / twice_max, "ADD/SUB: the first input's multiplier")
    b_multiplier, b_shift = quantize_multiplier_below_one(b / twice_max, "ADD/SUB: the second input's multiplier")
    output_multiplier, output_shift = quantize_multiplier_below_one(
        twice_max / (2.0**LEFT_SHIFT * o), "ADD/SUB: the multiplier 2 * input scale / (2^20 * output scale)"
    )
    low, high = activation_range(activation, np.int8, o_scale, o_zp)
    return AddParams(
        a_offset=-a_zp,
        b_offset=-b_zp,
        a_multiplier=a_multiplier,
        b_multiplier=b_multiplier,
        a_shift=a_shift,
        b_shift=b_shift,
        output_offset=o_zp,
        output_multiplier=output_multiplier,
        output_shift=output_shift,
        activation_min=low,
        activation_max=high,
    )


sub_params = add_params


def mul_params(
    a_scale: float, a_zp: int, b_scale: float, b_zp: int, o_scale: float, o_zp: int, activation: str = "NONE"
) -> MulParams:
    """Parameters of MUL int8; the real multiplier `a * b / o` is evaluated in float32."""
    real = np.float32(a_scale) * np.float32(b_scale) / np.float32(o_scale)
    multiplier, shift = quantize_multiplier(float(real))
    low, high = activation_range(activation, np.int8, o_scale, o_zp)
    return MulParams(-a_zp, -b_zp, o_zp, multiplier, shift, low, high)


def add_int8(a: NDArray[np.int8], b: NDArray[np.int8], params: AddParams) -> NDArray[np.int8]:
    """ADD int8, broadcasting."""
    scaled_a, scaled_b = _scaled_operands(a, b, params)
    return _finish_sum(scaled_a + scaled_b, params)


def sub_int8(a: NDArray[np.int8], b: NDArray[np.int8], params: AddParams) -> NDArray[np.int8]:
    """SUB int8, `a - b`, broadcasting."""
    scaled_a, scaled_b = _scaled_operands(a, b, params)
    return _finish_sum(scaled_a - scaled_b, params)


def mul_int8(a: NDArray[np.int8], b: NDArray[np.int8], params: MulParams) -> NDArray[np.int8]:
    """MUL int8, broadcasting."""
    product = (np.asarray(a, np.int64) + params.a_offset) * (np.asarray(b, np.int64) + params.b_offset)
    scaled = multiply_by_quantized_multiplier(product, params.output_multiplier, params.output_shift)
    shifted = scaled.astype(np.int64) + params.output_offset
    return clamp_to(shifted, params.activation_min, params.activation_max)


def _scaled_operands(a: ArrayLike, b: ArrayLike, p: AddParams) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both operands in the common scale; |value| < 2^28, so their sum fits int32."""
    wide_a = (np.asarray(a, np.int64) + p.a_offset) << LEFT_SHIFT
    wide_b = (np.asarray(b, np.int64) + p.b_offset) << LEFT_SHIFT
    return (
        multiply_by_quantized_multiplier(wide_a, p.a_multiplier, p.a_shift).astype(np.int64),
        multiply_by_quantized_multiplier(wide_b, p.b_multiplier, p.b_shift).astype(np.int64),
    )


def _finish_sum(raw: NDArray[np.int64], p: AddParams) -> NDArray[np.int8]:
    scaled = multiply_by_quantized_multiplier(raw, p.output_multiplier, p.output_shift)
    return clamp_to(scaled.astype(np.int64) + p.output_offset, p.activation_min, p.activation_max)


# --- float ----------------------------------------------------------------------------------------


def clamp_float(x: ArrayLike, activation: str = "NONE") -> NDArray[np.float32]:
    """A fused activation on float32; NaN stays NaN, also with NONE infinities become +-FLT_MAX."""
    x = np.asarray(x, np.float32)
    low, high = (np.float32(bound) for bound in float_activation_range(activation))
    x = np.where(x < low, low, x)
    return np.where(high < x, high, x)


def add_float(a: ArrayLike, b: ArrayLike, activation: str = "NONE") -> NDArray[np.float32]:
    """ADD float32, broadcasting."""
    return clamp_float(np.asarray(a, np.float32) + np.asarray(b, np.float32), activation)


def sub_float(a: ArrayLike, b: ArrayLike, activation: str = "NONE") -> NDArray[np.float32]:
    """SUB float32, `a - b`, broadcasting."""
    return clamp_float(np.asarray(a, np.float32) - np.asarray(b, np.float32), activation)


def mul_float(a: ArrayLike, b: ArrayLike, activation: str = "NONE") -> NDArray[np.float32]:
    """MUL float32, broadcasting."""
    return clamp_float(np.asarray(a, np.float32) * np.asarray(b, np.float32), activation)
