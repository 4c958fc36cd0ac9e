"""PACK -> RESHAPE of every operand and CONCATENATION along the new axis."""

from __future__ import annotations

from dataclasses import replace

from edgeshift.ir import Graph, Node, Tensor


def expand_pack(graph: Graph) -> Graph:
    tensors = dict(graph.tensors)
    kept: list[Node] = []
    for node in graph.nodes:
        kept += _expanded(node, tensors) if node.op == "PACK" else [node]
    return replace(graph, tensors=tensors, nodes=tuple(kept))


def _expanded(node: Node, tensors: dict[int, Tensor]) -> list[Node]:
    output = tensors[node.outputs[0]]
    axis = int(node.attrs["axis"]) % len(output.shape)
    operands = [tensors[i] for i in node.inputs if i is not None]
    if any(o.shape != output.shape[:axis] + output.shape[axis + 1 :] for o in operands):
        return [node]  # malformed: lowering will name it
    made: list[Node] = []
    wide: list[int] = []
    for operand in operands:
        shape = (*operand.shape[:axis], 1, *operand.shape[axis:])
        data = None if operand.data is None else operand.data.reshape(shape)
        tensor = replace(operand, id=max(tensors) + 1, name=f"{operand.name}_packed", shape=shape, data=data)
        tensors[tensor.id] = tensor
        wide.append(tensor.id)
        if data is None:
            made.append(Node(node.index, "RESHAPE", (operand.id,), (tensor.id,)))
    attrs = {"axis": axis, "fused_activation_function": 0}
    return [*made, Node(node.index, "CONCATENATION", tuple(wide), node.outputs, attrs)]
