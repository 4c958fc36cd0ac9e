"""TensorFlow Lite flatbuffers -> `ir.Graph`, read with the `tflite` schema package."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from edgeshift.errors import EdgeShiftError, ModelFormatError, UnsupportedOpError
from edgeshift.ir import Graph, Node, QuantParams, Tensor, check_graph, variable_name

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3


def _enum_names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


_OPERATORS = _enum_names(tflite.BuiltinOperator)
_OPTIONS = _enum_names(tflite.BuiltinOptions)
_TYPES = _enum_names(tflite.TensorType)
_DTYPES = {
    name: np.dtype(name.lower())
    for name in ("FLOAT32", "FLOAT16", "FLOAT64", "INT8", "UINT8", "INT16", "INT32", "INT64", "UINT32")
} | {"BOOL": np.dtype(np.bool_), "INT4": np.dtype(np.int8)}  # int4 is unpacked


def load_tflite(path: str | Path) -> Graph:
    """Read a `.tflite` file.

    Raises `ModelFormatError` when it cannot be read, is not TFLite schema version 3 or is inconsistent.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFormatError(f"cannot read '{path}': {error.strerror or error}") from error
    return parse_tflite(data, path.stem)


def parse_tflite(data: bytes, name: str) -> Graph:
    """The graph of a `.tflite` flatbuffer in memory; see `load_tflite`."""
    if len(data) < 16 or data[4:8] != IDENTIFIER:
        raise ModelFormatError(
            f"'{name}' is neither a TensorFlow Lite (no {IDENTIFIER.decode()} identifier) nor an ONNX model; "
            "`edgeshift convert` makes one of a .keras, .h5 or .pt2 file"
        )
    try:
        model = tflite.Model.GetRootAsModel(data, 0)
        if model.Version() != SCHEMA_VERSION:
            raise ModelFormatError(
                f"'{name}' has schema version {model.Version()}; version {SCHEMA_VERSION} can be read"
            )
        graph = _read(model, name, hashlib.sha256(data).hexdigest())
    except EdgeShiftError:
        raise
    except Exception as error:  # a damaged flatbuffer makes the reader fail in many ways
        raise ModelFormatError(f"'{name}' is damaged or truncated: copy or convert it again") from error
    check_graph(graph)
    return graph


def _read(model: Any, name: str, sha256: str) -> Graph:
    if model.SubgraphsLength() < 1:
        raise ModelFormatError(f"'{name}' holds no network")
    subgraph = model.Subgraphs(0)
    tensors = {i: _tensor(model, subgraph.Tensors(i), i) for i in range(subgraph.TensorsLength())}
    nodes = tuple(_node(model, subgraph.Operators(i), i, tensors) for i in range(subgraph.OperatorsLength()))
    _refuse_control_flow(nodes, tensors)
    inputs = tuple(_ids(subgraph.Inputs, subgraph.InputsLength()))
    outputs = tuple(_ids(subgraph.Outputs, subgraph.OutputsLength()))
    for tensor_id in (*inputs, *outputs):
        if tensor_id not in tensors:
            raise ModelFormatError(f"'{name}' names tensor {tensor_id}, which it does not have")
    for tensor_id in inputs:
        raw = subgraph.Tensors(tensor_id)
        signature = _ids(raw.ShapeSignature, raw.ShapeSignatureLength())
        if -1 in signature[1:]:
            raise ModelFormatError(
                f"input '{tensors[tensor_id].name}' has an open length {signature}; "
                "export the model with the length of its window fixed, as keras.Input((frames, features)) does"
            )
    initial: dict[str, np.ndarray] = {}
    for node in nodes:
        if node.op == "CALL_ONCE":
            initial |= _initial_values(model, node)
    return Graph(name, sha256, tensors, nodes, inputs, outputs, initial=initial)


def _refuse_control_flow(nodes: Sequence[Node], tensors: Mapping[int, Tensor]) -> None:
    """Refuse loops and branches: what is in their subgraphs has no place in time."""
    for node in nodes:
        if node.op not in ("WHILE", "IF"):
            continue
        name = tensors[node.outputs[-1]].name if node.outputs else f"node {node.index}"
        if node.op == "IF":
            raise UnsupportedOpError(
                f"IF '{name}' (node {node.index}) chooses between two networks at run time; export the one that is used"
            )
        raise UnsupportedOpError(
            f"WHILE '{name}' (node {node.index}) is a loop at run time, as converters write an LSTM, a GRU or an RNN: "
            "which columns a step reads cannot be told; build the layer with unroll=True (`edgeshift convert` does) or "
            "give an LSTM as one operator: built with tf_keras, saved as a SavedModel of a batch of one"
        )


def _initial_values(model: Any, call: Node) -> dict[str, np.ndarray]:
    """What the subgraph that runs before the first call assigns to variables."""
    index = int(call.attrs["init_subgraph_index"])
    if not 0 < index < model.SubgraphsLength():
        raise ModelFormatError(f"CALL_ONCE (node {call.index}) names subgraph {index}, which the file does not have")
    subgraph = model.Subgraphs(index)
    tensors = {i: _tensor(model, subgraph.Tensors(i), i) for i in range(subgraph.TensorsLength())}
    names: dict[int, str] = {}
    values: dict[str, np.ndarray] = {}
    for i in range(subgraph.OperatorsLength()):
        node = _node(model, subgraph.Operators(i), i, tensors)
        if node.op == "VAR_HANDLE":
            names[node.outputs[0]] = variable_name(node)
        elif node.op == "ASSIGN_VARIABLE" and node.inputs[1] is not None:
            data = tensors[node.inputs[1]].data
            if data is None:
                raise UnsupportedOpError(
                    f"CALL_ONCE (node {call.index}) computes the first value of '{names[node.inputs[0]]}'; "  # type: ignore
                    "export the model so that its state starts as a constant"
                )
            values[names[node.inputs[0]]] = data  # type: ignore[index]
    return values


def _ids(read: Any, length: int) -> list[int]:
    return [int(read(i)) for i in range(length)]


def _tensor(model: Any, raw: Any, index: int) -> Tensor:
    name = (raw.Name() or b"").decode("utf-8", "replace") or f"tensor_{index}"
    type_name = _TYPES.get(raw.Type(), f"type {raw.Type()}")
    shape = tuple(_ids(raw.Shape, raw.ShapeLength()))
    if not 0 <= raw.Buffer() < model.BuffersLength():
        raise ModelFormatError(f"tensor '{name}' names a buffer that the file does not have")
    buffer = model.Buffers(raw.Buffer())
    length = buffer.DataLength()
    dtype = _DTYPES.get(type_name)
    data = None
    if length and dtype is not None:
        if raw.Sparsity() is not None:
            raise ModelFormatError(f"tensor '{name}' is stored sparse; export the model with dense weights")
        values = np.frombuffer(buffer.DataAsNumpy().tobytes(), dtype=dtype.newbyteorder("<")).astype(dtype)
        if type_name == "INT4":
            values = np.stack([values << 4 >> 4, values >> 4], axis=-1).reshape(-1)[: int(np.prod(shape))]
        if values.size != int(np.prod(shape, dtype=np.int64)):
            raise ModelFormatError(f"constant '{name}' does not fill its shape {list(shape)}")
        if dtype.kind == "f" and not np.isfinite(values).all():
            raise ModelFormatError(f"constant '{name}' holds NaN or infinite values; train or export the model again")
        data = values.reshape(shape)
        data.setflags(write=False)
    quant = _quant(raw, name, shape)
    if dtype == np.int8 and quant is not None and ((quant.zero_point < -128) | (quant.zero_point > 127)).any():
        raise ModelFormatError(f"tensor '{name}' has a zero point that is not an int8")
    return Tensor(index, name, shape, dtype or np.dtype("V1"), quant, data, bool(raw.IsVariable()))


def _quant(raw: Any, name: str, shape: tuple[int, ...]) -> QuantParams | None:
    quant = raw.Quantization()
    if quant is None or quant.ScaleLength() == 0:
        return None
    scale = np.array(quant.ScaleAsNumpy(), dtype=np.float32)
    if quant.ZeroPointLength() not in (0, 1, scale.size):
        raise ModelFormatError(f"tensor '{name}' has {scale.size} scales and {quant.ZeroPointLength()} zero points")
    zero = np.zeros(scale.size, np.int64)
    if quant.ZeroPointLength():
        zero = np.broadcast_to(np.array(quant.ZeroPointAsNumpy(), np.int64), scale.shape).copy()
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ModelFormatError(f"tensor '{name}' has a quantisation scale that is not a positive number")
    axis = int(quant.QuantizedDimension())
    if scale.size > 1 and not (0 <= axis < len(shape) and shape[axis] == scale.size):
        raise ModelFormatError(f"tensor '{name}' has {scale.size} scales, which do not match its shape {list(shape)}")
    return QuantParams(scale, zero, axis)


def _node(model: Any, raw: Any, index: int, tensors: dict[int, Tensor]) -> Node:
    code = model.OperatorCodes(raw.OpcodeIndex())
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    op = _OPERATORS.get(builtin, f"operator {builtin}")
    if op == "CUSTOM":
        op = f"CUSTOM '{(code.CustomCode() or b'?').decode('utf-8', 'replace')}'"
    inputs = tuple(None if i < 0 else i for i in _ids(raw.Inputs, raw.InputsLength()))
    outputs = tuple(_ids(raw.Outputs, raw.OutputsLength()))
    for tensor_id in (*inputs, *outputs):
        if tensor_id is not None and tensor_id not in tensors:
            raise ModelFormatError(f"{op} (node {index}) names tensor {tensor_id}, which the file does not have")
    attrs = _attributes(raw)
    if raw.IntermediatesLength():
        attrs["intermediates"] = tuple(_ids(raw.Intermediates, raw.IntermediatesLength()))
    return Node(index, op, inputs, outputs, attrs, code.Version())


def _attributes(raw: Any) -> dict[str, Any]:
    """The node's builtin options as a plain dict, whatever their table is called."""
    kind = _OPTIONS.get(raw.BuiltinOptionsType(), "NONE")
    table = raw.BuiltinOptions()
    if kind == "NONE" or table is None:
        return {}
    options = getattr(tflite, kind)()
    options.Init(table.Bytes, table.Pos)
    attrs = {}
    for method in dir(options):
        known = method == "Init" or method.startswith(("_", "GetRoot"))
        if known or method.endswith(("Length", "IsNone", "BufferHasIdentifier")):
            continue
        try:
            value = getattr(options, method)()
        except TypeError:
            continue  # an element accessor of a vector, whose whole is read by its ...AsNumpy twin
        attrs[_snake(method.removesuffix("AsNumpy"))] = value
    return attrs


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
