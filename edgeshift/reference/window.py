"""Whole windows in numpy: every column of every stream, nothing kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgeshift.ir import ColumnGraph
from edgeshift.ops import ColumnOp

Read = Callable[[int, np.ndarray], np.ndarray]
Compute = Callable[[ColumnOp, Sequence[int], Read], np.ndarray]


def compute_columns(op: ColumnOp, columns: Sequence[int], read: Read) -> np.ndarray:
    """The given output columns `[n, size]` of an operator; `read(stream id, columns [n, k])` gives `[n, k, size]`."""
    at = np.asarray(columns, np.int64)
    taps, inside = [], []
    for stream, window in zip(op.inputs, op.windows, strict=True):
        wanted = at[:, None] * window.stride - window.pad + np.arange(window.kernel) * window.dilation
        mask = (wanted >= 0) & (wanted < stream.columns)
        nearest = np.broadcast_to(wanted[np.arange(len(at)), mask.argmax(axis=1)][:, None], wanted.shape)
        known = np.where(mask, wanted, np.where(mask.any(axis=1, keepdims=True), nearest, -1))
        taps.append(read(stream.id, known))
        inside.append(mask)
    return op.compute(taps, inside, at)


def run_window(graph: ColumnGraph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs, in their tensors' shapes, for one window of every input, in its tensor's shape."""
    values: dict[int, np.ndarray] = {
        stream.id: stream.layout.to_columns(np.asarray(array, stream.dtype))
        for stream, array in zip(graph.inputs, inputs, strict=True)
    }
    run_all(graph, values)
    return [s.layout.from_columns(values[s.id], s.shape) for s in graph.outputs]


def run_all(
    graph: ColumnGraph, values: dict[int, np.ndarray], compute: Compute = compute_columns
) -> Mapping[int, np.ndarray]:
    """Fill `values` (stream id -> `[columns, size]`), which holds the inputs, with every other stream.

    Columns that earlier calls left are those of `graph.history`, unless `values` holds others.
    """

    def read(stream_id: int, columns: np.ndarray) -> np.ndarray:
        return values[stream_id][np.maximum(columns, 0)]

    for i, known in graph.history.items():
        values.setdefault(i, np.pad(known, ((0, len(graph.fresh(graph.streams[i]))), (0, 0))))
    for op in graph.ops:
        fresh = graph.fresh(op.output)
        made = compute(op, fresh, read)
        if fresh.start:
            values[op.output.id][fresh.start :] = made
        else:
            values[op.output.id] = np.ascontiguousarray(made)
    return values
