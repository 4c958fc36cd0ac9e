"""ONNX's Pad: constants, mirrored, repeated or wrapped edges; negative widths cut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeshift.importers.onnx.layers import padded
from edgeshift.importers.onnx.moves import gathered, integers, joined, sliced
from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value]


def pad(b: Builder) -> Value:
    x = b.value()
    given = integers(b, "pads", 1)
    value = b.optional(2) if b.has(2) else b.source.get("value", None)
    if value is None and b.tensors[x.id].quant is not None:
        raise b.source.refuse("it pads integers without a value", "quantise the model again")
    value = np.asarray(0.0 if value is None else value).reshape(())
    value = float(value) - (128 if value.dtype == np.uint8 else 0)
    axes = integers(b, "axes", 3) if b.has(3) else None
    axes = list(range(x.rank)) if axes is None else [b.axis(a, x.rank) for a in axes]
    if given is None or len(given) != 2 * len(axes):
        raise b.source.refuse("its pads do not fit its axes", "export the model again")
    widths = [(0, 0)] * x.rank
    for i, a in enumerate(axes):
        widths[a] = (given[i], given[i + len(axes)])
    crops = {a: slice(-min(s, 0), x.shape[a] + min(e, 0)) for a, (s, e) in enumerate(widths) if min(s, e) < 0}
    x = sliced(b, x, crops) if crops else x
    widths = [(max(s, 0), max(e, 0)) for s, e in widths]
    mode = b.source.get("mode", "constant")
    if not any(w for pair in widths for w in pair):
        return x
    if mode == "reflect":
        stored = [widths[a] for a in x.order]
        shape = [d + sum(w) for d, w in zip(x.stored, stored, strict=True)]
        return b.like(b.emit("MIRROR_PAD", [x.id, b.data(np.array(stored, np.int32), "paddings")], shape, mode=0), x)
    if mode in ("edge", "wrap"):
        for axis, (before, behind) in enumerate(widths):
            x = _continued(b, x, axis, before, behind, mode)
        return x
    return padded(b, x, widths, value)


def _continued(b: Builder, x: Value, axis: int, before: int, behind: int, mode: str) -> Value:
    """`x` between elements of its own ends, or of its other ends."""
    size = x.shape[axis]
    places = np.pad(np.arange(size), (before, behind), mode=mode)  # type: ignore[call-overload]
    first, last = (p.tolist() for p in (places[:before], places[before + size :]))
    parts = [gathered(b, x, ends, axis) for ends in (first, last) if ends]
    return joined(b, [*parts[: bool(first)], x, *parts[bool(first) :]], axis)


PAD: dict[str, Layer] = {"Pad": pad}
