"""The imported network: tensors and nodes as the file has them, nothing about time yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeshift.errors import ModelFormatError


@dataclass(frozen=True)
class QuantParams:
    """Affine quantisation `real = scale * (q - zero_point)`.

    `scale` is float32 and `zero_point` int64, both of shape `[1]` (per tensor) or `[channels]` (per channel,
    along `axis`).
    """

    scale: np.ndarray
    zero_point: np.ndarray
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        return self.scale.size > 1

    def same_as(self, other: QuantParams | None) -> bool:
        return (
            other is not None
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
        )


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor: `data` is set for constants, whose array has the tensor's shape and dtype.

    A `variable` keeps its value from one invocation to the next.
    """

    id: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    quant: QuantParams | None = None
    data: np.ndarray | None = None
    variable: bool = False

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def scale(self) -> np.float32:
        """The per-tensor scale; a quantised tensor without one is malformed."""
        if self.quant is None or self.quant.per_channel:
            raise ModelFormatError(f"tensor '{self.name}' ({self.dtype}) has no per-tensor quantisation")
        return np.float32(self.quant.scale[0])

    @property
    def zero_point(self) -> int:
        if self.quant is None or self.quant.per_channel:
            raise ModelFormatError(f"tensor '{self.name}' ({self.dtype}) has no per-tensor quantisation")
        return int(self.quant.zero_point[0])


@dataclass(frozen=True, eq=False)
class Node:
    """One operator of the file. Absent optional inputs are `None`; `attrs` are its options in snake case."""

    index: int
    op: str
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, eq=False)
class Graph:
    """An imported network in execution order. `sha256` is the hash of the file that it came from.

    `time_axes` is what the importer knows of the axis of its inputs that is time, and in words how.
    `initial` are the values that its variables have before the first call, by name. With `channels_first`, as in ONNX,
    time comes behind the channels of an input.
    """

    name: str
    sha256: str
    tensors: Mapping[int, Tensor]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    time_axes: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    initial: Mapping[str, np.ndarray] = field(default_factory=dict)
    channels_first: bool = False


def variable_name(node: Node) -> str:
    """Which variable a VAR_HANDLE is of."""
    parts = (node.attrs.get("container"), node.attrs.get("shared_name"))
    return "/".join(v.decode("utf-8", "replace") if isinstance(v, bytes) else "" for v in parts)


def check_graph(graph: Graph) -> None:
    """Every tensor that is read was made before, exactly once; shapes are positive; constants fit their shape.

    Raises `ModelFormatError`; it is run on every imported file and after every pass.
    """
    if not graph.inputs or not graph.outputs:
        raise ModelFormatError("the network has no input or no output")
    used = {*graph.inputs, *graph.outputs} | {t for n in graph.nodes for t in (*n.inputs, *n.outputs) if t is not None}
    for tensor in (graph.tensors[i] for i in sorted(used)):
        if any(d <= 0 for d in tensor.shape):
            raise ModelFormatError(
                f"tensor '{tensor.name}' has shape {list(tensor.shape)}; export the model with static shapes"
            )
        if tensor.data is not None and tensor.data.shape != tensor.shape:
            raise ModelFormatError(f"constant '{tensor.name}' does not fill its shape {list(tensor.shape)}")
    made = set(graph.inputs) | {t.id for t in graph.tensors.values() if t.data is not None or t.variable}
    for node in graph.nodes:
        for tensor_id in node.inputs:
            if tensor_id is not None and tensor_id not in made:
                raise ModelFormatError(f"{node.op} (node {node.index}) reads a tensor that nothing has made")
        for tensor_id in node.outputs:
            if tensor_id in made:
                raise ModelFormatError(f"{node.op} (node {node.index}) writes a tensor that already has a value")
            made.add(tensor_id)
    for tensor_id in graph.outputs:
        if tensor_id not in made:
            raise ModelFormatError(f"nothing makes the output '{graph.tensors[tensor_id].name}'")
