"""exp, tanh, logistic and SOFTMAX on float32, operation by operation as `firmware/runtime/float_math.h`.

The C library's versions differ between hosts and boards, so generated code has its own, in single precision;
these give the same bits. LiteRT's reference kernels call `std::exp` and `std::tanh`: the results are at most
two units in the last place from theirs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float32]
f32 = np.float32

_EXP = tuple(f32(c) for c in (0.000197403191, 0.00139350875, 0.00833357032, 0.041666463, 0.166666657, 0.5))
_TANH = tuple(f32(c) for c in (0.002152120, -0.0081981821, 0.0217120871, -0.0539491884, 0.133332267, -0.333333313))


def exp_float(x: ArrayLike) -> Float:
    """`es_expf`: within 1 ulp of the exact value; infinity above 88.7, 0 below -104, NaN stays."""
    x = np.asarray(x, np.float32)
    nan = np.isnan(x)
    x = np.clip(np.where(nan, f32(0), x), f32(-104), f32(89))
    octaves = x * f32(1.44269504)
    n = np.trunc(np.where(octaves < 0, octaves - f32(0.5), octaves + f32(0.5))).astype(np.int32)
    high = x - n.astype(np.float32) * f32(0.693145752)
    low = n.astype(np.float32) * f32(1.42860677e-06)
    r = high - low
    p = polynomial(r, _EXP)
    total = f32(1) + high
    lost = high - (total - f32(1))
    y = total + (lost + (r * r * p - low))
    half = np.trunc(n / 2).astype(np.int32)
    with np.errstate(over="ignore", under="ignore"):
        scaled = y * _power_of_two(half) * _power_of_two(n - half)
    result: Float = np.where(nan, f32(np.nan), scaled)
    return result


def tanh_float(x: ArrayLike) -> Float:
    """`es_tanhf`: within 2 ulp."""
    x = np.asarray(x, np.float32)
    magnitude = np.abs(x)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        square = x * x
        near = x + x * (square * polynomial(square, _TANH))
        far = f32(1) - f32(2) / (exp_float(magnitude + magnitude) + f32(1))
    result: Float = np.where(magnitude < f32(0.55), near, np.where(x < 0, -far, far))
    return result


def logistic_float(x: ArrayLike) -> Float:
    """`es_logisticf`: LOGISTIC with the cut-offs of the reference kernel."""
    x = np.asarray(x, np.float32)
    with np.errstate(over="ignore"):
        middle = f32(1) / (f32(1) + exp_float(-x))
    result: Float = np.where(x > f32(16.619047164916992188), f32(1), np.where(x < f32(-9), exp_float(x), middle))
    return result


def softmax_float(x: ArrayLike, beta: float = 1.0) -> Float:
    """`es_softmax_f32`: SOFTMAX float32 over the last axis, the exponentials summed in order."""
    x = np.asarray(x, np.float32)
    exps = exp_float((x - x.max(axis=-1, keepdims=True)) * f32(beta))
    total: Float = np.add.accumulate(exps, axis=-1, dtype=np.float32)[..., -1:]
    return exps / total


def polynomial(x: Float, coefficients: tuple[np.float32, ...]) -> Float:
    """Horner's rule, the highest power first."""
    result: Float = np.broadcast_to(coefficients[0], x.shape)
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def _power_of_two(n: NDArray[np.int32]) -> Float:
    return ((n + 127) << 23).astype(np.int32).view(np.float32)
