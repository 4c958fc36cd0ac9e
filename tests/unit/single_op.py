"""One operator as a model in memory, run by LiteRT's reference kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
}


@dataclass(frozen=True)
class Operand:
    """A tensor: its quantisation, if any, and its constant data, if any. `scale` may be one per channel."""

    shape: tuple[int, ...]
    dtype: Any = np.int8
    scale: float | Sequence[float] | None = None
    zero_point: int = 0
    data: NDArray | None = None
    channel_axis: int = 0


def build(op: str, inputs: Sequence[Operand], output: Operand, version: int = 1, **options: Any) -> bytes:
    """The model of one operator by its schema name: `build("ADD", [a, b], c, fusedActivationFunction=1)`."""
    model, graph, code, node = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    model.buffers = [schema.BufferT()]
    builtin = getattr(schema.BuiltinOperator, op)
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version

    graph.tensors = [_tensor(model, operand, f"t{i}") for i, operand in enumerate([*inputs, output])]
    graph.inputs = [i for i, operand in enumerate(inputs) if operand.data is None]
    graph.outputs = node.outputs = [len(inputs)]
    node.inputs, graph.operators = list(range(len(inputs))), [node]
    kind = _OPTIONS.get(op)
    if kind:
        node.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        node.builtinOptions = getattr(schema, kind + "T")()
        for name, value in options.items():
            assert hasattr(node.builtinOptions, name), name
            setattr(node.builtinOptions, name, value)

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


_OPTIONS = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "SOFTMAX": "SoftmaxOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "CONV_2D": "Conv2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "PAD": "PadOptions",
    "QUANTIZE": "QuantizeOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "GELU": "GeluOptions",
}


def _tensor(model: Any, operand: Operand, name: str) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, list(operand.shape), TYPES[np.dtype(operand.dtype)]
    if operand.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.ascontiguousarray(operand.data, operand.dtype).view(np.uint8).ravel()
        tensor.buffer = len(model.buffers)
        model.buffers.append(buffer)
    if operand.scale is not None:
        q = tensor.quantization = schema.QuantizationParametersT()
        q.scale = [float(s) for s in np.atleast_1d(np.asarray(operand.scale, np.float32))]
        q.zeroPoint, q.quantizedDimension = [operand.zero_point] * len(q.scale), operand.channel_axis
    return tensor


def run(model: bytes, *arrays: NDArray, reference: bool = True) -> NDArray:
    """The output of a model for its non-constant inputs, in their order."""
    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=kernels, num_threads=1)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), arrays, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
