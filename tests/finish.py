"""From a float network to model bytes of a dtype, with drawn calibration windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tests.netbuilder import Net
from tests.quantizer import stored
from tests.tflite_writer import write

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


def _float(net: Net) -> bytes:
    return net.build()


def _stored(dtype: str, net: Net) -> bytes:
    """A float network whose weights are stored as `dtype`, each behind a DEQUANTIZE."""
    return write(stored(net.network, dtype))


def _int8(net: Net, **options: Any) -> bytes:
    """How weights are quantised (per channel, per tensor) is drawn too, where `options` do not say."""
    calibration = windows(net.input_shapes, net.rng, _CALIBRATION_WINDOWS)
    drawn = {"per_channel": bool(net.rng.random() < 0.75), "per_channel_dense": bool(net.rng.random() < 0.5)}
    return net.quantize(calibration, **(drawn | options))


@dataclass(frozen=True)
class NumberType:
    """From a float network to model bytes; `lacks` are the operators, or forms of them, that this type has not."""

    make: Callable[[Net], bytes]
    lacks: frozenset[str] = frozenset()


_FLOATS = ("DIV", "SQUARE")  # TFLite has, or we have, no other form


COMPUTED_SLOPE = "PRELU, slope computed"

# What the reference kernels do not compute with int16.
NOT_INT16 = frozenset(
    {
        *(*_FLOATS, "SUM", "SQUARED_DIFFERENCE", "ELU", "HARD_SWISH", "RELU_N1_TO_1", "RELU_0_TO_1"),
        *("L2_NORMALIZATION", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF"),
        *("ARG_MAX", "ARG_MIN", COMPUTED_SLOPE),
    }
)


def _integer(lacks: frozenset[str] = frozenset(_FLOATS), **options: Any) -> NumberType:
    return NumberType(partial(_int8, **options), lacks)


TYPES = {
    "float32": NumberType(_float),
    "float16_weights": NumberType(partial(_stored, "float16")),
    "int8_weights": NumberType(partial(_stored, "int8")),
    "int8": _integer(),
    "int8_per_channel": _integer(per_channel=True, per_channel_dense=True),
    "int8_per_tensor": _integer(per_channel=False, per_channel_dense=False),
    "int8_floatio": _integer(float_io=True),
    "int8_byteio": _integer(byte_io=True),
    "int4_weights": _integer(weight_bits=4),
    "int16": _integer(NOT_INT16 | {"PRELU"}, wide=True),  # PRELU with constant slopes alone: see tests/ops/functions.py
    "int16_floatio": _integer(NOT_INT16 | {"PRELU"}, wide=True, float_io=True),
}
DTYPES = ("float32", "int8", "int8_floatio", "int16")  # what most tests take; int16 has int8 weights


def finish(net: Net, dtype: str) -> bytes:
    """The model's bytes in the number type of that name."""
    if dtype not in TYPES:
        raise ValueError(f"dtype {dtype!r} is none of {', '.join(TYPES)}")
    return TYPES[dtype].make(net)


def quantize_window(model_inputs: Sequence[dict[str, Any]], window: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A float window in the types of the interpreter's input details."""
    cast = []
    for detail, values in zip(model_inputs, window, strict=True):
        if detail["dtype"] != np.float32:
            scale, zero_point = detail["quantization"]
            limits = np.iinfo(detail["dtype"])
            values = np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(limits.dtype)
        cast.append(values)
    return cast
