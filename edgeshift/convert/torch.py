"""PyTorch -> ONNX, by torch.onnx; from there to int8 as any other ONNX model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeshift.convert import onnx
from edgeshift.convert.framework import converting, library


def to_onnx(path: Path, windows: Sequence[np.ndarray]) -> bytes:
    """The bytes of an `.onnx` file of a program that `torch.export.save` wrote; int8 when there are windows."""
    with tempfile.TemporaryDirectory(prefix="edgeshift-") as folder, converting("PyTorch's export"):
        torch = library("torch", "torch")
        library("onnxscript", "onnxscript")
        program = torch.export.load(path)
        file = Path(folder) / "model.onnx"
        torch.onnx.export(program, dynamo=True, verbose=False).save(file, external_data=False)
        return onnx.to_int8(file, windows) if windows else file.read_bytes()
