"""ONNX float32 -> ONNX int8 (QDQ), by ONNX Runtime's static quantiser."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeshift.convert.framework import check_windows, converting, library


class _Windows:
    """What ONNX Runtime calls a calibration data reader."""

    def __init__(self, feeds: Sequence[Mapping[str, np.ndarray]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Mapping[str, np.ndarray] | None:
        return next(self._feeds, None)


def to_int8(path: Path, windows: Sequence[np.ndarray]) -> bytes:
    """The bytes of a QDQ file: int8 activations, int8 weights for each channel, int32 biases."""
    with tempfile.TemporaryDirectory(prefix="edgeshift-") as folder, converting("ONNX Runtime's quantisation"):
        runtime = library("onnxruntime", "'edgeshift[onnx]'")
        quantization = library("onnxruntime.quantization", "'edgeshift[onnx]'")
        inputs = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_inputs()
        check_windows(windows, [[d if isinstance(d, int) else None for d in i.shape[1:]] for i in inputs])
        feeds = [
            {i.name: w[number : number + 1] for i, w in zip(inputs, windows, strict=True)}
            for number in range(len(windows[0]))
        ]
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quantization.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        reader: Any = type("Reader", (_Windows, quantization.CalibrationDataReader), {})(feeds)
        quantization.quantize_static(
            str(prepared),
            str(made),
            reader,
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
        )
        return made.read_bytes()
