"""UNIDIRECTIONAL_SEQUENCE_LSTM for `tests.netbuilder` and `tests.quantizer`: as the TFLite converter writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.tflite_writer import NO_TENSOR, Op, Quant, Tensor

CODE = "UNIDIRECTIONAL_SEQUENCE_LSTM"
INPUT_WEIGHTS, RECURRENT_WEIGHTS, BIASES = range(1, 5), range(5, 9), range(12, 16)
HIDDEN, CELL, OPERANDS = 18, 19, 24
_TANH = 4


def options(time_major: bool, clip: float) -> schema.UnidirectionalSequenceLSTMOptionsT:
    return schema.UnidirectionalSequenceLSTMOptionsT(_TANH, clip, 0.0, time_major)


def constants(rng: np.random.Generator, depth: int, units: int) -> dict[int, np.ndarray]:
    """Weights and biases by operand; gates of clearly different size, and a forget gate that remembers."""
    made = {i: rng.standard_normal((units, depth)) * rng.uniform(0.5, 2) / np.sqrt(depth) for i in INPUT_WEIGHTS}
    made |= {i: rng.standard_normal((units, units)) * rng.uniform(0.5, 2) / np.sqrt(units) for i in RECURRENT_WEIGHTS}
    return made | {i: rng.normal(i == BIASES[1], 0.3, units) for i in BIASES}


def parameters(op: Op) -> set[int]:
    """The tensors that are quantised by `quantize` below."""
    return {op.inputs[i] for i in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS, *BIASES, CELL)}


def quantize(tensors: list[Tensor], op: Op, ranges: Sequence[tuple[float, float]]) -> Op:
    """Weights in int8 with one scale each, the cell state in int16 with a power of two; the operator with what the
    converter calls its intermediates, of which the last has the scale of the hidden state."""
    hidden = tensors[op.output].quant
    assert hidden is not None and len(hidden.scale) == 1
    for place in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS):
        index = op.inputs[place]
        weights = tensors[index].data
        assert weights is not None
        scale = float(np.float32(max(np.abs(weights).max(), 1e-6) / 127))
        values = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
        tensors[index] = replace(tensors[index], dtype="int8", data=values, quant=Quant((scale,), (0,)))
    source = tensors[op.inputs[0]].quant
    assert source is not None
    for weight, place in zip(INPUT_WEIGHTS, BIASES, strict=True):
        quant, bias = tensors[op.inputs[weight]].quant, tensors[op.inputs[place]].data
        assert quant is not None and bias is not None
        scale = float(np.float32(source.scale[0]) * np.float32(quant.scale[0]))
        values = np.round(bias / scale).astype(np.int32)
        tensors[op.inputs[place]] = replace(
            tensors[op.inputs[place]], dtype="int32", data=values, quant=Quant((scale,), (0,))
        )
    cell = op.inputs[CELL]
    power = int(np.clip(np.ceil(np.log2(max(map(abs, ranges[cell])) + 1e-9)), 0, 6))
    tensors[cell] = replace(tensors[cell], dtype="int16", quant=Quant((2.0 ** (power - 15),), (0,)))
    first = len(tensors)
    tensors += [Tensor(f"intermediate{i}", (), "int16", None, Quant((2.0**-12,), (0,))) for i in range(4)]
    tensors.append(Tensor("intermediate4", (), "int8", None, hidden))
    return replace(op, intermediates=tuple(range(first, first + 5)))


def operands(x: int, made: dict[int, int], hidden: int, cell: int) -> tuple[int, ...]:
    """All 24 operands; peephole, projection and layer normalisation are absent."""
    known = {0: x, **made, HIDDEN: hidden, CELL: cell}
    return tuple(known.get(i, NO_TENSOR) for i in range(OPERANDS))
