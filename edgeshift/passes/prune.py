"""Drop nodes that no output depends on."""

from __future__ import annotations

from dataclasses import replace

from edgeshift.ir import Graph, Node


def prune(graph: Graph) -> Graph:
    needed = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if not node.outputs or any(t in needed for t in node.outputs):
            kept.append(node)
            needed.update(t for t in node.inputs if t is not None)
    return replace(graph, nodes=tuple(reversed(kept)))
