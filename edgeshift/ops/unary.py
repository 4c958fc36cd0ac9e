"""Functions of one element: RELU, RELU6, LOGISTIC, TANH, QUANTIZE, DEQUANTIZE.

Int8 functions are tables of 256 entries, computed when the C is written. Source: see `reference/tables.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import clamp, clamp_scalars, quantised, same_quant
from edgeshift.reference import arithmetic, float_math, tables

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

_CLAMPS = {"RELU": "RELU", "RELU6": "RELU6", "RELU_N1_TO_1": "RELU_N1_TO_1"}
_FLOAT = {"LOGISTIC": float_math.logistic_float, "TANH": float_math.tanh_float}


class Table(ColumnOp):
    """An int8 function; `table[q + 128]` is the output for `q`."""

    def __init__(self, node: Node, x: Stream, output: Stream, table: np.ndarray) -> None:
        super().__init__(node, [x], output, [Window()])
        self.table = table

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        return tables.take(self.table, taps[0][:, 0])

    def kernel(self) -> Kernel:
        return Kernel("unary", "column", {"count": self.output.size, "function": "table"}, {"table": self.table})


class FloatFunction(ColumnOp):
    """A float32 function, or a clamp."""

    def __init__(self, node: Node, x: Stream, output: Stream) -> None:
        super().__init__(node, [x], output, [Window()])

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        x = taps[0][:, 0]
        return clamp(x, self.output, _CLAMPS[self.op]) if self.op in _CLAMPS else _FLOAT[self.op](x)

    def kernel(self) -> Kernel:
        function = "clamp" if self.op in _CLAMPS else self.op.lower()
        scalars = clamp_scalars(self.output, _CLAMPS[self.op]) if self.op in _CLAMPS else {}
        shape = {"count": self.output.size, "function": function}
        return Kernel("unary", "column", shape, {}, scalars, ("float_math",))


class Convert(ColumnOp):
    """QUANTIZE float32 -> int8 and DEQUANTIZE int8 -> float32."""

    def __init__(self, node: Node, x: Stream, output: Stream) -> None:
        super().__init__(node, [x], output, [Window()])
        self.scale, self.zero_point = quantised(output if node.op == "QUANTIZE" else x)

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        convert = arithmetic.quantize_float if self.op == "QUANTIZE" else arithmetic.dequantize
        return convert(taps[0][:, 0], float(self.scale), self.zero_point)

    def kernel(self) -> Kernel:
        scalars = {"scale": ("float", self.scale), "zero_point": ("int32_t", self.zero_point)}
        shape = {"count": self.output.size, "function": self.op.lower()}
        return Kernel("unary", "column", shape, {}, scalars, ("convert",))


@operator("RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "QUANTIZE", "DEQUANTIZE")
def lower_unary(node: Node, low: Lowering) -> None:
    x, out = low.stream(node.inputs[0]), low.tensor(node.outputs[0])
    if node.op == "QUANTIZE" and x.dtype == np.int8 and same_quant(x.quant, out.quant):
        low.rename(node, x)
        return
    output = low.output(node, x.layout)
    if x.dtype != output.dtype:
        low.emit(Convert(node, x, output))
    elif x.dtype != np.int8:
        low.emit(FloatFunction(node, x, output))
    else:
        low.emit(Table(node, x, output, _table(node.op, x, output)))


def _table(op: str, x: Stream, output: Stream) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = quantised(x), quantised(output)
    scales = (float(in_scale), in_zero, float(out_scale), out_zero)
    if op in _CLAMPS:
        return tables.relu_table(*scales, _CLAMPS[op])
    functions = {"LOGISTIC": tables.logistic_table, "TANH": tables.tanh_table, "QUANTIZE": tables.requantize_table}
    return functions[op](*scales)
