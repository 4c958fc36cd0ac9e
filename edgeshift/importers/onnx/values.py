"""ONNX values as tensors of our own graph, whose axes lie in memory as the operators want them.

A `Value` has the axes of the ONNX tensor; `order` says which of them each axis of our tensor is. A transpose changes
`order` alone, so `[1, C, T]` becomes `[1, T, C]` once, where the first convolution asks for it, and stays so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeshift.errors import UnsupportedOpError
from edgeshift.ir import Graph, Node, QuantParams, Tensor
from edgeshift.ops import REGISTRY

REPLACE = "replace it before the export, or split the network there"
Axis = tuple[int, int]  # an input and one of its axes
# What gives elements of its first operand, or a constant beside them, whatever they are.
MOVES = (
    "RESHAPE",
    "TRANSPOSE",
    "STRIDED_SLICE",
    "GATHER",
    "TILE",
    "RESIZE_NEAREST_NEIGHBOR",
    "MIRROR_PAD",
    "PAD",
    "PADV2",
    "CONCATENATION",
    "MAX_POOL_2D",
    "REDUCE_MAX",
    "REDUCE_MIN",
)
_FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class Value:
    """`shape` is the ONNX tensor's; axis `i` of our tensor is its axis `order[i]`. `roots[i]` is the axis of an input
    that ONNX axis `i` is, as far as it could be followed."""

    id: int
    shape: tuple[int, ...]
    order: tuple[int, ...]
    roots: tuple[Axis | None, ...]

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def stored(self) -> tuple[int, ...]:
        """The shape of our tensor."""
        return tuple(self.shape[a] for a in self.order)

    def place(self, axis: int) -> int:
        """Where an ONNX axis lies in our tensor."""
        return self.order.index(axis)


@dataclass(frozen=True)
class Condition:
    """True where `value` is above zero, or, `negated`, where it is not."""

    value: Value
    negated: bool


@dataclass(frozen=True)
class Source:
    """The ONNX node that is being read, with its attributes and the values of its constant inputs."""

    index: int
    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any]
    opset: int

    def refuse(self, why: str, remedy: str = REPLACE) -> UnsupportedOpError:
        return UnsupportedOpError(f"ONNX node '{self.name}' ({self.op}, node {self.index}): {why}; {remedy}")

    def __getitem__(self, attribute: str) -> Any:
        return self.attrs[attribute]

    def get(self, attribute: str, default: Any) -> Any:
        return self.attrs.get(attribute, default)


class Builder:
    """Collects tensors and nodes; every method that makes a node gives the value that it makes."""

    def __init__(self) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.nodes: list[Node] = []
        self.inputs: list[int] = []
        self.time_axes: dict[int, tuple[int, str]] = {}
        self.values: dict[str, Value] = {}
        self.conditions: dict[str, Condition] = {}
        self.constants: dict[str, np.ndarray] = {}
        self.grids: dict[str, QuantParams] = {}  # of constants that were quantised
        self.source: Source = Source(-1, "", "", (), (), {}, 0)
        self.used: set[str] = set()  # names that some node or the caller reads

    # -- operands of the node that is being read

    def has(self, place: int) -> bool:
        return place < len(self.source.inputs) and self.source.inputs[place] != ""

    def constant(self, place: int, what: str = "an operand") -> np.ndarray:
        """A constant operand; a computed one is refused."""
        found = self.constants.get(self.source.inputs[place]) if self.has(place) else None
        if found is None:
            raise self.source.refuse(f"{what} is not a constant", "export the model with static shapes")
        return found

    def is_constant(self, place: int) -> bool:
        return self.has(place) and self.source.inputs[place] in self.constants

    def optional(self, place: int) -> np.ndarray | None:
        return self.constant(place) if self.has(place) else None

    def value(self, place: int = 0) -> Value:
        """A computed operand; a constant one becomes a tensor."""
        name = self.source.inputs[place]
        if name in self.conditions:
            raise self.source.refuse("it computes with a condition", "choose by it with Where")
        if name not in self.values:
            self.values[name] = self.keep(self.constants[name], name)
        return self.values[name]

    def wanted(self, place: int) -> bool:
        """Whether anything reads an output of the node."""
        return place < len(self.source.outputs) and self.source.outputs[place] in self.used

    def axis(self, axis: int, rank: int) -> int:
        if not -rank <= axis < rank:
            raise self.source.refuse(f"it has no axis {axis}", "export the model again")
        return axis % rank

    # -- tensors

    def add_input(
        self, name: str, shape: Sequence[int], dtype: np.dtype = _FLOAT, quant: QuantParams | None = None
    ) -> None:
        made = self.tensor(name, tuple(shape), dtype, quant)
        self.inputs.append(made)
        rank = len(shape)
        self.values[name] = Value(made, tuple(shape), tuple(range(rank)), tuple((made, a) for a in range(rank)))

    def keep(self, data: np.ndarray, name: str) -> Value:
        """A constant as a value."""
        if data.dtype == np.float64:
            data = data.astype(np.float32)
        made = self.data(data, name, self.grids.get(name))
        return Value(made, data.shape, tuple(range(data.ndim)), (None,) * data.ndim)

    def data(self, data: np.ndarray, name: str = "constant", quant: QuantParams | None = None) -> int:
        data = np.array(data, order="C")
        if data.dtype.kind == "f" and not np.isfinite(data).all():
            raise self.source.refuse("its constants hold NaN or infinite values", "train or export the model again")
        data.setflags(write=False)
        number = len(self.tensors)
        self.tensors[number] = Tensor(number, name, data.shape, data.dtype, quant, data)
        return number

    def tensor(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype = _FLOAT, quant: QuantParams | None = None
    ) -> int:
        number = len(self.tensors)
        self.tensors[number] = Tensor(number, name, shape, dtype, quant)
        return number

    # -- nodes

    def emit(self, op: str, operands: Sequence[int | None], stored: Sequence[int], **attrs: Any) -> int:
        """A node of ours, and the tensor that it makes: float32, or int8 where int8 is moved."""
        x = None if operands[0] is None else self.tensors[operands[0]]
        if x is None or x.dtype != np.int8 or op == "DEQUANTIZE":
            made = self.emit_as(None, op, operands, stored, **attrs)
            if x is not None and x.dtype == np.int32 and op in MOVES:  # places that ArgMax has found
                self.tensors[made] = replace(self.tensors[made], dtype=x.dtype)
            return made
        if op not in MOVES:
            raise self.source.refuse("it computes with integers", "quantise the model with QuantFormat.QDQ")
        return self.emit_as(x.quant, op, operands, stored, **attrs)

    def emit_as(
        self,
        quant: QuantParams | None,
        op: str,
        operands: Sequence[int | None],
        stored: Sequence[int],
        **attrs: Any,
    ) -> int:
        """A node that makes an int8 tensor, without `quant` a float32 one."""
        if op not in REGISTRY:
            raise self.source.refuse(f"it needs {op}, which is not built")
        dtype = _FLOAT if quant is None else np.dtype(np.int8)
        made = self.tensor(self.source.outputs[0], tuple(int(d) for d in stored), dtype, quant)
        self.nodes.append(Node(len(self.nodes), op, tuple(operands), (made,), attrs))
        return made

    def plain(self, made: int, roots: tuple[Axis | None, ...] | None = None) -> Value:
        """A tensor whose axes are those of the ONNX value, in order."""
        shape = self.tensors[made].shape
        return Value(made, shape, tuple(range(len(shape))), roots or (None,) * len(shape))

    def like(self, made: int, x: Value) -> Value:
        """A tensor with the axes of `x`, in the same order."""
        stored = self.tensors[made].shape
        shape = tuple(stored[x.place(a)] for a in range(x.rank))
        return Value(made, shape, x.order, x.roots)

    def reordered(self, x: Value, order: Sequence[int]) -> Value:
        """The same value with its axes stored in `order`."""
        order = tuple(order)
        if order == x.order:
            return x
        stored = tuple(x.shape[a] for a in order)
        if [a for a in order if x.shape[a] > 1] == [a for a in x.order if x.shape[a] > 1]:
            made = self.emit("RESHAPE", [x.id], stored)
        else:
            permutation = self.data(np.array([x.place(a) for a in order], np.int32), "axes")
            made = self.emit("TRANSPOSE", [x.id, permutation], stored)
        return Value(made, x.shape, order, x.roots)

    def straight(self, x: Value) -> Value:
        """The same value, stored as ONNX stores it."""
        return self.reordered(x, range(x.rank))

    def last(self, x: Value, axis: int) -> Value:
        """The same value with `axis` stored last."""
        if x.order[-1] == axis:
            return x
        return self.reordered(x, [*(a for a in x.order if a != axis), axis])

    def reshaped(self, x: Value, shape: Sequence[int]) -> Value:
        """ONNX's reshape. One that only adds or drops axes of length 1 keeps the order."""
        shape = tuple(int(d) for d in shape)
        long = [a for a in range(x.rank) if x.shape[a] > 1]
        wide = [a for a, d in enumerate(shape) if d > 1]
        if [x.shape[a] for a in long] != [shape[a] for a in wide]:
            return self.plain(self.emit("RESHAPE", [self.straight(x).id], shape))
        now = dict(zip(long, wide, strict=True))
        roots: list[Axis | None] = [None] * len(shape)
        for before, after in now.items():
            roots[after] = x.roots[before]
        order: list[int] = [now[a] for a in x.order if a in now]
        for a in (a for a, d in enumerate(shape) if d == 1):  # anywhere: it does not move anything
            order.insert(a, a)
        stored = tuple(shape[a] for a in order)
        made = x.id if stored == x.stored else self.emit("RESHAPE", [x.id], stored)
        return Value(made, shape, tuple(order), tuple(roots))

    def transposed(self, x: Value, axes: Sequence[int]) -> Value:
        """ONNX's transpose: nothing moves yet."""
        now = {axis: a for a, axis in enumerate(axes)}
        return Value(
            x.id,
            tuple(x.shape[a] for a in axes),
            tuple(now[a] for a in x.order),
            tuple(x.roots[a] for a in axes),
        )

    def hint(self, x: Value, axis: int, how: str) -> None:
        """The axis of an input that `axis` comes from is time."""
        root = x.roots[axis]
        if root is not None and not self.time_axes and self.tensors[root[0]].shape[root[1]] > 1:
            self.time_axes[root[0]] = (root[1], how)

    def graph(self, name: str, sha256: str, outputs: Sequence[int]) -> Graph:
        nodes, inputs = tuple(self.nodes), tuple(self.inputs)
        axes = dict(self.time_axes)
        return Graph(name, sha256, self.tensors, nodes, inputs, tuple(outputs), axes, channels_first=True)
