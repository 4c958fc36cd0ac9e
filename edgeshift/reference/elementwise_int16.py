"""ADD, SUB, MUL and PRELU int16, as LiteRT's reference kernels compute them: all zero points are 0.

ADD and SUB as int8, but shifted left by 15. Where the file asks for powers of two (`pot_scale_int16`) and all scales
are, to a thousandth of an octave, one operand is shifted right instead. PRELU's slopes are int8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import (
    activation_range,
    clamp_to,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    quantize_multiplier_below_one,
    rounding_divide_by_pot,
)
from edgeshift.reference.libm import logf

LEFT_SHIFT = 15

Int16 = NDArray[np.int16]
f32 = np.float32


@dataclass(frozen=True)
class AddParams:
    """The fields of `es_int16_add_params`; shifts in [-31, 0]."""

    a_multiplier: int
    b_multiplier: int
    a_shift: int
    b_shift: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class ShiftedAddParams:
    """The fields of `es_int16_shifted_add_params`: shifts to the right, in [0, 15], one of them 0."""

    a_shift: int
    b_shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class MulParams:
    """The fields of `es_int16_mul_params`; the shift in [-31, 31]."""

    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class PreluParams:
    """The fields of `es_int16_prelu_params`; shifts in [-31, 31]."""

    identity_multiplier: int
    identity_shift: int
    slope_multiplier: int
    slope_shift: int


def power_of_two(scale: float) -> int | None:
    """The exponent of a scale that is a power of two, or all but. (`CheckedLog2`, in float32.)"""
    exponent = logf(f32(scale)) * (f32(1) / logf(f32(2)))
    rounded = np.round(exponent)
    return int(rounded) if abs(exponent - rounded) < f32(1e-3) else None


def add_params(
    a_scale: float, b_scale: float, o_scale: float, activation: str, powers: bool
) -> AddParams | ShiftedAddParams:
    """Of ADD and SUB; refuses scales at which the interpreter itself would stop."""
    low, high = activation_range(activation, np.int16, o_scale, 0)
    exponents = [power_of_two(s) for s in (a_scale, b_scale, o_scale)] if powers else [None]
    if None not in exponents:
        a_shift, b_shift = (exponents[2] - e for e in exponents[:2])  # type: ignore[operator]
        if min(a_shift, b_shift) != 0 or max(a_shift, b_shift) > 15:
            raise UnsupportedOpError(
                f"ADD/SUB int16 with scales 2^{exponents[0]} and 2^{exponents[1]} to 2^{exponents[2]}: the reference "
                "kernel needs one operand with the output's scale and none with a larger one; quantise the model again"
            )
        return ShiftedAddParams(a_shift, b_shift, low, high)
    a, b, o = (float(f32(s)) for s in (a_scale, b_scale, o_scale))
    twice_max = 2.0 * max(a, b)
    a_pair = quantize_multiplier_below_one(a / twice_max, "ADD/SUB: the first input's multiplier")
    b_pair = quantize_multiplier_below_one(b / twice_max, "ADD/SUB: the second input's multiplier")
    o_pair = quantize_multiplier_below_one(
        twice_max / (2.0**LEFT_SHIFT * o), "ADD/SUB: the multiplier 2 * input scale / (2^15 * output scale)"
    )
    return AddParams(a_pair[0], b_pair[0], a_pair[1], b_pair[1], *o_pair, low, high)


def mul_params(a_scale: float, b_scale: float, o_scale: float, activation: str) -> MulParams:
    """The real multiplier `a * b / o` is evaluated in float32."""
    pair = quantize_multiplier(float(f32(a_scale) * f32(b_scale) / f32(o_scale)))
    return MulParams(*pair, *activation_range(activation, np.int16, o_scale, 0))


def prelu_params(a_scale: float, b_scale: float, o_scale: float) -> PreluParams:
    identity = quantize_multiplier(float(f32(a_scale) / f32(o_scale)))
    slope = quantize_multiplier(float(f32(a_scale) * f32(b_scale) / f32(o_scale)))
    return PreluParams(*identity, *slope)


def add(a: Int16, b: Int16, params: AddParams | ShiftedAddParams) -> NDArray[Any]:
    x, y = _operands(a, b, params)
    return _finish(x + y, params)


def sub(a: Int16, b: Int16, params: AddParams | ShiftedAddParams) -> NDArray[Any]:
    """`a - b`."""
    x, y = _operands(a, b, params)
    return _finish(x - y, params)


def mul(a: Int16, b: Int16, params: MulParams) -> NDArray[Any]:
    product = a.astype(np.int64) * b.astype(np.int64)
    scaled = multiply_by_quantized_multiplier(product, params.output_multiplier, params.output_shift)
    return clamp_to(scaled, params.activation_min, params.activation_max, np.int16)


def prelu(a: Int16, b: NDArray[np.int8], p: PreluParams) -> NDArray[Any]:
    x, slope = a.astype(np.int64), b.astype(np.int64)
    above = multiply_by_quantized_multiplier(x + 0 * slope, p.identity_multiplier, p.identity_shift)
    below = multiply_by_quantized_multiplier(x * slope, p.slope_multiplier, p.slope_shift)
    return clamp_to(np.where(x >= 0, above, below), -32768, 32767, np.int16)


def _operands(a: Int16, b: Int16, p: AddParams | ShiftedAddParams) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both operands in the scale in which they are added."""
    if isinstance(p, ShiftedAddParams):
        return tuple(rounding_divide_by_pot(v, n).astype(np.int64) for v, n in ((a, p.a_shift), (b, p.b_shift)))  # type: ignore[return-value]
    wide_a, wide_b = (v.astype(np.int64) << LEFT_SHIFT for v in (a, b))
    return (
        multiply_by_quantized_multiplier(wide_a, p.a_multiplier, p.a_shift).astype(np.int64),
        multiply_by_quantized_multiplier(wide_b, p.b_multiplier, p.b_shift).astype(np.int64),
    )


def _finish(raw: NDArray[np.int64], p: AddParams | ShiftedAddParams) -> NDArray[Any]:
    if isinstance(p, AddParams):
        raw = multiply_by_quantized_multiplier(raw, p.output_multiplier, p.output_shift).astype(np.int64)
    return clamp_to(raw, p.activation_min, p.activation_max, np.int16)
