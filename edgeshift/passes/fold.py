"""Compute what depends on constants alone, with the reference arithmetic, when the network is read."""

from __future__ import annotations

from dataclasses import replace

from edgeshift.errors import EdgeShiftError
from edgeshift.ir import Graph, Node, Tensor
from edgeshift.ops import REGISTRY
from edgeshift.reference.window import run_all
from edgeshift.shift.axis import Lowering, column_graph, lower_nodes


def fold(graph: Graph) -> Graph:
    tensors = dict(graph.tensors)
    kept: list[Node] = []
    for node in graph.nodes:
        constant = node.inputs and all(i is None or tensors[i].data is not None for i in node.inputs)
        constant = constant and node.op != "ASSIGN_VARIABLE"  # the state before the first call is another
        if constant and node.op in REGISTRY and len(node.outputs) == 1:
            try:
                tensors[node.outputs[0]] = _computed(replace(graph, tensors=tensors), node)
                continue
            except EdgeShiftError:
                pass  # lowering will say what is wrong with it, in its place
        kept.append(node)
    return replace(graph, tensors=tensors, nodes=tuple(kept))


def _computed(graph: Graph, node: Node) -> Tensor:
    """The node's output as a constant."""
    output = graph.tensors[node.outputs[0]]
    lowering = Lowering(replace(graph, inputs=(), outputs=(output.id,), nodes=(node,)))
    lower_nodes(lowering)
    values = run_all(column_graph(lowering, set(), 1, ""), {})
    view = lowering.views[output.id]
    data = view.layout.from_columns(values[view.id], output.shape)
    return replace(output, data=data)
