"""Quantised ONNX operators written as what they stand for: DequantizeLinear, the float operator, QuantizeLinear.

ONNX Runtime's quantiser writes networks in one of two forms, QDQ and QOperator. Everything else here knows QDQ alone.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from edgeshift.errors import UnsupportedOpError

_ONE_OPERAND = {
    "QLinearSigmoid": "Sigmoid",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSoftmax": "Softmax",
    "QLinearAveragePool": "AveragePool",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
}
_TWO_OPERANDS = {"QLinearAdd": "Add", "QLinearMul": "Mul", "QLinearMatMul": "MatMul"}
_OTHERS = ("QLinearConv", "QGemm", "QLinearConcat")


def as_qdq(model: Any) -> Any:
    """The same network in QDQ form; `model` itself (a ModelProto) where it is in that form already."""
    graph = model.graph
    known = {*_ONE_OPERAND, *_TWO_OPERANDS, *_OTHERS}
    if not any(node.op_type in known for node in graph.node):
        return model
    made = type(model)()
    made.CopyFrom(model)
    del made.graph.node[:]
    writer = _Writer(made)
    for node in graph.node:
        if node.op_type in known:
            writer.expand(node)
        else:
            made.graph.node.append(node)
    return made


class _Writer:
    """Appends nodes to a model."""

    def __init__(self, model: Any) -> None:
        self._helper: Any = importlib.import_module("onnx.helper")
        self._numpy: Any = importlib.import_module("onnx.numpy_helper")
        self._graph = model.graph
        self._opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
        self._scales = {i.name: i for i in self._graph.initializer}

    def expand(self, node: Any) -> None:
        names, attrs = list(node.input), {a.name: self._helper.get_attribute_value(a) for a in node.attribute}
        if attrs.pop("channels_last", 0):
            raise _refuse(node, "its channels are the last axis", "quantise the model for the CPU")
        if node.op_type in _ONE_OPERAND:
            if node.op_type == "QLinearSoftmax" and (attrs.pop("opset", 13) < 13) != (self._opset < 13):
                raise _refuse(node, "it has the meaning of another opset", "quantise the model again")
            self._node(node, _ONE_OPERAND[node.op_type], [self._real(node, 0)], names[3:5], attrs)
        elif node.op_type in _TWO_OPERANDS:
            op = _TWO_OPERANDS[node.op_type]
            axes = {"axis": 1} if op == "MatMul" else {}
            self._node(node, op, [self._real(node, 0), self._real(node, 3, **axes)], names[6:8], attrs)
        elif node.op_type == "QLinearConv":
            operands = [self._real(node, 0), self._real(node, 3, axis=0)]
            operands += [self._bias(node, 8)] if len(names) > 8 and names[8] else []
            self._node(node, "Conv", operands, names[6:8], attrs)
        elif node.op_type == "QGemm":
            operands = [self._real(node, 0), self._real(node, 3, axis=0 if attrs.get("transB", 0) else 1)]
            operands += [self._bias(node, 6)] if len(names) > 6 and names[6] else []
            self._node(node, "Gemm", operands, names[7:9], attrs)
        else:  # QLinearConcat: the output's scale first
            operands = [self._real(node, place) for place in range(2, len(names), 3)]
            self._node(node, "Concat", operands, names[:2], attrs)

    def _real(self, node: Any, place: int, **attrs: Any) -> str:
        """Operand `place`, behind which its scale and zero point are, as a real number."""
        return self._dequantized(node, place, list(node.input[place : place + 3]), **attrs)

    def _dequantized(self, node: Any, place: int, names: list[str], **attrs: Any) -> str:
        made = f"{node.output[0]}/operand{place}"
        scale = self._scales.get(names[1])
        if scale is None or not list(scale.dims) or list(scale.dims) == [1]:
            attrs = {}
        self._add("DequantizeLinear", names, made, attrs)
        return made

    def _bias(self, node: Any, place: int) -> str:
        """An int32 bias, whose scale is the product of those of input and weights."""
        given = [self._scales.get(node.input[p]) for p in (1, 4)]
        if any(g is None for g in given):
            raise _refuse(node, "its scales are computed", "quantise the model again")
        one, many = (np.asarray(self._numpy.to_array(g), np.float32) for g in given)
        name = f"{node.output[0]}/bias_scale"
        scale = (one.reshape(()) * many).astype(np.float32)
        self._graph.initializer.append(self._numpy.from_array(scale, name))
        self._scales[name] = self._graph.initializer[-1]
        return self._dequantized(node, place, [node.input[place], name], axis=0)

    def _node(self, node: Any, op: str, operands: list[str], output: list[str], attrs: dict[str, Any]) -> None:
        if op == "Gemm":
            attrs.setdefault("alpha", 1.0)
        quantised = [name for name in output if name]
        made = f"{node.output[0]}/real" if quantised else node.output[0]
        self._add(op, operands, made, attrs, node.name)
        if quantised:
            self._add("QuantizeLinear", [made, *quantised], node.output[0], {})

    def _add(self, op: str, inputs: list[str], output: str, attrs: dict[str, Any], name: str = "") -> None:
        while inputs and not inputs[-1]:
            inputs = inputs[:-1]
        self._graph.node.append(self._helper.make_node(op, inputs, [output], name=name or output, **attrs))


def _refuse(node: Any, why: str, remedy: str) -> UnsupportedOpError:
    return UnsupportedOpError(f"ONNX node '{node.name or node.output[0]}' ({node.op_type}): {why}; {remedy}")
