"""The judge: LiteRT's reference kernels, through `ai_edge_litert` or `tflite_runtime`, whichever is installed.

For ONNX models it is ONNX Runtime on the CPU, with the graph as it stands in the file (no optimisation), but for the
layers of quantised networks that it has integer kernels for (see `onnx_runnable`).
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np

from edgeshift.errors import VerificationError
from edgeshift.host.onnx_runnable import runnable_onnx
from edgeshift.host.runnable import runnable
from edgeshift.importers import is_onnx, read_model
from edgeshift.passes.state import Carried
from edgeshift.shift import Reference


def find_runtime() -> tuple[str, ModuleType]:
    """The package whose interpreter judges, and the interpreter's module. Raises `VerificationError` without one."""
    for name in ("ai_edge_litert", "tflite_runtime"):
        try:
            return name, importlib.import_module(f"{name}.interpreter")
        except ImportError:
            continue
    raise VerificationError("no reference interpreter is installed; run: pip install ai-edge-litert")


class Oracle(Protocol):
    """What judges: `name` says who it is, `reference` whose int8 kernels it has, `None` where that means nothing."""

    name: str
    reference: Reference | None

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for one window of every input, in the order and shapes of the file."""
        ...


def make_oracle(model: bytes, state: Sequence[Carried] = (), streams: bool = False) -> Oracle:
    """The oracle of a model, by its content, with `state` handed in again; one that `streams` keeps the state of its
    operators too, as its calls follow one another. Raises `VerificationError`."""
    oracle = OnnxRuntime(model) if is_onnx(model) else LiteRT(model, streams)
    return Carrying(oracle, state) if state else oracle


class Carrying:
    """An oracle whose caller hands some of its outputs in again."""

    def __init__(self, oracle: Oracle, state: Sequence[Carried]) -> None:
        self.name, self.reference = oracle.name, oracle.reference
        self._oracle, self._state = oracle, tuple(state)
        self._carried = {s.input: s.initial for s in state}

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of the next call without the state, which is not among the inputs either."""
        given, count = iter(inputs), len(inputs) + len(self._state)
        outputs = self._oracle.run([self._carried[i] if i in self._carried else next(given) for i in range(count)])
        self._carried = {s.input: outputs[s.output] for s in self._state}
        back = {s.output for s in self._state}
        return [output for i, output in enumerate(outputs) if i not in back]


class OnnxRuntime:
    """ONNX Runtime's CPU kernels, in the file's order of operations."""

    reference: Reference | None = None

    def __init__(self, model: bytes) -> None:
        try:
            runtime = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise VerificationError(
                "ONNX models are verified with onnxruntime: pip install 'edgeshift[onnx]'"
            ) from error
        options = runtime.SessionOptions()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            given = runnable_onnx(model)
            self._session = runtime.InferenceSession(given.model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common base
            raise VerificationError(f"ONNX Runtime refuses the model: {' '.join(str(error).split())}") from error
        self.name = f"onnxruntime {runtime.__version__}, CPU"
        asked = self._session.get_inputs()
        self._names = [i.name for i in asked if i.type == "tensor(float)" or i.name in given.quantised]
        rest = (i for i in asked if i.name not in self._names)  # the importer has seen that they change nothing
        self._idle = {i.name: np.zeros([d if isinstance(d, int) else 1 for d in i.shape], _dtype(i.type)) for i in rest}
        if given.integer:
            self.name += f", {given.integer} quantised {'layers' if given.integer > 1 else 'layer'} in integers"

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for one window of every float or quantised input, in the order and shapes of the file."""
        given = self._idle | dict(zip(self._names, inputs, strict=True))
        return [np.asarray(o) for o in self._session.run(None, given)]


def _dtype(kind: str) -> str:
    """numpy's name of ONNX Runtime's "tensor(int64)"."""
    return kind.removeprefix("tensor(").removesuffix(")")


class LiteRT:
    """The reference interpreter of one model file; `reference` names the arithmetic of its kernels.

    It keeps the model's variables from run to run, and the state of single operators (an LSTM's) if it `streams`;
    otherwise that is reset, as every run is a window of its own. `shapes` are those of the inputs where they are not
    the file's. Raises `VerificationError` when no interpreter is
    installed or the reference kernels cannot run the model.
    """

    def __init__(self, model: bytes, streams: bool = False, shapes: Sequence[tuple[int, ...]] | None = None) -> None:
        package, runtime = find_runtime()
        self._streams = streams
        try:
            self._interpreter = runtime.Interpreter(
                model_content=runnable(model), experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_REF
            )
            for detail, shape in zip(self._interpreter.get_input_details(), shapes or (), strict=False):
                self._interpreter.resize_tensor_input(detail["index"], shape)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise VerificationError(f"the reference interpreter refuses the model: {reason}") from error
        version = getattr(importlib.import_module(package), "__version__", None) or _version(package)
        self.name = f"{package} {version} reference kernels"
        self.reference: Reference | None = "litert" if package == "ai_edge_litert" else "tflm"

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for one window of every input, in the order and shapes of the file."""
        for detail, array in zip(self._interpreter.get_input_details(), inputs, strict=True):
            self._interpreter.set_tensor(detail["index"], array.reshape(detail["shape"]))
        if not self._streams:
            self.reset()
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(d["index"]) for d in self._interpreter.get_output_details()]

    def reset(self) -> None:
        """Set the state of operators to zero."""
        self._interpreter.reset_all_variables()


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package.replace("_", "-"))


def load_oracle(path: str | Path) -> Oracle:
    return make_oracle(read_model(path))
