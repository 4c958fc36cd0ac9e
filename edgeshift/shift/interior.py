"""Pass 2, forwards: which columns of every stream depend on absolute time alone, and how streams stride in time."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, lcm

from edgeshift.errors import UnsupportedOpError
from edgeshift.ir import ColumnGraph
from edgeshift.ops import ColumnOp

NOTHING = range(0, 0)


@dataclass(frozen=True)
class Shift:
    """How a stream moves: `interior` columns shift, one column is `stride` frames."""

    interior: range
    stride: int

    def phases(self, hop: int) -> int:
        """How many column grids interleave over successive windows."""
        return self.stride // gcd(self.stride, hop)

    def advance(self, hop: int) -> int:
        """Columns by which a phase advances when its turn comes."""
        return lcm(self.stride, hop) // self.stride


def find_interiors(graph: ColumnGraph) -> dict[int, Shift]:
    """The shift of every stream, by id."""
    shifts: dict[int, Shift] = {}
    for stream in graph.inputs:
        temporal = stream.id in graph.temporal
        shifts[stream.id] = Shift(range(stream.columns) if temporal else NOTHING, 1)
    shifts |= {op.output.id: _history_shift(graph, op) for op in graph.ops if op.output.id in graph.history}
    for op in graph.ops:
        if op.output.id not in graph.history:
            shifts[op.output.id] = _shift(op, shifts)
    return shifts


def _history_shift(graph: ColumnGraph, op: ColumnOp) -> Shift:
    """Whatever made them, columns that earlier calls left are those that were new at earlier calls."""
    new, frames = len(graph.fresh(op.output)), graph.call_frames
    if frames is None or frames % new:
        raise UnsupportedOpError(
            f"'{op.output.name}' keeps {new} columns of a call of {frames} frames: only a whole number of frames per "
            "column is built; export the model for longer calls, or give the frames of a call as --frames"
        )
    return Shift(range(op.output.columns), frames // new)


def _shift(op: ColumnOp, shifts: dict[int, Shift]) -> Shift:
    operands = [shifts[s.id] for s in op.inputs]
    strides = {
        shift.stride * window.stride
        for stream, shift, window in zip(op.inputs, operands, op.windows, strict=True)
        if stream.columns > 1 and window.stride > 0
    }
    if op.output.columns == 1:  # one column is new at every hop, whatever its stride
        strides = {max((s.stride for s in operands), default=1)}
    if len(strides) != 1 or not op.follows_time:
        return Shift(NOTHING, max((s.stride for s in operands), default=1))
    interior = op.interior([s.interior for s in operands])
    return Shift(interior if len(interior) else NOTHING, strides.pop())
