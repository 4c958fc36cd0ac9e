"""ONNX layers with weights or windows: convolutions, pools, Gemm, MatMul."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edgeshift.importers.onnx.elementwise import binary
from edgeshift.importers.onnx.integer import covers
from edgeshift.importers.onnx.values import Builder, Value
from edgeshift.ops.common import same_padding

SAME, VALID = 0, 1
Pads = tuple[tuple[int, int], tuple[int, int]]
Windows = tuple[tuple[int, int], tuple[int, int], Pads, tuple[int, int]]  # strides, dilations, padding, output
Layer = Callable[[Builder], Value]


def image(b: Builder, x: Value) -> Value:
    """The operand of a 1-D or 2-D window, stored as `[1, T, C]` or `[1, H, W, C]`."""
    if x.rank not in (3, 4):
        raise b.source.refuse(f"its input has {x.rank} axes", "1-D and 2-D windows are built")
    if x.shape[0] != 1:
        raise b.source.refuse(f"its batch is {x.shape[0]}", "export the model with a batch of one")
    time = 2 if x.rank == 3 or x.shape[2] > 1 else 3
    said = {3: "the one that the network convolves along", 4: "the first of the two that the network convolves along"}
    b.hint(x, time, said[x.rank])
    return b.reordered(x, (0, *range(2, x.rank), 1))


def pair(values: Sequence[int], rank: int) -> tuple[int, int]:
    """Of the spatial axes, the second 1 for 1-D."""
    return (int(values[0]), int(values[1]) if rank == 4 else 1)


def _windows(b: Builder, x: Value, kernel: Sequence[int], ceil: bool) -> Windows:
    """Strides, dilations, padding (both sides) and the output's lengths, over two spatial axes."""
    rank, n = x.rank, x.rank - 2
    if len(kernel) != n:
        raise b.source.refuse(f"its kernel {list(kernel)} does not fit {n} axes", "export the model again")
    strides = pair(b.source.get("strides", [1] * n), rank)
    dilations = pair(b.source.get("dilations", [1] * n), rank)
    sizes = (x.shape[2], x.shape[3] if rank == 4 else 1)
    kernel = pair(kernel, rank)
    auto = b.source.get("auto_pad", "NOTSET")
    given = [int(p) for p in b.source.get("pads", [0] * (2 * n))]
    pads, out = [], []
    for i in range(2):
        reach, s, size = (kernel[i] - 1) * dilations[i], strides[i], sizes[i]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            total = max((-(-size // s) - 1) * s + reach + 1 - size, 0)
            less = total // 2
            pads.append((less, total - less) if auto == "SAME_UPPER" else (total - less, less))
        elif auto == "VALID" or i >= n:
            pads.append((0, 0))
        else:
            pads.append((given[i], given[i + n]))
        room = size + sum(pads[i]) - reach - 1
        count = room // s + 1
        if ceil and -(-room // s) * s < size + pads[i][0]:
            count = -(-room // s) + 1
            pads[i] = (pads[i][0], pads[i][1] + (count - 1) * s - room if room % s else pads[i][1])
        if min(kernel[i], s, dilations[i], count) < 1 or min(pads[i]) < 0:
            raise b.source.refuse(f"its window does not fit {list(x.shape)}", "export the model again")
        out.append(count)
    return strides, dilations, (pads[0], pads[1]), (out[0], out[1])


def placed(
    b: Builder, x: Value, op: str, operands: Sequence[int], channels: int, window: Windows, kernel: tuple[int, int]
) -> Value:
    """The 2-D node over the stored operand, as `[1, H, W, C]` even if it is 1-D."""
    strides, dilations, pads, out = window
    sizes = (x.shape[2], x.shape[3] if x.rank == 4 else 1)
    four = x.id if x.rank == 4 else b.emit("RESHAPE", [x.id], (1, sizes[0], 1, x.shape[1]))
    same = all(
        out[i] == -(-sizes[i] // strides[i])
        and pads[i][0] == same_padding(sizes[i], out[i], kernel[i], strides[i], dilations[i])
        for i in range(2)
    )
    made = b.emit(
        op,
        [four, *operands],
        (1, *out, channels),
        stride_h=strides[0],
        stride_w=strides[1],
        dilation_hfactor=dilations[0],
        dilation_wfactor=dilations[1],
        filter_height=kernel[0],
        filter_width=kernel[1],
        padding=SAME if same else VALID,
        explicit_padding=((0, 0), (0, 0)) if same else pads,
        fused_activation_function=0,
    )
    if x.rank == 3:
        made = b.emit("RESHAPE", [made], (1, out[0], channels))
    shape = (1, channels, *out)[: x.rank]
    return Value(made, shape, x.order, (None,) * x.rank)


def conv(b: Builder) -> Value:
    weights = b.constant(1, "its filter").astype(np.float32)
    bias = b.optional(2)
    x = image(b, b.value())
    group = int(b.source.get("group", 1))
    if weights.ndim != x.rank or x.shape[1] % group or weights.shape[1] * group != x.shape[1]:
        raise b.source.refuse(
            f"its filter {list(weights.shape)} does not fit {list(x.shape)}", "export the model again"
        )
    window = _windows(b, x, weights.shape[2:], False)
    return convolved(b, x, weights, bias, group, window)


def convolved(b: Builder, x: Value, weights: np.ndarray, bias: np.ndarray | None, group: int, window: Windows) -> Value:
    """A convolution of an image with a filter `[out, in / group, ...]`."""
    out_channels, kernel = weights.shape[0], weights.shape[2:]
    four = weights if x.rank == 4 else weights[..., None]
    depthwise = group > 1 and weights.shape[1] == 1
    four = four.transpose(1, 2, 3, 0) if depthwise else four.transpose(0, 2, 3, 1)
    operands = [b.data(four, f"{b.source.name}_weights")]
    if bias is not None:
        operands.append(b.data(bias.astype(np.float32), f"{b.source.name}_bias"))
    op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    return placed(b, x, op, operands, out_channels, window, pair(kernel, x.rank))


def max_pool(b: Builder) -> Value:
    return _pool(b, "MAX_POOL_2D")


def average_pool(b: Builder) -> Value:
    return _pool(b, "AVERAGE_POOL_2D")


def _pool(b: Builder, op: str) -> Value:
    if len([o for o in b.source.outputs if o]) > 1:
        raise b.source.refuse("its indices are used", "use its first output only")
    if op == "AVERAGE_POOL_2D" and covers(b.source.attrs, b.value().shape):
        return reduced(b, b.value(), list(range(2, b.value().rank)), "MEAN", keep=True)
    x = image(b, b.value())
    kernel = pair(b.source["kernel_shape"], x.rank)
    ceil = bool(b.source.get("ceil_mode", 0))
    strides, dilations, pads, out = _windows(b, x, b.source["kernel_shape"], ceil)
    if max(dilations) > 1:
        raise b.source.refuse("a dilated pool is not built", "pool without dilation")
    if op == "AVERAGE_POOL_2D" and b.source.get("count_include_pad", 0) and any(p for pair in pads for p in pair):
        given = [int(p) for p in b.source.get("pads", [])] if b.source.get("auto_pad", "NOTSET") == "NOTSET" else None
        n = x.rank - 2
        zeros = [(given[i], given[i + n]) for i in range(n)] if given else list(pads[:n])  # not those of ceil_mode
        x = padded(b, x, [(0, 0), (0, 0), *zeros], 0.0)
        zeros = [*zeros, (0, 0)][:2]
        pads = tuple((p - z, q - w) for (p, q), (z, w) in zip(pads, zeros, strict=True))  # type: ignore[assignment]
    return placed(b, x, op, [], x.shape[1], (strides, dilations, pads, out), kernel)


def padded(b: Builder, x: Value, widths: Sequence[tuple[int, int]], value: float) -> Value:
    """Constant padding, `widths` per ONNX axis; `value` is an int8 one where `x` is quantised."""
    if not any(w for pair in widths for w in pair):
        return x
    stored = [widths[a] for a in x.order]
    shape = [d + sum(w) for d, w in zip(x.stored, stored, strict=True)]
    operands = [x.id, b.data(np.array(stored, np.int32), "paddings")]
    quant = b.tensors[x.id].quant
    if value == (0.0 if quant is None else quant.zero_point[0]):
        return b.like(b.emit("PAD", operands, shape), x)
    if quant is not None:
        operands.append(b.data(np.array([value], np.int8), "padding", quant))
        return b.like(b.emit("PADV2", operands, shape), x)
    return b.like(b.emit("PADV2", [*operands, b.data(np.array([value], np.float32), "padding")], shape), x)


def global_pool(op: str) -> Layer:
    def build(b: Builder) -> Value:
        x = b.value()
        return reduced(b, x, list(range(2, x.rank)), op, keep=True)

    return build


def reduced(b: Builder, x: Value, axes: list[int], op: str, keep: bool) -> Value:
    """A reduction over ONNX axes."""
    if not axes:
        return x
    places = sorted(x.place(a) for a in axes)
    kept = [1 if p in places else d for p, d in enumerate(x.stored)]
    stored = kept if keep else [d for p, d in enumerate(x.stored) if p not in places]
    made = b.emit(op, [x.id, b.data(np.array(places, np.int32), "axes")], stored, keep_dims=keep)
    if keep:
        return b.like(made, x)
    left = [a for a in range(x.rank) if a not in axes]
    order = tuple(left.index(a) for a in x.order if a not in axes)
    return Value(made, tuple(x.shape[a] for a in left), order, tuple(x.roots[a] for a in left))


def dense(b: Builder, x: Value, weights: np.ndarray, bias: np.ndarray | None) -> Value:
    """`x[..., K]` times `weights` `[K, N]`."""
    axis = x.rank - 1
    if weights.shape[0] != x.shape[axis]:
        raise b.source.refuse(f"{list(x.shape)} times {list(weights.shape)} does not fit", "export the model again")
    x = b.last(x, axis)
    operands = [x.id, b.data(np.ascontiguousarray(weights.T, np.float32), f"{b.source.name}_weights")]
    if bias is not None:
        operands.append(b.data(np.broadcast_to(bias, weights.shape[1:]).astype(np.float32), f"{b.source.name}_bias"))
    stored = (*x.stored[:-1], weights.shape[1])
    made = b.emit("FULLY_CONNECTED", operands, stored, keep_num_dims=True, fused_activation_function=0)
    return replace(b.like(made, x), roots=(*x.roots[:-1], None))


def gemm(b: Builder) -> Value:
    x = b.value()
    if b.is_constant(0) or x.rank != 2:
        raise b.source.refuse("its first operand is not a computed matrix", "export the model again")
    x = b.transposed(x, (1, 0)) if b.source.get("transA", 0) else x
    weights = b.constant(1, "its second operand").astype(np.float32)
    weights = weights.T if b.source.get("transB", 0) else weights
    alpha, beta = np.float32(b.source.get("alpha", 1.0)), np.float32(b.source.get("beta", 1.0))
    weights = weights if alpha == 1 else weights * alpha
    if not b.has(2):
        return dense(b, x, weights, None)
    bias = b.constant(2, "its third operand").astype(np.float32)
    bias = bias if beta == 1 else bias * beta
    if bias.ndim < 2 or bias.shape[0] == 1:
        return dense(b, x, weights, bias.reshape(-1))
    return binary(b, "ADD", dense(b, x, weights, None), b.keep(bias, f"{b.source.name}_bias"))


def matmul(b: Builder) -> Value:
    if b.is_constant(1):
        x, weights = b.value(), b.constant(1).astype(np.float32)
        flat = weights.reshape(weights.shape[-2:]) if weights.ndim >= 2 and math.prod(weights.shape[:-2]) == 1 else None
        if weights.ndim == 1:
            made = dense(b, x, weights[:, None], None)
            return b.reshaped(made, made.shape[:-1])
        if flat is not None and weights.ndim <= x.rank:
            return dense(b, x, flat, None)
    elif b.is_constant(0):
        x, weights = b.value(1), b.constant(0).astype(np.float32)
        if weights.ndim >= 2 and math.prod(weights.shape[:-2]) == 1 and weights.ndim <= x.rank:
            swap = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
            turned = b.transposed(x, swap)
            return b.transposed(dense(b, turned, weights.reshape(weights.shape[-2:]).T, None), swap)
    left, right = b.straight(b.value(0)), b.straight(b.value(1))
    if min(left.rank, right.rank) < 2:
        raise b.source.refuse("a product of computed vectors is not built")
    stored = (*np.broadcast_shapes(left.shape[:-2], right.shape[:-2]), left.shape[-2], right.shape[-1])
    return b.plain(b.emit("BATCH_MATMUL", [left.id, right.id], stored, adj_x=False, adj_y=False))


LAYERS: dict[str, Layer] = {
    "Conv": conv,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_pool("MEAN"),
    "GlobalMaxPool": global_pool("REDUCE_MAX"),
    "Gemm": gemm,
    "MatMul": matmul,
}
