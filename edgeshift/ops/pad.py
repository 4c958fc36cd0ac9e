"""PAD, PADV2: constant columns before and after, constant elements around those of a column.

Types: float32, int8, int16.
Shift: a column reads the same column; those of padding are edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import c_type, integer, quantised, refuse, same_quant
from edgeshift.ops.loops import collapse, strides_of

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Pad(ColumnOp):
    """`shape` is the operand's column, `padding` `(before, after)` along each of its axes, `value` what fills."""

    def __init__(
        self,
        node: Node,
        x: Stream,
        output: Stream,
        window: Window,
        shape: tuple[int, ...],
        padding: tuple[tuple[int, int], ...],
        value: Any,
    ) -> None:
        super().__init__(node, [x], output, [window])
        self.shape, self.padding, self.value = shape, padding, value

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        x = np.where(inside[0], taps[0][:, 0], self.value).astype(self.output.dtype).reshape(n, *self.shape)
        return np.pad(x, ((0, 0), *self.padding), constant_values=self.value).reshape(n, -1)

    def kernel(self) -> Kernel:
        out_shape = [b + d + a for d, (b, a) in zip(self.shape, self.padding, strict=True)]
        out_strides = strides_of(out_shape)
        offset = sum(b * s for (b, _), s in zip(self.padding, out_strides, strict=True))
        loops = collapse(self.shape, [strides_of(self.shape), out_strides])
        shape = {
            "count": self.output.size,
            "offset": offset,
            "loops": tuple((count, *steps) for count, steps in loops),
        }
        return Kernel("pad", "taps", shape, {}, {"value": (c_type(self.output.dtype), self.value)})


@operator("PAD", "PADV2")
def lower_pad(node: Node, low: Lowering) -> None:
    x, padding = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if padding is None:
        raise refuse(node, "its paddings are computed", "export the model with constant paddings")
    widths = [(int(b), int(a)) for b, a in padding.reshape(-1, 2)]
    found = x.layout.axes(x.shape)
    if not found:
        x, found = low.whole(node.inputs[0]), []
    time = found[0] if found and x.columns > 1 else None
    out = low.tensor(node.outputs[0])
    layout = Layout.along(out.shape, time) if time is not None else Layout(1, 1, out.size)
    output = low.output(node, layout)
    if not same_quant(x.quant, output.quant):
        raise refuse(node, "input and output are quantised differently", "quantise the model again")
    value = output.dtype.type(quantised(output)[1] if integer(output) else 0)
    if node.op == "PADV2":
        given = low.constant(node.inputs[2])
        if given is None or given.size != 1:
            raise refuse(node, "its value is computed", "export the model with a constant value")
        if not same_quant(low.tensor(node.inputs[2]).quant, output.quant):
            raise refuse(node, "its value and its output are quantised differently", "quantise the model again")
        value = given.reshape(-1)[0]
    window = Window(pad=widths[time][0]) if time is not None else Window()
    shape = tuple(d for a, d in enumerate(x.shape) if a != time)
    around = tuple(w for a, w in enumerate(widths) if a != time)
    low.emit(Pad(node, x, output, window, shape, around, value))
