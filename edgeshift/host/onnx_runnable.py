"""A quantised ONNX network written so that ONNX Runtime computes it the same everywhere.

With its optimisations off, ONNX Runtime computes a QDQ network in float, convolutions too. With them on, it replaces
what it finds by kernels of its own: those of convolutions, products and global means are integer arithmetic, but
additions and multiplications are rounded otherwise on every instruction set, and products of uint8 and int8 saturate
on x86 without VNNI. So only the former are put in its place here, as uint8 by uint8, whose sums are exact on every
processor; the rest stays as the graph has it, and nothing is optimised.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeshift.importers.onnx.integer import Grid, IntegerLayer, Quantised
from edgeshift.importers.onnx.qoperator import as_qdq

_MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Runnable:
    """A model for ONNX Runtime, how many of its layers are `integer`, and which of its inputs are quantised."""

    model: bytes
    integer: int = 0
    quantised: frozenset[str] = frozenset()


def runnable_onnx(model: bytes) -> Runnable:
    """What ONNX Runtime is to run: the same bytes where nothing is quantised."""
    onnx: Any = importlib.import_module("onnx")
    read = onnx.load_from_string(model)
    if not any(n.op_type in ("DequantizeLinear", "QLinearConv", "QGemm", "QLinearMatMul") for n in read.graph.node):
        return Runnable(model)
    made = type(read)()
    made.CopyFrom(as_qdq(read))
    writer = _Writer(made, onnx)
    nodes = list(made.graph.node)
    del made.graph.node[:]
    for node in nodes:
        layer = writer.layer(node)
        if layer is None:
            made.graph.node.append(node)
        else:
            writer.replace(node, layer)
    _prune(made.graph)
    if not any(o.domain == _MICROSOFT for o in made.opset_import):
        made.opset_import.append(onnx.helper.make_opsetid(_MICROSOFT, 1))
    return Runnable(bytes(made.SerializeToString()), writer.count, writer.quantised_inputs())


def _prune(graph: Any) -> None:
    """Drop what nothing reads any more: weights per channel were no operand of DequantizeLinear before opset 13."""
    read, kept = {o.name for o in graph.output}, []
    for node in reversed(graph.node):
        if any(o in read for o in node.output):
            kept.append(node)
            read |= {i for n in (node, *_within(node)) for i in n.input}
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _within(node: Any) -> list[Any]:
    """The nodes in the branches of a node."""
    inner = [n for a in node.attribute for n in a.g.node]
    return inner + [deeper for n in inner for deeper in _within(n)]


class _Writer:
    """Appends nodes and constants to a model."""

    def __init__(self, model: Any, onnx: Any) -> None:
        self._onnx, self._graph = onnx, model.graph
        arrays = {i.name: onnx.numpy_helper.to_array(i) for i in self._graph.initializer}
        for node in self._graph.node:
            if node.op_type == "Constant" and [a.name for a in node.attribute] == ["value"]:
                arrays[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
        self._quantised = Quantised(self._graph, arrays, self._attributes)
        inferred = onnx.shape_inference.infer_shapes(model).graph
        known = (*inferred.value_info, *inferred.input, *inferred.output)
        self._shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in known}
        self.count = 0

    def _attributes(self, node: Any) -> dict[str, Any]:
        attrs = {a.name: self._onnx.helper.get_attribute_value(a) for a in node.attribute}
        return {k: v.decode() if isinstance(v, bytes) else v for k, v in attrs.items()}

    def layer(self, node: Any) -> IntegerLayer | None:
        return self._quantised.layer(node, self._shapes.get(node.input[0], [])) if node.input else None

    def quantised_inputs(self) -> frozenset[str]:
        kinds = (self._onnx.TensorProto.INT8, self._onnx.TensorProto.UINT8)
        integer = (i.name for i in self._graph.input if i.type.tensor_type.elem_type in kinds)
        return frozenset(name for name in integer if self._quantised.grid_of_input(name) is not None)

    def replace(self, node: Any, layer: IntegerLayer) -> None:
        """The layer between a QuantizeLinear of its operands and a DequantizeLinear of its result."""
        self.count += 1
        name, attrs = node.output[0], self._attributes(node)
        operands = [self._quantized(node.input[i], grid, f"{name}/in{i}") for i, grid in enumerate(layer.operands)]
        if layer.weights is not None and layer.scales is not None:
            weights = (layer.weights.astype(np.int64) + 128).astype(np.uint8)
            many = layer.scales if layer.scales.size > 1 else layer.scales.reshape(())
            zero = np.full(many.shape, 128, np.uint8)
            operands.append([self._constant(v, f"{name}/w{i}") for i, v in enumerate((weights, many, zero))])
        output = self._grid(layer.output, f"{name}/out")
        bias = [] if layer.bias is None else [self._constant(layer.bias, f"{name}/bias")]
        given, made = [i for operand in operands for i in operand], f"{name}/quantised"
        if node.op_type == "Conv":
            self._add("QLinearConv", [*given, *output, *bias], made, **attrs)
        elif node.op_type == "MatMul":
            self._add("QLinearMatMul", [*given, *output], made)
        elif node.op_type == "Gemm":
            none = bias or [""]
            self._add("QGemm", [*given, *none, *output], made, _MICROSOFT, transB=attrs.get("transB", 0), alpha=1.0)
        else:
            self._mean(node, given, output, made)
        self._add("DequantizeLinear", [made, *output], name)

    def _mean(self, node: Any, given: list[str], output: list[str], made: str) -> None:
        """The reduced axes go to the end; the shape comes from the node that is replaced."""
        shape = self._shapes[node.input[0]]
        axes = [a % len(shape) for a in self._quantised.mean_axes(node)] or list(range(2, len(shape)))
        order = [*(a for a in range(len(shape)) if a not in axes), *axes]
        self._add("Transpose", given[:1], f"{made}/turned", perm=order)
        operands = [f"{made}/turned", *given[1:], *output]
        self._add("QLinearGlobalAveragePool", operands, f"{made}/mean", _MICROSOFT, channels_last=0)
        sizes = self._constant(np.array(self._shapes[node.output[0]], np.int64), f"{made}/shape")
        self._add("Reshape", [f"{made}/mean", sizes], made)

    def _quantized(self, x: str, grid: Grid, name: str) -> list[str]:
        """An operand as uint8, with its scale and zero point."""
        constants = self._grid(grid, name)
        self._add("QuantizeLinear", [x, *constants], name)
        return [name, *constants]

    def _grid(self, grid: Grid, name: str) -> list[str]:
        scale, zero = np.array(grid.scale, np.float32), np.array(grid.zero_point + 128, np.uint8)
        return [self._constant(scale, f"{name}/scale"), self._constant(zero, f"{name}/zero")]

    def _constant(self, values: np.ndarray, name: str) -> str:
        self._graph.initializer.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _add(self, op: str, inputs: list[str], output: str, domain: str = "", **attrs: Any) -> None:
        self._graph.node.append(self._onnx.helper.make_node(op, inputs, [output], name=output, domain=domain, **attrs))
