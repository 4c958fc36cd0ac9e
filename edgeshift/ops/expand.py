"""All channels of a layer of which only some are computed: the others repeat one of these, or are constant.

No operator of any file: `shift/structure.py` puts it behind a layer whose weights have filters in common.

Types: float32, int8, int16.
Shift: a column reads the same column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeshift.ir import Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel


class Expand(ColumnOp):
    """For each position of a column channel `c` is the operand's `source[c]`, but channels `at` are `values`."""

    def __init__(self, operand: Stream, output: Stream, source: np.ndarray, at: np.ndarray, values: np.ndarray) -> None:
        super().__init__(Node(-1, "EXPAND", (operand.id,), (output.id,)), [operand], output, [Window()])
        self.source, self.at, self.values = source, at, values
        self.positions = output.size // len(source)
        self.computed = operand.size // self.positions

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        whole = taps[0].reshape(len(columns), self.positions, self.computed)[:, :, self.source]
        whole[:, :, self.at] = self.values
        return whole.reshape(len(columns), -1)

    def kernel(self) -> Kernel:
        index = np.uint8 if len(self.source) <= 256 else np.uint16 if len(self.source) <= 65536 else np.uint32
        shape = {
            "positions": self.positions,
            "computed": self.computed,
            "channels": len(self.source),
            "constants": len(self.at),
        }
        tables = {"source": self.source.astype(index)}
        if len(self.at):
            tables |= {"places": self.at.astype(index), "values": self.values}
        return Kernel("expand", "column", shape, tables)
