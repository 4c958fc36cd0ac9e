"""Constants that the file makes at run time: float16 or int8 weights behind DEQUANTIZE, and FILL.

A converter that halves the size of a float network stores its weights as float16, or as int8 with a scale for each
channel, and writes a DEQUANTIZE behind each. Converting them once gives the same values.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeshift.ir import Graph, Node, Tensor


def fold_constants(graph: Graph) -> Graph:
    tensors = dict(graph.tensors)
    kept: list[Node] = []
    for node in graph.nodes:
        operands = [None if i is None else tensors[i] for i in node.inputs]
        values = _values(node, operands)
        if values is None:
            kept.append(node)
            continue
        output = tensors[node.outputs[0]]
        tensors[output.id] = replace(output, shape=values.shape, data=values)
    return replace(graph, tensors=tensors, nodes=tuple(kept))


def _values(node: Node, operands: list[Tensor | None]) -> np.ndarray | None:
    """The constant that `node` makes, `None` if it is not one of these."""
    x = operands[0] if operands else None
    if x is None or x.data is None:
        return None
    if node.op == "DEQUANTIZE" and x.dtype == np.float16:
        return x.data.astype(np.float32)
    if node.op == "DEQUANTIZE" and x.dtype == np.int8 and x.quant is not None and x.quant.per_channel:
        across = [-1 if axis == x.quant.axis else 1 for axis in range(x.data.ndim)]
        steps = x.data.astype(np.int64) - x.quant.zero_point.reshape(across)
        return steps.astype(np.float32) * x.quant.scale.reshape(across)
    value = operands[1] if len(operands) > 1 else None
    if node.op == "FILL" and value is not None and value.data is not None and value.data.size == 1:
        return np.full(x.data.reshape(-1), value.data.reshape(-1)[0], value.dtype)
    return None
