"""Tensors and operators to TFLite bytes: the flatbuffer side of `tests.netbuilder`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

NO_TENSOR = -1  # TFLite's index of an absent optional operand

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "float16": schema.TensorType.FLOAT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "int16": schema.TensorType.INT16,
    "int4": schema.TensorType.INT4,  # its data are int8, written two to a byte
}

# Operator versions as the TFLite converter writes them; whatever is not listed is version 1.
_INT8_VERSIONS = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "MAX_POOL_2D": 2, "AVERAGE_POOL_2D": 2,
    "MEAN": 2, "SUM": 2, "REDUCE_MAX": 2, "ADD": 2, "SUB": 2, "MUL": 2, "CONCATENATION": 2, "PAD": 2,
    "STRIDED_SLICE": 2, "SOFTMAX": 2, "LOGISTIC": 2, "TANH": 2, "RELU": 2, "RELU6": 2, "DEQUANTIZE": 2,
    "QUANTIZE": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Quant:
    """Scales and zero points: one of each, or one per slice of `axis`."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    data: np.ndarray | None = None
    quant: Quant | None = None
    variable: bool = False


@dataclass(frozen=True)
class Op:
    code: str
    inputs: tuple[int, ...]
    output: int
    options: Any = None
    more: tuple[int, ...] = ()  # its other outputs
    intermediates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Network:
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def write(network: Network) -> bytes:
    """The network as a .tflite file; tensor indices are those of `network.tensors`."""
    model = schema.ModelT(version=3, description="EdgeShift test network")
    model.buffers = [schema.BufferT()]  # buffer 0 is the empty one
    codes: dict[tuple[str, int], int] = {}
    operators = []
    for op in network.ops:
        index = codes.setdefault((op.code, _version(op, network.tensors)), len(codes))
        operators.append(_operator(op, index))
    model.operatorCodes = [_operator_code(code, version) for code, version in codes]
    graph = schema.SubGraphT(name="main", operators=operators)
    graph.tensors = [_tensor(tensor, model.buffers) for tensor in network.tensors]
    graph.inputs = np.array(network.inputs, np.int32)
    graph.outputs = np.array(network.outputs, np.int32)
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _version(op: Op, tensors: tuple[Tensor, ...]) -> int:
    if op.code == "FULLY_CONNECTED":
        if op.options.keepNumDims:
            return 5
        if len(op.inputs) == 2:
            return 6
    if op.code == "TRANSPOSE_CONV":
        return 4 if op.options.fusedActivationFunction else 3 if len(op.inputs) > 3 else 2
    if tensors[op.inputs[0]].dtype in ("int8", "int16"):
        return _INT8_VERSIONS.get(op.code, 1)
    if op.code == "DEPTHWISE_CONV_2D" and (op.options.dilationHFactor, op.options.dilationWFactor) != (1, 1):
        return 2
    return 1


def _operator_code(name: str, version: int) -> Any:
    code = getattr(schema.BuiltinOperator, name)
    return schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=version)


def _operator(op: Op, code_index: int) -> Any:
    operator = schema.OperatorT(opcodeIndex=code_index)
    operator.inputs = np.array(op.inputs, np.int32)
    operator.outputs = np.array([op.output, *op.more], np.int32)
    if op.intermediates:
        operator.intermediates = np.array(op.intermediates, np.int32)
    if op.options is not None:
        kind = type(op.options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        operator.builtinOptions = op.options
    return operator


def _tensor(tensor: Tensor, buffers: list[Any]) -> Any:
    record = schema.TensorT(name=tensor.name, type=_TYPES[tensor.dtype])
    record.shape = np.array(tensor.shape, np.int32)
    record.hasRank = True
    record.isVariable = tensor.variable
    if tensor.data is not None:
        record.buffer = len(buffers)
        buffers.append(schema.BufferT(data=np.frombuffer(_raw(tensor.data, tensor.dtype), np.uint8)))
    if tensor.quant is not None:
        quant = schema.QuantizationParametersT(quantizedDimension=tensor.quant.axis)
        quant.scale = np.array(tensor.quant.scale, np.float32)
        quant.zeroPoint = np.array(tensor.quant.zero_point, np.int64)
        record.quantization = quant
    return record


def _raw(data: np.ndarray, dtype: str) -> bytes:
    if dtype != "int4":
        return np.ascontiguousarray(data, dtype=dtype).tobytes()
    pairs = np.append(data, np.zeros(data.size % 2)).astype(np.int8).view(np.uint8).reshape(-1, 2)
    return (pairs[:, 0] & 15 | pairs[:, 1] << 4).tobytes()  # the even one in the low bits
