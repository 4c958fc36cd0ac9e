"""Split a state that holds several: every part that the network reads by itself becomes a variable of its own.

An exporter that has one cache for all layers writes slices of it, and a new cache from pieces. Which element of the
state that is assigned comes from where is followed through every operator that only moves elements; so a part that is
the tail of older and newer columns is found as such by `lift_state`, and nothing else is moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgeshift.errors import EdgeShiftError
from edgeshift.ir import Graph, Node, Tensor, variable_name
from edgeshift.ops.slice import slice_index
from edgeshift.passes.prune import prune

_BITS = 32  # an element of a tensor: the tensor's id, shifted by so much, and the element's number
_RESHAPES = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")


@dataclass(frozen=True)
class _State:
    """The nodes of a variable that is read once and assigned once."""

    handle: Node
    read: Node
    assign: Node

    @property
    def tensor(self) -> int:
        return self.read.outputs[0]


def split_state(graph: Graph) -> Graph:
    for name in [s.handle.outputs[0] for s in _states(graph)]:
        state = next(s for s in _states(graph) if s.handle.outputs[0] == name)
        graph = _split(graph, state) or graph
    return graph


def _states(graph: Graph) -> list[_State]:
    found = []
    for handle in (n for n in graph.nodes if n.op == "VAR_HANDLE"):
        uses = [n for n in graph.nodes if n.inputs and n.inputs[0] == handle.outputs[0]]
        assign, read = ([n for n in uses if n.op == op] for op in ("ASSIGN_VARIABLE", "READ_VARIABLE"))
        if len(assign) == len(read) == 1 and variable_name(handle) in graph.initial:
            found.append(_State(handle, read[0], assign[0]))
    return found


def _split(graph: Graph, state: _State) -> Graph | None:
    """The graph with a variable for every part of `state`, `None` where it is one part or cannot be taken apart."""
    origins = _origins(graph)
    parts = _parts(graph, state, origins)
    size = graph.tensors[state.tensor].size
    if not parts or list(parts) == [state.tensor] or sum(len(p) for p in parts.values()) > size:
        return None
    if len(np.unique(np.concatenate(list(parts.values())))) < sum(len(p) for p in parts.values()):
        return None  # they overlap
    known = {o.tobytes(): t for t, o in reversed(origins.items())}
    assigned = _origin(graph, state.assign.inputs[1], origins)
    tensors, initial = dict(graph.tensors), dict(graph.initial)
    first = initial.pop(variable_name(state.handle)).reshape(-1)
    before: list[Node] = []
    behind: list[Node] = []
    for number, (part, elements) in enumerate(parts.items()):
        value = known.get(assigned[elements].tobytes(), _whole(graph, assigned[elements]))
        if value is None:
            return None
        shape = tensors[part].shape
        if tensors[value].shape != shape:
            made = replace(tensors[value], id=max(tensors) + 1, shape=shape)
            tensors[made.id] = made
            behind.append(Node(-1, "RESHAPE", (value,), (made.id,)))
            value = made.id
        name = f"{variable_name(state.handle).strip('/')}_{number}"
        handle = Tensor(max(tensors) + 1, name, (), np.dtype("V1"))
        tensors[handle.id] = handle
        named = Node(-1, "VAR_HANDLE", (), (handle.id,), {"shared_name": name.encode()})
        initial[variable_name(named)] = first[elements].reshape(shape)
        before += [named, Node(-1, "READ_VARIABLE", (handle.id,), (part,))]
        behind.append(Node(-1, "ASSIGN_VARIABLE", (handle.id, value), ()))
    gone = (state.handle, state.read, state.assign)
    kept = [n for n in graph.nodes if n not in gone and not set(n.outputs) & set(parts)]
    made_graph = prune(replace(graph, tensors=tensors, nodes=(*before, *kept, *behind), initial=initial))
    return None if any(state.tensor in n.inputs for n in made_graph.nodes) else made_graph


def _origins(graph: Graph) -> dict[int, np.ndarray]:
    """Of every tensor that consists of elements of others: which those are, in its own order."""
    origins: dict[int, np.ndarray] = {}
    for node in graph.nodes:
        constant = [None if i is None else graph.tensors[i].data for i in node.inputs]
        if node.op == "CONCATENATION":
            moved = [i for i, c in zip(node.inputs, constant, strict=True) if c is None]
            plain = len(moved) == len(node.inputs) and not node.attrs.get("fused_activation_function", 0)
        else:
            plain = node.op in _MOVES and len(node.inputs) > 0 and constant[0] is None
            plain = plain and (node.op in _RESHAPES or all(c is not None for c in constant[1:]))
        if not plain:
            continue
        operands = [
            _origin(graph, i, origins).reshape(graph.tensors[i].shape)  # type: ignore[index]
            for i in (node.inputs if node.op == "CONCATENATION" else node.inputs[:1])
        ]
        try:
            made = _moved(node, operands, constant[1:])
        except (EdgeShiftError, ValueError, IndexError):
            continue  # malformed; lowering will name it
        if made.size == graph.tensors[node.outputs[0]].size:
            origins[node.outputs[0]] = np.ascontiguousarray(made).reshape(-1)
    return origins


_MOVES = (*_RESHAPES, "TRANSPOSE", "STRIDED_SLICE", "GATHER", "CONCATENATION")


def _moved(node: Node, operands: list[np.ndarray], constants: list[np.ndarray | None]) -> np.ndarray:
    x = operands[0]
    if node.op == "CONCATENATION":
        return np.concatenate(operands, axis=int(node.attrs["axis"]))
    if node.op == "TRANSPOSE":
        return x.transpose(constants[0].reshape(-1))  # type: ignore[union-attr]
    if node.op == "STRIDED_SLICE":
        return x[slice_index(node, *constants)]  # type: ignore[arg-type, index]
    if node.op == "GATHER":
        return np.take(x, constants[0], axis=int(node.attrs.get("axis", 0)))  # type: ignore[arg-type]
    return x


def _origin(graph: Graph, tensor: int | None, origins: Mapping[int, np.ndarray]) -> np.ndarray:
    assert tensor is not None
    own = (tensor << _BITS) + np.arange(graph.tensors[tensor].size)
    return origins.get(tensor, own)


def _whole(graph: Graph, elements: np.ndarray) -> int | None:
    """The tensor that consists of just these elements in order."""
    tensor = int(elements[0] >> _BITS)
    if elements.size != graph.tensors[tensor].size:
        return None
    return tensor if np.array_equal(elements, (tensor << _BITS) + np.arange(elements.size)) else None


def _parts(graph: Graph, state: _State, origins: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The tensors that consist of elements of `state` alone and that are not only moved on, with those elements."""
    made_by = {t: n for n in graph.nodes for t in n.outputs}
    parts: dict[int, np.ndarray] = {}
    seen: set[int] = set()

    def follow(tensor: int | None) -> None:
        if tensor is None or tensor in seen or graph.tensors[tensor].data is not None:
            return
        seen.add(tensor)
        origin = _origin(graph, tensor, origins)
        own = origin >> _BITS == state.tensor
        if own.all():
            parts[tensor] = origin & ((1 << _BITS) - 1)
        elif own.any():
            for operand in made_by[tensor].inputs:
                follow(operand)

    for node in graph.nodes:
        if node is not state.assign and not (node.outputs and node.outputs[0] in origins):
            for operand in node.inputs:
                follow(operand)
    for output in graph.outputs:
        follow(output)
    return parts
