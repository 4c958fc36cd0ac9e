"""Small pure functions Graph -> Graph, in one ordered list; the graph is checked after each."""

from __future__ import annotations

from edgeshift.errors import ModelFormatError
from edgeshift.ir import Graph, check_graph
from edgeshift.passes.constants import fold_constants
from edgeshift.passes.dilate import fuse_dilated
from edgeshift.passes.fold import fold
from edgeshift.passes.pack import expand_pack
from edgeshift.passes.parts import split_state
from edgeshift.passes.prune import prune
from edgeshift.passes.shapes import resolve_shapes
from edgeshift.passes.state import lift_state

PASSES = (prune, resolve_shapes, fold_constants, split_state, lift_state, fuse_dilated, expand_pack, prune, fold)


def run_passes(graph: Graph) -> Graph:
    """Run every pass. Raises `ModelFormatError` where operands or options do not fit together."""
    for transform in PASSES:
        try:
            graph = transform(graph)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ModelFormatError(
                f"the network's operators do not fit together ({type(error).__name__} in {transform.__name__}); "
                "export the model again"
            ) from error
        check_graph(graph)
    return graph
