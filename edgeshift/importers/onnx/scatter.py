"""ONNX operators that put elements at constant places: ScatterND, ScatterElements."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edgeshift.importers.onnx.moves import joined, sliced
from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value]


def scatter_nd(b: Builder) -> Value:
    x, indices = b.value(0), b.constant(1, "its index")
    order = _order(x.shape)
    at = np.moveaxis(indices, -1, 0) % np.array(x.shape[: indices.shape[-1]]).reshape(-1, *([1] * (indices.ndim - 1)))
    return _placed(b, x, b.value(2), order[tuple(at)])


def scatter_elements(b: Builder) -> Value:
    x, indices = b.value(0), b.constant(1, "its index")
    axis = b.axis(int(b.source.get("axis", 0)), x.rank)
    at: list[np.ndarray] = list(np.indices(indices.shape))
    at[axis] = indices % x.shape[axis]
    return _placed(b, x, b.value(2), _order(x.shape)[tuple(at)])


def _order(shape: tuple[int, ...]) -> np.ndarray:
    """The number of every element."""
    return np.arange(math.prod(shape)).reshape(shape)


def _placed(b: Builder, x: Value, updates: Value, places: np.ndarray) -> Value:
    """`x` with its elements number `places` replaced by `updates`, in order; the last of several wins."""
    if b.source.get("reduction", "none") != "none":
        raise b.source.refuse(f"reduction '{b.source['reduction']}' is not built")
    size = math.prod(x.shape)
    source: np.ndarray = np.arange(size)
    source[places.reshape(-1)] = size + np.arange(places.size)
    for axis in range(x.rank):
        cut = _slices(source.reshape(x.shape), axis, places.size)
        if cut is None:
            continue
        new = b.reshaped(updates, (*x.shape[:axis], len(cut), *x.shape[axis + 1 :]))
        older = (slice(0, cut.start), slice(cut.stop, x.shape[axis]))
        before, behind = ([sliced(b, x, {axis: s})] if s.start < s.stop else [] for s in older)
        return joined(b, [*before, new, *behind], axis)
    both = joined(b, [b.straight(b.reshaped(v, (math.prod(v.shape),))) for v in (x, updates)], 0)
    made = b.emit("GATHER", [both.id, b.data(source.astype(np.int32), "indices")], (size,), axis=0)
    return b.reshaped(b.plain(made), x.shape)


def _slices(source: np.ndarray, axis: int, count: int) -> range | None:
    """The places along an axis that hold the new elements, all of them and in order, if they are next to each other."""
    rows = np.moveaxis(source, axis, 0).reshape(source.shape[axis], -1)
    new = np.flatnonzero(rows[:, 0] >= source.size)
    if not new.size or len(new) * rows.shape[1] != count or new[-1] - new[0] + 1 != len(new):
        return None
    cut = np.take(source, new, axis).reshape(-1)
    return range(int(new[0]), int(new[-1]) + 1) if np.array_equal(cut, source.size + np.arange(count)) else None


SCATTER: dict[str, Layer] = {"ScatterND": scatter_nd, "ScatterElements": scatter_elements}
