"""The C library's float32 functions, which LiteRT's reference kernels call.

numpy's own float32 functions round differently. Where the C library cannot be reached the double result is
rounded: that differs from it now and then, by one or two units in the last place.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@cache
def _function(name: str) -> Any:
    """The C function, or None where there is no such library."""
    path = ctypes.util.find_library("m")
    try:
        function: Any = getattr(ctypes.CDLL(path), name)
    except (OSError, AttributeError):
        return None
    function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
    return function


def _apply(name: str, x: ArrayLike) -> NDArray[np.float32]:
    x = np.asarray(x, np.float32)
    function = _function(name)
    if function is None:
        with np.errstate(over="ignore"):
            known = {"erfcf": np.vectorize(math.erfc, otypes=[np.float64])}
            exact: NDArray[np.float64] = (known.get(name) or getattr(np, name.removesuffix("f")))(x.astype(np.float64))
            return exact.astype(np.float32)
    return np.array([function(v) for v in x.ravel().tolist()], np.float32).reshape(x.shape)


def expf(x: ArrayLike) -> NDArray[np.float32]:
    """`expf` of the C library, element by element."""
    return _apply("expf", x)


def tanhf(x: ArrayLike) -> NDArray[np.float32]:
    """`tanhf` of the C library, element by element."""
    return _apply("tanhf", x)


def expm1f(x: ArrayLike) -> NDArray[np.float32]:
    """`expm1f` of the C library, element by element."""
    return _apply("expm1f", x)


def logf(x: ArrayLike) -> NDArray[np.float32]:
    """`logf` of the C library, element by element."""
    return _apply("logf", x)


def erfcf(x: ArrayLike) -> NDArray[np.float32]:
    """`erfcf` of the C library, element by element."""
    return _apply("erfcf", x)
