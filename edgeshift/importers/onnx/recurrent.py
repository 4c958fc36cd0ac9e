"""ONNX's LSTM, GRU and RNN: their input part as a dense layer per step, the recurrent part as RECURRENCE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeshift.importers.onnx.layers import dense
from edgeshift.importers.onnx.moves import joined, sliced
from edgeshift.importers.onnx.values import Builder, Value
from edgeshift.reference.recurrent import GATES

Layer = Callable[[Builder], "list[Value | None]"]
_FUNCTIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


@dataclass(frozen=True)
class _Weights:
    """Of one direction: `inputs` `[GATES * hidden, size]`, `recurrent` `[GATES * hidden, hidden]`, the bias that goes
    with the inputs and the one that a GRU's reset gate must not, or must alone, reach."""

    inputs: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray
    new_bias: np.ndarray | None


def recurrent(b: Builder) -> list[Value | None]:
    x, op = b.value(), b.source.op
    hidden = b.constant(2, "its weights").shape[-1]
    cell = _cell(b)
    if x.rank != 3 or b.source.get("layout", 0):
        raise b.source.refuse(
            f"its input {list(x.shape)} is not [steps, batch, size]",
            "give the network's inputs the lengths that it was made for, and export it with layout 0",
        )
    if b.has(4) and (b.constant(4, "its number of steps") != x.shape[0]).any():
        raise b.source.refuse("it stops before the last step", "export the model without packed sequences")
    if b.has(7) and op == "LSTM":
        raise b.source.refuse("its gates look at the cell (peepholes)")
    b.hint(x, 0, "the one that the network recurs along")
    direction = b.source.get("direction", "forward")
    reverse = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    made = [_direction(b, x, cell, hidden, d, r) for d, r in enumerate(reverse)]
    pieces = []
    for place in range(len(b.source.outputs)):
        parts = [part[place] for part in made]
        values = [p for p in parts if p is not None]
        pieces.append(joined(b, values, 1 if place == 0 else 0) if values else None)
    return pieces


def _cell(b: Builder) -> str:
    """Which of ours it is. What no exporter writes is refused."""
    op, attrs = b.source.op, b.source.attrs
    functions = attrs.get("activations", _FUNCTIONS[op])
    functions = [f.decode() if isinstance(f, bytes) else str(f) for f in functions]
    count = len(_FUNCTIONS[op])
    alike = functions == functions[:count] * (len(functions) // count)  # in both directions
    if alike and "clip" not in attrs and not attrs.get("input_forget", 0):
        if op == "RNN" and functions[0] in ("Tanh", "Relu"):
            return f"rnn_{functions[0].lower()}"
        if functions[:count] == _FUNCTIONS[op]:
            return "gru_linear" if attrs.get("linear_before_reset", 0) else op.lower()
    raise b.source.refuse(f"its activations {functions}, a clip or coupled gates are not built")


def _weights(b: Builder, cell: str, hidden: int, direction: int) -> _Weights:
    rows = GATES[cell] * hidden
    inputs, weights = (b.constant(i, "its weights")[direction].astype(np.float32) for i in (1, 2))
    given = b.optional(3)
    if inputs.shape[0] != rows or weights.shape != (rows, hidden):
        raise b.source.refuse(f"its weights {list(weights.shape)} do not fit it", "export the model again")
    both = np.zeros((2, rows), np.float32) if given is None else given[direction].reshape(2, rows).astype(np.float32)
    if not cell.startswith("gru"):
        return _Weights(inputs, weights, both[0] + both[1], None)
    before = np.where(np.arange(rows) < 2 * hidden, both[0] + both[1], both[0])
    return _Weights(inputs, weights, before, both[1, 2 * hidden :])


def _direction(
    b: Builder, x: Value, cell: str, hidden: int, direction: int, reverse: bool
) -> tuple[Value | None, Value | None, Value | None]:
    """Y `[steps, 1, batch, hidden]`, Y_h and Y_c `[1, batch, hidden]`, as far as they are read."""
    weights = _weights(b, cell, hidden, direction)
    (steps, batch, _), name = x.shape, b.source.name
    every, last, memory = (b.wanted(place) for place in range(3))
    every |= not last and not memory
    gates = b.straight(dense(b, x, weights.inputs.T, weights.bias))
    operands: list[int | None] = [gates.id, b.data(weights.recurrent, f"{name}_recurrent")]
    operands.append(None if weights.new_bias is None else b.data(weights.new_bias, f"{name}_bias"))
    operands += [_state(b, place, direction, batch, hidden) for place in ((5, 6) if cell == "lstm" else (5,))]
    if operands[-1] is not None and operands[-2] is None and cell == "lstm":
        operands[-2] = b.data(np.zeros((batch, hidden), np.float32), f"{name}_zeros")
    rows = steps if every else 1
    attrs = {"cell": cell, "every": every, "memory": memory, "reverse": reverse}
    made = b.plain(b.emit("RECURRENCE", operands, (rows + memory, batch, hidden), **attrs))
    states = sliced(b, made, {0: slice(0, rows)})
    newest = sliced(b, states, {0: slice(0, 1) if reverse else slice(rows - 1, rows)}) if last else None
    return (
        b.reshaped(states, (steps, 1, batch, hidden)) if every else None,
        newest,
        sliced(b, made, {0: slice(rows, rows + 1)}) if memory else None,
    )


def _state(b: Builder, place: int, direction: int, batch: int, hidden: int) -> int | None:
    """The first state of a direction `[batch, hidden]`; zeros are left out."""
    if not b.has(place) or (b.is_constant(place) and not b.constant(place).any()):
        return None
    part = sliced(b, b.value(place), {0: slice(direction, direction + 1)})
    return b.straight(b.reshaped(part, (batch, hidden))).id


RECURRENT: dict[str, Layer] = {"LSTM": recurrent, "GRU": recurrent, "RNN": recurrent}
