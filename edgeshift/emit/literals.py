"""C literals that mean exactly the given values."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

C_TYPES = {
    np.dtype(np.int8): "int8_t",
    np.dtype(np.uint8): "uint8_t",
    np.dtype(np.int16): "int16_t",
    np.dtype(np.uint16): "uint16_t",
    np.dtype(np.int32): "int32_t",
    np.dtype(np.uint32): "uint32_t",
    np.dtype(np.int64): "int64_t",
    np.dtype(np.uint64): "uint64_t",
    np.dtype(np.float32): "float",
}
WIDTH = 110


def c_type(dtype: np.dtype) -> str:
    return C_TYPES[np.dtype(dtype)]


def literal(value: object) -> str:
    """One value as a C literal of its own type."""
    if isinstance(value, (float, np.floating)):
        text = f"{float(value):.9g}"
        return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
    number = int(value)  # type: ignore[call-overload]
    if number == -(1 << 31):
        return "(-2147483647 - 1)"
    if isinstance(value, np.uint64):
        return f"UINT64_C({number})"
    if not -(1 << 31) <= number < 1 << 32:
        return f"INT64_C({number})"
    return f"{number}u" if isinstance(value, np.unsignedinteger) else str(number)


def rows(values: np.ndarray) -> str:
    """The elements of an array, wrapped into lines."""
    return "\n".join(_wrap(literal(v) for v in values.reshape(-1)))


def _wrap(items: Iterable[str]) -> Iterable[str]:
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > WIDTH:
            yield line
            line = "   "
        line += f" {item},"
    yield line
