"""ONNX's ConvTranspose: with a stride a TRANSPOSE_CONV, without one a convolution with its filter turned around."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeshift.importers.onnx.layers import VALID, Pads, convolved, image, pair
from edgeshift.importers.onnx.moves import joined, sliced
from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value]
_SPLIT = 8  # groups up to which each is a layer of its own; more become one with zeros between them


def conv_transpose(b: Builder) -> Value:
    weights = b.constant(1, "its filter").astype(np.float32)
    bias = b.optional(2)
    x = image(b, b.value())
    group, n = int(b.source.get("group", 1)), x.rank - 2
    if weights.ndim != x.rank or weights.shape[0] != x.shape[1] or x.shape[1] % group:
        raise b.source.refuse(
            f"its filter {list(weights.shape)} does not fit {list(x.shape)}", "export the model again"
        )
    bias = np.zeros(weights.shape[1] * group, np.float32) if bias is None else bias.astype(np.float32)
    strides = [int(s) for s in b.source.get("strides", [1] * n)]
    dilations = [int(d) for d in b.source.get("dilations", [1] * n)]
    reach = [(k - 1) * d for k, d in zip(weights.shape[2:], dilations, strict=True)]
    pads = _pads(b, x, reach, strides)
    if max(strides) == 1 and all(max(p) <= r for p, r in zip(pads, reach, strict=True)):
        around = [(r - p, r - q) for r, (p, q) in zip(reach, pads, strict=True)]
        sizes = [size + sum(a) - r for size, a, r in zip(x.shape[2:], around, reach, strict=True)]
        window = (1, 1), pair(dilations, x.rank), _two(around), pair(sizes, x.rank)
        return convolved(b, x, _turned(weights, group), bias, group, window)
    weights = _dilated(weights, dilations)
    if group > _SPLIT:
        weights, group = _block_diagonal(weights, group), 1
    width, parts = x.shape[1] // group, []
    for part, (w, offset) in enumerate(zip(np.split(weights, group), np.split(bias, group), strict=True)):
        operand = sliced(b, x, {1: slice(part * width, (part + 1) * width)})
        parts.append(_strided(b, operand, w, offset, strides, pads))
    return joined(b, parts, 1)


def _two(pads: list[tuple[int, int]]) -> Pads:
    """Paddings of two axes."""
    return (pads[0], pads[1] if len(pads) > 1 else (0, 0))


def _pads(b: Builder, x: Value, reach: list[int], strides: list[int]) -> list[tuple[int, int]]:
    """What is cut off before and behind each axis of the full result; negative where zeros follow."""
    n = len(reach)
    given, more = ([int(v) for v in b.source.get(k, [0] * m)] for k, m in (("pads", 2 * n), ("output_padding", n)))
    wanted, auto = b.source.get("output_shape", None), b.source.get("auto_pad", "NOTSET")
    pads = []
    for a in range(n):
        full = (x.shape[2 + a] - 1) * strides[a] + reach[a] + 1 + more[a]
        size = int(wanted[a]) if wanted is not None else x.shape[2 + a] * strides[a]
        if wanted is None and auto in ("NOTSET", "VALID"):
            before, behind = (given[a], given[a + n]) if auto == "NOTSET" else (0, 0)
        else:
            less = (full - size) // 2
            before, behind = (less, full - size - less) if auto == "SAME_UPPER" else (full - size - less, less)
        if full - before - behind < 1:
            raise b.source.refuse(f"its padding leaves nothing of {list(x.shape)}", "export the model again")
        pads.append((before, behind - more[a]))
    return pads


def _turned(weights: np.ndarray, group: int) -> np.ndarray:
    """The filter `[in, out / group, ...]` of the convolution `[out, in / group, ...]` that does the same."""
    grouped = np.stack(np.split(weights, group)).swapaxes(1, 2)
    return np.flip(grouped.reshape(-1, *grouped.shape[2:]), tuple(range(2, weights.ndim)))


def _dilated(weights: np.ndarray, dilations: list[int]) -> np.ndarray:
    """The filter with zeros between its taps."""
    for axis, dilation in enumerate(dilations, 2):
        taps = np.arange(weights.shape[axis])
        wide = np.zeros((*weights.shape[:axis], taps[-1] * dilation + 1, *weights.shape[axis + 1 :]), np.float32)
        np.moveaxis(wide, axis, 0)[taps * dilation] = np.moveaxis(weights, axis, 0)
        weights = wide
    return weights


def _block_diagonal(weights: np.ndarray, group: int) -> np.ndarray:
    """Groups as one filter `[in, out, ...]`."""
    (given, each), width = weights.shape[:2], weights.shape[0] // group
    whole = np.zeros((given, each * group, *weights.shape[2:]), np.float32)
    for g in range(group):
        rows = slice(g * width, (g + 1) * width)
        whole[rows, g * each : (g + 1) * each] = weights[rows]
    return whole


def _strided(
    b: Builder, x: Value, weights: np.ndarray, bias: np.ndarray, strides: list[int], pads: list[tuple[int, int]]
) -> Value:
    sizes = [
        (size - 1) * s + k - sum(p) for size, s, k, p in zip(x.shape[2:], strides, weights.shape[2:], pads, strict=True)
    ]
    four = weights if x.rank == 4 else weights[..., None]
    high, wide = pair(sizes, x.rank)
    stride_h, stride_w = pair(strides, x.rank)
    operands = [
        b.data(np.array([1, high, wide, weights.shape[1]], np.int32), "shape"),
        b.data(four.transpose(1, 2, 3, 0), f"{b.source.name}_weights"),
        x.id if x.rank == 4 else b.emit("RESHAPE", [x.id], (1, x.shape[2], 1, x.shape[1])),
        b.data(bias, f"{b.source.name}_bias"),
    ]
    made = b.emit(
        "TRANSPOSE_CONV",
        operands,
        (1, high, wide, weights.shape[1]),
        stride_h=stride_h,
        stride_w=stride_w,
        padding=VALID,
        explicit_padding=_two(pads),
        fused_activation_function=0,
    )
    if x.rank == 3:
        made = b.emit("RESHAPE", [made], (1, high, weights.shape[1]))
    return Value(made, (1, weights.shape[1], *sizes), x.order, (None,) * x.rank)


CONV_TRANSPOSE: dict[str, Layer] = {"ConvTranspose": conv_transpose}
