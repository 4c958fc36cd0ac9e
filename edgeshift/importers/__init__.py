"""Importers: a file format -> `ir.Graph`, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeshift.errors import PlanError
from edgeshift.importers.onnx import fix_onnx, load_onnx, looks_like_onnx, onnx_operators, parse_onnx, read_onnx
from edgeshift.importers.tflite import load_tflite, parse_tflite
from edgeshift.ir import Graph

__all__ = ["fix_inputs", "is_onnx", "load_onnx", "load_tflite", "onnx_operators", "parse_model", "read_model"]


def is_onnx(data: bytes) -> bool:
    """Whether a model is ONNX; what is neither is left to the TFLite reader to refuse."""
    return looks_like_onnx(data)


def read_model(path: str | Path) -> bytes:
    """A model's bytes, complete: those of weights that an `.onnx` file keeps beside it are among them.

    Raises `OSError` and `ModelFormatError`.
    """
    path = Path(path)
    data = path.read_bytes()
    return read_onnx(path) if path.suffix.lower() == ".onnx" or looks_like_onnx(data) else data


def fix_inputs(data: bytes, settings: Sequence[str]) -> bytes:
    """The model with inputs as constants, each as "NAME=VALUE".

    Raises `PlanError` for what is no input or no number, and for a model that is not ONNX.
    """
    if not settings:
        return data
    values = {}
    for setting in settings:
        name, _, value = setting.rpartition("=")
        try:
            values[name] = float(value)
        except ValueError:
            raise PlanError(f"--set {setting} is not NAME=NUMBER") from None
    if not looks_like_onnx(data):
        raise PlanError("--set fixes inputs of ONNX models only; convert the model with that input as a constant")
    return fix_onnx(data, values)


def parse_model(data: bytes, name: str, frames: int | None = None) -> Graph:
    """The graph of a model in memory, by its content. `frames` is a length that ONNX inputs may leave open."""
    return parse_onnx(data, name, frames) if looks_like_onnx(data) else parse_tflite(data, name)
