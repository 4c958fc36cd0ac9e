"""FULLY_CONNECTED: per column, over stacked columns, or over the whole window.

Source: TFLite `reference_ops::FullyConnected`, `reference_integer_ops::FullyConnected[PerChannel]`; the int8 kernel
rescales in double in LiteRT, in fixed point in TFLite-Micro and tflite-runtime (see `reference/dense.py`); of quantised
ONNX networks ONNX Runtime's `QGemm` and `QLinearMatMul`.

Types: float32, int8 (weights per tensor or per channel).
Shift: per column, it reads the same column; over the whole window it reads them all, and is one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import (
    activation,
    clamp,
    clamp_bounds,
    clamp_scalars,
    ordered_sum,
    quantised,
    refuse,
    requantise,
    rounds_even,
)
from edgeshift.ops.conv import bias_of, filter_scales
from edgeshift.reference.arithmetic import dense_multipliers
from edgeshift.reference.dense import dense_int8, dense_scales, dense_steps
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
        return self.output.dtype == np.int8

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
            done = requantise(acc, *dense_multipliers(*self.scales), self.output, self.act)
        else:
            bounds = clamp_bounds(self.output, self.act)
            done = dense_int8(acc, dense_scales(*self.scales), self.output_offset, *bounds)
        return done.reshape(n, -1)

    def kernel(self) -> Kernel:
        shape: dict[str, Any] = {"taps": self.taps, "rows": self.rows, "depth": self.depth, "units": self.units}
        tables = {"weights": self.weights, "bias": self.bias}
        scalars = clamp_scalars(self.output, self.act)
        if not self.integer:
            return Kernel("dense", "runs", shape | {"rescale": ""}, tables, scalars, ("float_math",))
        rescale, multiplier, shift = self._rescale()
        tables |= {
            "multiplier": np.broadcast_to(multiplier, self.bias.shape).copy(),
            "shift": np.broadcast_to(shift, self.bias.shape).astype(np.int8),
        }
        scalars |= {"input_offset": ("int32_t", -self.zero_point), "output_offset": ("int32_t", self.output_offset)}
        return Kernel("dense", "runs", shape | {"rescale": rescale}, tables, scalars, ("requantize",))

    def _rescale(self) -> tuple[str, np.ndarray, np.ndarray]:
        """The runtime function that finishes an accumulator, and its multipliers and shifts."""
        if self.reference == "even":
            found = even_scales(*self.scales)
            return "es_even_rescale", found.multiplier, found.shift
        if self.reference == "tflm":
            return "es_requantize", *dense_multipliers(*self.scales)
        steps = dense_steps(dense_scales(*self.scales), self.output_offset, *clamp_bounds(self.output, self.act))
        if steps.narrow:
            return "es_dense_rescale", steps.multiplier.astype(np.uint32), steps.shift
        return "es_dense_rescale_wide", steps.multiplier.astype(np.uint64), steps.shift


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
    bias = bias_of(node, low, units, output)
    reference = "even" if rounds_even(node) else low.reference
    low.emit(Dense(node, x, output, window, weights, bias, scales, activation(node), reference))
