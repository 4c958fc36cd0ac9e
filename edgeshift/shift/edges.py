"""`edges = stream`: the padded edges follow the stream. Another function than the trained one, and less work.

Where the trained network saw zeros beyond its window, the network then sees the neighbouring columns, so every windowed
operator is as if it had no padding, on a window that is longer by what its padding reached for. Only what comes from
the frames one to one in time can be continued; after a window-wide operator padding stays. Outputs, and what is joined
over time, have the columns of the trained window.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from edgeshift.errors import PlanError
from edgeshift.ir import ColumnGraph, Layout, Stream
from edgeshift.ops import ColumnOp
from edgeshift.ops.relayout import Relayout
from edgeshift.shift.interior import find_interiors


@dataclass(frozen=True)
class Extension:
    """Columns that a stream gains before and after those of the trained window."""

    before: int = 0
    after: int = 0


@dataclass(frozen=True, eq=False)
class StreamedEdges:
    """A network whose edges follow the stream. Its window has `before` more frames at its start, and `after` at its
    end: so much later than the trained network it answers."""

    graph: ColumnGraph
    before: int
    after: int

    @property
    def trained_frames(self) -> int:
        return self.graph.window_frames - self.before - self.after


def stream_edges(graph: ColumnGraph) -> StreamedEdges:
    """Continue every stream that can be, as far as some operator's padding reaches beyond it."""
    if graph.call_frames is not None:
        raise PlanError(f"'{graph.name}' carries its own state: its edges follow the stream already")
    continuable = _continuable(graph)
    wanted = {s: Extension() for s in graph.streams}
    for op in reversed(graph.ops):
        own = wanted[op.output.id]
        for stream, window in zip(op.inputs, op.windows, strict=True):
            if stream.id not in continuable or window.stride == 0 or not op.continues:
                continue
            first = window.first(-own.before)
            last = window.reads(op.output.columns - 1 + own.after)[-1]
            known = wanted[stream.id]
            wanted[stream.id] = Extension(max(known.before, -first), max(known.after, last - (stream.columns - 1)))
    temporal = [s for s in graph.inputs if s.id in graph.temporal]
    ends = Extension(max(wanted[s.id].before for s in temporal), max(wanted[s.id].after for s in temporal))
    wanted |= {s.id: ends for s in temporal}  # inputs over time stay together
    streams = {i: _extended(s, wanted[i]) for i, s in graph.streams.items()}
    note = (
        f"edges follow the stream: a window sees {ends.before} frames before and {ends.after} after the "
        f"{graph.window_frames} it was trained on, and is answered {ends.after} frames later"
    )
    ops: list[ColumnOp] = []

    def trained(stream: Stream) -> Stream:
        """The columns of the trained window alone, as a stream of their own where there are more."""
        own = wanted[stream.id]
        if own == Extension():
            return stream
        cut = replace(stream, id=max(streams) + 1)
        ops.append(Relayout.cut(streams[stream.id], cut, own.before, "TRAINED_COLUMNS"))
        streams[cut.id] = cut
        return cut

    for op in graph.ops:
        if op.continues:
            ops.append(_moved(op, streams, wanted))
        else:
            kept = copy.copy(op)
            kept.inputs = tuple(trained(s) for s in op.inputs)
            ops.append(kept)
    outputs = tuple(trained(s) for s in graph.outputs)
    extended = replace(
        graph,
        streams=streams,
        ops=tuple(ops),
        inputs=tuple(streams[s.id] for s in graph.inputs),
        outputs=outputs,
        window_frames=graph.window_frames + ends.before + ends.after,
        notes=(*graph.notes, note),
    )
    return StreamedEdges(extended, ends.before, ends.after)


def _continuable(graph: ColumnGraph) -> set[int]:
    """Streams whose columns beyond the window are well defined: they follow time all the way from the input."""
    found = set(graph.temporal)
    shifts = find_interiors(graph)
    for op in graph.ops:
        over_time = [(s, w) for s, w in zip(op.inputs, op.windows, strict=True) if s.columns > 1 and w.stride > 0]
        strides = {shifts[s.id].stride * w.stride for s, w in over_time}
        follows = op.follows_time and op.continues and op.output.columns > 1 and len(strides) == 1
        if follows and all(s.id in found for s, _ in over_time):
            found.add(op.output.id)
    return found


def _extended(stream: Stream, extension: Extension) -> Stream:
    if extension == Extension():
        return stream
    layout = stream.layout
    columns = extension.before + layout.columns + extension.after
    longer = Layout(layout.outer, columns, layout.inner)
    return replace(stream, layout=longer, shape=(layout.outer, columns, layout.inner))


def _moved(op: ColumnOp, streams: dict[int, Stream], wanted: dict[int, Extension]) -> ColumnOp:
    """The operator on extended streams: the same taps, counted from the new first columns."""
    moved = copy.copy(op)
    own = wanted[op.output.id]
    moved.inputs = tuple(streams[s.id] for s in op.inputs)
    moved.output = streams[op.output.id]
    moved.windows = tuple(
        replace(w, pad=w.pad + w.stride * own.before - wanted[s.id].before)
        for s, w in zip(op.inputs, op.windows, strict=True)
    )
    return moved
