"""What the converters share: frameworks that may not be installed, and windows that may not fit."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from edgeshift.errors import EdgeShiftError, InputError, ModelFormatError


def library(name: str, install: str) -> Any:
    """The module `name`. Raises `ModelFormatError` that says what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelFormatError(f"this conversion is done by {name.split('.')[0]}: pip install {install}") from error


@contextlib.contextmanager
def converting(what: str) -> Iterator[None]:
    """Without a framework's chatter; whatever it raises becomes `ModelFormatError`, which ends in its last line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            yield
    except EdgeShiftError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelFormatError(f"{what} failed: {lines[-1]}") from error
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing reaches standard output or standard error, not from C++ either."""
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)
        os.close(nowhere)


def check_windows(windows: Sequence[np.ndarray], shapes: Sequence[Sequence[int | None]]) -> None:
    """Raise `InputError` unless there are windows for every input, of its shape without the batch."""
    if len(windows) != len(shapes):
        raise InputError(f"the network has {len(shapes)} inputs, the windows are for {len(windows)}")
    for number, (given, shape) in enumerate(zip(windows, shapes, strict=True)):
        fits = len(given.shape[1:]) == len(shape) and all(
            wanted in (None, size) for size, wanted in zip(given.shape[1:], shape, strict=True)
        )
        if not fits:
            wanted = ["?" if d is None else d for d in shape]
            raise InputError(f"windows of input {number} have the shape {list(given.shape[1:])}, not {wanted}")
