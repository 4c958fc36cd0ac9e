"""Small pure functions Graph -> Graph, in one ordered list; the graph is checked after each."""

from __future__ import annotations

from edgeshift.ir import Graph, check_graph
from edgeshift.passes.constants import fold_constants
from edgeshift.passes.dilate import fuse_dilated
from edgeshift.passes.fold import fold
from edgeshift.passes.pack import expand_pack
from edgeshift.passes.prune import prune
from edgeshift.passes.shapes import resolve_shapes

PASSES = (prune, resolve_shapes, fold_constants, fuse_dilated, expand_pack, prune, fold)


def run_passes(graph: Graph) -> Graph:
    """Run every pass."""
    for transform in PASSES:
        graph = transform(graph)
        check_graph(graph)
    return graph
