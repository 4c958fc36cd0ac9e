"""What exporters leave apart and our operators do at once: factors, offsets and clamps behind a layer with weights.

Only for ONNX, whose oracle is compared within a tolerance: a factor that moves into the weights rounds differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgeshift.ir import Graph, Node, Tensor

# The axis of output channels of the weights.
_CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_CLAMPS = {"RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
_CLAMPING = (*_CHANNELS, "MAX_POOL_2D", "AVERAGE_POOL_2D", "ADD", "SUB", "MUL")


def fuse(graph: Graph) -> Graph:
    """Move constants per channel into weights and biases, and clamps into the layer before."""
    tensors, nodes = dict(graph.tensors), list(graph.nodes)
    users: dict[int, int] = {}
    for t in (*graph.outputs, *(i for n in nodes for i in n.inputs if i is not None)):
        users[t] = users.get(t, 0) + 1
    made_by = {n.outputs[0]: k for k, n in enumerate(nodes)}
    renamed: dict[int, int] = {}
    gone: set[int] = set()
    for k, node in enumerate(nodes):
        node = nodes[k] = replace(node, inputs=tuple(renamed.get(i, i) if i is not None else None for i in node.inputs))
        place = next((p for p, i in enumerate(node.inputs) if i is not None and tensors[i].data is None), None)
        operand = node.inputs[place] if place is not None else None
        at = _layer(operand, nodes, made_by, users)
        if at is None or operand is None or tensors[operand].dtype != np.float32:
            continue
        if node.op in _CLAMPS and nodes[at].op in _CLAMPING:
            attrs = {**nodes[at].attrs, "fused_activation_function": _CLAMPS[node.op]}
            nodes[at] = replace(nodes[at], attrs=attrs)
        elif node.op in ("MUL", "ADD", "SUB") and nodes[at].op in _CHANNELS and place == 0:
            merged = _merged(node, nodes[at], tensors)
            if merged is None:
                continue
            nodes[at] = merged
        else:
            continue
        renamed[node.outputs[0]] = operand
        tensors[operand] = replace(tensors[operand], name=tensors[node.outputs[0]].name)
        users[operand] = users.get(node.outputs[0], 0)
        gone.add(k)
    outputs = tuple(renamed.get(t, t) for t in graph.outputs)
    kept = tuple(n for k, n in enumerate(nodes) if k not in gone)
    return replace(graph, tensors=tensors, nodes=kept, outputs=outputs)


def _layer(operand: int | None, nodes: list[Node], made_by: Mapping[int, int], users: Mapping[int, int]) -> int | None:
    """The node without an activation that alone makes `operand`, behind reshapes, and that nothing else reads."""
    while operand is not None and users.get(operand) == 1 and operand in made_by:
        at = made_by[operand]
        if nodes[at].op != "RESHAPE":
            free = nodes[at].op in _CLAMPING and not nodes[at].attrs.get("fused_activation_function", 0)
            return at if free else None
        operand = nodes[at].inputs[0]
    return None


def _merged(node: Node, layer: Node, tensors: dict[int, Tensor]) -> Node | None:
    """The layer with the constant operand of `node` in its weights, `None` when that is not one per channel."""
    constant = tensors[node.inputs[1]] if node.inputs[1] is not None else None
    weights = tensors[layer.inputs[1]] if layer.inputs[1] is not None else None
    if constant is None or constant.data is None or weights is None or weights.data is None:
        return None
    axis = _CHANNELS[layer.op]
    channels = weights.shape[axis]
    output = tensors[node.outputs[0]].shape
    operand = tensors[node.inputs[0]].shape if node.inputs[0] is not None else ()
    per_channel = constant.size == 1 or (constant.size == channels == constant.shape[-1])
    if not per_channel or output[-1] != channels or operand != output:
        return None
    values = np.broadcast_to(constant.data.reshape(-1).astype(np.float64), (channels,))
    place = 3 if layer.op == "TRANSPOSE_CONV" else 2  # behind its operand, which is the first of the others
    bias_id = layer.inputs[place] if len(layer.inputs) > place else None
    bias = np.zeros(channels) if bias_id is None else tensors[bias_id].data
    if bias is None:
        return None
    bias = bias.astype(np.float64)
    weights_id = weights.id
    if node.op == "MUL":
        bias = bias * values
        shape = [channels if a == axis else 1 for a in range(len(weights.shape))]
        weights_id = _constant(tensors, weights, weights.data * values.reshape(shape))
    else:
        bias = bias + values if node.op == "ADD" else bias - values
    bias_id = _constant(tensors, constant, bias)
    return replace(layer, inputs=(layer.inputs[0], weights_id, *layer.inputs[2:place], bias_id))


def _constant(tensors: dict[int, Tensor], like: Tensor, data: np.ndarray) -> int:
    number = max(tensors) + 1
    data = data.astype(np.float32)
    tensors[number] = Tensor(number, like.name, data.shape, data.dtype, None, data)
    return number
