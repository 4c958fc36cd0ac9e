"""Requantisation in four instructions: the constants of `es_finish_s8`, and where they are exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Finish:
    """For each channel the constants of `es_finish_s8` of `firmware/runtime/armv7em.h`."""

    multiplier: np.ndarray
    centre: np.ndarray
    shift: np.ndarray


def accumulator_bounds(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest accumulator of each channel over all int8 inputs.

    `weights` are `[channels, inputs]`; `bias` holds what the zero point of the inputs adds, so that inputs
    count as they are stored.
    """
    up, down = np.maximum(weights, 0).sum(axis=1), np.minimum(weights, 0).sum(axis=1)
    return bias - 128 * up + 127 * down, bias + 127 * up - 128 * down


def finish(
    low: np.ndarray, high: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, zero_point: int
) -> Finish | None:
    """The constants for accumulators in `[low, high]`, `None` where they would not be exact.

    With `t` the high product, `es_rounding_shift(t, n) + z` is `(t + sign + (2 z + 1) 2^(n - 1)) >> n` for
    `n >= 1`, where `sign` (-1 or 0) may be the accumulator's own: they differ only for `t = 0`,
    which gives `z` either way. The doubled accumulator must fit 32 bits, and so must the sum.
    """
    largest = np.maximum(np.abs(low), np.abs(high)).astype(object)
    multipliers, shifts = multiplier.astype(object), -shift.astype(object)
    product = largest * multipliers // (1 << 31) + 1
    # What is always rounded to the zero point may as well be multiplied by 0: large shifts would overflow.
    none = np.array([n >= 1 and t < 1 << (n - 1) for t, n in zip(product, shifts, strict=True)], bool)
    none |= (multiplier == 0) & (shift <= 0)
    multipliers, shifts = np.where(none, 0, multipliers), np.where(none, 1, shifts)
    product = np.where(none, 0, product)
    if (largest >= 1 << 30).any() or (shifts < 1).any():
        return None
    centre = np.array([(2 * zero_point + 1) * (1 << (n - 1)) for n in shifts], object)
    if any(t + abs(c) + 1 >= 1 << 31 for t, c in zip(product, centre, strict=True)):
        return None
    return Finish(multipliers.astype(np.int64), centre.astype(np.int64), shifts.astype(np.int64))


def words(values: np.ndarray) -> np.ndarray:
    """Integers modulo 2^32, as the 32-bit words of a table."""
    return (values.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)
