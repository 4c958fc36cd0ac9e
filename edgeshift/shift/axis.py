"""Pass 1, the time axis: guess it at the inputs and follow it through every operator.

Each node is lowered to column operators on the way (see `ops/`). Reshapes only rename a stream as long as they keep
the order of memory; where an operator needs time on an axis of its own, the columns are laid out anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from edgeshift.errors import ModelFormatError, PlanError, UnsupportedOpError
from edgeshift.ir import ColumnGraph, Graph, Layout, Node, Stream, Tensor
from edgeshift.ops import REGISTRY, ColumnOp
from edgeshift.ops.constant import Constant
from edgeshift.ops.relayout import Relayout
from edgeshift.shift.absorb import absorb

Reference = Literal["litert", "tflm"]

_SUPPORTED_DTYPES = tuple(np.dtype(t) for t in (np.float32, np.int8, np.int16, np.uint8))
_WHOLE_DTYPES = (np.dtype(np.int32), np.dtype(np.int64))  # of indices; in C both are int32
_OF_WHOLE = ("ARG_MAX", "ARG_MIN", "CAST", "RESHAPE", "EXPAND_DIMS", "SQUEEZE")  # what may give or read them
# What the reference kernels do not compute with int16, or (SUM) take for bytes.
_NOT_INT16 = (
    *("SUM", "SQUARE", "SQUARED_DIFFERENCE", "DIV", "ELU", "HARD_SWISH", "RELU_N1_TO_1", "RELU_0_TO_1"),
    *("L2_NORMALIZATION", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "ARG_MAX", "ARG_MIN"),
)
_OF_BYTES = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "EXPAND_DIMS", "SQUEEZE")  # what uint8 may pass through


class Lowering:
    """The state of the walk: which stream each tensor has become, and the column operators so far."""

    def __init__(self, graph: Graph, reference: Reference = "litert") -> None:
        self.graph = graph
        self.reference = reference
        self.streams: dict[int, Stream] = {}
        self.views: dict[int, Stream] = {}
        self.ops: list[ColumnOp] = []
        self.notes: list[str] = []
        self.history: dict[int, np.ndarray] = {}
        self.carried: dict[str, Stream] = {}
        self._next_id = max(graph.tensors, default=0) + 1

    def tensor(self, tensor_id: int | None) -> Tensor:
        if tensor_id is None:
            raise UnsupportedOpError("an operator lacks a required operand")
        return self.graph.tensors[tensor_id]

    def constant(self, tensor_id: int | None) -> np.ndarray | None:
        """The array of a constant operand, `None` for a computed or an absent one."""
        return None if tensor_id is None else self.graph.tensors[tensor_id].data

    def stream(self, tensor_id: int | None) -> Stream:
        """The stream of an operand, as the view that its tensor's shape gives; a constant becomes one too."""
        tensor = self.tensor(tensor_id)
        if tensor.id not in self.views:
            assert tensor.data is not None, "check_graph has seen every operand made"
            target = self._register(tensor, Layout(1, 1, tensor.size))
            self.ops.append(Constant(target, tensor.data))
        return self.views[tensor.id]

    def add_input(self, tensor_id: int, layout: Layout) -> None:
        self._register(self.tensor(tensor_id), layout)

    def output(self, node: Node, layout: Layout) -> Stream:
        """Declare the output of `node` with time in `layout`; its declared shape must hold just that."""
        tensor = self.tensor(node.outputs[0])
        if layout.outer * layout.columns * layout.inner != tensor.size:
            raise UnsupportedOpError(
                f"{node.op} '{tensor.name}' declares shape {list(tensor.shape)}, which its operands do not give; "
                "export the model again with static shapes"
            )
        return self._register(tensor, layout)

    def emit(self, op: ColumnOp) -> None:
        self.ops.append(op)

    def rename(self, node: Node, source: Stream, layout: Layout | None = None) -> None:
        """The output of `node` is the same memory as `source`, or the same columns in `layout`, in its own shape."""
        tensor = self.tensor(node.outputs[0])
        if tensor.size != source.columns * source.size:
            raise UnsupportedOpError(
                f"{node.op} '{tensor.name}' changes the number of elements; export the model with static shapes"
            )
        self.views[tensor.id] = Stream(
            source.id, tensor.name, tensor.shape, layout or source.layout, source.dtype, tensor.quant or source.quant
        )

    def along(self, tensor_id: int | None, axes: Sequence[int]) -> tuple[Stream, int]:
        """The operand with its columns along one of `axes`, and that axis; laid out anew if need be."""
        stream = self.stream(tensor_id)
        found = [a for a in axes if a in stream.layout.axes(stream.shape)]
        if found:
            return stream, found[0]
        for axis in axes:  # several columns side by side, as frame stacking leaves them
            layout = Layout.along(stream.shape, axis)
            fewer = layout.outer == stream.layout.outer and 1 < layout.columns < stream.columns
            if fewer and stream.columns % layout.columns == 0:
                return self._relayout(stream, layout), axis
        axis = next((a for a in axes if stream.shape[a] > 1), axes[0])
        if stream.columns > 1:
            self.notes.append(f"time cannot be followed along axis {axis} of '{stream.name}' {list(stream.shape)}")
        return self._relayout(stream, Layout.along(stream.shape, axis)), axis

    def whole(self, tensor_id: int | None) -> Stream:
        """The operand as one column that holds the whole tensor."""
        stream = self.stream(tensor_id)
        layout = Layout(1, 1, stream.columns * stream.size)
        return replace(stream, layout=layout) if stream.columns == 1 else self._relayout(stream, layout)

    def _relayout(self, stream: Stream, layout: Layout) -> Stream:
        target = self.new(f"{stream.name}_columns", stream.shape, layout, stream)
        self.ops.append(Relayout.between(stream, target))
        return target

    def _register(self, tensor: Tensor, layout: Layout) -> Stream:
        whole = tensor.dtype in _WHOLE_DTYPES and tensor.id not in self.graph.inputs
        if tensor.dtype not in _SUPPORTED_DTYPES and not whole:
            raise UnsupportedOpError(
                f"tensor '{tensor.name}' is {tensor.dtype}; EdgeShift computes float32, int8 and int16: "
                "quantise the model to full-integer int8, or export it as float32"
            )
        if tensor.dtype != np.float32 and tensor.quant is not None:
            zero_point = tensor.zero_point  # per-channel activations are refused here
            if tensor.dtype == np.int16 and zero_point != 0:
                raise UnsupportedOpError(
                    f"tensor '{tensor.name}' is int16 with a zero point of {zero_point}; the reference kernels take 0 "
                    "alone: quantise the model again, symmetrically"
                )
        dtype = np.dtype(np.int32) if whole else tensor.dtype
        stream = Stream(tensor.id, tensor.name, tensor.shape, layout, dtype, tensor.quant)
        self.streams[stream.id] = self.views[tensor.id] = stream
        return stream

    def new(self, name: str, shape: tuple[int, ...], layout: Layout, like: Stream | Tensor) -> Stream:
        """A stream that no tensor of the file stands for, of the type of `like`."""
        stream = Stream(self._next_id, name, shape, layout, like.dtype, like.quant)
        self._next_id += 1
        self.streams[stream.id] = stream
        return stream


def lower(
    graph: Graph, time_axis: int | None = None, frames: int | None = None, reference: Reference = "litert"
) -> ColumnGraph:
    """The column graph of a network, with time on `time_axis` of its inputs, or `frames` long, or as guessed.

    Its arithmetic is that of the kernels of `reference`.

    Raises `PlanError` for an axis or a length that the inputs do not have, `UnsupportedOpError` for operators that
    are not built.
    """
    layouts, temporal, described = input_layouts(graph, time_axis, frames)
    lowering = Lowering(graph, reference)
    for tensor_id, layout in layouts.items():
        lowering.add_input(tensor_id, layout)
    lower_nodes(lowering)
    for tensor_id in graph.outputs:
        if graph.tensors[tensor_id].data is not None:
            raise UnsupportedOpError(f"output '{graph.tensors[tensor_id].name}' is a constant; remove it")
    window = layouts[next(i for i in graph.inputs if i in temporal)].columns
    return absorb(column_graph(lowering, temporal, window, described))


def column_graph(lowering: Lowering, temporal: set[int], window: int, time_axis: str) -> ColumnGraph:
    """What the walk has found, frozen."""
    graph = lowering.graph
    return ColumnGraph(
        name=graph.name,
        sha256=graph.sha256,
        streams=lowering.streams,
        ops=tuple(lowering.ops),
        inputs=tuple(lowering.streams[i] for i in graph.inputs),
        outputs=tuple(lowering.views[i] for i in graph.outputs),
        temporal=frozenset(temporal),
        window_frames=window,
        time_axis=time_axis,
        notes=tuple(dict.fromkeys(lowering.notes)),
        history=lowering.history,
        call_frames=window if lowering.history else None,
    )


def lower_nodes(lowering: Lowering) -> None:
    """Lower every node of the graph in order."""
    for node in lowering.graph.nodes:
        build = REGISTRY.get(node.op)
        made = lowering.graph.tensors[node.outputs[0]].name if node.outputs else f"node {node.index}"
        if build is None:
            raise UnsupportedOpError(
                f"operator {node.op} at '{made}' (node {node.index}) is not supported; "
                "`edgeshift ops` lists those that are: replace it by them, or split the network before it"
            )
        _check_types(node, lowering)
        _check_whole(node, lowering)
        try:
            build(node, lowering)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ModelFormatError(
                f"{node.op} at '{made}' (node {node.index}) has operands or options that do not fit together "
                f"({type(error).__name__}); export the model again"
            ) from error


def _check_types(node: Node, lowering: Lowering) -> None:
    """uint8 is a type of inputs and outputs: whatever computes with it is the quantisation of before 2019. int16 is
    computed where the reference kernels do."""
    read = [lowering.tensor(t) for t in (*node.inputs, *node.outputs) if t is not None]
    if node.op in _NOT_INT16 and any(t.dtype == np.int16 for t in read):
        raise UnsupportedOpError(
            f"{node.op} (node {node.index}): the reference kernel has no int16 form; keep it in float32 or int8"
        )
    name = next((t.name for t in read if t.dtype == np.uint8), None)
    if name is not None and node.op not in _OF_BYTES:
        raise UnsupportedOpError(
            f"{node.op} (node {node.index}) computes with uint8 ('{name}'); inputs and outputs may be uint8, what lies "
            "between them is int8: quantise the model again"
        )


def _check_whole(node: Node, lowering: Lowering) -> None:
    """Indices stand at the end of a network: nothing is built that computes with them."""
    read = (t for t in (*node.inputs, *node.outputs) if t is not None)
    found = [t for t in map(lowering.tensor, read) if t.dtype in _WHOLE_DTYPES and t.data is None]
    if found and node.op not in _OF_WHOLE:
        raise UnsupportedOpError(
            f"{node.op} (node {node.index}) computes with {found[0].dtype} ('{found[0].name}'); indices are given out, "
            "or cast to float32, and no more: end the network before it"
        )


def input_layouts(graph: Graph, time_axis: int | None, frames: int | None) -> tuple[dict[int, Layout], set[int], str]:
    """Where time lies in every input: the layouts, the inputs that advance by frames, and a sentence about it."""
    guesses = {i: _guess(graph, graph.tensors[i], time_axis, frames) for i in graph.inputs}
    ranked = sorted(graph.inputs, key=lambda i: (guesses[i][1], graph.inputs.index(i)))
    lead = ranked[0]
    window = guesses[lead][0].columns
    layouts, temporal, words = {}, set(), []
    for i in graph.inputs:
        tensor, (layout, _, how) = graph.tensors[i], guesses[i]
        if layout.columns != window:
            axis = next((a for a, d in enumerate(tensor.shape) if d == window and a > 0), None)
            layout, how = (
                (Layout.along(tensor.shape, axis), f"axis {axis}")
                if axis is not None
                else (Layout(1, 1, tensor.size), "no time axis: handed over whole at every hop")
            )
        layouts[i] = layout
        if layout.columns == window and (window > 1 or i == lead):
            temporal.add(i)
            words.append(f"'{tensor.name}' {list(tensor.shape)}: {how}, {window} frames of {layout.column_size}")
        else:
            words.append(f"'{tensor.name}' {list(tensor.shape)}: {how}")
    return layouts, temporal, "; ".join(words)


# An image [1, a, b, 1] is taken for a sensors over time, not for time over features, when b is so many times longer.
SENSORS_FIRST = 4


def _guess(graph: Graph, tensor: Tensor, time_axis: int | None, frames: int | None) -> tuple[Layout, int, str]:
    """A layout, how sure it is (0 best) and in words where it came from."""
    shape = tensor.shape
    if time_axis is not None:
        axis = time_axis + len(shape) if time_axis < 0 else time_axis
        if not 0 <= axis < len(shape):
            raise PlanError(f"input '{tensor.name}' {list(shape)} has no axis {time_axis} to be the time axis")
        return Layout.along(shape, axis), 0, f"axis {axis} as asked"
    if frames is not None:
        if frames < 1 or all(graph.tensors[i].size % frames for i in graph.inputs):
            raise PlanError(f"input '{tensor.name}' {list(shape)} cannot be divided into {frames} frames")
        if tensor.size % frames:
            return Layout(1, 1, tensor.size), 3, "no time axis: handed over whole at every hop"
        known = graph.time_axes.get(tensor.id, (-1, ""))[0]
        for axis in sorted((a for a, d in enumerate(shape) if d == frames), key=lambda a: a != known):
            return Layout.along(shape, axis), 0, f"axis {axis} as asked"
        return Layout(1, frames, tensor.size // frames), 0, "divided as asked"
    if tensor.id in graph.time_axes:
        axis, how = graph.time_axes[tensor.id]
        return Layout.along(shape, axis), 0, f"axis {axis}, {how} (guessed)"
    if any(node.op in ("READ_VARIABLE", "ASSIGN_VARIABLE", "SVDF") for node in graph.nodes):
        layout = _call_layout(graph, tensor)
        return layout, 0 if layout.columns > 1 else 1, f"{layout.columns} frames a call, as its state has them"
    long_axes = [a for a, d in enumerate(shape) if d > 1]
    if len(long_axes) >= 2 or (long_axes and len(shape) > 2):
        axis = long_axes[0]
        if len(shape) == 4 and shape[-1] == 1 and shape[2] >= SENSORS_FIRST * shape[1]:
            axis = 2
        return Layout.along(shape, axis), 0, f"axis {axis} (guessed)"
    seen = _first_reshape(graph, tensor)
    if seen is not None:
        layout = Layout.along(seen, next(a for a, d in enumerate(seen) if d > 1))
        return layout, 1, f"{layout.columns} x {layout.inner} as the network reshapes it (guessed)"
    if long_axes:
        return Layout.along(shape, long_axes[0]), 2, f"axis {long_axes[0]} (guessed)"
    return Layout(1, 1, tensor.size), 3, "a single frame"


def _call_layout(graph: Graph, tensor: Tensor) -> Layout:
    """The frames of a call: those that go behind earlier ones, else one where channels come first, one column goes
    behind all of those that are kept and an axis is that long, else those of the axis after the batch."""
    reached, steps = {tensor.id}, set()
    for node in graph.nodes:
        if node.op == "ASSIGN_VARIABLE" and node.outputs:
            steps.add(graph.tensors[node.inputs[0]].shape[int(node.attrs["axis"])])  # type: ignore[index]
        if node.inputs and node.inputs[0] in reached:
            if node.op == "ASSIGN_VARIABLE" and node.outputs:
                return Layout.along(graph.tensors[node.inputs[0]].shape, int(node.attrs["axis"]))
            if node.op in ("RESHAPE", "EXPAND_DIMS", "SQUEEZE", "QUANTIZE"):
                reached.add(node.outputs[0])
    if graph.channels_first and steps == {1} and 1 in tensor.shape[2:]:
        return Layout(1, 1, tensor.size)
    return Layout.along(tensor.shape, 1) if len(tensor.shape) > 2 else Layout(1, 1, tensor.size)


def _first_reshape(graph: Graph, tensor: Tensor) -> tuple[int, ...] | None:
    """The first shape of more than one axis that a flat input is given by the network."""
    reached = {tensor.id}
    for node in graph.nodes:
        if any(i in reached for i in node.inputs if i is not None):
            shape = graph.tensors[node.outputs[0]].shape if node.outputs else ()
            if int(np.prod(shape, dtype=np.int64)) != tensor.size:
                return None
            if len(shape) > 2 and any(d > 1 for d in shape):
                return shape
            reached.update(node.outputs)
    return None
