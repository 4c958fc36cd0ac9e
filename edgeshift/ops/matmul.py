"""BATCH_MATMUL of two activations, or of one and a constant.

Source: TFLite `reference_ops::BatchMatMul`; of quantised ONNX networks ONNX Runtime's `QLinearMatMul`.

Types: float32, int8, int16 (the second operand may be int8).
Shift: where the rows of the first operand are time a column reads its own row, and the second operand whole: with a
constant it shifts, between two activations (attention) it is bound to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Tensor, Window
from edgeshift.ops.accumulate import Sums, checked
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import c_type, clamp_scalars, integer, ordered_sum, quantised, refuse, rounds_even
from edgeshift.ops.conv import check_weights
from edgeshift.ops.loops import collapse, strides_of
from edgeshift.ops.moves import time_axis
from edgeshift.reference.arithmetic import dense_multipliers
from edgeshift.reference.even import even_int8, even_scales

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class MatMul(ColumnOp):
    """`[*batch, rows, depth]` times `[*batch, depth, units]`, or its transpose; the batches broadcast.

    `shapes` are those of the columns of both operands; `turned` says which of them come transposed. The second may be
    a constant.
    """

    def __init__(
        self,
        node: Node,
        operands: Sequence[Stream],
        output: Stream,
        windows: Sequence[Window],
        shapes: tuple[tuple[int, ...], tuple[int, ...]],
        turned: tuple[bool, bool],
        quants: tuple[Stream, Stream | Tensor],
        constant: np.ndarray | None,
    ) -> None:
        super().__init__(node, operands, output, windows)
        self.shapes, self.turned, self.constant = shapes, turned, constant
        rank = max(len(s) for s in shapes)
        self.left, self.right = ((1,) * (rank - len(s)) + s for s in shapes)
        self.batch = np.broadcast_shapes(self.left[:-2], self.right[:-2])
        self.depth = self.left[-2] if turned[0] else self.left[-1]
        self.rows = self.left[-1] if turned[0] else self.left[-2]
        self.units = self.right[-2] if turned[1] else self.right[-1]
        if integer(output):
            (a_scale, self.a_zero), (b_scale, self.b_zero) = (quantised(q) for q in quants)
            out_scale, self.output_offset = quantised(output)
            self.even = even_scales(float(a_scale), b_scale, float(out_scale)) if rounds_even(node) else None
            if self.even is not None:
                self.multipliers: tuple[np.ndarray, np.ndarray] = self.even.multiplier, self.even.shift
            else:
                self.multipliers = dense_multipliers(float(a_scale), b_scale, float(out_scale))
            wide = output.dtype == np.int16
            largest = self.depth << (15 + 8 * np.dtype(quants[1].dtype).itemsize - 1)
            self.sums = checked(Sums(largest if wide else 0, wide), operands[0])

    @property
    def macs_per_column(self) -> int:
        return self.output.size * self.depth

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        a = taps[0][:, 0].reshape(n, *self.left)
        b = self.constant.reshape(1, *self.right) if self.constant is not None else taps[1][:, 0]
        b = b.reshape(-1, *self.right)
        a = np.swapaxes(a, -1, -2) if self.turned[0] else a  # rows by depth
        b = b if self.turned[1] else np.swapaxes(b, -1, -2)  # units by depth
        if not integer(self.output):
            return ordered_sum(a[..., :, None, :], b[..., None, :, :]).reshape(n, -1)
        left, right = a.astype(np.float64) - self.a_zero, b.astype(np.float64) - self.b_zero
        acc = (left @ np.swapaxes(right, -1, -2)).astype(np.int64)
        if self.even is not None:
            return even_int8(acc, self.even.scale, self.output_offset).reshape(n, -1)
        return self.sums.finish(acc, *self.multipliers, self.output, "NONE").reshape(n, -1)

    def kernel(self) -> Kernel:
        left, right = strides_of(self.left), strides_of(self.right)
        batch = collapse(self.batch, [left[:-2], right[:-2]])
        shape: dict[str, Any] = {
            "batch": tuple((count, *steps) for count, steps in batch),
            "rows": (self.rows, left[-1 if self.turned[0] else -2]),
            "units": (self.units, right[-2 if self.turned[1] else -1]),
            "depth": (self.depth, left[-2 if self.turned[0] else -1], right[-1 if self.turned[1] else -2]),
            "constant": c_type(self.constant.dtype) if self.constant is not None else "",
            "accumulator": self.sums.type if integer(self.output) else "float",
            "rescale": self.sums.rescale if integer(self.output) else "",
        }
        tables = {"constant": self.constant} if self.constant is not None else {}
        if not integer(self.output):
            return Kernel("matmul", "column", shape, tables)
        multiplier, shift = (int(v[0]) for v in self.sums.arguments(*self.multipliers))
        numbers = {"multiplier": multiplier, "shift": shift}
        if self.output.dtype == np.int8:
            offsets = {"a_offset": -self.a_zero, "b_offset": -self.b_zero}
            numbers = {**offsets, **numbers, "output_offset": self.output_offset}
        scalars = {name: ("int32_t", value) for name, value in numbers.items()} | clamp_scalars(self.output, "NONE")
        if self.even is not None:
            shape["rescale"] = "es_even_rescale"
            scalars["multiplier"] = ("uint32_t", np.uint32(numbers["multiplier"]))
        runtime = ("requantize", "requantize_s16") if self.sums.wide else ("requantize",)
        return Kernel("matmul", "column", shape, tables, scalars, runtime)


@operator("BATCH_MATMUL")
def lower_matmul(node: Node, low: Lowering) -> None:
    x, second, out = low.stream(node.inputs[0]), low.tensor(node.inputs[1]), low.tensor(node.outputs[0])
    turned = (bool(node.attrs.get("adj_x", False)), bool(node.attrs.get("adj_y", False)))
    if second.dtype != x.dtype:
        check_weights(node, second.dtype, x)
    time, rank = time_axis(x), len(x.shape)
    along = rank - (1 if turned[0] else 2)
    followed = time == along and rank >= len(second.shape)
    if followed:
        layout, window = Layout.along(out.shape, len(out.shape) - 2), Window()
        shape = tuple(1 if a == along else d for a, d in enumerate(x.shape))
    else:
        x = low.whole(node.inputs[0])
        layout, window, shape = Layout(1, 1, out.size), Window(), x.shape
    constant = second.data
    operands, windows = [x], [window]
    quants: tuple[Stream, Stream | Tensor] = (x, second)
    if constant is None:
        other = low.whole(node.inputs[1])
        operands.append(other)
        windows.append(Window(stride=0) if layout.columns > 1 else Window())
        quants = (x, other)
    output = low.output(node, layout)
    if x.dtype == np.int16 and quantised(quants[1])[1] != 0:
        raise refuse(node, "the zero point of its second operand is not 0", "quantise the model again")
    low.emit(MatMul(node, operands, output, windows, (shape, second.shape), turned, quants, constant))
