"""Tanh and Sigmoid of ONNX Runtime's CPU, for tables: rational functions in float32, with fused multiply-adds.

A quantiser gives what saturates at -1 and 1 the scale 2/255, at which -1 lies on a tie: there the last bit decides. The
coefficients are Eigen's. On processors without fused multiply-adds ONNX Runtime itself differs in that bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TANH = (
    (
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    ),
    (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03),
)
_LOGISTIC = (
    (4.37031012579801e-11, 1.15627324459942e-07, 6.08574864600143e-05, 8.51377133304701e-03, 2.48287947061529e-01),
    (
        6.10247389755681e-13,
        5.76102136993427e-09,
        6.29106785017040e-06,
        1.70198817374094e-03,
        1.16817656904453e-01,
        9.93151921023180e-01,
    ),
)


def tanh_mlas(x: ArrayLike) -> NDArray[np.float32]:
    """Of float32 values, float32."""
    return _rational(np.clip(np.asarray(x, np.float32), -9.0, 9.0), *_TANH)


def logistic_mlas(x: ArrayLike) -> NDArray[np.float32]:
    """Of float32 values, float32."""
    half = _rational(np.clip(np.asarray(x, np.float32), -18.0, 18.0), *_LOGISTIC)
    return np.clip(half + np.float32(0.5), np.float32(0.0), np.float32(1.0))


def _rational(x: NDArray[np.float32], above: Sequence[float], below: Sequence[float]) -> NDArray[np.float32]:
    """`x * above(x^2) / below(x^2)`, coefficients of the highest power first."""
    square = x * x
    quotient: NDArray[np.float32] = _polynomial(square, above) * x / _polynomial(square, below)
    return quotient


def _polynomial(x: NDArray[np.float32], coefficients: Sequence[float]) -> NDArray[np.float32]:
    """By Horner's rule; a fused multiply-add is one in double, which holds the product, rounded to float32."""
    value = np.full_like(x, np.float32(coefficients[0]))
    for coefficient in coefficients[1:]:
        value = (value.astype(np.float64) * x + np.float64(np.float32(coefficient))).astype(np.float32)
    return value
