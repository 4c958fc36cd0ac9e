"""One step of an LSTM, in int8 with an int16 cell state as LiteRT's integer kernel computes it, and in float32.

Gates are in the order input, forget, cell, output; what they take from the input alone is computed before.
Source: TFLite `lstm_eval` (`LstmStepInteger8x8_16`, `LstmStepFloat`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    wrap_int32,
)
from edgeshift.reference.fixed16 import HIGH, LOW, logistic_int16, tanh_int16
from edgeshift.reference.float_math import logistic_float, tanh_float

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Cell:
    """The scalars of an integer cell: its state has `integer_bits`, is clipped to [-clip, clip] (0: not at all), and
    the hidden state is rescaled by `multiplier` and `shift` to the zero point `output_offset`."""

    integer_bits: int
    clip: int
    multiplier: int
    shift: int
    output_offset: int

    @property
    def bounds(self) -> tuple[int, int]:
        return (-self.clip, self.clip) if self.clip else (LOW, HIGH)


def gate_multiplier(weight_scale: np.float32, operand_scale: np.float32) -> tuple[int, int]:
    """The rescaling of a gate's accumulator to Q3.12; the product is formed in float32."""
    return quantize_multiplier(float(weight_scale * operand_scale / np.float32(2.0**-12)))


def cell_params(cell_scale: np.float32, clip: float, hidden_scale: np.float32, hidden_zero: int) -> Cell:
    """The scalars of a cell, its clip in real units. Raises `UnsupportedOpError` where the kernel would fail."""
    mantissa, exponent = math.frexp(float(cell_scale))
    integer_bits = 15 + exponent - 1
    if mantissa != 0.5 or not 0 <= integer_bits <= 6:
        raise UnsupportedOpError(f"its cell state's scale {cell_scale:g} is no power of two from 2^-15 to 2^-9")
    steps = np.float32(clip) / cell_scale if clip > 0 else np.float32(0)
    multiplier, shift = quantize_multiplier(float(np.float32(2.0**-15 / float(hidden_scale) * 2.0**-15)))
    return Cell(integer_bits, int(min(steps, np.float32(HIGH))), multiplier, shift, hidden_zero)


def step_int8(
    x: NDArray[np.int16], acc: Ints, multiplier: Ints, shift: Ints, cell: NDArray[np.int16], params: Cell
) -> tuple[NDArray[np.int8], NDArray[np.int16]]:
    """Hidden and cell state `[units]` after a step, from the input part `x` and the recurrent accumulators `acc`
    `[4 * units]`."""
    recurrent = multiply_by_quantized_multiplier(wrap_int32(acc), multiplier, shift).astype(np.int64)
    i, f, g, o = np.split(np.clip(wrap_int32(recurrent + x), LOW, HIGH), 4)
    kept = rounding_divide_by_pot(logistic_int16(f) * cell.astype(np.int64), 15).astype(np.int64)
    added = rounding_divide_by_pot(logistic_int16(i) * tanh_int16(g, 3), 15 + params.integer_bits)
    cell = np.clip(kept + added, *params.bounds).astype(np.int16)
    product = logistic_int16(o) * tanh_int16(cell, params.integer_bits)
    scaled = multiply_by_quantized_multiplier(product, params.multiplier, params.shift).astype(np.int64)
    return np.clip(wrap_int32(scaled + params.output_offset), -128, 127).astype(np.int8), cell


def step_float(
    gates: NDArray[np.float32], cell: NDArray[np.float32], clip: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Hidden and cell state `[units]` after a step, from the sums of all gates `[4 * units]`."""
    i, f, g, o = np.split(gates, 4)
    cell = logistic_float(f) * cell + logistic_float(i) * tanh_float(g)
    if clip > 0:
        cell = np.clip(cell, np.float32(-clip), np.float32(clip))
    return logistic_float(o) * tanh_float(cell), cell
