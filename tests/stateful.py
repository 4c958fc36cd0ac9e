"""Networks that hand their state in and out (`Stateful`), and those that carry it (`with_variables`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeshift.importers import parse_model
from tests.finish import finish
from tests.netbuilder import Handle, Net

VARIABLE_OPS = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")


@dataclass(frozen=True)
class State:
    """Output number `output` comes back as input number `input`; `initial` are the values of the first call."""

    input: int
    output: int
    initial: np.ndarray


class Stateful:
    """A network under construction whose states are handed in and out."""

    def __init__(self, frames: tuple[int, ...], seed: int = 5) -> None:
        self.rng = np.random.default_rng(seed)
        self.net = Net("stateful", self.rng)
        self.frames = self.net.input(frames)
        self.shapes: list[tuple[int, ...]] = []
        self.kept: list[Handle] = []

    def state(self, shape: tuple[int, ...]) -> Handle:
        self.shapes.append(shape)
        return self.net.input(shape)

    def keep(self, value: Handle) -> None:
        """The next value of the state that was made last and is not kept yet."""
        self.kept.append(value)

    def history(self, new: Handle, columns: int) -> Handle:
        """`columns` older columns, along axis 1, before `new`."""
        state = self.state((1, columns, *new.shape[2:]))
        whole = self.net.concat([state, new], 1)
        rank = len(whole.shape)
        begin = [0, new.shape[1], *[0] * (rank - 2)]
        self.keep(self.net.strided_slice(whole, begin, whole.shape))
        return whole

    def cell(self, x: Handle, size: int) -> Handle:
        """A vector `[1, size]` that is tanh of `x` and of what it was at the call before."""
        state = self.state((1, size))
        new = self.net.tanh(self.net.add(self.net.dense(x, size), self.net.dense(state, size)))
        # Cut out of both, so that it has the state's scale.
        new = self.net.strided_slice(self.net.concat([state, new], 0), (1, 0), (2, size))
        self.keep(new)
        return new

    def finish(self, *outputs: Handle, dtype: str) -> tuple[bytes, list[State]]:
        """The network's file, which hands its states in and out, and the states with random first values."""
        self.net.output(*outputs, *self.kept)
        model = finish(self.net, dtype)
        graph, count = parse_model(model, "stateful"), len(outputs)
        states = []
        for i, shape in enumerate(self.shapes):
            kind = graph.tensors[graph.inputs[i + 1]].dtype
            limits = np.iinfo(np.int8 if kind == np.float32 else kind)
            normal = self.rng.normal(0, 1, shape).astype(np.float32)
            integers = self.rng.integers(limits.min, limits.max + 1, shape, limits.dtype)
            states.append(State(i + 1, i + count, normal if kind == np.float32 else integers))
        return model, states


def with_variables(model: bytes, states: Sequence[State], initialise: bool = True) -> bytes:
    """The same network with a variable for each state, as converters write it: CALL_ONCE assigns the first values."""
    net = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = net.subgraphs[0]
    codes = {name: _code(net, name) for name in VARIABLE_OPS}
    first = schema.SubGraphT(name="NoOp", tensors=[], operators=[], inputs=_ids(), outputs=_ids())
    reads, assigns = [], []
    for number, state in enumerate(states):
        read, assigned = int(graph.inputs[state.input]), int(graph.outputs[state.output])
        tensor, options = graph.tensors[read], schema.VarHandleOptionsT(container="", sharedName=f"state{number}")
        outer, inner = _handle(graph), _handle(first)
        assert state.initial.shape == tuple(tensor.shape)
        values = schema.TensorT(name=f"initial{number}", type=tensor.type, shape=tensor.shape, hasRank=True)
        values.quantization, values.buffer = tensor.quantization, len(net.buffers)
        raw = np.ascontiguousarray(state.initial).tobytes()
        net.buffers.append(schema.BufferT(data=np.frombuffer(raw, np.uint8)))
        first.tensors.append(values)
        reads += [
            _operator(codes["VAR_HANDLE"], [], [outer], options),
            _operator(codes["READ_VARIABLE"], [outer], [read], schema.ReadVariableOptionsT()),
        ]
        assigns.append(_operator(codes["ASSIGN_VARIABLE"], [outer, assigned], [], schema.AssignVariableOptionsT()))
        first.operators += [
            _operator(codes["VAR_HANDLE"], [], [inner], options),
            _operator(codes["ASSIGN_VARIABLE"], [inner, len(first.tensors) - 1], [], schema.AssignVariableOptionsT()),
        ]
    once = [_operator(codes["CALL_ONCE"], [], [], schema.CallOnceOptionsT(len(net.subgraphs)))] if initialise else []
    graph.operators = [*once, *reads, *graph.operators, *assigns]
    graph.inputs = _ids(*(t for i, t in enumerate(graph.inputs) if all(i != s.input for s in states)))
    graph.outputs = _ids(*(t for i, t in enumerate(graph.outputs) if all(i != s.output for s in states)))
    net.subgraphs.append(first)
    builder = flatbuffers.Builder(1024)
    builder.Finish(net.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _ids(*ids: int) -> np.ndarray:
    return np.array(ids, np.int32)


def _code(net: Any, name: str) -> int:
    code = getattr(schema.BuiltinOperator, name)
    net.operatorCodes.append(schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=1))
    return len(net.operatorCodes) - 1


def _handle(graph: Any) -> int:
    graph.tensors.append(schema.TensorT(name="handle", type=schema.TensorType.RESOURCE, shape=_ids(), hasRank=True))
    return len(graph.tensors) - 1


def _operator(code: int, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> Any:
    operator = schema.OperatorT(opcodeIndex=code, inputs=_ids(*inputs), outputs=_ids(*outputs))
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    operator.builtinOptions = options
    return operator
