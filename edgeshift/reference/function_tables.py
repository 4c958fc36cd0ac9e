"""int8 -> int8 tables of ELU, GELU, EXP, LOG, SQRT, RSQRT, ABS, NEG, LEAKY_RELU, HARD_SWISH: see `reference.tables`.

ELU, GELU, EXP and LOG are tables in the reference kernels too (`LUTPopulate`). SQRT is float32, its quotient
truncated; NEG negates the stored number whatever the scales are; the others are fixed point. SQRT and RSQRT of a
negative value stop the interpreter; here they give what 0 gives.
"""

from __future__ import annotations

import math

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
)
from edgeshift.reference.libm import erfcf, expf, expm1f, logf, tanhf
from edgeshift.reference.tables import Table, float_table, inputs

Floats = NDArray[np.float32]
f32 = np.float32


def elu_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    return float_table(lambda x: np.where(x < 0, expm1f(x), x), in_scale, in_zp, out_scale, out_zp)


def exp_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    return float_table(expf, in_scale, in_zp, out_scale, out_zp)


def log_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    """What has no logarithm gives the least output."""
    least = f32(-128 - out_zp) * f32(out_scale)
    return float_table(
        lambda x: np.where(x <= 0, least, logf(np.where(x <= 0, f32(1), x))), in_scale, in_zp, out_scale, out_zp
    )


def gelu_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int, approximate: bool) -> Table:
    def exact(x: Floats) -> Floats:
        return f32(0.5) * x * erfcf(x * f32(-math.sqrt(0.5)))

    def near(x: Floats) -> Floats:
        cubic = x + f32(0.044715) * x * x * x
        return f32(0.5) * x * (f32(1) + tanhf(f32(math.sqrt(2 / math.pi)) * cubic))

    return float_table(near if approximate else exact, in_scale, in_zp, out_scale, out_zp)


def abs_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    values = np.abs(inputs() - in_zp)
    if f32(in_scale) != f32(out_scale):
        pair = quantize_multiplier(float(f32(in_scale) / f32(out_scale)))
        values = multiply_by_quantized_multiplier(values, *pair).astype(np.int64)
    return clamp_to(values + out_zp, -128, 127)


def neg_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    """-128 stays: the reference kernel lets it wrap."""
    return (-inputs()).astype(np.int8)


def sqrt_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    roots = np.sqrt(f32(in_scale) * np.maximum(inputs() - in_zp, 0).astype(np.float32))
    return clamp_to(np.trunc(np.minimum(roots / f32(out_scale), f32(1e6))).astype(np.int64) + out_zp, -128, 127)


def rsqrt_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    real = 1.0 / float(np.sqrt(f32(in_scale)) * f32(out_scale))
    multiplier, shift = quantize_multiplier(real)
    done = np.full(256, 127, np.int64)
    for place, value in enumerate((inputs() - in_zp).tolist()):
        if value > 0:
            inverse, right = inverse_sqrt_multiplier(value)
            scaled = multiply_by_quantized_multiplier(1, inverse, 20 - right)
            done[place] = int(multiply_by_quantized_multiplier(scaled, multiplier, shift - 20)) + out_zp
    return clamp_to(done, -128, 127)


def inverse_sqrt_multiplier(value: int) -> tuple[int, int]:
    """`1 / sqrt(value)` as multiplier and right shift, by five Newton steps in Q3.28.

    (`GetInvSqrtQuantizedMultiplierExp`)
    """
    if value <= 1:
        return INT32_MAX, 0
    shift = 11
    while value >= 1 << 29:
        value, shift = value // 4, shift + 1
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    shift -= pairs
    value <<= 2 * pairs

    def mul(a: int, b: int) -> int:
        return int(saturating_rounding_doubling_high_mul(a, b))

    def left(a: int, bits: int) -> int:
        return max(INT32_MIN, min(INT32_MAX, a << bits))

    half = int(rounding_divide_by_pot(value >> 1, 1))
    x = 1 << 28
    for _ in range(5):
        cube = left(mul(mul(x, x), x), 6)
        x = left(mul(3 << 27, x) - mul(half, cube), 3)
    x = mul(x, 1518500250)
    return (x << -shift, 0) if shift < 0 else (x, shift)


def leaky_relu_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int, alpha: float) -> Table:
    slope = float(f32(in_scale) * f32(alpha) / f32(out_scale))
    if slope < 0:
        raise UnsupportedOpError(f"LEAKY_RELU int8 with a negative slope ({alpha:g}): use 0 or more")
    values = inputs() - in_zp
    above = multiply_by_quantized_multiplier(values, *quantize_multiplier(float(f32(in_scale) / f32(out_scale))))
    below = multiply_by_quantized_multiplier(values, *quantize_multiplier(slope))
    return clamp_to(np.where(values >= 0, above, below).astype(np.int64) + out_zp, -128, 127)


def hard_swish_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    """Fixed point of 16 bits."""
    fine = f32(1 / 128) * f32(in_scale)
    multiplier, exponent = _multiplier_16(float(fine / f32(out_scale)))
    relu_multiplier, relu_exponent = _multiplier_16(float(fine / f32(3 / 32768)))
    if exponent > 0:
        raise UnsupportedOpError("HARD_SWISH int8: the input's scale is more than 128 times the output's")
    x = (inputs() - in_zp) << 7
    wide = _high_mul_16(x, multiplier)
    relu = np.clip(x << max(relu_exponent - 1, 0), -32768, 32767)
    relu = _high_mul_16(relu, relu_multiplier)
    if relu_exponent > 0:
        relu = np.clip(relu << 1, -32768, 32767)
    relu = rounding_divide_by_pot(relu, max(-relu_exponent, 0)).astype(np.int64)
    relu = (relu + (1 << 15)) >> 1
    product = relu * wide
    out = np.sign(product) * (np.abs(product) >> 15)
    return clamp_to(rounding_divide_by_pot(out, -exponent).astype(np.int64) + out_zp, -128, 127)


def _multiplier_16(real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(real)
    return (32767 if multiplier >= INT32_MAX - (1 << 15) else (multiplier + (1 << 15)) >> 16), shift


def _high_mul_16(a: NDArray[np.int64], b: int) -> NDArray[np.int64]:
    return np.minimum((a * b + (1 << 14)) >> 15, 32767)
