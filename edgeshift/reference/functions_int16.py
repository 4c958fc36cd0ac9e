"""int16 -> int16 functions, as LiteRT's reference kernels compute them: zero points are 0.

EXP, LOG, RSQRT, GELU and both functions inside SOFTMAX are tables of 513 entries, one for every 128th value, with
straight lines between them; each entry gives way by half of the line's error in the middle (`LUTPopulateInt16`).
LOGISTIC and TANH share one table of a sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import (
    clamp_to,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
)
from edgeshift.reference.elementwise_int16 import power_of_two
from edgeshift.reference.libm import erfcf, expf, logf, tanhf

LOW, HIGH, STEPS = -32768, 32767, 512

Int = NDArray[np.int64]
Table = NDArray[np.int16]
f32 = np.float32


def interpolated(
    function: Callable[[NDArray[Any]], NDArray[Any]],
    in_scale: float,
    out_scale: float,
    in_zp: int = 0,
    kind: type[np.floating[Any]] = np.float32,
) -> Table:
    """The 513 entries of a function, evaluated in `kind`, float32 or float64."""
    scale, out = kind(in_scale), kind(out_scale)
    first, last = scale * kind(LOW - in_zp), scale * kind(HIGH - in_zp)
    step = (last - first) / kind(STEPS)
    inverse = kind(HIGH - LOW + 1) / (out * kind(HIGH) - out * kind(LOW))

    def rounded(x: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(over="ignore"):
            return round_half_away(x * inverse).astype(kind)

    starts = first + np.arange(STEPS).astype(kind) * step
    ends = first + np.arange(1, STEPS + 1).astype(kind) * step
    with np.errstate(over="ignore", invalid="ignore"):
        here, next_, middle = (function(x.astype(kind)) for x in (starts, ends, starts + step / kind(2)))
        line = round_half_away((next_ * inverse + rounded(here)) / kind(2)).astype(kind)
        bias = round_half_away((line - rounded(middle)) / kind(2)).astype(kind)
        entries = np.append(rounded(here) - bias, rounded(function(np.array([last], kind))))
    entries = np.where(np.isnan(entries), 0, entries)  # beside infinities, as x86 converts them
    return np.clip(entries, LOW, HIGH).astype(np.int16)


def looked_up(q: NDArray[Any], table: Table) -> Int:
    """The table's outputs for int16 values."""
    q, wide = np.asarray(q, np.int64), table.astype(np.int64)
    index = 256 + (q >> 7)
    base, slope = wide[index], _int16(wide[index + 1] - wide[index])
    return _int16(base + ((slope * (q & 127) + 64) >> 7))


def _int16(x: Int) -> Int:
    """Modulo 2^16."""
    wrapped: Int = ((x + 32768) & 0xFFFF) - 32768
    return wrapped


def exp_table(in_scale: float, out_scale: float) -> Table:
    return interpolated(expf, in_scale, out_scale)


def log_table(in_scale: float, out_scale: float) -> Table:
    """What has no logarithm gives the least output."""
    least = f32(LOW) * f32(out_scale)
    return interpolated(lambda x: np.where(x <= 0, least, logf(np.where(x <= 0, f32(1), x))), in_scale, out_scale)


def rsqrt_table(in_scale: float, out_scale: float) -> Table:
    """Zero and less give the greatest output."""
    most = f32(HIGH) * f32(out_scale)
    return interpolated(
        lambda x: np.where(x <= 0, most, f32(1) / np.sqrt(np.where(x <= 0, f32(1), x))), in_scale, out_scale
    )


def gelu_table(in_scale: float, out_scale: float, approximate: bool) -> Table:
    def exact(x: NDArray[Any]) -> NDArray[Any]:
        return f32(0.5) * x * erfcf(x * f32(-math.sqrt(0.5)))

    def near(x: NDArray[Any]) -> NDArray[Any]:
        cubic = x + f32(0.044715) * x * x * x
        return f32(0.5) * x * (f32(1) + tanhf(f32(math.sqrt(2 / math.pi)) * cubic))

    return interpolated(near if approximate else exact, in_scale, out_scale)


# --- LOGISTIC, TANH --------------------------------------------------------------------------------


def sigmoid_table() -> NDArray[np.uint16]:
    """`65536 / (1 + exp(-i / 24))` for `i` from 0 to 255; entries give way as in `interpolated`, the last is 1."""

    def sigmoid(i: float) -> float:
        return 65536 / (1 + math.exp(-i / 24))

    entries = [sigmoid(i) + (sigmoid(i + 0.5) - (sigmoid(i) + sigmoid(i + 1)) / 2) / 2 for i in range(255)]
    return np.array([*(math.floor(e + 0.5) for e in entries), 65535], np.uint16)


@dataclass(frozen=True)
class Steps:
    """What brings an input to the table's steps: `(q * multiplier + 2^(shift - 1)) >> shift`, shift in [0, 31]."""

    multiplier: int
    shift: int


def steps_of(in_scale: float, out_scale: float, operator: str) -> Steps:
    """Of LOGISTIC or TANH, whose output scale must be 2^-15."""
    exponent = power_of_two(out_scale)
    if exponent != -15 or (operator == "LOGISTIC" and f32(out_scale) != f32(2**-15)):
        raise UnsupportedOpError(f"{operator} int16 needs an output scale of 1/32768, not {out_scale:g}")
    exponent = power_of_two(in_scale)
    if exponent is not None and exponent + 12 in ((0,) if operator == "LOGISTIC" else (0, 1)):
        return Steps(3 << (exponent + 12), 0)
    multiplier, shift = float(f32(in_scale)) * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    if multiplier >= 65535.0:
        raise UnsupportedOpError(f"{operator} int16 with an input scale of {in_scale:g} overflows the reference kernel")
    return Steps(int(multiplier), shift)


def logistic(q: NDArray[Any], steps: Steps) -> NDArray[Any]:
    x, above = _steps(q, steps)
    magnitude = np.abs(x)
    result = np.where(magnitude >> 9 >= 255, 0x7FFF << 10, _line(magnitude, 9))
    result = np.where(above, result + (1 << 9), (1 << 25) - result + (1 << 9) - 1) >> 10
    return result.astype(np.int16)


def tanh(q: NDArray[Any], steps: Steps) -> NDArray[Any]:
    x, above = _steps(q, steps)
    magnitude = np.abs(x)
    result = np.where(magnitude >> 8 >= 255, 0xFFFF << 8, _line(magnitude, 8))
    result = np.where(above, result - (1 << 23) + (1 << 7), -result + (1 << 23) + (1 << 7) - 1) >> 8
    return result.astype(np.int16)


def _steps(q: NDArray[Any], s: Steps) -> tuple[Int, NDArray[np.bool_]]:
    x: Int = (np.asarray(q, np.int64) * s.multiplier + ((1 << s.shift) >> 1)) >> s.shift
    return x, x >= 0


def _line(magnitude: Int, bits: int) -> Int:
    """Between two entries of the sigmoid, whose place is the magnitude without its last bits."""
    table = sigmoid_table().astype(np.int64)
    at = np.minimum(magnitude >> bits, 254)
    line: Int = (table[at] << bits) + (magnitude & ((1 << bits) - 1)) * (table[at + 1] - table[at])
    return line


# --- SOFTMAX ---------------------------------------------------------------------------------------

MAX_ROW = 65535  # the exponentials of more could overflow their sum


def softmax_tables() -> tuple[Table, Table]:
    """exp of [-10, 0], and 1 / (1 + x) of [0, 1]."""
    span = HIGH - LOW
    exp = interpolated(_exp, 10.0 / span, 2.0 / span, HIGH, np.float64)
    return exp, interpolated(lambda x: 1.0 / (1.0 + x), 1.0 / span, 2.0 / span, LOW, np.float64)


def _exp(x: NDArray[Any]) -> NDArray[Any]:
    return np.array([math.exp(v) for v in x.tolist()])


def softmax_multiplier(beta: float, in_scale: float) -> tuple[int, int]:
    """What brings differences to the table of exp."""
    return quantize_multiplier(float(f32(in_scale) * f32(beta)) / (10.0 / 65535.0))


def softmax(x: NDArray[Any], multiplier: int, shift: int) -> NDArray[Any]:
    """SOFTMAX int16 `[..., n]` over the last axis."""
    exp_table, inverse_table = softmax_tables()
    x = np.asarray(x, np.int64)
    scaled = multiply_by_quantized_multiplier(x - x.max(axis=-1, keepdims=True), multiplier, shift)
    exps = looked_up(np.clip(scaled.astype(np.int64) + HIGH, LOW, HIGH), exp_table)
    total = exps.sum(axis=-1, keepdims=True)
    zeros = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    fraction = ((total << (zeros - 1)) + (1 << 13)) >> 14
    inverse = looked_up(np.clip(fraction - (1 << 15) - (1 << 16), LOW, HIGH), inverse_table)
    shift_back = 31 - zeros
    return clamp_to((exps * inverse + (np.int64(1) << (shift_back - 1))) >> shift_back, 0, HIGH, np.int16)
