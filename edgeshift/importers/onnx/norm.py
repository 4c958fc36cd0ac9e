"""ONNX's normalisations: BatchNormalization, and those whose statistics are computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeshift.importers.onnx.elementwise import binary, unary
from edgeshift.importers.onnx.layers import reduced
from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value]


def batch_normalization(b: Builder) -> Value:
    """As a factor and an offset per channel; `fuse.py` moves them into the layer before."""
    x = b.value()
    gamma, beta, mean, variance = (b.constant(i, "its statistics").astype(np.float64) for i in range(1, 5))
    if b.source.get("training_mode", 0):
        raise b.source.refuse("it is in training mode", "call model.eval() before the export")
    factor = gamma / np.sqrt(variance + b.source.get("epsilon", 1e-5))
    shape = (len(gamma), *([1] * (x.rank - 2)))
    scaled = binary(b, "MUL", x, b.keep(factor.reshape(shape).astype(np.float32), f"{b.source.name}_factor"))
    offset = (beta - mean * factor).reshape(shape).astype(np.float32)
    return binary(b, "ADD", scaled, b.keep(offset, f"{b.source.name}_offset"))


def _normalised(b: Builder, x: Value, axes: list[int], scale: np.ndarray, offset: np.ndarray | None) -> Value:
    """(x - mean) / sqrt(variance + epsilon) over `axes`, scaled and offset."""
    epsilon = b.keep(np.array(b.source.get("epsilon", 1e-5), np.float32), f"{b.source.name}_epsilon")
    centred = binary(b, "SUB", x, reduced(b, x, axes, "MEAN", keep=True))
    variance = reduced(b, unary(b, "SQUARE", centred), axes, "MEAN", keep=True)
    made = binary(b, "MUL", centred, unary(b, "RSQRT", binary(b, "ADD", variance, epsilon)))
    made = binary(b, "MUL", made, b.keep(scale.astype(np.float32), f"{b.source.name}_scale"))
    if offset is None:
        return made
    return binary(b, "ADD", made, b.keep(offset.astype(np.float32), f"{b.source.name}_offset"))


def layer_normalization(b: Builder) -> Value:
    x = b.value()
    if len([o for o in b.source.outputs if o]) > 1:
        raise b.source.refuse("its mean is used", "use its first output only")
    axis = b.axis(int(b.source.get("axis", -1)), x.rank)
    return _normalised(b, x, list(range(axis, x.rank)), b.constant(1, "its scale"), b.optional(2))


def instance_normalization(b: Builder) -> Value:
    """Window-wide: its mean is over time."""
    x = b.value()
    return _normalised(b, x, list(range(2, x.rank)), *_per_channel(b, x))


def group_normalization(b: Builder) -> Value:
    """Window-wide, over the channels of each group and time. Before opset 21 its scales are those of groups."""
    x, groups = b.value(), int(b.source["num_groups"])
    apart = b.reshaped(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    scale, offset = _per_channel(b, x)
    if scale.size == groups:
        return b.reshaped(
            _normalised(b, apart, list(range(2, apart.rank)), scale[..., None], offset[..., None]), x.shape
        )
    shape = (groups, -1, *scale.shape[1:])
    made = _normalised(b, apart, list(range(2, apart.rank)), scale.reshape(shape), offset.reshape(shape))
    return b.reshaped(made, x.shape)


def _per_channel(b: Builder, x: Value) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset, to be broadcast along the channels."""
    shape = (-1, *([1] * (x.rank - 2)))
    scale, offset = (b.constant(i, "its scale").reshape(shape) for i in (1, 2))
    return scale, offset


NORMS: dict[str, Layer] = {
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "InstanceNormalization": instance_normalization,
    "GroupNormalization": group_normalization,
}
