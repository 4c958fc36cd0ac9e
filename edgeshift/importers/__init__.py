"""Importers: a file format -> `ir.Graph`, and nothing else."""

from __future__ import annotations

from pathlib import Path

from edgeshift.importers.onnx import load_onnx, looks_like_onnx, parse_onnx, read_onnx
from edgeshift.importers.tflite import load_tflite, parse_tflite
from edgeshift.ir import Graph

__all__ = ["is_onnx", "load_onnx", "load_tflite", "parse_model", "read_model"]


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


def parse_model(data: bytes, name: str) -> Graph:
    """The graph of a model in memory, by its content."""
    return parse_onnx(data, name) if looks_like_onnx(data) else parse_tflite(data, name)
