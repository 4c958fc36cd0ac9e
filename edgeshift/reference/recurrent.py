"""One step of an LSTM, a GRU or a simple RNN on float32, operation by operation as `templates/macros/recurrent.j2`.

Source: the ONNX operators LSTM, GRU and RNN.
"""

from __future__ import annotations

import numpy as np

from edgeshift.reference.float_math import Float, f32, logistic_float, tanh_float

GATES = {"lstm": 4, "gru": 3, "gru_linear": 3, "rnn_tanh": 1, "rnn_relu": 1}  # rows of the weights per unit


def step(cell: str, x: Float, hidden: Float, memory: Float, weights: Float, bias: Float | None) -> tuple[Float, Float]:
    """The hidden and the cell state `[..., units]` after a step.

    `x` `[..., GATES * units]` is what the gates take from the input, `weights` `[GATES * units, units]` what they take
    from the hidden state, in ONNX's order. `bias` `[units]` is that of a GRU's new state: added before the reset gate
    (`gru_linear`) or after it. Only an LSTM has a cell state.
    """
    units = weights.shape[1]
    parts = np.split(x, GATES[cell], axis=-1)
    rows = np.split(weights, GATES[cell])
    if cell == "lstm":
        i, o, f, g = (part + _product(hidden, row) for part, row in zip(parts, rows, strict=True))
        memory = logistic_float(f) * memory + logistic_float(i) * tanh_float(g)
        return logistic_float(o) * tanh_float(memory), memory
    if cell.startswith("rnn"):
        total = x + _product(hidden, weights)
        return (tanh_float(total) if cell == "rnn_tanh" else np.where(total > 0, total, f32(0))), memory
    assert bias is not None and bias.shape == (units,)
    update, reset = (logistic_float(parts[k] + _product(hidden, rows[k])) for k in (0, 1))
    if cell == "gru_linear":
        new = parts[2] + reset * (_product(hidden, rows[2]) + bias)
    else:
        new = parts[2] + (_product(reset * hidden, rows[2]) + bias)
    return (f32(1) - update) * tanh_float(new) + update * hidden, memory


def _product(state: Float, rows: Float) -> Float:
    """`rows` `[n, units]` times `state` `[..., units]`, added one after the other."""
    total = np.zeros((*state.shape[:-1], len(rows)), np.float32)
    for i in range(state.shape[-1]):
        total += state[..., i : i + 1] * rows[:, i]
    return total
