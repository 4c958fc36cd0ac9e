"""Which layers of a quantised ONNX network are computed in integers, as ONNX Runtime's own kernels for them do.

Convolutions, products and means between a DequantizeLinear and a QuantizeLinear: QLinearConv, QLinearMatMul, QGemm and
QLinearGlobalAveragePool add up in int32 and round once. Whatever else stands there is float arithmetic, and means
what the graph says. A Relu, Clip or MaxPool before the QuantizeLinear is none the worse for being applied behind it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeshift.errors import UnsupportedOpError

_MEANS = ("GlobalAveragePool", "AveragePool", "ReduceMean")
INTEGER_LAYERS = ("Conv", "Gemm", "MatMul", *_MEANS)
_SHAPES = ("Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten")
_MOVES = (*_SHAPES, "Slice", "Split", "Gather", "MaxPool", "Relu")
_ORDERED = ("Relu", "Clip", "MaxPool")  # what keeps the order of values may as well come behind a rounding


@dataclass(frozen=True)
class Grid:
    """What int8 values mean: `scale * (q - zero_point)`. uint8 ones are held 128 lower, and so is their zero point."""

    scale: np.float32
    zero_point: int


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """`operands` are the grids of the computed operands, in order.

    `weights` are int8 in the shape of the file, `scales` `[1]` or `[channels]`; `bias` is int32 `[channels]`.
    """

    operands: tuple[Grid, ...]
    output: Grid
    weights: np.ndarray | None = None
    scales: np.ndarray | None = None
    bias: np.ndarray | None = None


def covers(attrs: Mapping[str, Any], shape: Sequence[int]) -> bool:
    """Whether a pool over an operand of this shape is one over all of it, without padding."""
    plain = all(int(v) == 0 for v in attrs.get("pads", ())) and attrs.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    return plain and list(attrs["kernel_shape"]) == list(shape[2:]) and all(d == 1 for d in attrs.get("dilations", ()))


class Quantised:
    """The quantised parts of an ONNX graph. `constants` are its initializers and Constant nodes, by name."""

    def __init__(self, graph: Any, constants: Mapping[str, np.ndarray], attributes: Callable[[Any], dict[str, Any]]):
        self._constants, self._attributes = dict(constants), attributes
        self._made_by = {output: node for node in graph.node for output in node.output}
        self._readers: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._outputs = {o.name for o in graph.output}
        helper: Any = importlib.import_module("onnx.helper")
        self._dtype_of: Callable[[int], np.dtype] = helper.tensor_dtype_to_np_dtype
        self._inputs = {i.name: i.type.tensor_type.elem_type for i in graph.input}
        for node in graph.node:  # weights that are quantised in the graph, and scales under other names
            known = self._constants.get(node.input[0]) if node.input else None
            made = self.converted(node) if node.op_type == "QuantizeLinear" else None
            if node.op_type in ("Identity", "Cast") and known is not None:
                kind = attributes(node).get("to")
                made = known if kind is None else known.astype(self._dtype_of(kind))
            if node.op_type == "Clip" and known is not None and all(not i or i in self._constants for i in node.input):
                made = self._clipped(node, known)
            if made is not None:
                self._constants[node.output[0]] = made

    def _clipped(self, node: Any, values: np.ndarray) -> np.ndarray:
        """Of constants with constant bounds, which may be left out."""
        low, high = (self._constants.get(name) for name in [*node.input[1:], "", ""][:2])
        values = values if low is None else np.maximum(values, low)
        return values if high is None else np.minimum(values, high)

    def grid(self, node: Any) -> Grid:
        """That of a QuantizeLinear or DequantizeLinear of activations. Raises `UnsupportedOpError`."""
        scale = self._constants.get(node.input[1])
        zero = self._zero(node)
        if scale is None or zero is None:
            raise self.refuse(node, "its scale is computed (dynamic quantisation)", "quantise the model statically")
        if scale.size != 1:
            raise self.refuse(node, "activations are quantised per channel", "quantise activations per tensor")
        if scale.dtype != np.float32 or zero.dtype not in (np.int8, np.uint8):
            raise self.refuse(node, f"it quantises to {zero.dtype} with a {scale.dtype} scale", "quantise to 8 bits")
        if not 0 < float(scale.reshape(())) < np.inf:
            raise self.refuse(node, "its scale is not positive", "quantise the model again")
        return Grid(np.float32(scale.reshape(())), int(zero.reshape(())) - (128 if zero.dtype == np.uint8 else 0))

    def converted(self, node: Any) -> np.ndarray | None:
        """What a QuantizeLinear or DequantizeLinear makes of a constant; `None` if it is computed, or in blocks."""
        values, scale = (self._constants.get(name) for name in node.input[:2])
        if values is None or scale is None or (scale.ndim > 1 and scale.size > 1):
            return None
        zero = self._zero(node)
        if zero is None:
            return None
        axis = int(self._attributes(node).get("axis", 1)) % max(values.ndim, 1)
        across = [-1 if a == axis and scale.size > 1 else 1 for a in range(values.ndim)]
        scale = scale.reshape(across)
        offset = zero.reshape(across) if zero.size > 1 else zero.reshape(())
        if node.op_type == "DequantizeLinear":
            steps = values.astype(np.int64) - offset.astype(np.int64)
            return np.asarray(steps.astype(np.float32) * scale, np.float32)
        bounds = np.iinfo(zero.dtype)
        return (np.rint(values / scale) + offset.astype(np.int64)).clip(bounds.min, bounds.max).astype(zero.dtype)

    def _zero(self, node: Any) -> np.ndarray | None:
        """The zero point of a QuantizeLinear or DequantizeLinear; without one 0 of the type of its integers."""
        if len(node.input) > 2 and node.input[2]:
            return self._constants.get(node.input[2])
        if node.op_type == "QuantizeLinear":
            kind = int(self._attributes(node).get("output_dtype", 0))
            return np.zeros((), self._dtype_of(kind) if kind else np.uint8)
        name = node.input[0]
        while name not in self._constants and name in self._made_by:
            made = self._made_by[name]
            if made.op_type == "QuantizeLinear":
                zero = self._zero(made)
                return None if zero is None else np.zeros((), zero.dtype)
            name = made.input[0]
        if name in self._constants:
            return np.zeros((), self._constants[name].dtype)
        return np.zeros((), self._dtype_of(self._inputs[name])) if name in self._inputs else None

    def refuse(self, node: Any, why: str, remedy: str) -> UnsupportedOpError:
        return UnsupportedOpError(f"ONNX node '{node.name or node.output[0]}' ({node.op_type}): {why}; {remedy}")

    def grid_of_input(self, name: str) -> Grid | None:
        """What the integers of an input of the network mean."""
        for node in self._readers.get(name, []):
            if node.op_type == "DequantizeLinear":
                return self.grid(node)
            if node.op_type in (*_SHAPES, "MaxPool", "Slice", "Pad"):
                found = self.grid_of_input(node.output[0])
                if found is not None:
                    return found
        return None

    def layer(self, node: Any, shape: Sequence[int]) -> IntegerLayer | None:
        """How a node, whose first operand has this shape, is computed in integers; `None` if it is not.

        Raises `UnsupportedOpError`.
        """
        if node.op_type not in INTEGER_LAYERS or node.domain not in ("", "ai.onnx"):
            return None
        attrs = self._attributes(node)
        x, output = self._before(node.input[0]), self._behind(node.output[0])
        if x is None or output is None:
            return None
        if node.op_type in _MEANS:
            axes = self.mean_axes(node) if node.op_type == "ReduceMean" else list(range(2, len(shape)))
            whole = node.op_type != "AveragePool" or covers(attrs, shape)
            return IntegerLayer((x,), output) if len(shape) > 2 and len(axes) == len(shape) - 2 and whole else None
        second = self._before(node.input[1]) if node.op_type == "MatMul" else None
        if second is not None:
            return IntegerLayer((x, second), output)
        if node.op_type == "Gemm" and any(attrs.get(a, d) != d for a, d in (("alpha", 1), ("beta", 1), ("transA", 0))):
            return None
        axis = 1 if node.op_type == "MatMul" or (node.op_type == "Gemm" and not attrs.get("transB", 0)) else 0
        found = self._weights(node, axis)
        if found is None:
            return None
        weights, scales = found
        bias = None
        if len(node.input) > 2 and node.input[2]:
            bias = self._bias(node, x.scale * scales, weights.shape[axis])
            if bias is None:
                return None
        return IntegerLayer((x,), output, weights, scales, bias)

    def _before(self, name: str) -> Grid | None:
        """The grid of a computed operand that was dequantised; what moves or drops values leaves them on it."""
        node = self._made_by.get(name)
        if node is None:
            return None
        if node.op_type == "DequantizeLinear":
            return None if node.input[0] in self._constants else self.grid(node)
        if node.op_type == "Concat":
            grids = {self._before(operand) for operand in node.input}
            return grids.pop() if len(grids) == 1 else None
        if node.op_type in _MOVES or (node.op_type == "Pad" and self._pads_zeros(node)):
            return self._before(node.input[0])
        return None

    def _pads_zeros(self, node: Any) -> bool:
        """Whether a Pad adds zeros, or what is there already."""
        attrs = self._attributes(node)
        value = self._constants.get(node.input[2]) if len(node.input) > 2 and node.input[2] else attrs.get("value", 0.0)
        return attrs.get("mode", "constant") != "constant" or (value is not None and not np.any(value))

    def _behind(self, name: str) -> Grid | None:
        """The grid that a result is quantised to, if nothing else is done with it."""
        if name in self._outputs:
            return None
        grids = {self._read_as(name, node) for node in self._readers.get(name, [])}
        return grids.pop() if len(grids) == 1 else None

    def _read_as(self, name: str, node: Any) -> Grid | None:
        if node.op_type == "QuantizeLinear":
            return self.grid(node)
        through = node.op_type in (*_SHAPES, *_ORDERED) and node.input[0] == name
        return self._behind(node.output[0]) if through else None

    def _weights(self, node: Any, axis: int) -> tuple[np.ndarray, np.ndarray] | None:
        """int8 weights and their scales, along `axis` of the operand if there are several."""
        made = self._made_by.get(node.input[1])
        turned = made is not None and made.op_type == "Transpose"
        if made is not None and turned:
            if node.op_type == "Conv" or self._attributes(made).get("perm", [1, 0]) != [1, 0]:
                return None
            made, axis = self._made_by.get(made.input[0]), 1 - axis
        if made is None or made.op_type != "DequantizeLinear" or made.input[0] not in self._constants:
            return None
        values, scales = self._constants[made.input[0]], self._constants.get(made.input[1])
        zero = self._zero(made)
        if values.dtype not in (np.int8, np.uint8) or scales is None or zero is None or scales.dtype != np.float32:
            return None
        along = int(self._attributes(made).get("axis", 1))
        if (scales.size > 1 and along % values.ndim != axis) or (node.op_type != "Conv" and values.ndim != 2):
            return None
        if not (scales > 0).all():
            raise self.refuse(node, "its weights have a scale that is not positive", "quantise the model again")
        shape = [-1 if zero.size > 1 and a == axis else 1 for a in range(values.ndim)]
        steps = values.astype(np.int64) - zero.astype(np.int64).reshape(shape)
        if steps.min() < -128 or steps.max() > 127:
            raise self.refuse(
                node,
                "its weights are not symmetrically quantised",
                "quantise them with weight_type=QuantType.QInt8, or the extra option WeightSymmetric",
            )
        weights = steps.astype(np.int8)
        return weights.T if turned else weights, scales.reshape(-1)

    def _bias(self, node: Any, scale: np.ndarray, channels: int) -> np.ndarray | None:
        """A constant bias in units of `scale`; a float one is rounded, as ONNX Runtime does before it fuses."""
        made, values = self._made_by.get(node.input[2]), self._constants.get(node.input[2])
        if made is not None and made.op_type == "DequantizeLinear" and made.input[0] in self._constants:
            values, given = self._constants[made.input[0]], self._constants.get(made.input[1])
            if values.dtype != np.int32 or given is None:
                return None
            if not np.allclose(given.reshape(-1), scale, rtol=1e-5, atol=0):
                return None
        elif values is not None and values.dtype == np.float32:
            values = np.rint(values.reshape(-1) / scale).clip(-(1 << 31), (1 << 31) - 1)
        if values is None or values.size not in (1, channels):
            return None
        return np.broadcast_to(values.reshape(-1).astype(np.int64), (channels,)).astype(np.int32)

    def mean_axes(self, node: Any) -> list[int]:
        """The axes of a ReduceMean, as far as they are known; where two others are left it is a GlobalAveragePool."""
        attrs = self._attributes(node)
        given = self._constants.get(node.input[1]) if len(node.input) > 1 and node.input[1] else attrs.get("axes")
        return [] if given is None else [int(a) for a in np.asarray(given).reshape(-1)]
