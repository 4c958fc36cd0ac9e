"""Data that moves without arithmetic: reshapes, transposes, and columns laid out anew along another axis.

Types: float32, int8, int16.
Shift: columns keep their place as long as time stays in one piece; otherwise they belong to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import refuse

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Relayout(ColumnOp):
    """Output column `j` gathers elements of the operand's columns.

    `source[j]` holds for each element of output column `j` the tap and the element of that tap's column. When all rows
    are equal the operator follows time; otherwise it depends on the position in the window.
    """

    def __init__(self, node: Node, operand: Stream, output: Stream, window: Window, source: np.ndarray) -> None:
        super().__init__(node, [operand], output, [window])
        self.source = source

    @classmethod
    def cut(cls, operand: Stream, output: Stream, first: int, name: str) -> Relayout:
        """Output column `j` is the operand's column `first + j` as it is; `name` is the operator's in reports."""
        source = np.stack([np.zeros(operand.size, np.int64), np.arange(operand.size)], axis=-1)[None]
        return cls(Node(-1, name, (operand.id,), (output.id,)), operand, output, Window(pad=-first), source)

    @classmethod
    def between(
        cls, operand: Stream, output: Stream, order: np.ndarray | None = None, node: Node | None = None
    ) -> Relayout:
        """Element `n` of the output's tensor is element `order[n]` of the operand's (`n` itself if it is None)."""
        flat = np.arange(operand.columns * operand.size)
        places = operand.layout.to_columns(flat).reshape(-1)
        where = np.empty_like(flat)
        where[places] = flat  # tensor element -> column * size + element
        wanted = output.layout.to_columns(flat if order is None else order)
        column, element = np.divmod(where[wanted], operand.size)
        first, last = column.min(axis=1), column.max(axis=1)
        stride = int(first[1] - first[0]) if output.columns > 1 else 0
        steady = stride >= 0 and np.array_equal(first, first[0] + stride * np.arange(output.columns))
        taps = column - first[:, None]
        if steady and (output.columns == 1 or stride > 0) and (taps == taps[0]).all() and (element == element[0]).all():
            window = Window(int(last[0] - first[0]) + 1, stride or 1, 1, -int(first[0]))
            source = np.stack([taps[:1], element[:1]], axis=-1)
        else:
            window = Window(operand.columns, 0)
            source = np.stack([column, element], axis=-1)
        node = node or Node(-1, "RELAYOUT", (operand.id,), (output.id,))
        return cls(node, operand, output, window, source)

    @property
    def follows_time(self) -> bool:
        return len(self.source) == 1

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        source = self.source[np.zeros_like(columns) if self.follows_time else columns]
        rows = np.arange(len(columns))[:, None]
        return taps[0][rows, source[..., 0], source[..., 1]]

    def kernel(self) -> Kernel:
        moves = [_moves(row) for row in self.source]
        loops = nested_loops(self.source[0, :, 1]) if self.follows_time and self.windows[0].kernel == 1 else None
        if loops and len(moves[0]) > len(loops):
            return Kernel("permute", "column", {"first": int(self.source[0, 0, 1]), "loops": tuple(loops)})
        longest = max(len(m) for m in moves)
        largest = max(max(move) for row in moves for move in row)
        table = np.zeros((len(moves), longest, 3), np.uint16 if largest < 1 << 16 else np.uint32)
        for row, move in zip(table, moves, strict=True):
            row[: len(move)] = move
        return Kernel(
            "relayout",
            "taps",
            shape={"moves": longest, "rows": len(moves)},
            tables={"moves": table},
            position=not self.follows_time,
        )


def nested_loops(elements: np.ndarray, most: int = 4) -> list[tuple[int, int]] | None:
    """Loops `(count, stride)`, outermost first, that go through just these elements in order, if there are some."""
    loops: list[tuple[int, int]] = []
    while len(elements) > 1:
        stride = int(elements[1] - elements[0])
        breaks = np.flatnonzero(elements != elements[0] + stride * np.arange(len(elements)))
        run = int(breaks[0]) if len(breaks) else len(elements)
        if len(elements) % run or len(loops) == most:
            return None
        rows = elements.reshape(-1, run)
        if (rows - rows[:, :1] != rows[0] - rows[0, 0]).any():
            return None
        loops.insert(0, (run, stride))
        elements = rows[:, 0]
    return loops


def _moves(row: np.ndarray) -> list[tuple[int, int, int]]:
    """Copies that fill one output column in order: (tap, first element, count)."""
    tap, element = row[:, 0], row[:, 1]
    cuts = np.flatnonzero((np.diff(tap) != 0) | (np.diff(element) != 1)) + 1
    starts = [0, *cuts.tolist()]
    ends = [*cuts.tolist(), len(row)]
    return [(int(tap[s]), int(element[s]), e - s) for s, e in zip(starts, ends, strict=True)]


@operator("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
def lower_reshape(node: Node, low: Lowering) -> None:
    """A new shape over the same memory: nothing is computed, the time axis is found again in the new shape."""
    low.rename(node, low.stream(node.inputs[0]))


@operator("TRANSPOSE")
def lower_transpose(node: Node, low: Lowering) -> None:
    """Time moves with its axis; where only axes of length 1 move, nothing is computed."""
    x, permutation = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if permutation is None or sorted(permutation.reshape(-1).tolist()) != list(range(len(x.shape))):
        raise refuse(node, "its permutation is not a constant order of the axes", "export the model again")
    axes = permutation.reshape(-1).tolist()
    order = np.arange(x.columns * x.size).reshape(x.shape).transpose(axes)
    if np.array_equal(order.reshape(-1), np.arange(order.size)):
        low.rename(node, x)
        return
    time = next(iter(x.layout.axes(x.shape)), None) if x.columns > 1 else None
    layout = Layout(1, 1, order.size) if time is None else Layout.along(order.shape, axes.index(time))
    if np.array_equal(layout.to_columns(order), x.layout.to_columns(np.arange(order.size))):
        low.rename(node, x, layout)  # every column stays as it is
        return
    low.emit(Relayout.between(x, low.output(node, layout), order, node))
