"""From a float network to model bytes of a dtype, with drawn calibration windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.netbuilder import Net

DTYPES = ("float32", "int8", "int8_floatio")
_CALIBRATION_WINDOWS = 64


def windows(shapes: Sequence[Sequence[int]], rng: np.random.Generator, count: int) -> list[list[np.ndarray]]:
    """Float windows that differ as a whole (level, loudness, rhythm), not in their noise alone."""
    return [[_window(shape, rng) for shape in shapes] for _ in range(count)]


def _window(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    size = int(np.prod(shape))
    wave = np.sin(np.arange(size) * rng.uniform(0.05, 3) + rng.uniform(0, 6)).reshape(shape)
    level = rng.normal(0, 0.7, shape[-1])
    noise = rng.standard_normal(shape) * rng.uniform(0.2, 1)
    return np.asarray(wave * rng.uniform(0, 1.5) + level + noise, np.float32)


def finish(net: Net, dtype: str) -> bytes:
    """The model's bytes; how weights are quantised (per channel, per tensor) is drawn too."""
    if dtype not in (*DTYPES, "int8_byteio"):
        raise ValueError(f"dtype {dtype!r} is none of {', '.join(DTYPES)}")
    if dtype == "float32":
        return net.build()
    return net.quantize(
        windows(net.input_shapes, net.rng, _CALIBRATION_WINDOWS),
        per_channel=bool(net.rng.random() < 0.75),
        per_channel_dense=bool(net.rng.random() < 0.5),
        float_io=dtype == "int8_floatio",
        byte_io=dtype == "int8_byteio",
    )


def quantize_window(model_inputs: Sequence[dict[str, Any]], window: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A float window in the types of the interpreter's input details."""
    cast = []
    for detail, values in zip(model_inputs, window, strict=True):
        if detail["dtype"] == np.int8:
            scale, zero_point = detail["quantization"]
            values = np.clip(np.round(values / scale) + zero_point, -128, 127).astype(np.int8)
        cast.append(values)
    return cast
