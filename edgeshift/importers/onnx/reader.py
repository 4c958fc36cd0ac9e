"""ONNX models (float32, or quantised to 8 bits; opset 11 to 21) -> `ir.Graph`, read with the `onnx` package (an extra).

Time keeps the axis that it has in the file at the network's inputs and outputs. In between tensors are stored as our
operators want them, `[1, T, C]` and `[1, H, W, C]` (see `values.py`).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeshift.errors import EdgeShiftError, ModelFormatError, UnsupportedOpError
from edgeshift.importers.onnx.conv_transpose import CONV_TRANSPOSE
from edgeshift.importers.onnx.elementwise import ELEMENTWISE
from edgeshift.importers.onnx.exact import simplify
from edgeshift.importers.onnx.functions import FUNCTIONS
from edgeshift.importers.onnx.fuse import fuse
from edgeshift.importers.onnx.gelu import join_gelus
from edgeshift.importers.onnx.inputs import fix_inputs, shapes_of
from edgeshift.importers.onnx.integer import INTEGER_LAYERS, Quantised
from edgeshift.importers.onnx.layers import LAYERS
from edgeshift.importers.onnx.masks import bounded, masked
from edgeshift.importers.onnx.moves import MOVES
from edgeshift.importers.onnx.norm import NORMS
from edgeshift.importers.onnx.pad import PAD
from edgeshift.importers.onnx.qdq import CONVERSIONS, add_integer_input, as_bytes, in_integers, quant_of
from edgeshift.importers.onnx.qoperator import as_qdq
from edgeshift.importers.onnx.recurrent import RECURRENT
from edgeshift.importers.onnx.resize import RESIZE
from edgeshift.importers.onnx.scatter import SCATTER
from edgeshift.importers.onnx.select import SELECT
from edgeshift.importers.onnx.values import REPLACE, Builder, Condition, Source, Value
from edgeshift.importers.onnx.where import WHERE
from edgeshift.ir import Graph, check_graph
from edgeshift.passes.prune import prune

OPSETS = range(11, 22)
_FLOAT = 1  # TensorProto.FLOAT
_BUILDERS = {
    **LAYERS,
    **CONV_TRANSPOSE,
    **RECURRENT,
    **ELEMENTWISE,
    **FUNCTIONS,
    **MOVES,
    **NORMS,
    **PAD,
    **RESIZE,
    **SCATTER,
    **SELECT,
    **WHERE,
}
_WHY = {
    "If": "branches that are chosen at run time are not built",
    "Loop": "loops are not built",
    "Scan": "loops are not built",
}
_DYNAMIC = ("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "ConvInteger", "MatMulInteger")


def _onnx(module: str = "onnx") -> Any:
    """The optional package, whose name this folder shares."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModelFormatError(
            "reading ONNX models takes the packages of the extra 'onnx': pip install 'edgeshift[onnx]'"
        ) from error


def looks_like_onnx(data: bytes) -> bool:
    """Whether the bytes begin as a ModelProto does, with its IR version (field 1)."""
    return len(data) > 16 and data[0] == 0x08 and 3 <= data[1] <= 32 and data[4:8] != b"TFL3"


def onnx_operators() -> list[str]:
    """The names of all ONNX operators that are read; of constants any other is computed too."""
    return sorted({*_BUILDERS, "Constant", "If", "Shape", "Size"})


def read_onnx(path: str | Path) -> bytes:
    """The bytes of an `.onnx` file with all of its weights, those that lie in files beside it too."""
    data = Path(path).read_bytes()
    onnx = _onnx()
    try:
        model = onnx.load_from_string(data)
        if not any(t.data_location for t in model.graph.initializer) and looks_like_onnx(data):
            return data
        onnx.load_external_data_for_model(model, str(Path(path).parent))
    except Exception as error:
        raise ModelFormatError(f"'{path}' cannot be read as ONNX: {_line(error)}") from error
    complete = bytes(model.SerializeToString())
    if not looks_like_onnx(complete):
        raise ModelFormatError(f"'{path}' is not an ONNX model")
    return complete


def load_onnx(path: str | Path) -> Graph:
    """Read an `.onnx` file. Raises `ModelFormatError` and `UnsupportedOpError`."""
    return parse_onnx(read_onnx(path), Path(path).stem)


def fix_onnx(data: bytes, values: Mapping[str, float]) -> bytes:
    """The model with some of its inputs as constants. Raises `ModelFormatError`, `PlanError` for what is no input."""
    model = _parsed(data, "the model")
    fix_inputs(_onnx(), model, values)
    return bytes(model.SerializeToString())


def _parsed(data: bytes, name: str) -> Any:
    try:
        return _onnx().load_from_string(data)
    except EdgeShiftError:
        raise
    except Exception as error:  # protobuf's errors have no common base
        raise ModelFormatError(f"'{name}' is damaged, or not an ONNX model: {_line(error)}") from error


def parse_onnx(data: bytes, name: str, frames: int | None = None) -> Graph:
    """The graph of an ONNX model in memory, with `frames` for a length that its inputs leave open.

    Raises `ModelFormatError` when it is no ONNX model, of another opset, or of open shapes, `UnsupportedOpError` naming
    the first node that cannot be read.
    """
    model = _parsed(data, name)
    if model.functions:
        model = _onnx("onnx.inliner").inline_local_functions(model)
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset not in OPSETS:
        raise ModelFormatError(
            f"'{name}' is of opset {opset}; {OPSETS[0]} to {OPSETS[-1]} can be read: "
            "export it again, or convert it with onnx.version_converter"
        )
    try:
        graph = _Reader(as_qdq(model), opset, frames).read(name, hashlib.sha256(data).hexdigest())
    except EdgeShiftError:
        raise
    except Exception as error:
        raise ModelFormatError(f"'{name}' cannot be read ({type(error).__name__}: {_line(error)})") from error
    check_graph(graph)
    graph = fuse(prune(simplify(graph)))
    check_graph(graph)
    return graph


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _is_tensor(node: Any) -> bool:
    """Whether a node is a constant with a tensor in it."""
    return node.op_type == "Constant" and len(node.attribute) == 1 and node.attribute[0].name == "value"


def _within(node: Any) -> list[Any]:
    """The nodes in the branches of a node."""
    inner = [n for a in node.attribute for n in a.g.node]
    return inner + [deeper for n in inner for deeper in _within(n)]


class _Reader:
    """Reads the nodes in order: those of constants are computed, the others become ours."""

    def __init__(self, model: Any, opset: int, frames: int | None) -> None:
        self.onnx, self.model, self.opset, self.frames = _onnx(), model, opset, frames
        self.b = Builder()
        self.open: dict[str, np.ndarray] = {}  # what depends on integer inputs alone, as it is where they are 0

    def read(self, name: str, sha256: str) -> Graph:
        graph, b = self.model.graph, self.b
        for index, node in enumerate(graph.node):
            if node.op_type in _DYNAMIC:
                raise self._source(index, node, list(node.output)).refuse(
                    "dynamic quantisation measures its scales over the whole window, so nothing could be shifted",
                    "quantise the model statically (quantize_static), or leave it in float32",
                )
            if node.op_type in _WHY and node.op_type != "If":  # whatever else may be missing, this is what decides
                raise self._source(index, node, list(node.output)).refuse(_WHY[node.op_type])
        for initializer in graph.initializer:
            b.constants[initializer.name] = self._array(initializer)
        known = {n.output[0]: self._array(n.attribute[0].t) for n in graph.node if _is_tensor(n)}
        self.quantised = Quantised(graph, {**b.constants, **known}, self._attributes)
        inputs = [i for i in graph.input if i.name not in b.constants]
        for given, (shape, opened) in zip(inputs, shapes_of(inputs, self.frames), strict=True):
            self._input(given, shape, opened)
        everywhere = [n for node in graph.node for n in (node, *_within(node))]
        branches = [g for n in everywhere for a in n.attribute for g in [a.g] if a.HasField("g")]
        b.used = {i for n in everywhere for i in n.input} | {o.name for g in (graph, *branches) for o in g.output}
        self.masked = masked(everywhere, {o.name for g in (graph, *branches) for o in g.output})
        for index, node in enumerate(join_gelus(graph.node, self._scalars().get, self._gelu)):
            self._node(index, node)
        outputs = []
        for given in graph.output:
            if given.name in b.constants or given.name in self.open:
                raise UnsupportedOpError(f"output '{given.name}' is a constant; remove it")
            outputs.append(self._output(b.values[given.name], given))
        return b.graph(name, sha256, outputs)

    def _output(self, value: Value, given: Any) -> int:
        """An output as ONNX stores it, under its own name."""
        b, name = self.b, given.name
        b.source = Source(len(self.model.graph.node), "output", name, (), (name,), {}, self.opset)
        made = b.straight(value).id
        if given.type.tensor_type.elem_type == self.onnx.TensorProto.UINT8:
            return as_bytes(b, made)
        return b.emit("RESHAPE", [made], value.shape) if made in b.inputs else made

    def _scalars(self) -> dict[str, float]:
        """The constants of one element."""
        found = dict(self.b.constants)
        for node in self.model.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                found[node.output[0]] = self._array(node.attribute[0].t)
        return {name: float(v.reshape(())) for name, v in found.items() if v.size == 1 and v.dtype.kind == "f"}

    def _gelu(self, x: str, last: Any) -> Any:
        return self.onnx.helper.make_node("Gelu", [x], [last.output[0]], name=last.name)

    def _array(self, proto: Any) -> np.ndarray:
        return np.asarray(self.onnx.numpy_helper.to_array(proto))

    def _input(self, given: Any, shape: tuple[int, ...], opened: int | None) -> None:
        kind = given.type.tensor_type.elem_type
        dtype = self.onnx.helper.tensor_dtype_to_np_dtype(kind)
        grid = self.quantised.grid_of_input(given.name) if dtype in (np.int8, np.uint8) else None
        if grid is not None:
            add_integer_input(self.b, given.name, shape, grid, dtype == np.uint8)
        elif dtype.kind in "iub":
            self.open[given.name] = np.zeros(shape, dtype)
        elif kind == _FLOAT:
            self.b.add_input(given.name, shape)
            if opened is not None:
                self.b.time_axes[self.b.inputs[-1]] = (opened, "whose length was open")
        else:
            type_name = self.onnx.TensorProto.DataType.Name(kind).lower()
            raise ModelFormatError(f"input '{given.name}' is {type_name}; float32 ONNX models can be read")

    def _node(self, index: int, node: Any) -> None:
        b, op = self.b, node.op_type
        outputs = list(node.output)
        while len(outputs) > 1 and outputs[-1] not in b.used and op != "Split":
            outputs.pop()
        b.source = source = self._source(index, node, outputs)
        if outputs[0] in self.masked:
            b.source = source = replace(source, inputs=tuple(bounded(i, b.constants) for i in source.inputs))
        known = {i for i in node.input if not i or i in b.constants or i in self.open}
        if op == "Shape" and node.input[0] in b.values:
            shape = b.values[node.input[0]].shape
            b.constants[outputs[0]] = np.array(shape[slice(source.get("start", 0), source.get("end", None))], np.int64)
        elif op == "Size" and node.input[0] in b.values:
            b.constants[outputs[0]] = np.array(np.prod(b.values[node.input[0]].shape), np.int64)
        elif op == "If" and node.input[0] in b.constants:
            self._branch(index, node, bool(b.constants[node.input[0]].reshape(())))
        elif op != "If" and len(known) == len(set(node.input)):
            self._compute(source, node)
        elif opened := [i for i in node.input if i in self.open]:
            names = ", ".join(repr(i.name) for i in self.model.graph.input if i.name in self.open)
            why = f"'{opened[0]}' depends on the integer input {names}"
            raise source.refuse(why, "give that its value, as a constant: --set NAME=VALUE")
        elif op == "If":
            raise source.refuse(_WHY[op])
        elif op in CONVERSIONS:
            b.values[outputs[0]] = CONVERSIONS[op](b, self.quantised.grid(node))
        elif node.domain not in ("", "ai.onnx") or op not in _BUILDERS:
            raise source.refuse("the operator is not supported", REPLACE)
        else:
            first = len(b.nodes)
            made = _BUILDERS[op](b)
            layer = self.quantised.layer(node, b.value().shape) if op in INTEGER_LAYERS else None
            if layer is not None:
                in_integers(b, first, layer)
            for output, value in zip(outputs, made if isinstance(made, list) else [made], strict=True):
                if isinstance(value, Condition):
                    b.conditions[output] = value
                elif value is not None:
                    b.values[output] = value

    def _branch(self, index: int, node: Any, condition: bool) -> None:
        """A branch whose condition is known when the model is read."""
        name = "then_branch" if condition else "else_branch"
        branch = next(a.g for a in node.attribute if a.name == name)
        for initializer in branch.initializer:
            self.b.constants[initializer.name] = self._array(initializer)
        for inner in branch.node:
            self._node(index, inner)
        for output, inner in zip(node.output, branch.output, strict=True):
            found: Any = self.b.constants if inner.name in self.b.constants else self.b.values
            found[output] = found[inner.name]

    def _source(self, index: int, node: Any, outputs: list[str]) -> Source:
        name = node.name or node.output[0]
        return Source(index, node.op_type, name, tuple(node.input), tuple(outputs), self._attributes(node), self.opset)

    def _attributes(self, node: Any) -> dict[str, Any]:
        attrs = {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}
        return {k: v.decode() if isinstance(v, bytes) else v for k, v in attrs.items()}

    def _keep(self, name: str, node: Any, values: np.ndarray) -> None:
        """A constant that was quantised or dequantised, with what its integers were."""
        self.b.constants[name] = values
        per_tensor = node.op_type == "DequantizeLinear" and self.b.constants[node.input[1]].size == 1
        if per_tensor and self.b.constants[node.input[0]].dtype in (np.int8, np.uint8):
            self.b.grids[name] = quant_of(self.quantised.grid(node))

    def _compute(self, source: Source, node: Any) -> None:
        """A node of constants, by ONNX's own reference."""
        b, helper = self.b, self.onnx.helper
        if source.op == "Constant" and "value" in source.attrs:
            b.constants[source.outputs[0]] = self._array(source["value"])
            return
        converted = self.quantised.converted(node) if source.op in CONVERSIONS else None
        if converted is not None:
            self._keep(source.outputs[0], node, converted)
            return
        known = {i: b.constants[i] if i in b.constants else self.open[i] for i in dict.fromkeys(node.input) if i}
        types = [
            helper.make_tensor_value_info(i, helper.np_dtype_to_tensor_dtype(v.dtype), None) for i, v in known.items()
        ]
        results = [helper.make_tensor_value_info(o, 0, None) for o in source.outputs]
        graph = helper.make_graph([node], "constant", types, results)
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        try:
            made = _onnx("onnx.reference").ReferenceEvaluator(model).run(None, known)
        except Exception as error:
            raise source.refuse(f"its constants cannot be computed ({_line(error)})", "export it again") from error
        zero = [i for i in known if i in b.constants and b.constants[i].dtype.kind == "i" and not b.constants[i].any()]
        settled = not any(i in self.open for i in known) or (source.op == "Mul" and zero)  # whatever the integer is
        for output, value in zip(source.outputs, made, strict=True):
            (b.constants if settled else self.open)[output] = np.asarray(value)
