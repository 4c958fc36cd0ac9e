"""A constant tensor that stands where a computed one is expected: a stream that reads nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeshift.ir import Node, Stream
from edgeshift.ops.base import ColumnOp, Kernel


class Constant(ColumnOp):
    """One column, `values` in the tensor's order."""

    def __init__(self, output: Stream, values: np.ndarray) -> None:
        super().__init__(Node(-1, "CONSTANT", (), (output.id,)), [], output, [])
        self.values = values.reshape(-1)

    @property
    def follows_time(self) -> bool:
        return False

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.values, (len(columns), self.values.size))

    def kernel(self) -> Kernel:
        return Kernel("constant", "column", {"count": self.values.size}, {"values": self.values})
