"""What the kernels share: bounds of sums, and how a sum becomes an output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeshift.ops.conv import Conv, DepthwiseConv

LIMIT = 1 << 23  # sums lie in [-LIMIT, LIMIT)
LONGEST_SHIFT = 31


def folded_bias(bias: np.ndarray, weights: np.ndarray, zero_point: int) -> np.ndarray:
    """The bias with what the input's zero point adds, for `weights` `[channel, input]`; int64."""
    folded: np.ndarray = bias.astype(np.int64) - zero_point * weights.astype(np.int64).sum(axis=1)
    return folded


def within_limit(folded: np.ndarray, weights: np.ndarray) -> bool:
    """Whether the sum of each channel stays within the limit whatever int8 values the inputs have."""
    wide = weights.astype(np.int64)
    high = folded + np.where(wide > 0, wide * 127, wide * -128).sum(axis=1)
    low = folded + np.where(wide > 0, wide * -128, wide * 127).sum(axis=1)
    return bool((high < LIMIT).all() and (low >= -LIMIT).all())


def rescalable(op: Conv | DepthwiseConv) -> bool:
    """Whether the runtime takes the multipliers and shifts of an operator."""
    shift = -op.shift.astype(np.int64)
    return bool((op.multiplier >= 0).all() and (shift >= 1).all() and (shift <= LONGEST_SHIFT).all())


def scales(op: Conv | DepthwiseConv) -> np.ndarray:
    """Per channel the multiplier and the shift to the right."""
    return np.stack([op.multiplier.astype(np.uint32), (-op.shift.astype(np.int64)).astype(np.uint32)], axis=1)


def output_scalars(op: Conv | DepthwiseConv, scalars: Mapping[str, tuple[str, Any]]) -> dict[str, tuple[str, Any]]:
    """What es_v6m_output holds."""
    low, high = (int(scalars[name][1]) for name in ("activation_min", "activation_max"))
    return {
        "offset": ("int32_t", op.output_offset - low),
        "range": ("int32_t", high - low),
        "minimum": ("int32_t", low),
    }
