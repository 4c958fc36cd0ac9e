"""The judge: LiteRT's reference kernels, through `ai_edge_litert` or `tflite_runtime`, whichever is installed."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from edgeshift.errors import VerificationError
from edgeshift.shift import Reference


def _runtime() -> tuple[str, ModuleType]:
    for name in ("ai_edge_litert", "tflite_runtime"):
        try:
            return name, importlib.import_module(f"{name}.interpreter")
        except ImportError:
            continue
    raise VerificationError("no reference interpreter is installed; run: pip install ai-edge-litert")


class Oracle:
    """The reference interpreter of one model file; `reference` names the arithmetic of its kernels.

    Raises `VerificationError` when no interpreter is installed or the reference kernels cannot run the model.
    """

    def __init__(self, model: bytes) -> None:
        package, runtime = _runtime()
        try:
            self._interpreter = runtime.Interpreter(
                model_content=model, experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_REF
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise VerificationError(f"the reference interpreter refuses the model: {reason}") from error
        version = getattr(importlib.import_module(package), "__version__", None) or _version(package)
        self.name = f"{package} {version} reference kernels"
        self.reference: Reference = "litert" if package == "ai_edge_litert" else "tflm"

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for one window of every input, in the order and shapes of the file."""
        for detail, array in zip(self._interpreter.get_input_details(), inputs, strict=True):
            self._interpreter.set_tensor(detail["index"], array.reshape(detail["shape"]))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(d["index"]) for d in self._interpreter.get_output_details()]


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package.replace("_", "-"))


def load_oracle(path: str | Path) -> Oracle:
    return Oracle(Path(path).read_bytes())
