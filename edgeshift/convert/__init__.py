"""Trained networks of Keras, PyTorch and ONNX as files that `importers` reads, by the frameworks' own converters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edgeshift.convert import keras, onnx, torch
from edgeshift.errors import InputError, ModelFormatError
from edgeshift.files import read_arrays, write_files

__all__ = ["convert", "read_windows"]

Convert = Callable[[Path, Sequence[np.ndarray]], bytes]
FORMATS: dict[str, tuple[str, Convert]] = {
    ".keras": (".tflite", keras.to_tflite),
    ".h5": (".tflite", keras.to_tflite),
    ".pt2": (".onnx", torch.to_onnx),
    ".onnx": (".onnx", onnx.to_int8),
}


def convert(model: str | Path, output: str | Path, windows: Sequence[np.ndarray] = ()) -> Path:
    """Write a network as a file that `load` takes: Keras (.keras, .h5) as `.tflite`, PyTorch (.pt2) as `.onnx`.

    With `windows`, representative inputs `[n, *shape of the input]` in float32 for each of its inputs, the network is
    quantised to int8 on the way, an `.onnx` file too. Raises `ModelFormatError` for a file that the framework does not
    read or convert, or when the framework is not installed; `InputError` for windows that are not the network's;
    `OutputError` when `output` cannot be written.
    """
    model, output = Path(model), Path(output)
    if model.suffix not in FORMATS:
        raise ModelFormatError(f"'{model}' is none of {', '.join(FORMATS)}: save the network as one of those first")
    suffix, made = FORMATS[model.suffix]
    if output.suffix != suffix:
        raise ModelFormatError(f"a {model.suffix} file becomes {suffix}, not '{output.name}'")
    if model.suffix == ".onnx" and not windows:
        raise InputError("an .onnx file is converted only to be quantised, for which windows are needed")
    if not model.is_file():
        raise ModelFormatError(f"there is no file '{model}'")
    write_files(output.parent, {output.name: made(model, windows)})
    return output


def read_windows(path: str | Path) -> list[np.ndarray]:
    """The windows of a `.npy` file, or of an `.npz` file with one array per input, as float32. Raises `InputError`."""
    try:
        windows = [a.astype(np.float32) for a in read_arrays(Path(path))]
    except (OSError, ValueError) as error:
        raise InputError(f"'{path}' holds no windows: {error}") from error
    if len({len(w) if w.ndim else 0 for w in windows}) != 1 or not windows[0].ndim or not len(windows[0]):
        raise InputError(f"'{path}' must hold the same number of windows, at least one, for every input")
    if not all(np.isfinite(w).all() for w in windows):
        raise InputError(f"'{path}' holds a value that is not finite")
    return windows
