"""QuantizeLinear, DequantizeLinear, and the layers between them that are computed in integers.

What is read here says literally what the graph says: float tensors wherever ONNX has them, with QUANTIZE and DEQUANTIZE
between them and int8. `exact.py` then removes what gives the same without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edgeshift.importers.onnx.integer import Grid, IntegerLayer
from edgeshift.importers.onnx.values import Builder, Value
from edgeshift.ir import Node, QuantParams

EVEN = {"rounding": "even"}
CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}  # the axis of output channels of the weights
_LAYERS = (*CHANNELS, "BATCH_MATMUL", "MEAN")


def quant_of(grid: Grid) -> QuantParams:
    return QuantParams(np.array([grid.scale], np.float32), np.array([grid.zero_point], np.int64))


def quantize(b: Builder, grid: Grid) -> Value:
    """QuantizeLinear of a computed float tensor."""
    x = b.value()
    return b.like(b.emit_as(quant_of(grid), "QUANTIZE", [x.id], x.stored, **EVEN), x)


def dequantize(b: Builder, grid: Grid) -> Value:
    """DequantizeLinear of a computed tensor of integers, which may mean something else than what wrote them meant."""
    x = b.value()
    quant = quant_of(grid)
    if not quant.same_as(b.tensors[x.id].quant):
        x = replace(x, id=b.emit_as(quant, "RESHAPE", [x.id], x.stored))
    return b.like(b.emit("DEQUANTIZE", [x.id], x.stored), x)


def clip_integers(b: Builder) -> Value:
    """Clip between a QuantizeLinear and a DequantizeLinear: fewer than 8 bits, as Brevitas writes them."""
    x, bounds = b.value(), [-128, 127]
    for place in (1, 2):
        if b.has(place):
            given = b.constant(place, "its bound").reshape(())
            bounds[place - 1] = int(given) - (128 if given.dtype == np.uint8 else 0)
    table = b.data(np.arange(-128, 128).clip(bounds[0], bounds[1]).astype(np.int8), f"{b.source.name}_table")
    quant = b.tensors[x.id].quant
    return b.like(b.emit_as(quant, "LOOKUP", [x.id, table], x.stored), x)


CONVERSIONS: dict[str, Callable[[Builder, Grid], Value]] = {
    "QuantizeLinear": quantize,
    "DequantizeLinear": dequantize,
}


def add_integer_input(b: Builder, name: str, shape: Sequence[int], grid: Grid, unsigned: bool) -> None:
    """An input of the network that is quantised already; uint8 becomes int8 at once."""
    if not unsigned:
        b.add_input(name, shape, np.dtype(np.int8), quant_of(grid))
        return
    b.add_input(name, shape, np.dtype(np.uint8), quant_of(replace(grid, zero_point=grid.zero_point + 128)))
    b.source = replace(b.source, outputs=(name,))
    x = b.values[name]
    b.values[name] = b.like(b.emit_as(quant_of(grid), "QUANTIZE", [x.id], x.stored), x)


def as_bytes(b: Builder, made: int) -> int:
    """An int8 output of the network as the uint8 that the file has."""
    x = b.tensors[made]
    assert x.quant is not None
    quant = replace(x.quant, zero_point=x.quant.zero_point + 128)
    output = b.tensor(b.source.outputs[0], x.shape, np.dtype(np.uint8), quant)
    b.nodes.append(Node(len(b.nodes), "QUANTIZE", (made,), (output,)))
    return output


def in_integers(b: Builder, first: int, layer: IntegerLayer) -> None:
    """Turn the float layer among the nodes from `first` on into the integer one, between QUANTIZE and DEQUANTIZE."""
    at = next(k for k in range(first, len(b.nodes)) if b.nodes[k].op in _LAYERS)
    node = b.nodes[at]
    inputs, before = list(node.inputs), []
    for place, grid in enumerate(layer.operands):
        given = b.tensors[inputs[place] or 0]
        inputs[place] = b.tensor(given.name, given.shape, np.dtype(np.int8), quant_of(grid))
        before.append(Node(0, "QUANTIZE", (given.id,), (inputs[place] or 0,), EVEN))
    if layer.weights is not None and layer.scales is not None:
        axis, weights = CHANNELS[node.op], b.tensors[inputs[1] or 0]
        assert weights.data is not None
        across = [-1 if a == axis else 1 for a in range(len(weights.shape))]
        steps = np.rint(weights.data / layer.scales.reshape(across)).astype(np.int8)
        inputs[1] = b.data(steps, weights.name, QuantParams(layer.scales, np.zeros(len(layer.scales), np.int64), axis))
        if layer.bias is not None:
            inputs[2] = b.data(layer.bias, b.tensors[inputs[2] or 0].name)
    output = b.tensors[node.outputs[0]]
    made = b.tensor(output.name, output.shape, np.dtype(np.int8), quant_of(layer.output))
    b.nodes[at : at + 1] = [
        *before,
        replace(node, inputs=tuple(inputs), outputs=(made,), attrs={**node.attrs, **EVEN}),
        Node(0, "DEQUANTIZE", (made,), (output.id,)),
    ]
