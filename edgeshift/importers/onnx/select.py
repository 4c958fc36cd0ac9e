"""ONNX's ArgMax and ArgMin, whose places are int32 here, and what they are cast to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value]
_FLOAT, _INTEGERS = 1, (6, 7)  # of TensorProto


def _arg(op: str) -> Layer:
    def build(b: Builder) -> Value:
        x = b.value()
        axis = b.axis(int(b.source.get("axis", 0)), x.rank)
        if b.source.get("select_last_index", 0):
            raise b.source.refuse("of several it takes the last", "take the first")
        kept = [a for a in x.order if a != axis]
        operands = [x.id, b.data(np.array([x.place(axis)], np.int32), "axis")]
        made = b.emit(op, operands, [x.shape[a] for a in kept])
        b.tensors[made] = replace(b.tensors[made], dtype=np.dtype(np.int32))
        left = [a for a in range(x.rank) if a != axis]
        order = tuple(left.index(a) for a in kept)
        found = Value(made, tuple(x.shape[a] for a in left), order, tuple(x.roots[a] for a in left))
        if not b.source.get("keepdims", 1):
            return found
        return b.reshaped(found, [1 if a == axis else d for a, d in enumerate(x.shape)])

    return build


def places_to(b: Builder, kind: int) -> Value:
    """Places as float32 or as integers."""
    x = b.value()
    if kind in _INTEGERS:
        return x
    if kind != _FLOAT:
        raise b.source.refuse("it casts places to another type than float32 or integers")
    return b.like(b.emit("CAST", [x.id], x.stored), x)


SELECT: dict[str, Layer] = {"ArgMax": _arg("ARG_MAX"), "ArgMin": _arg("ARG_MIN")}
