"""What LiteRT's reference resolver does not list, written so that it runs the same function.

TILE of int8 has its kernel, under an older version. ELU has none at all: in float32 it becomes
`max(x, 0) + exp(min(x, 0)) - 1`, in int8 a table, as the kernel of the default resolver is one.
"""

from __future__ import annotations

import importlib
import struct
from typing import Any

import numpy as np
import tflite

from edgeshift.reference.function_tables import elu_table

_NEWEST = {tflite.BuiltinOperator.TILE: 2}
_VERSION_FIELD = 8  # of OperatorCode's vtable


def runnable(model: bytes) -> bytes:
    """The model for the reference interpreter; the same bytes where it needs nothing."""
    read = tflite.Model.GetRootAsModel(model, 0)
    patched, codes = bytearray(model), []
    for i in range(read.OperatorCodesLength()):
        code = read.OperatorCodes(i)
        codes.append(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        newest = _NEWEST.get(codes[-1])
        if newest is not None and code.Version() > newest:
            at = code._tab.Pos + code._tab.Offset(_VERSION_FIELD)
            patched[at : at + 4] = struct.pack("<i", newest)
    return _without_elu(bytes(patched)) if tflite.BuiltinOperator.ELU in codes else bytes(patched)


def _without_elu(model: bytes) -> bytes:
    try:
        schema: Any = importlib.import_module("ai_edge_litert.schema_py_generated")
        flatbuffers: Any = importlib.import_module("flatbuffers")
    except ImportError:
        return model  # an older runtime, which will say what it lacks
    made = schema.ModelT.InitFromPackedBuf(model)
    for graph in made.subgraphs:
        nodes = []
        for node in graph.operators:
            code = made.operatorCodes[node.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) != schema.BuiltinOperator.ELU:
                nodes.append(node)
                continue
            nodes += _Elu(schema, made, graph, int(node.inputs[0]), int(node.outputs[0])).nodes
        graph.operators = nodes
    for code in made.operatorCodes:  # what nothing uses is looked up all the same
        if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.ELU:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.EXP
    builder = flatbuffers.Builder(len(model))
    builder.Finish(made.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


class _Elu:
    """The operators that stand for one ELU."""

    def __init__(self, schema: Any, model: Any, graph: Any, x: int, y: int) -> None:
        self._schema, self._model, self._graph = schema, model, graph
        self.nodes: list[Any] = []
        source, output = graph.tensors[x], graph.tensors[y]
        shape, kinds = source.shape, schema.TensorType
        if source.type == kinds.INT8:
            scales = ((float(t.quantization.scale[0]), int(t.quantization.zeroPoint[0])) for t in (source, output))
            (in_scale, in_zero), (out_scale, out_zero) = scales
            table = self._tensor([256], kinds.INT8, elu_table(in_scale, in_zero, out_scale, out_zero))
            graph.tensors[table].quantization = output.quantization
            wide, index = self._tensor(shape, kinds.INT32), self._tensor(shape, kinds.INT32)
            offset = self._tensor([1], kinds.INT32, np.array([128], np.int32))
            self._add("CAST", [x], wide, "CastOptions", inDataType=kinds.INT8, outDataType=kinds.INT32)
            self._add("ADD", [wide, offset], index, "AddOptions")
            self._add("GATHER", [table, index], y, "GatherOptions")
            return
        zero, one = (self._tensor([1], kinds.FLOAT32, np.array([v], np.float32)) for v in (0, 1))
        below, above, power, rest = (self._tensor(shape, kinds.FLOAT32) for _ in range(4))
        self._add("MINIMUM", [x, zero], below, "MaximumMinimumOptions")
        self._add("MAXIMUM", [x, zero], above, "MaximumMinimumOptions")
        self._add("EXP", [below], power, "ExpOptions")
        self._add("SUB", [power, one], rest, "SubOptions")
        self._add("ADD", [above, rest], y, "AddOptions")

    def _tensor(self, shape: Any, kind: int, data: np.ndarray | None = None) -> int:
        buffer = 0
        if data is not None:
            buffer = len(self._model.buffers)
            self._model.buffers.append(self._schema.BufferT(data=data.view(np.uint8)))
        made = self._schema.TensorT(shape=np.array(shape, np.int32), type=kind, buffer=buffer, name=b"elu")
        made.hasRank = True
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _add(self, name: str, inputs: list[int], output: int, options: str, **values: int) -> None:
        schema, codes = self._schema, self._model.operatorCodes
        builtin = getattr(schema.BuiltinOperator, name)
        codes.append(schema.OperatorCodeT(min(builtin, 127), None, 1, builtin))
        node = schema.OperatorT(len(codes) - 1, np.array(inputs, np.int32), np.array([output], np.int32))
        node.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        node.builtinOptions = getattr(schema, f"{options}T")(**values)
        self.nodes.append(node)
