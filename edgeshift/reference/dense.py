"""FULLY_CONNECTED int8 and int16: the rescale of its accumulators, which is unlike every other operator's.

LiteRT's reference kernel rescales an accumulator in double, per tensor and per channel alike:
`round(double(acc) * (double(input) * double(filter) / double(output)))`, ties away from zero. The reference
kernel of tflite-runtime 2.14 uses the fixed point of `dense_multipliers` instead, as do TFLite-Micro and
CMSIS-NN; the two differ by one in about one output of a thousand.

No target needs doubles for it: the result takes few values, so a rounded integer product is the same function
once it steps at the same accumulators. `dense_steps` finds the integers and proves them, step by step. For 64-bit
accumulators, where that may fail, the product is rounded twice as the double is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import IntType, clamp_to, round_half_away

MOST = 1 << 31  # the largest magnitude of a 32-bit accumulator


@dataclass(frozen=True)
class DenseSteps:
    """Arguments of the function of `firmware/runtime/` that rescales, per filter scale.

    The result is `(|acc| * multiplier + 2^(shift - 1)) >> shift`, with the accumulator's sign. `es_dense_rescale`: each
    multiplier in [0, 2^31), shift in [1, 62]; `es_dense_rescale_wide`, which int8 hardly ever needs: [0, 2^62) and
    [33, 94]. `es_dense_rescale_long`, for 64-bit accumulators: the 53 bits of a scale, and [0, 120].
    """

    multiplier: NDArray[Any]
    shift: NDArray[np.int64]
    function: str


def dense_scales(input_scale: float, filter_scales: ArrayLike, output_scale: float) -> NDArray[np.float64]:
    """The effective scale of each filter scale, in double."""
    filters = np.atleast_1d(np.asarray(filter_scales, np.float32)).astype(np.float64)
    return np.float64(np.float32(input_scale)) * filters / np.float64(np.float32(output_scale))


def dense_output(
    acc: ArrayLike,
    scales: NDArray[np.float64],
    output_zp: int,
    act_min: int = -128,
    act_max: int = 127,
    dtype: IntType = np.int8,
) -> NDArray[Any]:
    """Finish accumulators `[..., units]` as the reference kernel does; `scales` from `dense_scales`."""
    steps = round_half_away(np.asarray(acc, np.int64).astype(np.float64) * scales)
    return clamp_to(np.clip(steps, -131072, 131072) + output_zp, act_min, act_max, dtype)


def dense_steps(
    scales: NDArray[np.float64], output_zp: int, act_min: int = -128, act_max: int = 127, most: int = MOST
) -> DenseSteps:
    """Integers that rescale every accumulator of a magnitude up to `most` as `dense_output` does, within the
    activation range."""
    largest = max(act_max - output_zp, output_zp - act_min, 1)
    if most <= MOST:
        firsts = [_first_magnitudes(float(scale), largest) for scale in scales]
        for function, bits, shifts, kind in _FUNCTIONS:
            found = [_steps(float(s), first, most, bits, *shifts) for s, first in zip(scales, firsts, strict=True)]
            pairs = [pair for pair in found if pair is not None]
            if len(pairs) == len(found):
                return DenseSteps(np.array([m for m, _ in pairs], kind), np.array([s for _, s in pairs]), function)
    mantissas, exponents = np.frexp(np.where(scales < 2.0**-64, 0.0, scales))  # less gives 0 whatever the sum
    if (exponents > 53).any():
        raise UnsupportedOpError("FULLY_CONNECTED: a rescale by 2^53 or more: check the scales of the tensors")
    return DenseSteps((mantissas * 2.0**53).astype(np.uint64), 53 - exponents.astype(np.int64), "es_dense_rescale_long")


_FUNCTIONS: tuple[tuple[str, int, tuple[int, int], IntType], ...] = (
    ("es_dense_rescale", 31, (1, 62), np.uint32),
    ("es_dense_rescale_wide", 62, (33, 94), np.uint64),
)


def _steps(
    scale: float, first: NDArray[np.float64], most: int, bits: int, least_shift: int, most_shift: int
) -> tuple[int, int] | None:
    """A multiplier below `2^bits` and a shift for one scale; result `k` begins at the accumulator `first[k - 1]`."""
    reached = first[first <= most]
    if not len(reached):
        return 0, least_shift
    results = np.arange(1, len(reached) + 1)
    # the last accumulator before each result; beyond the results that are reached, the last one of all
    ends, before = reached[reached > 1] - 1, results[reached > 1]
    if len(reached) < len(first):
        ends, before = np.append(ends, float(most)), np.append(before, len(reached) + 1)
    begins = _extreme(results, reached, largest=True)
    stops = _extreme(before, ends, largest=False)

    # a larger shift is never worse, so only the largest that leaves the multiplier its bits
    top = bits - math.frexp(scale)[1]
    for shift in (top, top - 1):
        shift = min(shift, most_shift)
        if shift < least_shift:
            continue
        low = max(-(-((2 * k - 1) << shift) // (2 * a)) for k, a in begins)
        high = min((((2 * k - 1) << shift) - 1) // (2 * a) for k, a in stops) if stops else low
        if low <= high and (low + high) // 2 < 1 << bits:
            return (low + high) // 2, shift
    return None


def _extreme(results: NDArray[np.int64], at: NDArray[np.float64], largest: bool) -> list[tuple[int, int]]:
    """The pairs whose quotient `(k - 1/2) / a` may be the largest, or the smallest, of all: those that doubles do not
    tell from it."""
    if not len(at):
        return []
    quotients = (results - 0.5) / at
    near = quotients >= quotients.max() * (1 - 1e-14) if largest else quotients <= quotients.min() * (1 + 1e-14)
    return [(int(k), int(a)) for k, a in zip(results[near], at[near], strict=True)]


def _first_magnitudes(scale: float, largest: int) -> NDArray[np.float64]:
    """For each result 1 ... `largest` the least magnitude of an accumulator that gives it; 2^53 if none."""
    if scale == 0.0:
        return np.full(largest, _BEYOND)
    bounds = np.arange(1, largest + 1) - 0.5
    guess = np.minimum(np.ceil(bounds / scale), _BEYOND)
    near = np.maximum(guess[:, None] + np.arange(-2, 4), 0.0)
    enough = near * scale >= bounds[:, None]
    return np.where(enough.any(axis=1), near[np.arange(largest), enough.argmax(axis=1)], guess)


_BEYOND = 2.0**53
