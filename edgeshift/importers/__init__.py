"""Importers: a file format -> `ir.Graph`, and nothing else."""

from edgeshift.importers.tflite import load_tflite

__all__ = ["load_tflite"]
