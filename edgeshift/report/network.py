"""The network with time running sideways: what every column of every stream is at a hop, and why."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal

from edgeshift.ir import Stream
from edgeshift.ops import ColumnOp
from edgeshift.pipeline import Plan
from edgeshift.report.reasons import Reasons, new_columns
from edgeshift.shift import StreamPlan

Kind = Literal["new", "again", "early", "kept", "summed", "past", "never"]

# What a column is at a hop, the most telling first.
KINDS: dict[Kind, str] = {
    "new": "new: computed once, at this hop",
    "again": "edge or window-wide: computed again at every hop",
    "early": "left edge: computed early, for a window to come",
    "kept": "kept in a ring, read again",
    "summed": "in a kept sum",
    "past": "computed at an earlier hop, read no more",
    "never": "never needed",
}


def lanes_data(plan: Plan) -> list[dict[str, Any]]:
    """A lane for every input and every operator, in order of execution.

    A column's cell ends `end + column * cell` frames behind the start of the window and is `cell` frames wide; `runs`
    are `[first, stop, kind]` in columns; `reads` are the operands as `[lane, kernel, stride, dilation, pad]`.
    """
    schedule = plan.schedule
    streams = [s for s in schedule.graph.inputs if s.id in schedule.streams]
    makers: list[ColumnOp | None] = [None] * len(streams)
    streams += [op.output for op in schedule.ops]
    makers += schedule.ops
    numbers = {stream.id: lane for lane, stream in enumerate(streams)}
    reasons, lanes, places = Reasons(plan), [], _Places(plan)
    for stream, op in zip(streams, makers, strict=True):
        made = schedule.streams[stream.id]
        end, cell = places.add(stream, op)
        kinds = column_kinds(made, _summed(plan, stream))
        lanes.append(
            {
                "layer": schedule.ops.index(op) + 1 if op is not None else 0,
                "op": op.op if op is not None else "input",
                "name": stream.name,
                "columns": stream.columns,
                "column_size": stream.size,
                "dtype": str(stream.dtype),
                "stride": made.shift.stride,
                "interior": [made.shift.interior.start, made.shift.interior.stop],
                "end": end,
                "cell": cell,
                "runs": runs_of(kinds),
                "counts": {kind: kinds.count(kind) for kind in KINDS if kind in kinds},
                "reads": _reads(op, numbers) if op is not None else [],
                **(reasons.of_layer(op) if op is not None else reasons.of_input(stream)),
            }
        )
    return lanes


def column_kinds(made: StreamPlan, summed: range) -> list[Kind]:
    """What each column of the current window is; `summed` are those that a kept sum has taken in."""
    interior, computed, requested = made.shift.interior, set(made.computed), set(made.requested)
    early = set(made.early) | set(made.queue.block.columns if made.queue is not None else ())
    new = new_columns(made)
    residues = {j % made.advance for j in computed if j in interior}

    def kind(j: int) -> Kind:
        if j in computed:
            return "new" if made.stream.columns == 1 or j in new else "again"
        if j in early:
            return "early"
        if j in requested:
            return "kept"
        if j in summed:
            return "summed"
        return "past" if j in interior and j % made.advance in residues else "never"

    return [kind(j) for j in range(made.stream.columns)]


def runs_of(kinds: Iterable[Kind]) -> list[tuple[int, int, Kind]]:
    """Equal neighbours as `(first, stop, kind)`."""
    runs, first = [], 0
    for kind, group in groupby(kinds):
        stop = first + len(list(group))
        runs.append((first, stop, kind))
        first = stop
    return runs


def _summed(plan: Plan, stream: Stream) -> range:
    taken = (op for op in plan.schedule.sums if op.inputs[0].id == stream.id)
    return plan.schedule.streams[stream.id].shift.interior if next(taken, None) is not None else range(0)


def _reads(op: ColumnOp, numbers: dict[int, int]) -> list[list[int]]:
    return [
        [numbers[s.id], w.kernel, w.stride, w.dilation, w.pad]
        for s, w in zip(op.inputs, op.windows, strict=True)
        if s.id in numbers
    ]


class _Places:
    """Where the columns of a stream lie on the axis of frames: at the newest frame that they read."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._window = plan, plan.schedule.window_frames
        self._of: dict[int, tuple[float, float]] = {}  # by stream: the end of column 0, the width of a cell

    def add(self, stream: Stream, op: ColumnOp | None) -> tuple[float, float]:
        cell: float = self._plan.schedule.streams[stream.id].shift.stride
        history = self._plan.schedule.graph.history
        if stream.columns == 1:
            end: float = self._window
        elif stream.id in history:
            end = self._window - (stream.columns - 1) * cell
        elif op is None:
            end = cell = self._window / stream.columns
        else:
            end = max(self._newest_reads(op, stream), default=cell)
        if stream.id not in history and not history and (stream.columns - 1) * cell > self._window:
            end = cell = self._window / stream.columns  # its columns are not those of time
        end = min(end, self._window - (stream.columns - 1) * cell)
        self._of[stream.id] = end, cell
        return end, cell

    def _newest_reads(self, op: ColumnOp, stream: Stream) -> Iterable[float]:
        """For each operand over time: the end of the newest column that column 0 reads, padding left out."""
        for operand, w in zip(op.inputs, op.windows, strict=True):
            if operand.columns == 1 or w.stride == 0 or operand.id not in self._of:
                continue
            end, cell = self._of[operand.id]
            reach = (w.kernel - 1) * w.dilation
            beyond = w.first(stream.columns - 1) + reach - (operand.columns - 1)
            yield end + cell * (reach - w.pad - max(beyond, 0))
