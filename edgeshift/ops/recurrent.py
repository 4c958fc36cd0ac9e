"""RECURRENCE: the recurrent part of an LSTM, a GRU or a simple RNN, as the ONNX importer leaves it.

What a step takes from its input alone, `W x + b`, is a FULLY_CONNECTED before it: that shifts.

Source: the ONNX operators LSTM, GRU and RNN.

Types: float32.
Shift: over time it runs from its first state through every step of the window, so it is bound to the window. With time
along its batch (a recurrence over features) a column reads the same column. State that the caller hands in and out
makes it one step per call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import ordered_sum, refuse
from edgeshift.ops.moves import time_axis
from edgeshift.ops.relayout import Relayout
from edgeshift.reference.float_math import logistic_float, tanh_float

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

GATES = {"lstm": 4, "gru": 3, "gru_linear": 3, "rnn_tanh": 1, "rnn_relu": 1}  # rows of the weights per hidden unit


class Recurrence(ColumnOp):
    """`steps` steps over gates `[steps, batch, GATES * hidden]`, their input part, with recurrent `weights`
    `[GATES * hidden, hidden]`; its column is `[rows, batch, hidden]`.

    The rows are the hidden states after every step if `every`, else after the last, and, for an LSTM with `memory`,
    its cell state behind them. `bias` `[hidden]` is that of a GRU's new state, added before the reset gate
    (`gru_linear`) or after it. The operands behind the gates are the first hidden and cell state, zeros where absent.
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
        self.weights, self.bias, self.steps = weights, bias, steps
        self.hidden = weights.shape[1]
        self.batch = operands[0].size * windows[0].kernel // (steps * len(weights))

    @property
    def macs_per_column(self) -> int:
        return self.steps * self.batch * self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n = len(columns)
        gates = taps[0].reshape(n, self.steps, self.batch, -1)
        first = [t.reshape(n, self.batch, self.hidden) for t in taps[1:]]
        zeros = np.zeros((n, self.batch, self.hidden), np.float32)
        h, c = (*first, zeros, zeros)[:2]
        rows = np.zeros((n, self.steps, self.batch, self.hidden), np.float32)
        for step in range(self.steps)[:: -1 if self.reverse else 1]:
            h, c = self._step(gates[:, step], h, c)
            rows[:, step] = h
        parts = [rows if self.every else h[:, None], *([c[:, None]] if self.memory else [])]
        return np.concatenate(parts, axis=1).reshape(n, -1)

    def _step(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The next states after the input part `x` `[n, batch, GATES * hidden]` of a step."""
        units = self.hidden

        def recurrent(state: np.ndarray, first: int, count: int) -> np.ndarray:
            rows = self.weights[first * units : (first + count) * units]
            return ordered_sum(state[:, :, None, :], rows)

        if self.cell == "lstm":
            i, o, f, g = np.split(x + recurrent(h, 0, 4), 4, axis=2)
            c = logistic_float(f) * c + logistic_float(i) * tanh_float(g)
            return logistic_float(o) * tanh_float(c), c
        if self.cell.startswith("rnn"):
            total = x + recurrent(h, 0, 1)
            return (tanh_float(total) if self.cell == "rnn_tanh" else np.where(total > 0, total, np.float32(0))), c
        update, reset = np.split(logistic_float(x[..., : 2 * units] + recurrent(h, 0, 2)), 2, axis=2)
        if self.cell == "gru_linear":
            new = x[..., 2 * units :] + reset * (recurrent(h, 2, 1) + self.bias)
        else:
            new = x[..., 2 * units :] + (recurrent(reset * h, 2, 1) + self.bias)
        return (np.float32(1) - update) * tanh_float(new) + update * h, c

    def kernel(self) -> Kernel:
        shape: dict[str, Any] = {
            "cell": self.cell,
            "gates": GATES[self.cell],
            "steps": self.steps,
            "spread": self.windows[0].kernel > 1,
            "batch": self.batch,
            "hidden": self.hidden,
            "every": self.every,
            "memory": self.memory,
            "reverse": self.reverse,
            "given": len(self.inputs) - 1,
        }
        tables = {"weights": self.weights} | ({} if self.bias is None else {"bias": self.bias})
        floats = (GATES[self.cell] + 2) * self.hidden
        return Kernel("recurrent", "taps", shape, tables, {}, ("float_math",), work=4 * floats)


@operator("RECURRENCE")
def lower_recurrence(node: Node, low: Lowering) -> None:
    """Operands: gates `[steps, batch, GATES * hidden]`, weights, the bias of a GRU, hidden state, cell state."""
    x, out = low.stream(node.inputs[0]), low.tensor(node.outputs[0])
    weights, bias = (low.constant(i) for i in node.inputs[1:3])
    if weights is None or x.dtype != np.float32:
        raise refuse(node, "its weights are not float32 constants", "export the model with frozen weights")
    steps, time = x.shape[0], time_axis(x)
    if time == 1:
        window, layout = Window(), Layout.along(out.shape, 1)
        states = [low.along(i, (0,))[0] for i in node.inputs[3:] if i is not None]
    else:
        x = x if time == 0 else low.whole(node.inputs[0])
        window, layout = Window(kernel=x.columns), Layout(1, 1, out.size)
        states = [low.whole(i) for i in node.inputs[3:] if i is not None]
    apart = time == 0 and out.shape[0] == steps  # the steps are columns again behind it
    made = low.new(f"{out.name}_steps", out.shape, layout, out) if apart else low.output(node, layout)
    operands, windows = [x, *states], [window, *(Window() for _ in states)]
    low.emit(Recurrence(node, operands, made, windows, weights, bias, steps))
    if apart:
        low.emit(Relayout.between(made, low.output(node, Layout.along(out.shape, 0))))
