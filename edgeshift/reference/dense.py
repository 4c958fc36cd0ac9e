"""FULLY_CONNECTED int8: the rescale of its accumulators, which is unlike every other operator's.

LiteRT's reference kernel rescales an int32 accumulator in double, per tensor and per channel alike:
`round(double(acc) * (double(input) * double(filter) / double(output)))`, ties away from zero. The reference
kernel of tflite-runtime 2.14 uses the fixed point of `dense_multipliers` instead, as do TFLite-Micro and
CMSIS-NN; the two differ by one in about one output of a thousand.

No target needs doubles for it: the result takes few values, so a rounded integer product is the same function
once it steps at the same accumulators. `dense_steps` finds the integers and proves them, step by step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.arithmetic import clamp_to, round_half_away

_MOST = 1 << 31  # the largest magnitude of an accumulator


@dataclass(frozen=True)
class DenseSteps:
    """Arguments of `es_dense_rescale` (narrow) or `es_dense_rescale_wide`, per filter scale.

    The result is `(|acc| * multiplier + 2^(shift - 1)) >> shift`, with the accumulator's sign. Narrow: each
    multiplier in [0, 2^31), shift in [1, 62]; wide, which is hardly ever needed: [0, 2^62) and [33, 94].
    """

    multiplier: NDArray[np.int64]
    shift: NDArray[np.int32]
    narrow: bool


def dense_scales(input_scale: float, filter_scales: ArrayLike, output_scale: float) -> NDArray[np.float64]:
    """The effective scale of each filter scale, in double."""
    filters = np.atleast_1d(np.asarray(filter_scales, np.float32)).astype(np.float64)
    return np.float64(np.float32(input_scale)) * filters / np.float64(np.float32(output_scale))


def dense_int8(
    acc: ArrayLike, scales: NDArray[np.float64], output_zp: int, act_min: int = -128, act_max: int = 127
) -> NDArray[np.int8]:
    """Finish int32 accumulators `[..., units]` as the reference kernel does; `scales` from `dense_scales`."""
    steps = round_half_away(np.asarray(acc, np.int64).astype(np.float64) * scales)
    return clamp_to(np.clip(steps, -131072, 131072) + output_zp, act_min, act_max)


def dense_steps(scales: NDArray[np.float64], output_zp: int, act_min: int = -128, act_max: int = 127) -> DenseSteps:
    """Integers that rescale every int32 accumulator as `dense_int8` does, within the activation range."""
    largest = max(act_max - output_zp, output_zp - act_min, 1)
    for narrow, bits, shifts in ((True, 31, (1, 62)), (False, 62, (33, 94))):
        found = [_steps(float(scale), largest, bits, *shifts) for scale in scales]
        pairs = [pair for pair in found if pair is not None]
        if len(pairs) == len(found):
            return DenseSteps(np.array([m for m, _ in pairs]), np.array([s for _, s in pairs], np.int32), narrow)
    raise UnsupportedOpError("FULLY_CONNECTED: no integers round as its scales do; quantise the model again")


def _steps(scale: float, largest: int, bits: int, least: int, most: int) -> tuple[int, int] | None:
    """A multiplier below `2^bits` and a shift in [least, most] for one scale, results up to `largest`."""
    first = _first_magnitudes(scale, largest)
    reached = [(k, a) for k, a in enumerate(first, 1) if a <= _MOST]
    if not reached:
        return 0, least
    # the last accumulator before each result; beyond the results that are reached, the last one of all
    ends = [(k, a - 1) for k, a in reached if a > 1]
    if len(reached) < largest:
        ends.append((len(reached) + 1, _MOST))

    # a larger shift is never worse, so only the largest that leaves the multiplier its bits
    top = bits - math.frexp(scale)[1]
    for shift in (top, top - 1):
        shift = min(shift, most)
        if shift < least:
            continue
        low = max(-(-((2 * k - 1) << shift) // (2 * a)) for k, a in reached)
        high = min((((2 * k - 1) << shift) - 1) // (2 * a) for k, a in ends) if ends else low
        if low <= high and (low + high) // 2 < 1 << bits:
            return (low + high) // 2, shift
    return None


def _first_magnitudes(scale: float, largest: int) -> list[int]:
    """For each result 1 ... `largest` the least magnitude of an accumulator that gives it; 2^32 if none."""
    if scale == 0.0:
        return [2 * _MOST] * largest
    bounds = np.arange(1, largest + 1) - 0.5
    guess = np.minimum(np.ceil(bounds / scale), 2.0 * _MOST)
    near = np.maximum(guess[:, None] + np.arange(-2, 4), 0.0)
    enough = near * scale >= bounds[:, None]
    return np.where(enough.any(axis=1), near[np.arange(largest), enough.argmax(axis=1)], guess).astype(int).tolist()
