"""int8 -> int8 (and uint8) functions as tables of 256 entries: entry `q - min` is the output for input `q`.

For int8 that index is `q + 128`, for uint8 `q`. `take(table, q)` looks values up.

The reference kernels of LOGISTIC and TANH int8 are themselves tables, filled with float32 `std::exp` and
`std::tanh` (`LUTPopulate`); so these are evaluated with the platform's C library, which the interpreter calls
too. RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 and QUANTIZE are fixed-point requantisations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import (
    IntType,
    activation_range,
    clamp_to,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
)
from edgeshift.reference.libm import expf, tanhf

Table = NDArray[Any]


def take(table: Table, q: NDArray[Any]) -> Table:
    """The table's outputs for the inputs `q`, int8 or uint8."""
    return table[q.astype(np.int64) - np.iinfo(q.dtype).min]


def inputs(dtype: IntType = np.int8) -> NDArray[np.int64]:
    """All 256 input values in table order, as int64."""
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1, dtype=np.int64)


def logistic_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    """LOGISTIC int8. The kernel demands an output scale of exactly 1/256."""
    if np.float32(out_scale) != np.float32(1 / 256):
        raise UnsupportedOpError(f"LOGISTIC int8 needs an output scale of 1/256, not {out_scale:g}")
    one = np.float32(1)
    return float_table(lambda x: one / (one + expf(-x)), in_scale, in_zp, out_scale, out_zp)


def tanh_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int) -> Table:
    """TANH int8."""
    return float_table(tanhf, in_scale, in_zp, out_scale, out_zp)


def relu_table(in_scale: float, in_zp: int, out_scale: float, out_zp: int, kind: str = "RELU") -> Table:
    """RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 int8 not fused; the multiplier is a float32 quotient."""
    multiplier, shift = quantize_multiplier(float(np.float32(in_scale) / np.float32(out_scale)))
    low, high = activation_range(kind, np.int8, out_scale, out_zp)
    return clamp_to(out_zp + multiply_by_quantized_multiplier(inputs() - in_zp, multiplier, shift), low, high)


def requantize_table(
    in_scale: float,
    in_zp: int,
    out_scale: float,
    out_zp: int,
    in_dtype: IntType = np.int8,
    out_dtype: IntType = np.int8,
) -> Table:
    """QUANTIZE between int8 and uint8; the multiplier is a quotient in double."""
    multiplier, shift = quantize_multiplier(float(np.float32(in_scale)) / float(np.float32(out_scale)))
    info = np.iinfo(out_dtype)
    scaled = multiply_by_quantized_multiplier(inputs(in_dtype) - in_zp, multiplier, shift)
    return clamp_to(scaled.astype(np.int64) + out_zp, info.min, info.max, out_dtype)


def float_table(
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    in_scale: float,
    in_zp: int,
    out_scale: float,
    out_zp: int,
) -> Table:
    """`LUTPopulateInt8`: float32 throughout, the output scale applied as a float32 reciprocal."""
    with np.errstate(over="ignore"):
        x = np.float32(in_scale) * (inputs() - in_zp).astype(np.float32)
        steps = function(x) * (np.float32(1) / np.float32(out_scale))
        steps = np.clip(steps, np.float32(-1e9), np.float32(1e9))  # beyond int32 C++ leaves it undefined
        rescaled = round_half_away(steps).astype(np.float32)
    return clamp_to(rescaled + np.float32(out_zp), -128, 127)
