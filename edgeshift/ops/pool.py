"""MAX_POOL_2D and AVERAGE_POOL_2D; averages count only what lies inside.

Source: TFLite `reference_ops::MaxPool`, `AveragePool` and their integer twins.

Types: float32, int8, int16.
Shift: as a convolution: a column reads `kernel` columns, and those that reach into padding are edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, SumRule, operator, sum_dtype
from edgeshift.ops.common import Features, activation, clamp, clamp_scalars, integer, refuse, same_quant, spatial
from edgeshift.reference.reduce import extreme

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Pool(ColumnOp):
    """The largest, or the mean, of each channel under a window."""

    def __init__(self, node: Node, x: Stream, output: Stream, window: Window, features: Features, act: str) -> None:
        super().__init__(node, [x], output, [window])
        self.features, self.act = features, act
        self.average = node.op == "AVERAGE_POOL_2D"
        self.channels = x.size // features.in_size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        x = taps[0].reshape(n, -1, self.features.in_size, self.channels)
        x = x.astype(np.int64) if integer(self.output) else x
        spread, inside_features = self.features.spread(x, 0)
        mask = inside[0][:, :, None, None] & inside_features[None, None]
        spread = np.moveaxis(spread, 1, 2).reshape(n, self.features.out_size, -1, self.channels)
        mask = np.moveaxis(mask, 1, 2).reshape(n, self.features.out_size, -1, 1)
        if self.average:
            done = self._mean(np.where(mask, spread, 0), mask.sum(axis=2))
        else:
            lowest = np.iinfo(self.output.dtype).min if integer(self.output) else -np.inf
            done = extreme(np.where(mask, spread, lowest), 2, largest=True)
        return clamp(done, self.output, self.act).reshape(n, -1)

    def _mean(self, values: np.ndarray, count: np.ndarray) -> np.ndarray:
        if integer(self.output):
            return self._rounded(values.sum(axis=2), count)
        total = np.zeros((len(values), self.features.out_size, self.channels), np.float32)
        for i in range(values.shape[2]):
            total += values[:, :, i]
        return total / count.astype(np.float32)

    def sum_rule(self) -> SumRule | None:
        """An average of integers over whole columns, none of them padding."""
        features, window = self.features, self.windows[0]
        whole = features.out_size == 1 and features.pad == 0 and features.kernel == features.in_size
        if not (self.average and whole and integer(self.output) and self.output.columns == 1):
            return None
        if window.pad or window.kernel != self.inputs[0].columns:
            return None
        count = window.kernel * features.in_size
        kernel = self.kernel()
        return SumRule(
            ((self.channels, 1),),
            ((features.in_size, self.channels),),
            sum_dtype(count, self.output.dtype),
            lambda sums: clamp(self._rounded(sums, np.int64(count)), self.output, self.act),
            f"es_average_pool_{self._bits}(sum, {count}, activation_min, activation_max)",
            kernel.scalars,
            kernel.runtime,
        )

    @property
    def _bits(self) -> str:
        return f"s{8 * self.output.dtype.itemsize}"

    @staticmethod
    def _rounded(total: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Integer quotients to nearest, ties away from zero."""
        return np.sign(total) * ((np.abs(total) + count // 2) // count)

    def kernel(self) -> Kernel:
        lowest = "-3.40282347e+38f"
        runtime: tuple[str, ...] = ("float_math",)
        if integer(self.output):
            lowest, runtime = str(np.iinfo(self.output.dtype).min), ("requantize", f"reduce_{self._bits}")
        shape = {**self.features.shape, "channels": self.channels, "average": self.average, "lowest": lowest}
        return Kernel("pool", "runs", shape, {}, clamp_scalars(self.output, self.act), runtime)


@operator("MAX_POOL_2D", "AVERAGE_POOL_2D")
def lower_pool(node: Node, low: Lowering) -> None:
    x, axis = low.along(node.inputs[0], (1, 2))
    out = low.tensor(node.outputs[0])
    kernel = (int(node.attrs["filter_height"]), int(node.attrs["filter_width"]))
    window, features = spatial(node, x, axis, out.shape, kernel, (1, 1))
    output = low.output(node, Layout.along(out.shape, axis))
    if not same_quant(x.quant, output.quant):
        raise refuse(node, "input and output are quantised differently", "quantise the model again")
    if output.dtype == np.int16 and kernel[0] * kernel[1] >= 1 << 16:
        raise refuse(node, "int16 sums of 65536 elements overflow the reference kernel", "use a smaller window")
    low.emit(Pool(node, x, output, window, features, activation(node)))
