"""log, sqrt and the activations made of them on float32, operation by operation as `float_functions.h`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from edgeshift.reference.float_math import Float, exp_float, f32, polynomial, tanh_float

_LOG = tuple(f32(c) for c in (0.233327657, 0.285507232, 0.400001228, 0.666666687))
_EXPM1 = tuple(f32(c) for c in (0.00116492645, 0.00823886134, 0.0416501313, 0.166665643, 0.5))
_ERF = tuple(f32(c) for c in (-0.000633261167, 0.00505427038, -0.0268045701, 0.112827703, -0.376125753, 1.12837911))
_TAIL = (-4.98212385, 11.1762848, -8.38638496, 1.1508683, 0.367641896, 1.01264215, 0.844969511, 0.564218283)
_ERFC = tuple(f32(c) for c in _TAIL)


def sqrt_float(x: ArrayLike) -> Float:
    """`es_sqrtf`: correctly rounded; NaN below zero."""
    x = np.asarray(x, np.float32)
    with np.errstate(invalid="ignore"):
        result: Float = np.where(x < 0, f32(np.nan), np.sqrt(x))
    return result


def rsqrt_float(x: ArrayLike) -> Float:
    """`es_rsqrtf`: `1 / sqrt(x)`, both rounded."""
    with np.errstate(divide="ignore"):
        result: Float = f32(1) / sqrt_float(x)
    return result


def log_float(x: ArrayLike) -> Float:
    """`es_logf`: within 1 ulp; -infinity at 0, NaN below."""
    x = np.asarray(x, np.float32)
    usual = (x > 0) & np.isfinite(x)
    fraction, exponent = np.frexp(np.where(usual, x, f32(1)))
    above = fraction >= f32(float(0xB504F4) * 2.0**-24)
    f = np.where(above, fraction, fraction * f32(2)) - f32(1)
    k = (exponent - 1 + above).astype(np.float32)
    s = f / (f32(2) + f)
    z = s * s
    half = f32(0.5) * f * f
    scaled = s * (half + z * polynomial(z, _LOG)) + k * f32(1.42860677e-06)
    done = k * f32(0.693145752) - ((half - scaled) - f)
    ends = np.where(x < 0, f32(np.nan), np.where(x == 0, f32(-np.inf), x))
    result: Float = np.where(usual, done, ends)
    return result


def elu_float(x: ArrayLike) -> Float:
    """`es_eluf`: within 3 ulp."""
    x = np.asarray(x, np.float32)
    negative = np.where(x < 0, x, f32(0))
    with np.errstate(over="ignore"):
        near = negative + negative * negative * polynomial(negative, _EXPM1)
    below = np.where(negative < f32(-0.5), exp_float(negative) - f32(1), near)
    result: Float = np.where(x < 0, below, x)
    return result


def erfc_float(x: ArrayLike) -> Float:
    """`es_erfcf`: within a few ulp, also in its tail."""
    x = np.asarray(x, np.float32)
    z = np.abs(x)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        near = f32(1) - x * polynomial(x * x, _ERF)
        bounded = np.where(z < f32(10.2), z, f32(1))
        t = f32(1) / (bounded + f32(1.5))
        high = (bounded.view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)
        tail = exp_float(-(high * high)) * exp_float((high - bounded) * (high + bounded)) * (t * polynomial(t, _ERFC))
        tail = np.where(z < f32(10.2), tail, f32(0))
    result: Float = np.where(np.isnan(x), x, np.where(z < f32(0.85), near, np.where(x < 0, f32(2) - tail, tail)))
    return result


def erf_float(x: ArrayLike) -> Float:
    """`es_erff`."""
    x = np.asarray(x, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        near = x * polynomial(x * x, _ERF)
    result: Float = np.where(np.abs(x) < f32(0.85), near, f32(1) - erfc_float(x))
    return result


def gelu_float(x: ArrayLike) -> Float:
    """`es_geluf`."""
    x = np.asarray(x, np.float32)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        result: Float = f32(0.5) * x * erfc_float(x * f32(-0.707106769))
    return result


def gelu_tanh_float(x: ArrayLike) -> Float:
    """`es_gelu_tanhf`: GELU by its approximation."""
    x = np.asarray(x, np.float32)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        inner = f32(0.797884583) * (x + f32(0.0447149985) * (x * x * x))
        result: Float = f32(0.5) * x * (f32(1) + tanh_float(inner))
    return result


def hard_swish_float(x: ArrayLike) -> Float:
    """`es_hard_swishf`."""
    x = np.asarray(x, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = x + f32(3)
        bounded = np.where(shifted < 0, f32(0), shifted)
        result: Float = x * np.where(f32(6) < bounded, f32(6), bounded) / f32(6)
    return result
