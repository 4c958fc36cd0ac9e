"""Lift the state that a streaming network carries in variables, so that nothing but columns over time remains.

Such a network reads a variable, puts the new columns behind what it read, and assigns the tail of that to the variable:
its variable holds the newest columns of an endless stream. CONCATENATION(variable, new) becomes

    ASSIGN_VARIABLE(new) -> columns {axis, initial}

the columns that earlier calls left, `initial` before the first, and `new`. Any other state is one tensor that
comes back at the next call:

    READ_VARIABLE() -> state {variable, initial}
    ASSIGN_VARIABLE(value) {variable}

What no output depends on is dropped. State that the caller hands in and gets back becomes a variable first (`carry`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeshift.errors import EdgeShiftError, PlanError, UnsupportedOpError
from edgeshift.ir import Graph, Node, Tensor, variable_name
from edgeshift.ops.slice import slice_index

VARIABLE_OPS = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")


@dataclass(frozen=True)
class _Variable:
    """What a call reads of a variable, what it assigns, and what the first call finds in it."""

    name: str
    read: Tensor
    assigned: Tensor
    initial: np.ndarray


@dataclass(frozen=True)
class Carried:
    """An output, by its number, that the caller hands in again as an input at the next call; `initial` at the first."""

    input: int
    output: int
    initial: np.ndarray


def carried_by(graph: Graph, pair: str) -> Carried:
    """The state that `IN:OUT` names, by tensors' names or numbers. Raises `PlanError`."""
    found = []
    for at in (i for i, c in enumerate(pair) if c == ":"):
        ends = _port(graph, graph.inputs, pair[:at]), _port(graph, graph.outputs, pair[at + 1 :])
        found += [ends] if None not in ends else []
    if len(found) != 1:
        names = [", ".join(f"'{graph.tensors[i].name}'" for i in ports) for ports in (graph.inputs, graph.outputs)]
        raise PlanError(f"--state {pair} names no input and output: the inputs are {names[0]}, the outputs {names[1]}")
    given, back = (int(end) for end in found[0])  # type: ignore[arg-type]
    x, y = graph.tensors[graph.inputs[given]], graph.tensors[graph.outputs[back]]
    alike = x.quant is y.quant or (x.quant is not None and x.quant.same_as(y.quant))
    if (x.shape, x.dtype) != (y.shape, y.dtype) or not alike:
        raise PlanError(
            f"--state {pair}: '{x.name}' is {x.dtype} {list(x.shape)}, '{y.name}' is {y.dtype} {list(y.shape)}, "
            "of another shape, type or scale: it cannot be handed in as it is"
        )
    return Carried(given, back, np.full(x.shape, x.zero_point if x.dtype.kind in "iu" else 0, x.dtype))


def state_like(graph: Graph) -> list[str]:
    """In words: inputs with an output of the same shape and type whose name goes on from theirs."""
    found = []
    for x in (graph.tensors[i] for i in graph.inputs):
        for y in (graph.tensors[i] for i in graph.outputs):
            if y.name.startswith(x.name) and (x.shape, x.dtype) == (y.shape, y.dtype):
                found.append(f"'{x.name}' looks like a state: with --state {x.name}:{y.name} the C keeps it")
    return found


def _port(graph: Graph, ports: tuple[int, ...], name: str) -> int | None:
    for number, tensor_id in enumerate(ports):
        if name in (graph.tensors[tensor_id].name, str(number)):
            return number
    return None


def carry(graph: Graph, states: Sequence[Carried]) -> Graph:
    """The same network with variables in the place of what the caller carries."""
    if not states:
        return graph
    tensors, nodes, initial = dict(graph.tensors), list(graph.nodes), dict(graph.initial)
    for state in states:
        read, assigned = graph.inputs[state.input], graph.outputs[state.output]
        handle = Tensor(max(tensors) + 1, f"state_{state.input}", (), np.dtype("V1"))
        tensors[handle.id] = handle
        named = Node(-1, "VAR_HANDLE", (), (handle.id,), {"shared_name": handle.name.encode()})
        initial[variable_name(named)] = state.initial
        nodes[:0] = [named, Node(-1, "READ_VARIABLE", (handle.id,), (read,))]
        nodes.append(Node(-1, "ASSIGN_VARIABLE", (handle.id, assigned), ()))
    inputs = tuple(t for i, t in enumerate(graph.inputs) if all(i != s.input for s in states))
    outputs = tuple(t for i, t in enumerate(graph.outputs) if all(i != s.output for s in states))
    if not inputs or not outputs:
        raise PlanError("--state leaves the network without an input or an output")
    return replace(graph, tensors=tensors, nodes=tuple(nodes), inputs=inputs, outputs=outputs, initial=initial)


def lift_state(graph: Graph) -> Graph:
    if not any(node.op in VARIABLE_OPS for node in graph.nodes):
        return graph
    variables = _variables(graph)
    rest = [node for node in graph.nodes if node.op not in VARIABLE_OPS]
    made: list[Node] = []
    tensors = dict(graph.tensors)
    for variable in variables:
        if variable.assigned is variable.read:  # nothing ever changes it
            tensors[variable.read.id] = replace(variable.read, data=variable.initial)
            continue
        concat = _history(variable, rest, graph.tensors)
        if concat is not None:
            attrs = {"axis": int(concat.attrs["axis"]), "initial": variable.initial}
            lifted = Node(concat.index, "ASSIGN_VARIABLE", concat.inputs[1:], concat.outputs, attrs)
            rest = [lifted if node is concat else node for node in rest]
            continue
        attrs = {"variable": variable.name, "initial": variable.initial}
        made.append(Node(-1, "READ_VARIABLE", (), (variable.read.id,), attrs))
        rest.append(Node(-1, "ASSIGN_VARIABLE", (variable.assigned.id,), (), {"variable": variable.name}))
    return _without_dead_state(replace(graph, tensors=tensors, nodes=(*made, *rest), initial={}))


def _variables(graph: Graph) -> list[_Variable]:
    """The variables that are read; each must be read before it is assigned, and both at most once a call."""
    names: dict[int, str] = {}
    reads: dict[str, Node] = {}
    assigns: dict[str, Node] = {}
    for node in graph.nodes:
        if node.op == "VAR_HANDLE":
            names[node.outputs[0]] = variable_name(node)
        elif node.op in ("READ_VARIABLE", "ASSIGN_VARIABLE"):
            name = names[node.inputs[0]]  # type: ignore[index]
            seen = reads if node.op == "READ_VARIABLE" else assigns
            if name in seen or (seen is reads and name in assigns):
                raise UnsupportedOpError(
                    f"{node.op} (node {node.index}): variable '{name}' is read or assigned twice in a call; "
                    "export the model so that a call reads a state once and then assigns it once"
                )
            seen[name] = node
    found = []
    for name, node in reads.items():
        if name not in graph.initial:
            raise UnsupportedOpError(
                f"READ_VARIABLE (node {node.index}): nothing in the file gives variable '{name}' its first value, it "
                "is a state or weights that were not frozen: convert the model with "
                "TFLiteConverter.from_keras_model, or from what Model.export saved"
            )
        read, initial = graph.tensors[node.outputs[0]], graph.initial[name]
        assign = assigns.get(name)
        assigned = graph.tensors[assign.inputs[1]] if assign is not None else read  # type: ignore[index]
        if (read.shape, read.dtype) != (assigned.shape, assigned.dtype) or initial.shape != read.shape:
            raise UnsupportedOpError(
                f"READ_VARIABLE (node {node.index}): variable '{name}' changes its shape or type between calls; "
                "export the model with static shapes"
            )
        found.append(_Variable(name, read, assigned, initial.astype(read.dtype)))
    return found


def _history(variable: _Variable, nodes: list[Node], tensors: Mapping[int, Tensor]) -> Node | None:
    """The node that puts new columns behind the state, if the state that is assigned is the tail of what it gives."""
    readers = [node for node in nodes if variable.read.id in node.inputs]
    makers = [node for node in nodes if variable.assigned.id in node.outputs]
    if len(readers) != 1 or len(makers) != 1:
        return None
    concat, tail = readers[0], makers[0]
    if concat.op != "CONCATENATION" or len(concat.inputs) != 2 or concat.inputs[0] != variable.read.id:
        return None
    new = None if concat.inputs[1] is None else tensors[concat.inputs[1]]
    if new is None or new.data is not None or concat.attrs.get("fused_activation_function", 0):
        return None
    if tail.op not in ("STRIDED_SLICE", "SLICE") or tail.inputs[0] != concat.outputs[0]:
        return None
    whole = tensors[concat.outputs[0]]
    axis = int(concat.attrs["axis"]) % len(whole.shape)
    order = np.arange(whole.size).reshape(whole.shape)
    newest = order.take(range(new.shape[axis], whole.shape[axis]), axis)
    given = [None if i is None else tensors[i].data for i in tail.inputs[1:]]
    if any(g is None for g in given) or newest.shape != variable.read.shape:
        return None
    try:
        taken = order[slice_index(tail, *given)] if tail.op == "STRIDED_SLICE" else _slice(order, *given)  # type: ignore
    except EdgeShiftError:
        return None
    return concat if np.array_equal(taken, newest) else None


def _slice(order: np.ndarray, begin: np.ndarray, size: np.ndarray) -> np.ndarray:
    bounds = zip(begin.reshape(-1).tolist(), size.reshape(-1).tolist(), strict=True)
    return order[tuple(slice(b, None if s == -1 else b + s) for b, s in bounds)]


def _without_dead_state(graph: Graph) -> Graph:
    """Drop what no output of this call or of a later one depends on."""
    needed = set(graph.outputs)
    alive: set[str] = set()
    while True:
        for node in reversed(graph.nodes):
            if any(t in needed for t in node.outputs) or (not node.outputs and node.attrs["variable"] in alive):
                needed.update(t for t in node.inputs if t is not None)
        states = {n.attrs["variable"] for n in graph.nodes if n.op == "READ_VARIABLE" and n.outputs[0] in needed}
        if states <= alive:
            break
        alive |= states
    kept = [n for n in graph.nodes if any(t in needed for t in n.outputs) or n.attrs.get("variable") in alive]
    return replace(graph, nodes=tuple(kept))
