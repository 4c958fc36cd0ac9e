"""What several operator families share: options, paddings, quantised outputs, ordered float sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeshift.errors import UnsupportedOpError
from edgeshift.ir import Node, QuantParams, Stream, Tensor, Window
from edgeshift.reference.arithmetic import (
    activation_range,
    clamp_to,
    float_activation_range,
    multiply_by_quantized_multiplier,
)

ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}


def refuse(node: Node, what: str, remedy: str) -> UnsupportedOpError:
    """The error for a form of an operator that is not built."""
    return UnsupportedOpError(f"{node.op} (node {node.index}): {what}; {remedy}")


def activation(node: Node) -> str:
    """The fused activation of a node."""
    code = int(node.attrs.get("fused_activation_function", 0))
    if code not in ACTIVATIONS:
        raise refuse(node, f"fused activation {code} is not supported", "use none, RELU, RELU6 or RELU_N1_TO_1")
    return ACTIVATIONS[code]


def c_type(dtype: np.dtype) -> str:
    """The C type of elements."""
    return "float" if dtype == np.float32 else f"{dtype}_t"


def integer(stream: Stream) -> bool:
    """Whether a stream holds int8 or int16."""
    return stream.dtype in (np.int8, np.int16)


def quantised(stream: Stream | Tensor) -> tuple[np.float32, int]:
    """Scale and zero point of a per-tensor quantised stream."""
    quant = stream.quant
    if quant is None or quant.per_channel:
        raise UnsupportedOpError(
            f"tensor '{stream.name}' is {stream.dtype} without a per-tensor scale; quantise the model again"
        )
    return np.float32(quant.scale[0]), int(quant.zero_point[0])


def same_quant(a: QuantParams | None, b: QuantParams | None) -> bool:
    return a is b or (a is not None and a.same_as(b))


def rounds_even(node: Node) -> bool:
    """Whether an int8 node has the arithmetic of ONNX (see `reference/even.py`), not of TFLite."""
    return node.attrs.get("rounding") == "even"


def clamp_bounds(stream: Stream, act: str) -> tuple[Any, Any]:
    """The bounds that a fused activation puts on an output, in its own dtype."""
    if integer(stream):
        scale, zero = quantised(stream)
        return activation_range(act, stream.dtype.type, float(scale), zero)
    low, high = float_activation_range(act)
    return np.float32(low), np.float32(high)


def clamp_scalars(stream: Stream, act: str) -> dict[str, tuple[str, Any]]:
    low, high = clamp_bounds(stream, act)
    kind = "int32_t" if integer(stream) else "float"
    return {"activation_min": (kind, low), "activation_max": (kind, high)}


def clamp(values: np.ndarray, stream: Stream, act: str) -> np.ndarray:
    low, high = clamp_bounds(stream, act)
    if integer(stream):
        return clamp_to(values, low, high, stream.dtype.type)
    values = np.where(values < low, low, values)
    return np.where(values > high, high, values).astype(np.float32)


def requantise(acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, stream: Stream, act: str) -> np.ndarray:
    """int32 accumulators `[..., channels]` to an int8 or int16 output."""
    _, zero = quantised(stream)
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift).astype(np.int64)
    return clamp(scaled + zero, stream, act)


def ordered_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Float32 `sum_i a[..., i] * b[..., i]`, added one after the other as the reference and the C do."""
    total = np.zeros(np.broadcast_shapes(a.shape[:-1], b.shape[:-1]), np.float32)
    for i in range(a.shape[-1]):
        total += a[..., i] * b[..., i]
    return total


def same_padding(size: int, out: int, kernel: int, stride: int, dilation: int) -> int:
    """Zeros before the first element under SAME padding (`ComputePadding` of the TFLite kernels)."""
    return max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2


@dataclass(frozen=True)
class Features:
    """The window along the axis that is not time: `in_size` positions of a column become `out_size`."""

    kernel: int
    stride: int
    dilation: int
    pad: int
    in_size: int
    out_size: int

    def spread(self, columns: np.ndarray, fill: Any) -> tuple[np.ndarray, np.ndarray]:
        """Positions under the window: `[n, k, in_size, c]` -> `[n, k, out_size, kernel, c]`, and which are inside."""
        at = np.arange(self.out_size)[:, None] * self.stride - self.pad + np.arange(self.kernel) * self.dilation
        inside = (at >= 0) & (at < self.in_size)
        taken = columns[:, :, np.clip(at, 0, self.in_size - 1)]
        return np.where(inside[None, None, :, :, None], taken, fill), inside

    @property
    def shape(self) -> dict[str, int]:
        return {
            "in_features": self.in_size,
            "out_features": self.out_size,
            "feature_kernel": self.kernel,
            "feature_stride": self.stride,
            "feature_dilation": self.dilation,
            "feature_pad": self.pad,
        }


def spatial(
    node: Node, x: Stream, axis: int, out: tuple[int, ...], kernel: tuple[int, int], dilation: tuple[int, int]
) -> tuple[Window, Features]:
    """Split a 2-D window over `[1, H, W, C]` into the one over time (`axis`) and the one over features.

    Padding is SAME (0) or VALID (1); VALID after an `explicit_padding` of (before, after) for either axis, if given.
    """
    if len(x.shape) != 4 or x.shape[0] != 1 or len(out) != 4:
        raise refuse(node, f"input shape {list(x.shape)} is not [1, height, width, channels]", "use a batch of one")
    stride = (int(node.attrs["stride_h"]), int(node.attrs["stride_w"]))
    padding, explicit = int(node.attrs["padding"]), node.attrs.get("explicit_padding", ((0, 0), (0, 0)))
    other = 3 - axis

    def sizes(a: int) -> tuple[int, int, int, int, int, int]:
        k, s, d = kernel[a - 1], stride[a - 1], dilation[a - 1]
        before, after = explicit[a - 1]
        pad = same_padding(x.shape[a], out[a], k, s, d) if padding == 0 else before
        wanted = -(-x.shape[a] // s) if padding == 0 else -(-(x.shape[a] + before + after - (k - 1) * d) // s)
        if min(k, s, d) < 1 or wanted != out[a]:
            raise refuse(node, f"output shape {list(out)} does not follow from {list(x.shape)}", "export it again")
        return k, s, d, pad, x.shape[a], out[a]

    k, s, d, pad, _, _ = sizes(axis)
    return Window(k, s, d, pad), Features(*sizes(other))
