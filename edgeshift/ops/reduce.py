"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN over any axes, time among them or not.

Source: TFLite `reference_ops::QuantizedMeanOrSum`, `Mean`, `ReduceGeneric`; of quantised ONNX networks ONNX Runtime's
`QLinearGlobalAveragePool`.

Types: float32, int8, int16 (SUM: not int16).
Shift: over time it reads every column of the window; an integer MEAN keeps running sums instead of columns. Over
features a column reads the same column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, SumRule, operator, sum_dtype
from edgeshift.ops.common import integer, quantised, refuse, rounds_even, same_quant
from edgeshift.ops.loops import collapse, strides_of
from edgeshift.reference import reduce as arithmetic

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Reduce(ColumnOp):
    """Reduce `reduced` axes of a column of `shape`, over all the columns that the window reads."""

    def __init__(
        self, node: Node, x: Stream, output: Stream, window: Window, shape: tuple[int, ...], reduced: tuple[int, ...]
    ) -> None:
        super().__init__(node, [x], output, [window])
        self.shape, self.reduced = shape, reduced
        self.count = window.kernel * x.size // output.size
        if integer(output) and not self.extreme:
            (in_scale, in_zero), (out_scale, out_zero) = quantised(x), quantised(output)
            self.params = _builder(node)(float(in_scale), in_zero, float(out_scale), out_zero, self.count)

    @property
    def extreme(self) -> bool:
        """Whether it picks an element instead of adding them up."""
        return self.op in ("REDUCE_MAX", "REDUCE_MIN")

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n, k = taps[0].shape[:2]
        x = taps[0].reshape(n, k, *self.shape)
        axes = (0, *(a + 1 for a in self.reduced))
        if self.extreme:
            kept = (a + 1 for a in range(1, len(self.shape) + 1) if a not in axes)
            order = x.transpose(0, *kept, *(a + 1 for a in axes)).reshape(n, self.output.size, -1)
            done = arithmetic.extreme(order, 2, self.op == "REDUCE_MAX")
        elif integer(self.output):
            values = x.view(np.uint8) if self.op == "SUM" else x
            done = self._finish(values.astype(np.int64).sum(axis=tuple(a + 1 for a in axes)))
        else:
            done = np.stack([arithmetic.sequential_sum(row, axes) for row in x])
            done = done / np.float32(self.count) if self.op == "MEAN" else done
        return done.reshape(n, -1)

    def _finish(self, sums: np.ndarray) -> np.ndarray:
        if rounds_even(self.node):
            return arithmetic.mean_even(sums, self.params)
        if self.op == "SUM":
            return arithmetic.sum_int8_reference(sums, self.params)
        return arithmetic.mean_integer(sums, self.params, self.output.dtype.type)

    @property
    def _finisher(self) -> str:
        """The runtime function that finishes a sum of integers."""
        if rounds_even(self.node):
            return "es_mean_even_s8"
        return "es_sum_reference_s8" if self.op == "SUM" else f"es_mean_{self._bits}"

    @property
    def _bits(self) -> str:
        return f"s{8 * self.output.dtype.itemsize}"

    def sum_rule(self) -> SumRule | None:
        """MEAN of integers. (SUM of int8 adds bytes in the reference; Extremes and float are no such sums.)"""
        if self.op != "MEAN" or not integer(self.output):
            return None
        kernel = self.kernel()
        return SumRule(
            kernel.shape["kept_loops"],
            kernel.shape["reduced_loops"],
            sum_dtype(self.count, self.output.dtype),
            self._finish,
            f"{kernel.shape['finish']}(sum, sum_offset, multiplier, shift, output_offset)",
            kernel.scalars,
            kernel.runtime,
        )

    def kernel(self) -> Kernel:
        strides = strides_of(self.shape)
        kept = [a for a in range(len(self.shape)) if a not in self.reduced]
        kept_loops = collapse([self.shape[a] for a in kept], [[strides[a] for a in kept]])
        reduced_loops = collapse([self.shape[a] for a in self.reduced], [[strides[a] for a in self.reduced]])
        shape = {
            "operation": self.op.lower(),
            "finish": self._finisher,
            "cast": "(uint8_t)" if self.op == "SUM" and self.output.dtype == np.int8 else "",
            "column": int(np.prod(self.shape, dtype=np.int64)),
            "kept_loops": tuple((count, *steps) for count, steps in kept_loops),
            "reduced_loops": tuple((count, *steps) for count, steps in reduced_loops),
        }
        scalars = {}
        runtime: tuple[str, ...] = ()
        if integer(self.output) and not self.extreme:
            names = ("sum_offset", "multiplier", "shift", "output_offset")
            scalars = {name: ("int32_t", getattr(self.params, name)) for name in names}
            if rounds_even(self.node):
                scalars["multiplier"] = ("uint32_t", np.uint32(self.params.multiplier))
            runtime = ("requantize", f"reduce_{self._bits}")
        elif self.op == "MEAN":
            scalars = {"count": ("float", np.float32(self.count))}
        return Kernel("reduce", "runs", shape, {}, scalars, runtime)


def _builder(node: Node) -> Callable[..., arithmetic.MeanParams]:
    """What makes the parameters of a sum or mean of integers."""
    if rounds_even(node):
        return arithmetic.mean_even_params
    return arithmetic.mean_params if node.op == "MEAN" else arithmetic.sum_params


@operator("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
def lower_reduce(node: Node, low: Lowering) -> None:
    x, given = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if given is None:
        raise refuse(node, "its axes are computed", "export the model with constant axes")
    rank = len(x.shape)
    axes = sorted({int(a) % rank for a in given.reshape(-1)})
    found = x.layout.axes(x.shape)
    if not found:
        x = low.whole(node.inputs[0])
    time = found[0] if found and x.columns > 1 else None
    shape = tuple(d for a, d in enumerate(x.shape) if a != time)
    reduced = tuple(a - (time is not None and a > time) for a in axes if a != time)
    kept = [1 if a in axes else d for a, d in enumerate(x.shape)]
    if time is None or time in axes:
        layout = Layout(1, 1, int(np.prod(kept, dtype=np.int64)))
        window = Window(kernel=x.columns)
    else:
        layout, window = Layout.along(kept, time), Window()
    output = low.output(node, layout)
    if node.op in ("REDUCE_MAX", "REDUCE_MIN") and not same_quant(x.quant, output.quant):
        raise refuse(node, "input and output are quantised differently", "quantise the model again")
    if node.op == "MEAN" and output.dtype == np.int16 and window.kernel * x.size // output.size >= 1 << 16:
        raise refuse(node, "int16 sums of 65536 elements overflow the reference kernel", "reduce in two steps")
    if node.op == "SUM" and output.dtype == np.int8:
        low.notes.append(
            f"SUM '{output.name}' is bit for bit the reference kernel's, which takes int8 for uint8: use MEAN instead"
        )
    low.emit(Reduce(node, x, output, window, shape, reduced))
