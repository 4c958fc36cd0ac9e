"""FULLY_CONNECTED: per column, over stacked columns, or over the whole window.

Source: TFLite `reference_ops::FullyConnected`, `reference_integer_ops::FullyConnected[PerChannel]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import activation, clamp, clamp_scalars, ordered_sum, quantised, refuse, requantise
from edgeshift.ops.conv import bias_of, filter_scales
from edgeshift.reference.arithmetic import dense_multipliers

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
    ) -> None:
        super().__init__(node, [x], output, [window])
        self.weights, self.bias, self.act = weights, bias, act
        self.units, self.taps, self.depth = weights.shape
        self.rows = x.size // self.depth
        if scales is not None:
            (in_scale, self.zero_point), (out_scale, self.output_offset) = quantised(x), quantised(output)
            pairs = dense_multipliers(float(in_scale), scales, float(out_scale))
            self.multiplier, self.shift = (np.broadcast_to(p, bias.shape).copy() for p in pairs)

    @property
    def integer(self) -> bool:
        return self.output.dtype == np.int8

    @property
    def macs_per_column(self) -> int:
        return self.rows * self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        x = taps[0].reshape(n, self.taps, self.rows, self.depth).transpose(0, 2, 1, 3).reshape(n, self.rows, -1)
        weights = self.weights.reshape(self.units, -1)
        if self.integer:
            acc = (x.astype(np.float64) - self.zero_point) @ weights.astype(np.float64).T
            acc = acc.astype(np.int64) + self.bias
            done = requantise(acc, self.multiplier, self.shift, self.output, self.act)
        else:
            done = clamp(ordered_sum(x[:, :, None, :], weights) + self.bias, self.output, self.act)
        return done.reshape(n, -1)

    def kernel(self) -> Kernel:
        shape = {"taps": self.taps, "rows": self.rows, "depth": self.depth, "units": self.units}
        tables = {"weights": self.weights, "bias": self.bias}
        scalars = clamp_scalars(self.output, self.act)
        if self.integer:
            tables |= {"multiplier": self.multiplier.astype(np.int32), "shift": self.shift.astype(np.int8)}
            scalars |= {"input_offset": ("int32_t", -self.zero_point), "output_offset": ("int32_t", self.output_offset)}
        return Kernel("dense", "runs", shape, tables, scalars, ("requantize",) if self.integer else ("float_math",))


@operator("FULLY_CONNECTED")
def lower_dense(node: Node, low: Lowering) -> None:
    """Contract the last axis, or as many of the last elements as a row of the weights holds."""
    x, weights = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if weights is None or weights.ndim != 2 or int(node.attrs.get("weights_format", 0)) != 0:
        raise refuse(node, "its weights are not a plain constant matrix", "export the model with frozen weights")
    if weights.dtype != x.dtype:
        raise refuse(
            node,
            f"{weights.dtype} weights on {x.dtype} activations (dynamic-range or hybrid quantisation): the activation "
            "scale is measured over the whole window, so nothing could be shifted",
            "quantise the model to full-integer int8 with a representative data set, or export it as float32",
        )
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
    low.emit(Dense(node, x, output, window, weights, bias_of(node, low, units, output), scales, activation(node)))
