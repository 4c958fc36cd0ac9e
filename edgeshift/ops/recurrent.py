"""RECURRENCE: the recurrent part of an LSTM, a GRU or a simple RNN, as the ONNX importer leaves it.

What a step takes from its input alone, `W x + b`, is a FULLY_CONNECTED before it: that shifts.

Source: the ONNX operators LSTM, GRU and RNN.

Types: float32.
Shift: over time it starts anew in every window and goes through all of its columns; with `--recurrent carry` the state
    of one that goes forwards from zeros flows on, and every column is made once. With time along its batch (a
    recurrence over features) a column reads the same column. State that the caller hands in and out makes it one step
    a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, StatePart, operator
from edgeshift.ops.common import refuse
from edgeshift.ops.moves import time_axis
from edgeshift.ops.relayout import Relayout
from edgeshift.ops.stepwise import State, Stepwise
from edgeshift.reference.recurrent import step

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Recurrence(ColumnOp):
    """`steps` steps over gates `[steps, batch, GATES * units]`, their input part, with recurrent `weights`
    `[GATES * units, units]` and, of a GRU, `bias` `[units]`; its column is `[rows, batch, units]`.

    The rows are the hidden states after every step if `every`, else after the last, and, for an LSTM with `memory`,
    its cell state behind them. The operands behind the gates are the first hidden and cell state, zeros where absent.
    """

    def __init__(
        self,
        node: Node,
        operands: Sequence[Stream],
        output: Stream,
        windows: Sequence[Window],
        weights: np.ndarray,
        bias: np.ndarray | None,
        steps: int,
    ) -> None:
        super().__init__(node, operands, output, windows)
        self.cell: str = node.attrs["cell"]
        self.every, self.memory, self.reverse = (bool(node.attrs[k]) for k in ("every", "memory", "reverse"))
        self.weights, self.bias, self.steps, self.units = weights, bias, steps, weights.shape[1]
        self.batch = operands[0].size * windows[0].kernel // (steps * len(weights))

    @property
    def macs_per_column(self) -> int:
        return self.steps * self.batch * self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        gates = taps[0].reshape(n, self.steps, self.batch, -1)
        zeros = np.zeros((n, self.batch, self.units), np.float32)
        hidden, memory = (*(t.reshape(zeros.shape) for t in taps[1:]), zeros, zeros)[:2]
        rows = np.zeros((n, self.steps, self.batch, self.units), np.float32)
        for turn in range(self.steps)[:: -1 if self.reverse else 1]:
            hidden, memory = step(self.cell, gates[:, turn], hidden, memory, self.weights, self.bias)
            rows[:, turn] = hidden
        parts = [rows if self.every else hidden[:, None], *([memory[:, None]] if self.memory else [])]
        return np.concatenate(parts, axis=1).reshape(n, -1)

    def kernel(self) -> Kernel:
        shape: dict[str, Any] = {
            "cell": self.cell,
            "units": self.units,
            "steps": self.steps,
            "spread": self.windows[0].kernel > 1,
            "batch": self.batch,
            "every": self.every,
            "memory": self.memory,
            "reverse": self.reverse,
            "given": len(self.inputs) - 1,
        }
        tables = _tables(self.weights, self.bias)
        return Kernel("recurrent", "taps", shape, tables, {}, ("float_math",), work=3 * 4 * self.units)


class Steps(Stepwise):
    """A recurrence forwards from zeros, a step for each column of gates `[GATES * units]`."""

    def __init__(self, node: Node, gates: Stream, output: Stream, weights: np.ndarray, bias: np.ndarray | None) -> None:
        super().__init__(node, [gates], output, [Window()])
        self.cell: str = node.attrs["cell"]
        self.weights, self.bias, self.units = weights, bias, weights.shape[1]

    @property
    def macs_per_column(self) -> int:
        return self.weights.size

    @property
    def state(self) -> tuple[StatePart, ...]:
        names = {"lstm": ("hidden", "memory"), "gru": ("hidden", "kept")}.get(self.cell, ("hidden",))
        return tuple(StatePart(name, np.dtype(np.float32), self.units) for name in names)

    def steps(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        hidden, *others = state
        made = np.empty((len(x), self.units), np.float32)
        for row, gates in zip(made, x, strict=True):
            memory = others[0] if self.cell == "lstm" else hidden
            hidden, memory = step(self.cell, gates, hidden, memory, self.weights, self.bias)
            row[:] = hidden
            others = [memory] if self.cell == "lstm" else others
        return made, (hidden, *others)

    def kernel(self) -> Kernel:
        shape = {"cell": self.cell, "units": self.units}
        tables = _tables(self.weights, self.bias)
        return Kernel("recurrent_step", "column", shape, tables, {}, ("float_math",), state=self.state)


def _tables(weights: np.ndarray, bias: np.ndarray | None) -> dict[str, np.ndarray]:
    return {"weights": weights} | ({} if bias is None else {"bias": bias})


@operator("RECURRENCE")
def lower_recurrence(node: Node, low: Lowering) -> None:
    """Operands: gates `[steps, batch, GATES * units]`, weights, the bias of a GRU, hidden state, cell state."""
    x, out = low.stream(node.inputs[0]), low.tensor(node.outputs[0])
    weights, bias = (low.constant(i) for i in node.inputs[1:3])
    if weights is None or x.dtype != np.float32:
        raise refuse(node, "its weights are not float32 constants", "export the model with frozen weights")
    time, given = time_axis(x), [i for i in node.inputs[3:] if i is not None]
    stateful = any(other.op in ("READ_VARIABLE", "ASSIGN_VARIABLE") for other in low.graph.nodes)
    forwards = not given and not stateful and not node.attrs["reverse"] and not node.attrs["memory"]
    if time == 0 and forwards and x.size == len(weights):
        _lower_steps(node, low, x, weights, bias)
        return
    if time == 1:
        window, layout = Window(), Layout.along(out.shape, 1)
        states = [low.along(i, (0,))[0] for i in given]
    else:
        x = x if time == 0 else low.whole(node.inputs[0])
        window, layout = Window(kernel=x.columns), Layout(1, 1, out.size)
        states = [low.whole(i) for i in given]
    apart = time == 0 and out.shape[0] == x.shape[0]  # the steps are columns again behind it
    made = low.new(f"{out.name}_steps", out.shape, layout, out) if apart else low.output(node, layout)
    operands, windows = [x, *states], [window, *(Window() for _ in states)]
    low.emit(Recurrence(node, operands, made, windows, weights, bias, x.shape[0]))
    if apart:
        low.emit(Relayout.between(made, low.output(node, Layout.along(out.shape, 0))))


def _lower_steps(node: Node, low: Lowering, x: Stream, weights: np.ndarray, bias: np.ndarray | None) -> None:
    out = low.tensor(node.outputs[0])
    if out.shape[0] == x.columns:
        low.emit(Steps(node, x, low.output(node, Layout.along(out.shape, 0)), weights, bias))
        return
    shape = (x.columns, *out.shape[1:])
    made = low.new(f"{out.name}_steps", shape, Layout.along(shape, 0), out)
    low.emit(Steps(node, x, made, weights, bias))
    last = np.arange(made.columns * made.size)[-made.size :]
    low.emit(Relayout.between(made, low.output(node, Layout(1, 1, out.size)), last))
