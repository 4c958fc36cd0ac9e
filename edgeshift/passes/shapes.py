"""Make every shape static: compute the integer arithmetic on shapes that an open batch leaves in a file.

Keras leaves the batch open, so the converter writes SHAPE, STRIDED_SLICE, PACK and RESHAPE for each Flatten and
Reshape, GATHER, REDUCE_PROD and CONCATENATION for a Dense on columns, and 1 for every length that it does not know.
A window is a batch of one: all of it is constant, and the lengths follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgeshift.errors import EdgeShiftError
from edgeshift.ir import Graph, Node, Tensor
from edgeshift.ops.slice import slice_index

Tensors = Mapping[int, Tensor]
Arrays = Sequence[np.ndarray]


def resolve_shapes(graph: Graph) -> Graph:
    tensors = dict(graph.tensors)
    kept: list[Node] = []
    for node in graph.nodes:
        made = _computed(node, tensors) if len(node.outputs) == 1 else None
        if made is not None:
            output = tensors[node.outputs[0]]
            tensors[output.id] = replace(output, shape=made.shape, data=made.astype(output.dtype))
            continue
        shape = _shape(node, tensors) if len(node.outputs) == 1 else None
        if shape is not None:
            tensors[node.outputs[0]] = replace(tensors[node.outputs[0]], shape=shape)
        kept.append(node)
    return replace(graph, tensors=tensors, nodes=tuple(kept))


def _computed(node: Node, tensors: Tensors) -> np.ndarray | None:
    """The value of an integer tensor that depends on shapes and constants alone."""
    if tensors[node.outputs[0]].dtype not in (np.int32, np.int64):
        return None
    if node.op == "SHAPE" and node.inputs[0] is not None:
        return np.array(tensors[node.inputs[0]].shape)
    operands = [None if i is None else tensors[i].data for i in node.inputs]
    if node.op not in _ARITHMETIC or not operands or any(o is None for o in operands):
        return None
    try:
        return np.asarray(_ARITHMETIC[node.op](node, operands))  # type: ignore[arg-type]
    except (ValueError, IndexError, EdgeShiftError):
        return None  # malformed; lowering will name the operator


def _slice(node: Node, a: Arrays) -> np.ndarray:
    return a[0][slice_index(node, *a[1:4])]


_ARITHMETIC: dict[str, Callable[[Node, Arrays], np.ndarray]] = {
    "STRIDED_SLICE": _slice,
    "RESHAPE": lambda node, a: a[0].reshape(a[1]),
    "PACK": lambda node, a: np.stack(a, axis=int(node.attrs["axis"])),
    "CONCATENATION": lambda node, a: np.concatenate(a, axis=int(node.attrs["axis"])),
    "GATHER": lambda node, a: np.take(a[0], a[1], axis=int(node.attrs["axis"])),
    "REDUCE_PROD": lambda node, a: np.prod(
        a[0], axis=tuple(a[1].reshape(-1).tolist()), keepdims=bool(node.attrs["keep_dims"])
    ),
    "ADD": lambda node, a: a[0] + a[1],
    "SUB": lambda node, a: a[0] - a[1],
    "MUL": lambda node, a: a[0] * a[1],
}


def _shape(node: Node, tensors: Tensors) -> tuple[int, ...] | None:
    """The shape that an operator's output has at run time, `None` where the file's own is kept."""
    operands = [None if i is None else tensors[i] for i in node.inputs]
    if not operands or operands[0] is None:
        return None
    x = operands[0]
    given = operands[1].data if len(operands) > 1 and operands[1] is not None else None
    if node.op == "RESHAPE" and given is not None:
        wanted = given.reshape(-1).tolist()
        known = int(np.prod([d for d in wanted if d != -1], dtype=np.int64))
        if wanted.count(-1) > 1 or known <= 0 or x.size % known:
            return None
        return tuple(x.size // known if d == -1 else d for d in wanted)
    if node.op == "FULLY_CONNECTED" and operands[1] is not None and len(operands[1].shape) == 2:
        units, depth = operands[1].shape
        if x.size % depth:
            return None
        return (*x.shape[:-1], units) if node.attrs.get("keep_num_dims") else (x.size // depth, units)
    if node.op in _SAME_SHAPE:
        return x.shape
    if node.op in _BROADCAST and len(operands) == 2 and operands[1] is not None:
        try:
            return np.broadcast_shapes(x.shape, operands[1].shape)
        except ValueError:
            return None
    return None


_SAME_SHAPE = (
    *("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LOGISTIC", "TANH", "SOFTMAX", "QUANTIZE", "DEQUANTIZE"),
    *("EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "ABS", "NEG", "ELU", "GELU", "LEAKY_RELU", "HARD_SWISH", "PRELU"),
    *("L2_NORMALIZATION", "REVERSE_V2", "CAST"),
)
_BROADCAST = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")
