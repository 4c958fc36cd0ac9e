"""A matrix times a column, kept more exactly than the activations are: the input part of recurrences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeshift.ir import Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel
from edgeshift.ops.common import ordered_sum
from edgeshift.reference.arithmetic import multiply_by_quantized_multiplier, wrap_int32

LOW, HIGH = -(1 << 15), (1 << 15) - 1

Scales = tuple[np.ndarray, np.ndarray]  # multiplier and shift of each group of rows


def scale_tables(scales: Scales) -> dict[str, np.ndarray]:
    """The scales as a kernel's tables."""
    return {"multiplier": scales[0], "shift": scales[1].astype(np.int8)}


class Project(ColumnOp):
    """`weights` `[rows, depth]` times a column, plus `bias` `[rows]`, in float32, or from int8 to int16.

    In int8 the bias holds the operand's zero point, and each of `scales` is that of equally many rows.
    """

    def __init__(
        self, node: Node, x: Stream, output: Stream, weights: np.ndarray, bias: np.ndarray, scales: Scales | None
    ) -> None:
        super().__init__(node, [x], output, [Window()])
        self.weights, self.bias, self.scales = weights, bias, scales

    @property
    def macs_per_column(self) -> int:
        return self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        x = taps[0][:, 0]
        if self.scales is None:
            return ordered_sum(x[:, None, :], self.weights) + self.bias
        acc = (x.astype(np.float64) @ self.weights.astype(np.float64).T).astype(np.int64) + self.bias
        multiplier, shift = (np.repeat(s, len(self.bias) // len(s)) for s in self.scales)
        return np.clip(multiply_by_quantized_multiplier(wrap_int32(acc), multiplier, shift), LOW, HIGH).astype(np.int16)

    def kernel(self) -> Kernel:
        rows, depth = self.weights.shape
        groups = 1 if self.scales is None else len(self.scales[0])
        shape = {"rows": rows, "depth": depth, "group": rows // groups}
        tables = {"weights": self.weights, "bias": self.bias}
        if self.scales is None:
            return Kernel("project", "column", shape, tables)
        return Kernel("project", "column", shape, tables | scale_tables(self.scales), {}, ("requantize",))
