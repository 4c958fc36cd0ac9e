"""Small ONNX networks with random weights, as exporters write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class OnnxNet:
    """Nodes are added in order; every method takes and gives value names."""

    def __init__(self, seed: int = 0, opset: int = OPSET) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[str] = []

    def input(self, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def output(self, *names: str) -> None:
        self.outputs += names

    def constant(self, values: Any, dtype: str = "float32") -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def ints(self, values: Any) -> str:
        return self.constant(values, "int64")

    def node(self, op: str, *operands: str, outputs: int = 1, **attrs: Any) -> Any:
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(operands), names, name=f"{op}_{len(self.nodes)}", **attrs))
        return names[0] if outputs == 1 else names

    def weights(self, *shape: int) -> str:
        fan_in = max(1, int(np.prod(shape[1:])))
        return self.constant(self.rng.normal(0, (2 / fan_in) ** 0.5, shape))

    def conv(
        self,
        x: str,
        channels: tuple[int, int],
        kernel: Sequence[int],
        pads: Sequence[int] | None = None,
        group: int = 1,
        bias: bool = True,
        **attrs: Any,
    ) -> str:
        c, out = channels
        operands = [self.weights(out, c // group, *kernel)]
        operands += [self.constant(self.rng.normal(0, 0.2, out))] if bias else []
        attrs |= {"pads": list(pads)} if pads is not None else {}
        return self.node("Conv", x, *operands, kernel_shape=list(kernel), group=group, **attrs)

    def norm(self, x: str, channels: int) -> str:
        r = self.rng
        parts = [r.uniform(0.5, 2, channels), r.normal(0, 0.3, channels), r.normal(0, 0.3, channels)]
        return self.node("BatchNormalization", x, *(self.constant(p) for p in [*parts, r.uniform(0.3, 2, channels)]))

    def gemm(self, x: str, depth: int, units: int) -> str:
        bias = self.constant(self.rng.normal(0, 0.2, units))
        return self.node("Gemm", x, self.weights(units, depth), bias, transB=1)

    def build(self, outputs: Sequence[int] = ()) -> bytes:
        """The model; `outputs` are the types of its outputs, float32 where nothing is said."""
        kinds = outputs or [TensorProto.FLOAT] * len(self.outputs)
        results = [helper.make_tensor_value_info(o, k, None) for o, k in zip(self.outputs, kinds, strict=True)]
        graph = helper.make_graph(self.nodes, "net", self.inputs, results, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        return bytes(model.SerializeToString())
