"""UNIDIRECTIONAL_SEQUENCE_LSTM, as Keras' LSTM layer is converted.

What the gates take from the input alone is an operator of its own, on columns; the recurrence runs over its columns.

Source: TFLite `lstm_eval::EvalInteger8x8_16` (int8 with an int16 cell state) and `EvalFloat`.

Types: float32, int8.
Shift: the input part of the gates shifts, a column reads the same column. The recurrence starts from zero in every
    window, so it is bound to the window; with `--recurrent carry` its state flows on and every column is made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.errors import UnsupportedOpError
from edgeshift.ir import Layout, Node, Stream, Tensor, Window
from edgeshift.ops.base import Kernel, StatePart, operator
from edgeshift.ops.common import ordered_sum, quantised, refuse
from edgeshift.ops.conv import check_weights
from edgeshift.ops.project import Project, Scales, scale_tables
from edgeshift.ops.stepwise import State, Stepwise
from edgeshift.reference import lstm as arithmetic

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

_TANH = 4
_INPUT_WEIGHTS, _RECURRENT_WEIGHTS, _BIASES = slice(1, 5), slice(5, 9), slice(12, 16)
_HIDDEN, _CELL = 18, 19
_OPTIONS = {
    "peephole connections": slice(9, 12),
    "a projection": slice(16, 18),
    "layer normalisation": slice(20, 24),
}


class Lstm(Stepwise):
    """The recurrence over the gates' input part, with recurrent `weights` `[4 * units, units]`; `clip` bounds the cell
    state of a float network, an int8 one has `bias` `[4 * units]`, `scales` and `cell`."""

    def __init__(self, node: Node, gates: Stream, output: Stream, weights: np.ndarray, clip: float) -> None:
        super().__init__(node, [gates], output, [Window()])
        self.weights, self.clip = weights, clip
        self.units = weights.shape[1]
        self.bias = np.zeros(0, np.int32)
        self.scales: Scales | None = None
        self.cell: arithmetic.Cell | None = None
        self.hidden_zero = 0

    @property
    def macs_per_column(self) -> int:
        return self.weights.size

    @property
    def state(self) -> tuple[StatePart, ...]:
        kind = np.dtype(np.float32 if self.cell is None else np.int16)
        first = self.hidden_zero & 0xFF
        return StatePart("hidden", self.output.dtype, self.units, first), StatePart("cell", kind, self.units)

    def steps(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        hidden, cell = state
        made = np.empty((len(x), self.units), self.output.dtype)
        for row, gates in zip(made, x, strict=True):
            if self.cell is None or self.scales is None:
                hidden, cell = arithmetic.step_float(ordered_sum(hidden, self.weights) + gates, cell, self.clip)
            else:
                acc = self.weights.astype(np.int64) @ hidden + self.bias
                multiplier, shift = (np.repeat(s, self.units) for s in self.scales)
                hidden, cell = arithmetic.step_int8(gates, acc, multiplier, shift, cell, self.cell)
            row[:] = hidden
        return made, (hidden, cell)

    def kernel(self) -> Kernel:
        shape: dict[str, Any] = {"units": self.units, "clipped": self.clip > 0}
        if self.cell is None or self.scales is None:
            scalars: dict[str, tuple[str, Any]] = {"clip": ("float", np.float32(self.clip))} if self.clip > 0 else {}
            tables = {"weights": self.weights}
            return Kernel("lstm", "column", shape, tables, scalars, ("float_math",), state=self.state)
        low, high = self.cell.bounds
        numbers = {
            "integer_bits": self.cell.integer_bits,
            "cell_min": low,
            "cell_max": high,
            "hidden_multiplier": self.cell.multiplier,
            "hidden_shift": self.cell.shift,
            "hidden_offset": self.cell.output_offset,
        }
        tables = {"weights": self.weights, "bias": self.bias} | scale_tables(self.scales)
        scalars = {name: ("int32_t", value) for name, value in numbers.items()}
        return Kernel("lstm", "column", shape, tables, scalars, ("requantize", "fixed_s16"), state=self.state)


@operator("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lower_lstm(node: Node, low: Lowering) -> None:
    axis = 0 if node.attrs.get("time_major") else 1
    shape = low.tensor(node.inputs[0]).shape
    if len(shape) != 3 or shape[1 - axis] != 1:
        raise refuse(node, f"input shape {list(shape)} is not one sequence", "use a batch of one")
    x, _ = low.along(node.inputs[0], (axis,))
    if any(other.op in ("READ_VARIABLE", "ASSIGN_VARIABLE", "SVDF") for other in low.graph.nodes):
        raise refuse(node, "an LSTM beside other state is not built", "export the network without its own variables")
    _check(node, low, x)
    inputs, recurrent, biases = (
        np.concatenate([_constant(node, low, i) for i in node.inputs[part]])
        for part in (_INPUT_WEIGHTS, _RECURRENT_WEIGHTS, _BIASES)
    )
    kind = np.dtype(np.int16) if x.dtype == np.int8 else x.dtype
    tensor = low.tensor(node.outputs[0])
    layout = Layout(1, x.columns, len(inputs))
    like = replace(x, dtype=kind, quant=None)
    gates = low.new(f"{tensor.name}_gates", (1, x.columns, len(inputs)), layout, like)
    output = low.output(node, Layout.along(tensor.shape, axis))
    recurrence = Lstm(replace(node, op="LSTM"), gates, output, recurrent, float(node.attrs.get("cell_clip", 0.0)))
    scales = None
    if x.dtype == np.int8:
        scale, zero = quantised(x)
        scales = _scales(node, low, node.inputs[_INPUT_WEIGHTS], scale)
        biases = biases - zero * inputs.astype(np.int32).sum(axis=1, dtype=np.int32)
        _quantise(recurrence, node, low)
    low.emit(Project(replace(node, op="LSTM_GATES"), x, gates, inputs, biases, scales))
    low.emit(recurrence)


def _check(node: Node, low: Lowering, x: Stream) -> None:
    """Refuse what is not built."""
    if x.dtype == np.int16:
        raise refuse(node, "the reference kernels have no LSTM with int16 activations", "keep it in float32 or int8")
    if x.dtype not in (np.float32, np.int8):
        raise refuse(node, f"{x.dtype} activations: the reference kernel has none", "quantise the model to int8")
    for tensor in (low.tensor(i) for i in node.inputs[1:9] if i is not None):
        check_weights(node, tensor.dtype, x)
    remedy = "export the plain LSTM layer of Keras"
    if node.inputs[1] is None:
        raise refuse(node, "coupled input and forget gates (CIFG) are not built", remedy)
    for name, operands in _OPTIONS.items():
        if any(i is not None for i in node.inputs[operands]):
            raise refuse(node, f"{name} in the cell: not built", remedy)
    if node.attrs.get("diagonal_recurrent_tensors") or any(len(low.tensor(i).shape) != 2 for i in node.inputs[1:9]):
        raise refuse(node, "diagonal recurrent weights are not built", remedy)
    if int(node.attrs.get("fused_activation_function", 0)) != _TANH:
        raise refuse(node, "an activation other than tanh is not built", remedy)
    if not all(low.tensor(node.inputs[i]).variable for i in (_HIDDEN, _CELL)):
        raise refuse(node, "its first state is computed", "export the layer without an initial_state")


def _constant(node: Node, low: Lowering, tensor_id: int | None) -> np.ndarray:
    values = low.constant(tensor_id)
    if values is None:
        raise refuse(node, "its weights or biases are not constants", "export the model with frozen weights")
    return values


def _scales(node: Node, low: Lowering, weights: Sequence[int | None], scale: np.float32) -> Scales:
    """The rescaling of the four gates."""
    pairs = [arithmetic.gate_multiplier(_scale(node, low.tensor(i)), scale) for i in weights]
    multiplier, shift = np.array(pairs, np.int32).T
    return multiplier.copy(), shift.copy()


def _scale(node: Node, weights: Tensor) -> np.float32:
    scale, zero = quantised(weights)
    if zero != 0:
        raise refuse(node, f"weights '{weights.name}' are not symmetrically quantised", "quantise the model again")
    return scale


def _quantise(recurrence: Lstm, node: Node, low: Lowering) -> None:
    """Give a recurrence its integer scales."""
    hidden, cell = low.tensor(node.inputs[_HIDDEN]), low.tensor(node.inputs[_CELL])
    intermediates = node.attrs.get("intermediates", ())
    if len(intermediates) != 5 or cell.dtype != np.int16:
        raise refuse(node, "it lacks the scales of an integer LSTM", "quantise the model again")
    scale, recurrence.hidden_zero = quantised(hidden)
    hidden_scale, hidden_zero = quantised(low.tensor(intermediates[4]))
    try:
        recurrence.cell = arithmetic.cell_params(quantised(cell)[0], recurrence.clip, hidden_scale, hidden_zero)
    except UnsupportedOpError as error:
        raise refuse(node, str(error), "quantise the model again") from error
    recurrence.scales = _scales(node, low, node.inputs[_RECURRENT_WEIGHTS], scale)
    sums = recurrence.weights.astype(np.int32).sum(axis=1, dtype=np.int32)
    recurrence.bias = -np.int32(recurrence.hidden_zero) * sums
