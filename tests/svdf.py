"""SVDF for `tests.netbuilder` and `tests.quantizer`: as the TFLite converter writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.tflite_writer import NO_TENSOR, Op, Quant, Tensor

CODE = "SVDF"
FEATURES, TIMES, BIAS, STATE = range(1, 5)


def parameters(op: Op) -> set[int]:
    """The tensors that are quantised by `quantize` below."""
    return {op.inputs[i] for i in (FEATURES, TIMES, BIAS, STATE)} - {NO_TENSOR}


def quantize(tensors: list[Tensor], op: Op, ranges: Sequence[tuple[float, float]]) -> Op:
    """Features in int8, times and state in int16, the bias in int32."""
    scales = {}
    for place, dtype in ((FEATURES, "int8"), (TIMES, "int16"), (STATE, "int16")):
        index, limit = op.inputs[place], np.iinfo(dtype).max
        values, extent = tensors[index].data, max(map(abs, ranges[index]))
        scales[place] = scale = float(np.float32(max(extent, 1e-3) / limit))
        data = None if values is None else np.clip(np.round(values / scale), -limit, limit).astype(dtype)
        tensors[index] = replace(tensors[index], dtype=dtype, data=data, quant=Quant((scale,), (0,)))
    if op.inputs[BIAS] != NO_TENSOR:
        bias, scale = tensors[op.inputs[BIAS]], scales[STATE] * scales[TIMES]
        assert bias.data is not None
        data = np.round(bias.data / scale).astype(np.int32)
        tensors[op.inputs[BIAS]] = replace(bias, dtype="int32", data=data, quant=Quant((scale,), (0,)))
    return op
