"""ONNX operators that put elements at constant places: ScatterND, ScatterElements."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeshift.importers.onnx_moves import joined, sliced
from edgeshift.importers.onnx_values import Builder, Value

Layer = Callable[[Builder], Value]


def scatter_nd(b: Builder) -> Value:
    x, updates = b.value(0), b.value(2)
    indices = b.constant(1, "its index")
    depth = indices.shape[-1]
    order = np.arange(int(np.prod(x.shape))).reshape(x.shape)
    flat = indices.reshape(-1, depth) % np.array(x.shape[:depth])
    places = np.stack([order[tuple(at)] for at in flat]) if flat.size else order[:0]
    return _placed(b, x, updates, places)


def scatter_elements(b: Builder) -> Value:
    x, updates, indices = b.value(0), b.value(2), b.constant(1, "its index")
    axis = b.axis(int(b.source.get("axis", 0)), x.rank)
    at = list(np.indices(indices.shape))
    at[axis] = indices % x.shape[axis]
    return _placed(b, x, updates, np.arange(int(np.prod(x.shape))).reshape(x.shape)[tuple(at)])


def _placed(b: Builder, x: Value, updates: Value, places: np.ndarray) -> Value:
    """`x` with its elements number `places` replaced by `updates`, in order; the last of several wins."""
    if b.source.get("reduction", "none") != "none":
        raise b.source.refuse(f"reduction '{b.source['reduction']}' is not built")
    size = int(np.prod(x.shape))
    source = np.arange(size)
    source[places.reshape(-1)] = size + np.arange(places.size)
    source = source.reshape(x.shape)
    for axis in range(x.rank):  # whole slices along one axis
        front = np.moveaxis(source, axis, 0).reshape(x.shape[axis], -1)
        new = front[:, 0] >= size
        first, stop = int(new.argmax()), len(new) - int(new[::-1].argmax())
        shape = (*x.shape[:axis], stop - first, *x.shape[axis + 1 :])
        block = size + np.arange(places.size)
        if places.size != np.prod(shape) or not np.array_equal(
            np.take(source, range(first, stop), axis), block.reshape(shape)
        ):
            continue
        parts = [(x, range(first)), (b.reshaped(updates, shape), None), (x, range(stop, x.shape[axis]))]
        pieces = [v if r is None else sliced(b, v, {axis: slice(r.start, r.stop)}) for v, r in parts if r is None or r]
        return joined(b, pieces, axis)
    both = joined(b, [b.reshaped(v, (int(np.prod(v.shape)),)) for v in (x, updates)], 0)
    indices = b.data(source.reshape(-1).astype(np.int32), "indices")
    made = b.plain(b.emit("GATHER", [b.straight(both).id, indices], (size,), axis=0))
    return b.reshaped(made, x.shape)


SCATTER: dict[str, Layer] = {"ScatterND": scatter_nd, "ScatterElements": scatter_elements}
