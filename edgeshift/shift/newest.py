"""`outputs = last` or `seen`: a network that answers for every frame of its window gives one of them only.

`last` is the newest frame. Where padding follows it, its answer is made of padding too, as the trained network has it.
`seen` is the newest frame whose answer needs nothing that padding stands for: later, and less work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgeshift.errors import PlanError
from edgeshift.ir import ColumnGraph, Layout, Stream
from edgeshift.ops.relayout import Relayout
from edgeshift.shift.interior import find_interiors

Outputs = Literal["all", "last", "seen"]


@dataclass(frozen=True, eq=False)
class NewestOutputs:
    """A network that gives of some outputs only the column in `columns` (`None` for whole outputs), which stands
    `latency` frames before the end of the window."""

    graph: ColumnGraph
    trained: tuple[Stream, ...]
    columns: tuple[int | None, ...]
    latency: int
    which: Literal["last", "seen"]

    def of(self, outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What is given of the trained network's outputs."""
        picked = []
        for array, trained, stream, column in zip(outputs, self.trained, self.graph.outputs, self.columns, strict=True):
            if column is not None:
                array = stream.layout.from_columns(trained.layout.to_columns(array)[column : column + 1], stream.shape)
            picked.append(array)
        return picked


def newest_outputs(graph: ColumnGraph, which: Literal["last", "seen"]) -> NewestOutputs:
    """Reduce every output over time to one column. Raises `PlanError` when there is none."""
    shifts = find_interiors(graph)
    streams, ops = dict(graph.streams), list(graph.ops)
    outputs: list[Stream] = []
    columns: list[int | None] = []
    latency = 0
    for stream in graph.outputs:
        shift = shifts[stream.id]
        if stream.columns == 1:
            outputs.append(stream)
            columns.append(None)
            continue
        column = stream.columns - 1 if which == "last" else shift.interior.stop - 1
        if column < 0:
            raise PlanError(
                f"no frame of output '{stream.name}' is seen without what stands before or after the window: "
                "use --outputs last"
            )
        made = _one_column(stream, max(streams) + 1)
        ops.append(Relayout.cut(stream, made, column, "NEWEST"))
        streams[made.id] = made
        outputs.append(made)
        columns.append(column)
        latency = max(latency, (stream.columns - 1 - column) * shift.stride)
    if all(c is None for c in columns):
        raise PlanError(f"'{graph.name}' gives one answer for a window, not one for every frame: leave --outputs out")
    note = f"of every output over time only the newest frame{' that is fully seen' if which == 'seen' else ''} is given"
    if latency:
        note += f", {latency} frames late"
    reduced = replace(graph, streams=streams, ops=tuple(ops), outputs=tuple(outputs), notes=(*graph.notes, note))
    return NewestOutputs(reduced, graph.outputs, tuple(columns), latency, which)


def _one_column(stream: Stream, number: int) -> Stream:
    layout = Layout(stream.layout.outer, 1, stream.layout.inner)
    axis = next(iter(stream.layout.axes(stream.shape)), None)
    shape: tuple[int, ...] = (layout.outer, 1, layout.inner)
    if axis is not None:
        shape = (*stream.shape[:axis], 1, *stream.shape[axis + 1 :])
    return Stream(number, stream.name, shape, layout, stream.dtype, stream.quant)
