"""SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND -> one dilated convolution.

The form in which Keras exports `dilation_rate` when the batch is open: the columns are dealt into `dilation`
batches, each is convolved as if it stood alone, and the results are dealt back. With padding `before` and a crop
of `first`, output column `j` reads columns `j + first - before + k * dilation`, as a dilated convolution does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeshift.ir import Graph, Node, Tensor
from edgeshift.ops.common import same_padding, same_quant

_RESHAPES = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
_SAME, _VALID = 0, 1


def fuse_dilated(graph: Graph) -> Graph:
    made_by = {t: node for node in graph.nodes for t in node.outputs}
    tensors = dict(graph.tensors)
    kept: list[Node] = []
    for node in graph.nodes:
        fused = _fused(node, made_by, tensors) if node.op == "BATCH_TO_SPACE_ND" else None
        kept += [node] if fused is None else fused
    return replace(graph, tensors=tensors, nodes=tuple(kept))


def _at(node: Node, place: int, tensors: dict[int, Tensor]) -> Tensor:
    operand = node.inputs[place]
    assert operand is not None, "these operators have no optional operand"
    return tensors[operand]


def _fused(last: Node, made_by: dict[int, Node], tensors: dict[int, Tensor]) -> list[Node] | None:
    """The nodes that stand for the group that ends in `last`, `None` if it is not such a group."""

    def source(node: Node | None) -> Node | None:
        operand = node.inputs[0] if node is not None and node.inputs else None
        return None if operand is None else made_by.get(operand)

    conv = source(last)
    while conv is not None and conv.op in _RESHAPES:
        conv = source(conv)
    first = source(conv)
    while first is not None and first.op in _RESHAPES:
        first = source(first)
    if conv is None or conv.op not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return None
    if first is None or first.op != "SPACE_TO_BATCH_ND":
        return None
    x, inner, wide = _at(first, 0, tensors), _at(conv, 0, tensors), tensors[conv.outputs[0]]
    output, weights = tensors[last.outputs[0]], _at(conv, 1, tensors)
    given = [_at(node, place, tensors).data for node in (first, last) for place in (1, 2)]
    if any(g is None for g in (*given, weights.data)) or not len(inner.shape) == len(weights.shape) == 4:
        return None
    blocks, paddings, again, crops = (g.tolist() for g in given if g is not None)
    steps = ("stride_h", "stride_w", "dilation_hfactor", "dilation_wfactor")
    plain = all(int(conv.attrs.get(name, 1)) == 1 for name in steps)
    if not plain or int(conv.attrs["padding"]) != _VALID or blocks != again:
        return None
    if not (same_quant(x.quant, inner.quant) and same_quant(wide.quant, output.quant)):
        return None
    if len(x.shape) == 4 and len(blocks) == 2:
        axes, shape = [1, 2], list(x.shape)
    elif len(x.shape) == 3 and len(blocks) == 1:
        axes = [2 if inner.shape[1] == 1 else 1]  # time of [batch, 1, T, C] or of [batch, T, 1, C]
        shape = [1, 1, 1, x.shape[2]]
        shape[axes[0]] = x.shape[1]
    else:
        return None
    if x.shape[0] != 1:
        return None

    dilation, padding, made = [1, 1], [[0, 0] for _ in range(4)], [1, *wide.shape[1:]]
    same = True
    for axis, block, (before, _), (crop, _), length in zip(
        axes, blocks, paddings, crops, output.shape[1:], strict=False
    ):
        reach = (weights.shape[axis] - 1) * block
        ahead = before - crop
        behind = length + reach - shape[axis] - ahead
        dilation[axis - 1], padding[axis], made[axis] = block, [ahead, behind], length
        usual = same_padding(shape[axis], length, weights.shape[axis], 1, block)
        same &= length == shape[axis] and ahead == usual
    for axis in {1, 2} - set(axes):
        same &= weights.shape[axis] == 1
    if any(p < 0 for pair in padding for p in pair):
        return None

    def new(name: str, like: Tensor, dims: list[int], data: np.ndarray | None = None) -> Tensor:
        tensor = Tensor(max(tensors) + 1, name, tuple(dims), data.dtype if data is not None else like.dtype,
                        None if data is not None else like.quant, data)  # fmt: skip
        tensors[tensor.id] = tensor
        return tensor

    operand = new(f"{x.name}_4d", x, shape)
    nodes = [Node(first.index, "RESHAPE", (x.id,), (operand.id,))]
    if not same and any(p for pair in padding for p in pair):
        widths = new(f"{x.name}_padding", x, [4, 2], np.array(padding, np.int32))
        padded = new(f"{x.name}_padded", x, [d + sum(p) for d, p in zip(shape, padding, strict=True)])
        nodes.append(Node(first.index, "PAD", (operand.id, widths.id), (padded.id,)))
        operand = padded
    result = new(f"{output.name}_4d", wide, made)
    attrs = {
        **conv.attrs,
        "dilation_hfactor": dilation[0],
        "dilation_wfactor": dilation[1],
        "padding": _SAME if same else _VALID,
    }
    nodes.append(replace(conv, inputs=(operand.id, *conv.inputs[1:]), outputs=(result.id,), attrs=attrs))
    return [*nodes, Node(last.index, "RESHAPE", (result.id,), (output.id,))]
