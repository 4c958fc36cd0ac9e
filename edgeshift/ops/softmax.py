"""SOFTMAX over the last axis. Source: TFLite `reference_ops::Softmax` (gemmlowp fixed point for int8), `SoftmaxInt16`.

Types: float32, int8, int16.
Shift: a column reads the same column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import quantised, refuse
from edgeshift.reference import float_math, functions_int16, softmax

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Softmax(ColumnOp):
    """`depth` elements a row, as many rows as a column holds."""

    def __init__(self, node: Node, x: Stream, output: Stream, depth: int) -> None:
        super().__init__(node, [x], output, [Window()])
        self.depth, self.beta = depth, np.float32(node.attrs.get("beta", 1.0))
        if output.dtype == np.int8:
            scale, _ = quantised(x)
            if quantised(output) != (np.float32(1 / 256), -128):
                raise refuse(node, "an int8 output must have scale 1/256 and zero point -128", "quantise it again")
            if depth > softmax.MAX_ROW:
                raise refuse(
                    node, f"int8 rows of {depth} overflow the reference kernel", f"use up to {softmax.MAX_ROW}"
                )
            self.params = softmax.softmax_params(float(self.beta), float(scale))
        elif output.dtype == np.int16:
            if quantised(output)[0] != np.float32(1 / 32768):
                raise refuse(node, "an int16 output must have scale 1/32768", "quantise it again")
            if depth > functions_int16.MAX_ROW:
                raise refuse(node, f"int16 rows of {depth} overflow the reference kernel", "use up to 65535")
            self.multiplier = functions_int16.softmax_multiplier(float(self.beta), float(quantised(x)[0]))

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        rows = taps[0][:, 0].reshape(len(columns), -1, self.depth)
        if self.output.dtype == np.int8:
            return softmax.softmax_int8(rows, self.params).reshape(len(columns), -1)
        if self.output.dtype == np.int16:
            return functions_int16.softmax(rows, *self.multiplier).reshape(len(columns), -1)
        return float_math.softmax_float(rows, float(self.beta)).reshape(len(columns), -1)

    def kernel(self) -> Kernel:
        shape = {"rows": self.output.size // self.depth, "depth": self.depth}
        if self.output.dtype == np.int8:
            scalars = {name: ("int32_t", value) for name, value in asdict(self.params).items()}
            return Kernel("softmax", "column", shape, {}, scalars, ("requantize", "softmax_s8"))
        if self.output.dtype == np.int16:
            tables = dict(zip(("exp_lut", "inverse_lut"), functions_int16.softmax_tables(), strict=True))
            numbers = dict(zip(("multiplier", "shift"), self.multiplier, strict=True))
            scalars = {name: ("int32_t", value) for name, value in numbers.items()}
            runtime = ("requantize", "functions_s16", "softmax_s16")
            return Kernel("softmax", "column", shape, tables, scalars, runtime)
        return Kernel("softmax", "column", shape, {}, {"beta": ("float", self.beta)}, ("float_math",))


@operator("SOFTMAX")
def lower_softmax(node: Node, low: Lowering) -> None:
    x = low.stream(node.inputs[0])
    depth = x.shape[-1]
    if x.layout.inner % depth:
        x = low.whole(node.inputs[0])
    low.emit(Softmax(node, x, low.output(node, x.layout), depth))
