"""SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND -> one dilated convolution.

The form in which Keras exports `dilation_rate` when the batch is open: the columns are dealt into `dilation` batches, each is
convolved as if it stood alone, and the results are dealt back. With padding `before` and crop `first` output column `j`
reads columns `j + first - before + k * dilation`, which is what a dilated convolution does.
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


def _fused(last: Node, made_by: dict[int, Node], tensors: dict[int, Tensor]) -> list[Node] | None:
    """The nodes that stand for the group that ends in `last`, `None` if it is not such a group."""

    def source(node: Node | None) -> Node | None:
        return made_by.get(node.inputs[0]) if node is not None and node.inputs and node.inputs[0] is not None else None

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
    x, inner, wide = (tensors[i] for i in (first.inputs[0], conv.inputs[0], conv.outputs[0]))
    output, weights = tensors[last.outputs[0]], tensors[conv.inputs[1]]
    given = [tensors[i].data for i in (first.inputs[1], first.inputs[2], last.inputs[1], last.inputs[2])]
    if any(g is None for g in given) or weights.data is None or len(inner.shape) != 4 or len(weights.shape) != 4:
        return None
    blocks, paddings, _, crops = (g.tolist() for g in given)
    plain = all(int(conv.attrs.get(a, 1)) == 1 for a in ("stride_h", "stride_w", "dilation_hfactor", "dilation_wfactor"))
    if not plain or int(conv.attrs["padding"]) != _VALID or not np.array_equal(given[0], given[2]):
        return None
    if not (same_quant(x.quant, inner.quant) and same_quant(wide.quant, output.quant)):
        return None
    if len(x.shape) == 4 and len(blocks) == 2:
        axes, shape = [1, 2], list(x.shape)
    elif len(x.shape) == 3 and len(blocks) == 1:
        axes = [2 if inner.shape[1] == 1 else 1]  # [batch, 1, columns, channels] or [batch, columns, 1, channels]
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
        same &= length == shape[axis] and ahead == same_padding(shape[axis], length, weights.shape[axis], 1, block)
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
    factors = {"dilation_hfactor": dilation[0], "dilation_wfactor": dilation[1], "padding": _SAME if same else _VALID}
    nodes.append(
        replace(conv, inputs=(operand.id, *conv.inputs[1:]), outputs=(result.id,), attrs={**conv.attrs, **factors})
    )
    return [*nodes, Node(last.index, "RESHAPE", (result.id,), (output.id,))]
