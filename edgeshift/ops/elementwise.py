"""ADD, SUB, MUL of two operands, broadcast against each other; either may be a constant.

Source: TFLite `reference_ops::Add`, `Sub`, `Mul` and `reference_integer_ops::Add`, `Mul`; of quantised ONNX networks
DequantizeLinear, the float operator and QuantizeLinear, as integers where some give the same for every pair.

Types: float32, int8, int16.
Shift: a column reads the same column of both operands, and shifts where both do. A constant that changes over time
binds it to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Tensor, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import activation, c_type, clamp_scalars, quantised, refuse, rounds_even
from edgeshift.ops.loops import collapse, strides_of
from edgeshift.reference import elementwise as arithmetic
from edgeshift.reference import elementwise_int16 as arithmetic_int16
from edgeshift.reference.even import EvenPair

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

_INT8 = {"ADD": arithmetic.add_int8, "SUB": arithmetic.sub_int8, "MUL": arithmetic.mul_int8}
_INT16 = {"ADD": arithmetic_int16.add, "SUB": arithmetic_int16.sub, "MUL": arithmetic_int16.mul}
_FLOAT = {"ADD": arithmetic.add_float, "SUB": arithmetic.sub_float, "MUL": arithmetic.mul_float}


class Broadcast(ColumnOp):
    """Two operands. `shapes` are their column shapes, broadcast to `out_shape`.

    A constant operand is `constant = (place, values [columns or 1, elements])`; one that changes over the columns binds
    the operator to its place in the window. `quants` are what holds the quantisation of either operand.
    """

    def __init__(
        self,
        node: Node,
        operands: Sequence[Stream],
        output: Stream,
        windows: Sequence[Window],
        shapes: tuple[tuple[int, ...], tuple[int, ...]],
        out_shape: tuple[int, ...],
        quants: tuple[Stream | Tensor, Stream | Tensor],
        constant: tuple[int, np.ndarray] | None,
        act: str,
    ) -> None:
        super().__init__(node, operands, output, windows)
        self.shapes, self.out_shape, self.constant, self.act = shapes, out_shape, constant, act

    @property
    def follows_time(self) -> bool:
        return self.constant is None or len(self.constant[1]) == 1

    def operands(self, taps: Sequence[np.ndarray], columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both operands of `n` output columns, `[n, *column shape]`."""
        operands = [t[:, 0] for t in taps]
        if self.constant is not None:
            place, values = self.constant
            operands.insert(place, values[columns if len(values) > 1 else np.zeros_like(columns)])
        a, b = (o.reshape(len(columns), *shape) for o, shape in zip(operands, self.shapes, strict=True))
        return a, b

    def loops(self) -> dict[str, Any]:
        """The sizes of a kernel that goes through both."""
        loops = collapse(self.out_shape, [strides_of(self.shapes[0]), strides_of(self.shapes[1])])
        return {
            "operation": self.op.lower(),
            "loops": tuple((count, *steps) for count, steps in loops),
            "constant": "ab"[self.constant[0]] if self.constant else "",
            "constant_columns": len(self.constant[1]) if self.constant else 0,
            "constant_type": c_type(self.constant[1].dtype) if self.constant else "",
        }


class Elementwise(Broadcast):
    """ADD, SUB, MUL."""

    def __init__(
        self,
        node: Node,
        operands: Sequence[Stream],
        output: Stream,
        windows: Sequence[Window],
        shapes: tuple[tuple[int, ...], tuple[int, ...]],
        out_shape: tuple[int, ...],
        quants: tuple[Stream | Tensor, Stream | Tensor],
        constant: tuple[int, np.ndarray] | None,
        act: str,
    ) -> None:
        super().__init__(node, operands, output, windows, shapes, out_shape, quants, constant, act)
        if output.dtype == np.int8:
            build = arithmetic.mul_params if node.op == "MUL" else arithmetic.add_params
            scales = [v for q in (*quants, output) for v in quantised(q)]
            self.params: Any = build(*scales, act)  # type: ignore[arg-type,call-arg]
        elif output.dtype == np.int16:
            self.params = _params_int16(node, shapes, [float(quantised(q)[0]) for q in (*quants, output)], act)

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        a, b = self.operands(taps, columns)
        if self.output.dtype == np.int8:
            return _INT8[self.op](a, b, self.params).reshape(len(columns), -1)  # type: ignore[operator]
        if self.output.dtype == np.int16:
            return _INT16[self.op](a, b, self.params).reshape(len(columns), -1)  # type: ignore[operator]
        return _FLOAT[self.op](a, b, self.act).reshape(len(columns), -1)

    def kernel(self) -> Kernel:
        shape = self.loops()
        tables = {"constant": self.constant[1]} if self.constant else {}
        position = not self.follows_time
        if self.output.dtype == np.int8:
            scalars = {name: ("int32_t", value) for name, value in asdict(self.params).items()}
            runtime = ("requantize", "elementwise_s8")
            return Kernel("elementwise", "column", shape, tables, scalars, runtime, position)
        if self.output.dtype == np.int16:
            scalars = {name: ("int32_t", value) for name, value in asdict(self.params).items()}
            shape |= {"form": "shifted_" if isinstance(self.params, arithmetic_int16.ShiftedAddParams) else ""}
            runtime = ("requantize", "elementwise_s16")
            return Kernel("elementwise", "column", shape, tables, scalars, runtime, position)
        scalars = clamp_scalars(self.output, self.act)
        return Kernel("elementwise", "column", shape, tables, scalars, ("float_math",), position)


def _params_int16(node: Node, shapes: tuple[tuple[int, ...], tuple[int, ...]], scales: list[float], act: str) -> Any:
    """Parameters of an int16 operator for the scales of both operands and the output."""
    if node.op == "MUL":
        return arithmetic_int16.mul_params(scales[0], scales[1], scales[2], act)
    powers = bool(node.attrs.get("pot_scale_int16", True))
    params = arithmetic_int16.add_params(scales[0], scales[1], scales[2], act, powers)
    if isinstance(params, arithmetic_int16.ShiftedAddParams) and node.op == "ADD" and shapes[0] != shapes[1]:
        raise refuse(
            node,
            "its scales are powers of two and its operands differ in shape, which the reference kernel gets wrong",
            "convert the model with pot_scale_int16 off, as the TensorFlow converter does",
        )
    return params


class EvenElementwise(Broadcast):
    """ADD, SUB, MUL of a quantised ONNX network; `attrs["params"]` are integers that do it, or its float scales."""

    @property
    def params(self) -> EvenPair:
        found: EvenPair = self.node.attrs["params"]
        return found

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        return self.params.of(*self.operands(taps, columns)).reshape(len(columns), -1)

    def kernel(self) -> Kernel:
        tables = {"constant": self.constant[1]} if self.constant else {}
        numbers = asdict(self.params)
        scalars = {n: ("float" if isinstance(v, np.floating) else "int32_t", v) for n, v in numbers.items()}
        shape = {**self.loops(), "operation": self.params.kernel, "parameters": tuple(scalars)}
        runtime = ("requantize", "convert", "binary_s8")
        return Kernel("binary", "column", shape, tables, scalars, runtime, not self.follows_time)


@operator("ADD", "SUB", "MUL")
def lower_elementwise(node: Node, low: Lowering) -> None:
    lower_broadcast(node, low, EvenElementwise if rounds_even(node) else Elementwise)


def lower_broadcast(node: Node, low: Lowering, build: type[Broadcast]) -> None:
    """Find the columns of both operands, and time in what they give."""
    out = low.tensor(node.outputs[0])
    constants = [low.constant(i) for i in node.inputs]
    tensors = [low.tensor(i) for i in node.inputs]
    slopes = node.op == "PRELU" and tensors[0].dtype == np.int16
    if len(tensors) != 2 or tensors[1].dtype != (np.int8 if slopes else tensors[0].dtype):
        raise refuse(node, "its operands have different types", "export the model again")
    if all(c is not None for c in constants):
        constants[0] = None  # it becomes a stream
    streams = [None if c is not None else low.stream(i) for c, i in zip(constants, node.inputs, strict=True)]
    lead = max((s for s in streams if s is not None), key=lambda s: s.columns)
    rank = len(out.shape)
    axis = next((a + rank - len(lead.shape) for a in lead.layout.axes(lead.shape)), None)
    if axis is None or lead.columns == 1 or out.shape[axis] != lead.columns:
        axis = None
    if axis is None and lead.columns > 1 and _same_memory(lead, tensors, streams):
        layout = lead.layout  # time is hidden in a longer axis, for both alike
        shape: tuple[int, ...] = (lead.size,)
    else:
        layout = Layout.along(out.shape, axis) if axis is not None else Layout(1, 1, out.size)
        shape = tuple(d for a, d in enumerate(out.shape) if a != axis)
    operands: list[Stream] = []
    windows: list[Window] = []
    shapes: list[tuple[int, ...]] = []
    constant: tuple[int, np.ndarray] | None = None
    for place, (tensor, stream, values) in enumerate(zip(tensors, streams, constants, strict=True)):
        if values is not None:
            columns, column_shape = _constant_columns(values, layout, axis, shape, rank)
            constant = (place, columns)
        elif stream is not None and shape == (lead.size,) and axis is None and layout == stream.layout:
            operands.append(stream)
            windows.append(Window())
            column_shape = shape
        else:
            aligned = (1,) * (rank - len(tensor.shape)) + tensor.shape
            if axis is not None and aligned[axis] > 1:
                stream, _ = low.along(tensor.id, (axis - rank + len(tensor.shape),))
                windows.append(Window())
            else:
                stream = low.whole(tensor.id)
                windows.append(Window(stride=0) if layout.columns > 1 else Window())
            operands.append(stream)
            column_shape = tuple(d for a, d in enumerate(aligned) if a != axis)
        shapes.append(column_shape)
    output = low.output(node, layout)
    quants = (streams[0] or tensors[0], streams[1] or tensors[1])
    low.emit(build(node, operands, output, windows, (shapes[0], shapes[1]), shape, quants, constant, activation(node)))


def _same_memory(lead: Stream, tensors: Sequence[Tensor], streams: Sequence[Stream | None]) -> bool:
    return all(
        s.layout == lead.layout if s is not None else t.size in (1, lead.columns * lead.size)
        for t, s in zip(tensors, streams, strict=True)
    )


def _constant_columns(
    values: np.ndarray, layout: Layout, axis: int | None, shape: tuple[int, ...], rank: int
) -> tuple[np.ndarray, tuple[int, ...]]:
    """A constant as columns `[columns or 1, elements]` and the shape of one; equal columns become one."""
    if axis is None:
        if layout.columns == 1:
            return values.reshape(1, -1), (1,) * (rank - values.ndim) + values.shape
        columns = values.reshape(1, 1) if values.size == 1 else layout.to_columns(values)
        column_shape: tuple[int, ...] = (columns.shape[1],)
    else:
        aligned = values.reshape((1,) * (rank - values.ndim) + values.shape)
        columns = np.moveaxis(aligned, axis, 0)
        column_shape = columns.shape[1:]
        columns = columns.reshape(len(columns), -1)
    if (columns == columns[0]).all():
        columns = columns[:1]
    return np.ascontiguousarray(columns), column_shape
