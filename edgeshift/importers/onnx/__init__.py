"""ONNX models: float32, and quantised as ONNX Runtime and PyTorch write them. One file per family of operators."""

from __future__ import annotations

from edgeshift.importers.onnx.reader import (
    fix_onnx,
    load_onnx,
    looks_like_onnx,
    onnx_operators,
    parse_onnx,
    read_onnx,
)

__all__ = ["fix_onnx", "load_onnx", "looks_like_onnx", "onnx_operators", "parse_onnx", "read_onnx"]
