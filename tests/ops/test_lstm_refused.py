"""Forms of UNIDIRECTIONAL_SEQUENCE_LSTM that are not built: each is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeshift.errors import UnsupportedOpError
from tests.ladder import network
from tests.netbuilder import Net
from tests.sequence_lstm import HIDDEN, INPUT_WEIGHTS, options
from tests.tflite_writer import NO_TENSOR, Network, Quant, write


def drawn(shape: tuple[int, ...] = (1, 6, 3)) -> Network:
    net = Net("refused", np.random.default_rng(1))
    net.output(net.lstm(net.input(shape), 4))
    return net.network


def with_operand(place: int, tensor: int) -> Network:
    """The operator with another tensor at one of its places, its own weights elsewhere."""
    made = drawn()
    inputs = list(made.ops[0].inputs)
    inputs[place] = inputs[INPUT_WEIGHTS[0]] if tensor != NO_TENSOR else NO_TENSOR
    return replace(made, ops=(replace(made.ops[0], inputs=tuple(inputs)),))


def with_options(changed: Any) -> Network:
    made = drawn()
    return replace(made, ops=(replace(made.ops[0], options=changed),))


def with_activation(code: int) -> Network:
    changed = options(False, 10.0)
    changed.fusedActivationFunction = code
    return with_options(changed)


def with_tensor(place: int, **changed: Any) -> Network:
    made = drawn()
    index = made.ops[0].inputs[place]
    tensors = list(made.tensors)
    tensors[index] = replace(tensors[index], **changed)
    return replace(made, tensors=tuple(tensors))


def hybrid() -> Network:
    weights = drawn().tensors[drawn().ops[0].inputs[2]].data
    assert weights is not None
    return with_tensor(2, dtype="int8", data=np.round(weights * 50).astype(np.int8), quant=Quant((0.02,), (0,)))


REFUSED = {
    "coupled input and forget gates": lambda: with_operand(INPUT_WEIGHTS[0], NO_TENSOR),
    "peephole connections in the cell": lambda: with_operand(10, 0),
    "a projection in the cell": lambda: with_operand(16, 0),
    "layer normalisation in the cell": lambda: with_operand(21, 0),
    "an activation other than tanh": lambda: with_activation(1),
    "its first state is computed": lambda: with_tensor(HIDDEN, variable=False, data=np.zeros((1, 4), np.float32)),
    r"input shape \[2, 6, 3\] is not one sequence": lambda: drawn((2, 6, 3)),
    r"int8 weights on float32 activations \(dynamic-range": hybrid,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_by_name(reason: str) -> None:
    with pytest.raises(UnsupportedOpError, match=rf"UNIDIRECTIONAL_SEQUENCE_LSTM \(node 0\): {reason}") as error:
        network(write(REFUSED[reason]()))
    assert "; " in str(error.value) and "\n" not in str(error.value)
