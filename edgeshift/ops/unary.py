"""Functions of one element: activations, EXP, LOG, SQRT and their like, QUANTIZE, DEQUANTIZE.

Int8 functions are tables of 256 entries, computed when the C is written. Source: see `reference/tables.py` and
`reference/function_tables.py`. LOOKUP is what any function of one int8 element of a quantised ONNX network becomes.
For int16 see `unary_int16.py`.

Types: float32, int8, int16 (SQUARE, and ONNX's ERF: float32; ELU, HARD_SWISH, RELU_N1_TO_1, RELU_0_TO_1: not int16;
    QUANTIZE and DEQUANTIZE: uint8 too, at inputs and outputs).
Shift: a column reads the same column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import clamp, clamp_scalars, quantised, refuse, rounds_even, same_quant
from edgeshift.ops.unary_int16 import WideFunction
from edgeshift.reference import arithmetic, float_functions, float_math, function_tables, tables
from edgeshift.reference.even import quantize_even

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

_CLAMPS = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
_MATH, _FUNCTIONS = ("float_math",), ("float_math", "float_functions")


@dataclass(frozen=True)
class Float:
    """A float32 function: in numpy, in C (`function` of the template), the headers and scalars that it needs."""

    compute: Callable[[np.ndarray], np.ndarray]
    function: str
    runtime: tuple[str, ...] = ()
    scalars: dict[str, tuple[str, Any]] = field(default_factory=dict)


_FLOAT = {
    "LOGISTIC": Float(float_math.logistic_float, "logistic", _MATH),
    "TANH": Float(float_math.tanh_float, "tanh", _MATH),
    "EXP": Float(float_math.exp_float, "exp", _MATH),
    "LOG": Float(float_functions.log_float, "log", _FUNCTIONS),
    "SQRT": Float(float_functions.sqrt_float, "sqrt", _FUNCTIONS),
    "RSQRT": Float(float_functions.rsqrt_float, "rsqrt", _FUNCTIONS),
    "ELU": Float(float_functions.elu_float, "elu", _FUNCTIONS),
    "ERF": Float(float_functions.erf_float, "erf", _FUNCTIONS),
    "HARD_SWISH": Float(float_functions.hard_swish_float, "hard_swish", _FUNCTIONS),
    "SQUARE": Float(lambda x: x * x, "square"),
    "ABS": Float(np.abs, "abs", _FUNCTIONS),
    "NEG": Float(np.negative, "neg"),
}
_TABLES = {
    "LOGISTIC": tables.logistic_table,
    "TANH": tables.tanh_table,
    "EXP": function_tables.exp_table,
    "LOG": function_tables.log_table,
    "SQRT": function_tables.sqrt_table,
    "RSQRT": function_tables.rsqrt_table,
    "ELU": function_tables.elu_table,
    "HARD_SWISH": function_tables.hard_swish_table,
    "ABS": function_tables.abs_table,
    "NEG": function_tables.neg_table,
}


class Table(ColumnOp):
    """An int8 function; `table[q + 128]` is the output for `q`, `table[q]` if the operand is uint8."""

    def __init__(self, node: Node, x: Stream, output: Stream, table: np.ndarray) -> None:
        super().__init__(node, [x], output, [Window()])
        self.table = table

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        return tables.take(self.table, taps[0][:, 0])

    def kernel(self) -> Kernel:
        function = "table" if self.inputs[0].dtype == np.int8 else "bytes_table"
        return Kernel("unary", "column", {"count": self.output.size, "function": function}, {"table": self.table})


class Clamp(ColumnOp):
    """A float32 clamp."""

    def __init__(self, node: Node, x: Stream, output: Stream) -> None:
        super().__init__(node, [x], output, [Window()])

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        return clamp(taps[0][:, 0], self.output, self.op)

    def kernel(self) -> Kernel:
        shape = {"count": self.output.size, "function": "clamp"}
        return Kernel("unary", "column", shape, {}, clamp_scalars(self.output, self.op), ("float_math",))


class FloatFunction(ColumnOp):
    """A float32 function."""

    def __init__(self, node: Node, x: Stream, output: Stream, function: Float) -> None:
        super().__init__(node, [x], output, [Window()])
        self.function = function

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return self.function.compute(taps[0][:, 0])

    def kernel(self) -> Kernel:
        shape = {"count": self.output.size, "function": self.function.function}
        return Kernel("unary", "column", shape, {}, self.function.scalars, self.function.runtime)


class Convert(ColumnOp):
    """QUANTIZE float32 -> int8, uint8 or int16 and DEQUANTIZE back."""

    def __init__(self, node: Node, x: Stream, output: Stream) -> None:
        super().__init__(node, [x], output, [Window()])
        self.scale, self.zero_point = quantised(output if node.op == "QUANTIZE" else x)

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        x, scale = taps[0][:, 0], float(self.scale)
        if self.op == "DEQUANTIZE":
            return arithmetic.dequantize(x, scale, self.zero_point)
        if rounds_even(self.node):
            return quantize_even(x, scale, self.zero_point)
        return arithmetic.quantize_float(x, scale, self.zero_point, self.output.dtype.type)

    def kernel(self) -> Kernel:
        scalars = {"scale": ("float", self.scale), "zero_point": ("int32_t", self.zero_point)}
        function = {np.uint8: "quantize_bytes", np.int16: "quantize_s16"}.get(self.output.dtype.type, self.op.lower())
        function += "_even" if self.op == "QUANTIZE" and rounds_even(self.node) else ""
        shape = {"count": self.output.size, "function": function}
        return Kernel("unary", "column", shape, {}, scalars, ("convert",))


@operator(*_CLAMPS, *_FLOAT, "GELU", "LEAKY_RELU", "QUANTIZE", "DEQUANTIZE")
def lower_unary(node: Node, low: Lowering) -> None:
    x, out = low.stream(node.inputs[0]), low.tensor(node.outputs[0])
    if node.op == "QUANTIZE" and x.dtype == out.dtype and same_quant(x.quant, out.quant):
        low.rename(node, x)
        return
    output = low.output(node, x.layout)
    if x.dtype.kind != output.dtype.kind and "f" in (x.dtype.kind, output.dtype.kind):
        low.emit(Convert(node, x, output))
    elif np.int16 in (x.dtype, output.dtype):
        low.emit(WideFunction(node, x, output))
    elif x.dtype.kind != "f":
        low.emit(Table(node, x, output, _table(node, x, output)))
    elif node.op in _CLAMPS:
        low.emit(Clamp(node, x, output))
    else:
        low.emit(FloatFunction(node, x, output, _float(node)))


@operator("LOOKUP")
def lower_lookup(node: Node, low: Lowering) -> None:
    """A function of one int8 element whose table the importer has made: operand 1, `[256]`."""
    x, table = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if table is None or table.shape != (256,) or table.dtype != np.int8:
        raise refuse(node, "its table is not a constant of 256 int8 values", "export the model again")
    low.emit(Table(node, x, low.output(node, x.layout), table))


def _float(node: Node) -> Float:
    if node.op == "GELU":
        approximate = bool(node.attrs.get("approximate", False))
        compute = float_functions.gelu_tanh_float if approximate else float_functions.gelu_float
        return Float(compute, "gelu_tanh" if approximate else "gelu", _FUNCTIONS)
    if node.op == "LEAKY_RELU":
        alpha = np.float32(node.attrs["alpha"])
        return Float(lambda x: np.where(x > 0, x, x * alpha), "leaky_relu", (), {"alpha": ("float", alpha)})
    return _FLOAT[node.op]


def _table(node: Node, x: Stream, output: Stream) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = quantised(x), quantised(output)
    scales = (float(in_scale), in_zero, float(out_scale), out_zero)
    if node.op == "QUANTIZE":
        return tables.requantize_table(*scales, x.dtype.type, output.dtype.type)
    if node.op in _CLAMPS:
        return tables.relu_table(*scales, node.op)
    if node.op == "GELU":
        return function_tables.gelu_table(*scales, bool(node.attrs.get("approximate", False)))
    if node.op == "LEAKY_RELU":
        return function_tables.leaky_relu_table(*scales, float(node.attrs["alpha"]))
    if node.op not in _TABLES:
        raise refuse(node, "the reference kernel has no int8 form", "multiply the tensor by itself")
    return _TABLES[node.op](*scales)
