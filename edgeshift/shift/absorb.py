"""Take out operators that only move columns, where their neighbours can do without them.

Columns that a network keeps from call to call: what makes the newest ones, an operator or the caller, puts them right
behind the older ones. Columns cut out of a stream: who reads them reads the stream.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeshift.ir import ColumnGraph, Stream, Window
from edgeshift.ops import ColumnOp
from edgeshift.ops.history import History
from edgeshift.ops.relayout import Relayout


def absorb(graph: ColumnGraph) -> ColumnGraph:
    """The graph without operators that need not be."""
    for output in [op.output.id for op in graph.ops]:
        op = next(o for o in graph.ops if o.output.id == output)
        if isinstance(op, History):
            graph = _without_history(graph, op)
        elif isinstance(op, Relayout) and _cuts(op):
            graph = _without_cut(graph, op)
    for output in [op.output.id for op in graph.ops]:
        for op in graph.ops:
            if op.output.id == output and isinstance(op, Relayout):
                graph = _with_the_one_before(graph, op)
    return graph


def _without_history(graph: ColumnGraph, op: History) -> ColumnGraph:
    """What makes the new columns puts them into the stream that keeps them."""
    new, known = op.inputs[0], len(graph.history[op.output.id])
    maker = next((o for o in graph.ops if o.output.id == new.id), None)
    if new.id in graph.history or (new.id not in graph.temporal if maker is None else not maker.follows_time):
        return graph
    if not _only_read_inside(graph, op, new):
        return graph
    own = graph.streams[new.id]
    kept = replace(op.output, name=own.name, shape=own.shape)
    if maker is not None:
        moved = copy.copy(maker)
        moved.output = kept
        moved.windows = tuple(replace(w, pad=w.pad + w.stride * known) for w in maker.windows)
        graph = replace(graph, ops=tuple(moved if o is maker else o for o in graph.ops))
    made = _read_elsewhere(graph, op, new, kept, lambda w: replace(w, pad=w.pad - known))
    return replace(
        made,
        streams={i: kept if i == kept.id else s for i, s in made.streams.items()},
        inputs=tuple(kept if s.id == new.id else s for s in graph.inputs),
        temporal=frozenset(kept.id if i == new.id else i for i in graph.temporal),
    )


def _cuts(op: Relayout) -> bool:
    """Whether output columns are operand columns, side by side, as they are."""
    x, window = op.inputs[0], op.windows[0]
    whole = op.follows_time and window.kernel == 1 and x.size == op.output.size
    steady = window.stride == 1 or op.output.columns == 1
    return whole and steady and np.array_equal(op.source[0, :, 1], np.arange(x.size))


def _without_cut(graph: ColumnGraph, op: Relayout) -> ColumnGraph:
    """Who reads the cut reads the stream that it was cut from."""
    if not _only_read_inside(graph, op, op.output):
        return graph
    first = op.windows[0].first(0)
    return _read_elsewhere(graph, op, op.output, op.inputs[0], lambda w: replace(w, pad=w.pad - first))


def _with_the_one_before(graph: ColumnGraph, op: Relayout) -> ColumnGraph:
    """Elements that are moved in every column, twice in a row, are moved once."""
    x = op.inputs[0]
    maker = next((o for o in graph.ops if o.output.id == x.id), None)
    alone = sum(s.id == x.id for o in graph.ops for s in o.inputs) == 1 and all(s.id != x.id for s in graph.outputs)
    if not isinstance(maker, Relayout) or not alone or x.id in graph.history or not op.follows_time:
        return graph
    if op.windows != (Window(),) or op.output.columns != x.columns:
        return graph
    source = maker.source[:, op.source[0, :, 1]]
    joined = Relayout(op.node, maker.inputs[0], op.output, maker.windows[0], source)
    ops = tuple(joined if o is op else o for o in graph.ops if o is not maker)
    return replace(graph, ops=ops, streams={i: s for i, s in graph.streams.items() if i != x.id})


def _only_read_inside(graph: ColumnGraph, op: ColumnOp, stream: Stream) -> bool:
    """Whether a stream is no output of the network, and none but `op` reads beyond its ends."""
    return not any(s.id == stream.id for s in graph.outputs) and all(
        len(w.reads_inside(j, s.columns)) == w.kernel
        for reader in graph.ops
        if reader is not op
        for s, w in zip(reader.inputs, reader.windows, strict=True)
        if s.id == stream.id
        for j in graph.fresh(reader.output)
    )


def _read_elsewhere(
    graph: ColumnGraph, without: ColumnOp, stream: Stream, instead: Stream, moved: Callable[[Window], Window]
) -> ColumnGraph:
    """The graph without an operator and a stream: readers find its columns in another one, under moved windows."""
    ops = []
    for op in graph.ops:
        if op is without:
            continue
        if any(s.id == stream.id for s in op.inputs):
            op, old = copy.copy(op), op
            pairs = zip(old.inputs, old.windows, strict=True)
            op.windows = tuple(moved(w) if s.id == stream.id else w for s, w in pairs)
            op.inputs = tuple(
                replace(s, id=instead.id, layout=instead.layout) if s.id == stream.id else s for s in old.inputs
            )
        ops.append(op)
    streams = {i: s for i, s in graph.streams.items() if i != stream.id}
    return replace(graph, ops=tuple(ops), streams=streams)
