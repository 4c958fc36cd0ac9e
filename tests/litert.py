"""LiteRT's reference kernels, called on model bytes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeshift.host.runnable import runnable


def interpreter(model: bytes, *, preserve: bool = False) -> Any:
    """An allocated reference interpreter; `preserve` keeps every intermediate tensor readable."""
    made = Interpreter(
        model_content=runnable(model),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=preserve,
    )
    made.allocate_tensors()
    return made


def invoke(made: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """One window, from a zero state, through an allocated interpreter; inputs and outputs in the network's order."""
    made.reset_all_variables()
    for detail, values in zip(made.get_input_details(), inputs, strict=True):
        made.set_tensor(detail["index"], values)
    made.invoke()
    return [made.get_tensor(detail["index"]) for detail in made.get_output_details()]


def run(model: bytes, inputs: list[np.ndarray]) -> list[np.ndarray]:
    return invoke(interpreter(model), inputs)
