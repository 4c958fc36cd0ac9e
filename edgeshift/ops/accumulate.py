"""How layers of products add up and finish, by the types of their operands and biases.

int8 activations have 32-bit sums and two roundings by a 31-bit multiplier. int16 activations with an int64 bias have
64-bit sums and one rounding by 15 bits of the multiplier; with an int32 bias they are as int8, and their sums may wrap.
In C a sum is as wide as the layer's own weights can make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeshift.errors import UnsupportedOpError
from edgeshift.ir import Stream
from edgeshift.ops.common import clamp, clamp_scalars, quantised, requantise
from edgeshift.reference.arithmetic import reduced_multipliers, rescale_wide, wrap_int32

_MOST = 1 << 47  # 64-bit sums of the reference kernels stay below


@dataclass(frozen=True)
class Sums:
    """The sums of a layer: the greatest magnitude of any part of one, and whether the reference has 64 bits for it."""

    largest: int
    wide: bool

    @property
    def type(self) -> str:
        """The C type that holds every part of a sum."""
        return "int32_t" if self.largest < 1 << 31 else "int64_t"

    @property
    def rescale(self) -> str:
        """The C function that finishes a sum but for the clamp, "" for int8, which has one that does all."""
        return "es_rescale_s16" if self.wide else "es_requantize" if self.largest else ""

    def finish(
        self, acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, output: Stream, act: str
    ) -> np.ndarray:
        """Sums `[..., channels]` to outputs; multipliers and shifts are those of `quantize_multiplier`."""
        if self.wide:
            return clamp(rescale_wide(acc, *reduced_multipliers(multiplier, shift)), output, act)
        return requantise(wrap_int32(acc), multiplier, shift, output, act)

    def arguments(self, multiplier: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Multipliers and shifts as `rescale` takes them."""
        return reduced_multipliers(multiplier, shift) if self.wide else (multiplier, shift)


def sums_of(x: Stream, weights: np.ndarray, bias: np.ndarray) -> Sums:
    """Of the products of `x` and `weights` `[channels, ...]`, for all that `x` can be."""
    if x.dtype != np.int16:
        return Sums(0, False)  # of int8: below 2^31, however long the layer is
    size = np.abs(weights.astype(np.int64)).reshape(len(bias), -1).sum(axis=1)
    largest = max(int((size * 32768 + np.abs(bias.astype(np.int64))).max()), 1)
    return checked(Sums(largest, bias.dtype == np.int64), x)


def checked(sums: Sums, x: Stream) -> Sums:
    """The sums, if the reference kernels take them."""
    if sums.largest >= _MOST:
        raise UnsupportedOpError(
            f"the sums over '{x.name}' reach 2^47, where the reference kernels stop; quantise the model again"
        )
    return sums


@dataclass(frozen=True)
class Ending:
    """What a layer's kernel has for its sums: part of its shape, tables, scalars, and headers."""

    shape: Mapping[str, Any]
    tables: Mapping[str, np.ndarray]
    scalars: Mapping[str, tuple[str, Any]]
    runtime: tuple[str, ...]


def ending(
    sums: Sums,
    x: Stream,
    output: Stream,
    act: str,
    bias: np.ndarray,
    rescale: str = "",
    arguments: tuple[np.ndarray, np.ndarray] | None = None,
) -> Ending:
    """For a bias of each channel; an integer layer has a `rescale` and what it takes for each channel too."""
    scalars = clamp_scalars(output, act)
    if arguments is None:
        return Ending({"accumulator": "float", "rescale": ""}, {"bias": bias}, scalars, ("float_math",))
    multiplier, shift = arguments
    tables = {"bias": stored(bias), "multiplier": multiplier, "shift": shift.astype(np.int8)}
    if x.dtype == np.int8:
        scalars |= {
            "input_offset": ("int32_t", -quantised(x)[1]),
            "output_offset": ("int32_t", quantised(output)[1]),
        }
    wide = rescale in ("es_rescale_s16", "es_dense_rescale_long")
    runtime = ("requantize", "requantize_s16") if wide else ("requantize",)
    return Ending({"accumulator": sums.type, "rescale": rescale}, tables, scalars, runtime)


def stored(bias: np.ndarray) -> np.ndarray:
    """An integer bias in 32 bits where it fits."""
    limits = np.iinfo(np.int32)
    fits = (bias >= limits.min).all() and (bias <= limits.max).all()
    return bias.astype(np.int32) if fits else bias
