"""ONNX's Resize along one axis after the other: nearest neighbour, or linear between two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgeshift.importers.onnx.elementwise import binary
from edgeshift.importers.onnx.moves import gathered
from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value]


def resize(b: Builder) -> Value:
    x = b.value()
    mode, how = b.source.get("mode", "nearest"), b.source.get("coordinate_transformation_mode", "half_pixel")
    if mode not in ("nearest", "linear") or how == "tf_crop_and_resize":
        raise b.source.refuse(f"its mode '{mode}' ({how}) is not built", "resize to the nearest, or linearly")
    if b.source.get("antialias", 0) or b.source.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise b.source.refuse("antialiasing and kept aspect ratios are not built", "export it without")
    axes = [b.axis(int(a), x.rank) for a in b.source.get("axes", range(x.rank))]
    if b.has(3):
        sizes = [int(s) for s in b.constant(3, "its size").reshape(-1)]
        scales = [s / x.shape[a] for s, a in zip(sizes, axes, strict=True)]
    else:
        scales = [float(f) for f in b.constant(2, "its scale").reshape(-1)]
        sizes = [int(np.floor(x.shape[a] * f)) for a, f in zip(axes, scales, strict=True)]
    if mode == "nearest" and _doubles(b, x, axes, scales):
        return _repeated(b, x, axes, sizes)
    for axis, size, scale in zip(axes, sizes, scales, strict=True):
        if size != x.shape[axis] or scale != 1.0:
            at = _places(x.shape[axis], size, np.float32(scale), how)
            x = _nearest(b, x, axis, at) if mode == "nearest" else _linear(b, x, axis, at)
    return x


def _doubles(b: Builder, x: Value, axes: Sequence[int], scales: Sequence[float]) -> bool:
    """Whether every element stands several times, which needs no table."""
    how = b.source.get("coordinate_transformation_mode", "half_pixel")
    known = (how, b.source.get("nearest_mode", "round_prefer_floor")) in (
        ("asymmetric", "floor"),
        ("half_pixel", "round_prefer_floor"),
        ("pytorch_half_pixel", "round_prefer_floor"),
    )
    spatial = all(a >= 2 or f == 1.0 for a, f in zip(axes, scales, strict=True))
    return known and spatial and x.rank in (3, 4) and x.shape[0] == 1 and all(f >= 1 and f == int(f) for f in scales)


def _repeated(b: Builder, x: Value, axes: Sequence[int], sizes: Sequence[int]) -> Value:
    x = b.reordered(x, (0, *range(2, x.rank), 1))
    shape = [dict(zip(axes, sizes, strict=True)).get(a, x.shape[a]) for a in range(x.rank)]
    four = x.id if x.rank == 4 else b.emit("RESHAPE", [x.id], (1, x.shape[2], 1, x.shape[1]))
    high, wide = (*shape[2:], 1)[:2]
    operands = [four, b.data(np.array([high, wide], np.int32), "size")]
    made = b.emit("RESIZE_NEAREST_NEIGHBOR", operands, (1, high, wide, x.shape[1]))
    if x.rank == 3:
        made = b.emit("RESHAPE", [made], (1, high, x.shape[1]))
    return b.like(made, x)


def _places(given: int, wanted: int, scale: np.float32, how: str) -> np.ndarray:
    """Where along the operand's axis every element of the result lies, as ONNX Runtime computes it, in float32."""
    place = np.arange(wanted).astype(np.float32)
    if how == "asymmetric":
        return place / scale
    if how == "align_corners":
        ends = max(wanted - 1, 1)
        return place * np.float32(given - 1) / np.float32(ends) if wanted > 1 else place * 0
    if how == "pytorch_half_pixel" and wanted <= 1:
        return place * 0
    centred = (place + np.float32(0.5)) / scale - np.float32(0.5)
    if how == "half_pixel_symmetric":
        centred = centred + np.float32(given / 2 * (1 - wanted / (float(scale) * given)))
    return centred


def _nearest(b: Builder, x: Value, axis: int, at: np.ndarray) -> Value:
    rounding = b.source.get("nearest_mode", "round_prefer_floor")
    rounds: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "floor": np.floor,
        "ceil": np.ceil,
        "round_prefer_floor": lambda v: np.ceil(v - np.float32(0.5)),
        "round_prefer_ceil": lambda v: np.floor(v + np.float32(0.5)),
    }
    places = np.clip(rounds[rounding](at), 0, x.shape[axis] - 1).astype(int)
    return gathered(b, x, places.tolist(), axis)


def _linear(b: Builder, x: Value, axis: int, at: np.ndarray) -> Value:
    at = np.clip(at, 0, x.shape[axis] - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    share = (at - low).astype(np.float32)
    shape = [-1 if a == axis else 1 for a in range(x.rank)]
    parts = []
    for places, factor in ((low, np.float32(1) - share), (high, share)):
        weight = b.keep(factor.reshape(shape), f"{b.source.name}_weights")
        parts.append(binary(b, "MUL", gathered(b, x, places.tolist(), axis), weight))
    return binary(b, "ADD", *parts)


RESIZE: dict[str, Layer] = {"Resize": resize}
