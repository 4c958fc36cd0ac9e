"""ARG_MAX, ARG_MIN and CAST: whole numbers, as they stand at the end of a network.

Source: TFLite `reference_ops::ArgMinMax`, `cast`. An int64 tensor is given as int32: it holds indices.

Types: float32, int8; indices int32.
Shift: over features a column reads the same column; ARG_MAX and ARG_MIN over time read every column of the window.
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

_INT32 = np.iinfo(np.int32)


class Arg(ColumnOp):
    """The index of the largest or smallest of `count` elements, the first of equals; NaN is none of them.

    They are the middle axis of a column `[outer, count, inner]`, or as many columns (then outer is 1).
    """

    def __init__(self, node: Node, x: Stream, output: Stream, window: Window, count: int, inner: int) -> None:
        super().__init__(node, [x], output, [window])
        self.count, self.inner = count, inner

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        x = taps[0].reshape(len(columns), -1, self.count, self.inner)
        best, index = x[:, :, 0], np.zeros_like(x[:, :, 0], np.int32)
        for k in range(1, self.count):
            other = x[:, :, k]
            beyond = other > best if self.op == "ARG_MAX" else other < best
            better = beyond | ((best != best) & (other == other))
            best, index = np.where(better, other, best), np.where(better, np.int32(k), index)
        return index.reshape(len(columns), -1)

    def kernel(self) -> Kernel:
        over_time = self.windows[0].kernel > 1
        outer = self.output.size // self.inner
        shape = {
            "outer": outer,
            "count": self.count,
            "inner": self.inner,
            "over_time": over_time,
            "compare": ">" if self.op == "ARG_MAX" else "<",
        }
        return Kernel("arg", "taps", shape)


class Cast(ColumnOp):
    """Numbers as they are, quantised ones too; towards zero from float32, NaN as the largest int32."""

    def __init__(self, node: Node, x: Stream, output: Stream) -> None:
        super().__init__(node, [x], output, [Window()])

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        x = taps[0][:, 0]
        if x.dtype.kind == "f" and self.output.dtype.kind == "i":
            whole = np.trunc(np.where(np.isnan(x), _INT32.max, x.astype(np.float64)))
            return np.clip(whole, _INT32.min, _INT32.max).astype(np.int32)
        return x.astype(self.output.dtype)

    def kernel(self) -> Kernel:
        return Kernel("cast", "column", {"count": self.output.size})


@operator("ARG_MAX", "ARG_MIN")
def lower_arg(node: Node, low: Lowering) -> None:
    x, given = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if given is None or given.size != 1:
        raise refuse(node, "its axis is computed", "export the model with a constant axis")
    axis = int(given.reshape(-1)[0]) % len(x.shape)
    found = x.layout.axes(x.shape)
    if not found:
        x = low.whole(node.inputs[0])
    time = found[0] if found and x.columns > 1 else None
    left = [d for a, d in enumerate(x.shape) if a != axis]
    if time == axis:
        window, layout, inner = Window(kernel=x.columns), Layout(1, 1, x.size), x.size
    else:
        inner = int(np.prod([d for a, d in enumerate(x.shape) if a > axis and a != time], dtype=np.int64))
        window, layout = Window(), Layout(1, 1, int(np.prod(left, dtype=np.int64)))
        if time is not None:
            layout = Layout.along(left, time - (axis < time))
    low.emit(Arg(node, x, low.output(node, layout), window, x.shape[axis], inner))


@operator("CAST")
def lower_cast(node: Node, low: Lowering) -> None:
    x, made = low.stream(node.inputs[0]), low.tensor(node.outputs[0])
    if made.dtype.kind == "i" and made.dtype.itemsize < 4 and made.dtype != x.dtype:
        raise refuse(node, f"{x.dtype} as {made.dtype} is not built", "leave the numbers as they are")
    output = low.output(node, x.layout)
    low.emit(Cast(node, x, output))
