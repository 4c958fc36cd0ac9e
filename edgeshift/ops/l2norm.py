"""L2_NORMALIZATION over the last axis. Source: TFLite `reference_ops::L2Normalization` and its integer twin.

Types: float32, int8.
Shift: a column reads the same column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import ordered_sum, quantised, refuse
from edgeshift.reference.arithmetic import clamp_to, multiply_by_quantized_multiplier
from edgeshift.reference.float_functions import sqrt_float
from edgeshift.reference.function_tables import inverse_sqrt_multiplier

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

_LONGEST = 1 << 15  # more would overflow the reference kernel's sum


class L2Norm(ColumnOp):
    """`depth` elements a row, as many rows as a column holds."""

    def __init__(self, node: Node, x: Stream, output: Stream, depth: int) -> None:
        super().__init__(node, [x], output, [Window()])
        self.depth = depth
        if output.dtype == np.int8:
            _, self.zero_point = quantised(x)
            if quantised(output) != (np.float32(1 / 128), 0):
                raise refuse(node, "an int8 output must have scale 1/128 and zero point 0", "quantise it again")
            if depth > _LONGEST:
                raise refuse(node, f"int8 rows of {depth} overflow the reference kernel", f"use up to {_LONGEST}")

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        rows = taps[0][:, 0].reshape(-1, self.depth)
        if self.output.dtype == np.int8:
            wide = rows.astype(np.int64) - self.zero_point
            pairs = [inverse_sqrt_multiplier(int(total)) for total in (wide * wide).sum(axis=1)]
            multiplier, shift = (np.array(p, np.int64)[:, None] for p in zip(*pairs, strict=True))
            done = clamp_to(multiply_by_quantized_multiplier(wide, multiplier, 7 - shift), -128, 127)
            return done.reshape(len(columns), -1)
        length = np.maximum(sqrt_float(ordered_sum(rows, rows)), np.float32(1e-6))
        return (rows / length[:, None]).reshape(len(columns), -1)

    def kernel(self) -> Kernel:
        shape = {"rows": self.output.size // self.depth, "depth": self.depth}
        if self.output.dtype == np.int8:
            scalars = {"zero_point": ("int32_t", self.zero_point)}
            return Kernel("l2norm", "column", shape, {}, scalars, ("requantize", "l2norm_s8"))
        return Kernel("l2norm", "column", shape, {}, {}, ("float_math", "float_functions"))


@operator("L2_NORMALIZATION")
def lower_l2norm(node: Node, low: Lowering) -> None:
    x = low.stream(node.inputs[0])
    depth = x.shape[-1]
    if x.layout.inner % depth:
        x = low.whole(node.inputs[0])
    low.emit(L2Norm(node, x, low.output(node, x.layout), depth))
