"""The intermediate representation: the imported graph, and the column graph that it is lowered to."""

from edgeshift.ir.columns import ColumnGraph, Layout, Stream, Window
from edgeshift.ir.graph import Graph, Node, QuantParams, Tensor, check_graph, variable_name

__all__ = [
    "ColumnGraph",
    "Graph",
    "Layout",
    "Node",
    "QuantParams",
    "Stream",
    "Tensor",
    "Window",
    "check_graph",
    "variable_name",
]
