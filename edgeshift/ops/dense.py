"""FULLY_CONNECTED: per column, over stacked columns, or over the whole window.

Source: TFLite `reference_ops::FullyConnected`, `reference_integer_ops::FullyConnected[PerChannel]`; the integer kernels
rescale in double in LiteRT, in fixed point in TFLite-Micro and tflite-runtime (see `reference/dense.py`); of quantised
ONNX networks ONNX Runtime's `QGemm` and `QLinearMatMul`.

Types: float32, int8, int16 with int8 weights (per tensor or per channel).
Shift: per column, it reads the same column; over the whole window it reads them all, and is one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.accumulate import Sums, ending, sums_of
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import (
    activation,
    clamp,
    clamp_bounds,
    integer,
    ordered_sum,
    quantised,
    refuse,
    rounds_even,
)
from edgeshift.ops.conv import bias_of, check_weights, filter_scales
from edgeshift.reference.arithmetic import dense_multipliers, wrap_int32
from edgeshift.reference.dense import MOST, dense_output, dense_scales, dense_steps
from edgeshift.reference.even import even_int8, even_scales

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Dense(ColumnOp):
    """`rows` rows of a run of columns, each `[taps, depth]`, times `weights` `[units, taps, depth]`."""

    def __init__(
        self,
        node: Node,
        x: Stream,
        output: Stream,
        window: Window,
        weights: np.ndarray,
        bias: np.ndarray,
        scales: np.ndarray | None,
        act: str,
        reference: str,
    ) -> None:
        super().__init__(node, [x], output, [window])
        self.weights, self.bias, self.act = weights, bias, act
        self.units, self.taps, self.depth = weights.shape
        self.rows = x.size // self.depth
        if scales is not None:
            (in_scale, self.zero_point), (out_scale, self.output_offset) = quantised(x), quantised(output)
            self.scales = (float(in_scale), scales, float(out_scale))
            self.reference = reference

    @property
    def integer(self) -> bool:
        return integer(self.output)

    @property
    def sums(self) -> Sums:
        return sums_of(self.inputs[0], self.weights, self.bias)

    @property
    def macs_per_column(self) -> int:
        return self.rows * self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        x = taps[0].reshape(n, self.taps, self.rows, self.depth).transpose(0, 2, 1, 3).reshape(n, self.rows, -1)
        weights = self.weights.reshape(self.units, -1)
        if not self.integer:
            return clamp(ordered_sum(x[:, :, None, :], weights) + self.bias, self.output, self.act).reshape(n, -1)
        acc = (x.astype(np.float64) - self.zero_point) @ weights.astype(np.float64).T
        acc = acc.astype(np.int64) + self.bias
        if self.reference == "even":
            scales = even_scales(*self.scales).scale
            done = even_int8(acc, scales, self.output_offset, *clamp_bounds(self.output, self.act))
        elif self.reference == "tflm":
            done = self.sums.finish(acc, *dense_multipliers(*self.scales), self.output, self.act)
        else:
            acc = acc if self.sums.wide else wrap_int32(acc)
            bounds = clamp_bounds(self.output, self.act)
            done = dense_output(acc, dense_scales(*self.scales), self.output_offset, *bounds, self.output.dtype.type)
        return done.reshape(n, -1)

    def kernel(self) -> Kernel:
        rescale, arguments = self._rescale() if self.integer else ("", None)
        end = ending(self.sums, self.inputs[0], self.output, self.act, self.bias, rescale, arguments)
        sizes = {"taps": self.taps, "rows": self.rows, "depth": self.depth, "units": self.units}
        tables = {"weights": self.weights, **end.tables}
        return Kernel("dense", "runs", {**sizes, **end.shape}, tables, end.scalars, end.runtime)

    def _rescale(self) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
        """The runtime function that finishes an accumulator, and its multipliers and shifts of every unit."""
        multiplier: np.ndarray
        shift: np.ndarray
        if self.reference == "even":
            found = even_scales(*self.scales)
            name, multiplier, shift = "es_even_rescale", found.multiplier, found.shift
        elif self.reference == "tflm":
            name = self.sums.rescale or "es_requantize"
            multiplier, shift = self.sums.arguments(*dense_multipliers(*self.scales))
        else:
            most = max(self.sums.largest, MOST) if self.sums.wide else MOST
            bounds = clamp_bounds(self.output, self.act)
            steps = dense_steps(dense_scales(*self.scales), self.output_offset, *bounds, most=most)
            name, multiplier, shift = steps.function, steps.multiplier, steps.shift
        each = np.broadcast_to(multiplier, self.bias.shape).copy(), np.broadcast_to(shift, self.bias.shape).copy()
        return name, each


@operator("FULLY_CONNECTED")
def lower_dense(node: Node, low: Lowering) -> None:
    """Contract the last axis, or as many of the last elements as a row of the weights holds."""
    x, weights = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if weights is None or weights.ndim != 2 or int(node.attrs.get("weights_format", 0)) != 0:
        raise refuse(node, "its weights are not a plain constant matrix", "export the model with frozen weights")
    check_weights(node, weights.dtype, x)
    units, length = weights.shape
    if (x.columns * x.size) % length:
        raise refuse(node, f"input {list(x.shape)} cannot be cut into rows of {length}", "export the model again")
    if x.layout.inner % length and (x.columns * x.size != length or x.columns == 1):
        stacked = x.layout.outer == 1 and length % x.layout.inner == 0
        if not (stacked and x.columns % (length // x.layout.inner) == 0):
            x = low.whole(node.inputs[0])
    layout = x.layout
    if layout.inner % length == 0:
        window, out = Window(), Layout(layout.outer, layout.columns, layout.inner // length * units)
        weights = weights.reshape(units, 1, length)
    elif layout.columns * layout.column_size == length:
        window, out = Window(kernel=layout.columns), Layout(1, 1, units)
        weights = np.stack([layout.to_columns(row) for row in weights])
    else:
        taps = length // layout.inner
        window, out = Window(kernel=taps, stride=taps), Layout(1, layout.columns // taps, units)
        weights = weights.reshape(units, taps, layout.inner)
    scales = filter_scales(node, low.tensor(node.inputs[1]), x, 0)
    output = low.output(node, out)
    bias = bias_of(node, low, units, output)
    reference = "even" if rounds_even(node) else low.reference
    low.emit(Dense(node, x, output, window, weights, bias, scales, activation(node), reference))
