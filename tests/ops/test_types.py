"""Types at the ends of a network and of its weights: uint8, float16, int8 weights of a float network."""

from __future__ import annotations

from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeshift.errors import UnsupportedOpError
from edgeshift.importers.tflite import parse_tflite
from tests.finish import windows
from tests.ladder import Case, check, network
from tests.netbuilder import Net
from tests.tflite_writer import Network, Op, Quant, Tensor, write


def drawn() -> Net:
    net = Net("types", np.random.default_rng(5))
    x = net.conv1d(net.input((1, 16, 3)), 6, 3, activation="relu")
    net.output(net.dense(net.mean(net.conv1d(x, 4, 5), 1), 2))
    return net


def stored(made: Network, kind: str) -> bytes:
    """The weights as float16, or as int8 with a scale per channel, each behind a DEQUANTIZE."""
    tensors, ops = list(made.tensors), []
    for index, tensor in enumerate(made.tensors):
        if tensor.data is None or tensor.dtype != "float32" or tensor.data.ndim < 2:
            continue
        if kind == "float16":
            weights = replace(tensor, dtype="float16", data=tensor.data.astype(np.float16))
        else:
            scale = np.abs(tensor.data.reshape(len(tensor.data), -1)).max(axis=1) / 127
            steps = np.round(tensor.data / scale.reshape(-1, *[1] * (tensor.data.ndim - 1)))
            quant = Quant(tuple(float(s) for s in scale), (0,) * len(scale))
            weights = replace(tensor, dtype="int8", data=steps.astype(np.int8), quant=quant)
        tensors[index] = replace(tensor, data=None)
        tensors.append(replace(weights, name=f"{tensor.name}/stored"))
        ops.append(Op("DEQUANTIZE", (len(tensors) - 1,), index))
    return write(replace(made, tensors=tuple(tensors), ops=(*ops, *made.ops)))


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_stored_weights(kind: str) -> None:
    model = stored(drawn().network, kind)
    check([Case(f"weights as {kind}", model, hop) for hop in (1, 3)])


def narrowed(model: bytes) -> bytes:
    """The weights of an int8 network as int4, two to a byte, the even one in the low bits."""
    read = schema.ModelT.InitFromPackedBuf(model)
    graph = read.subgraphs[0]
    for node in graph.operators:
        if len(node.inputs) == 3 and graph.tensors[node.inputs[2]].type == schema.TensorType.INT32:
            weights, bias = (graph.tensors[i] for i in node.inputs[1:])
            values = np.round(read.buffers[weights.buffer].data.view(np.int8) / 18).astype(np.int8)
            pairs = np.append(values, np.zeros(values.size % 2, np.int8)).reshape(-1, 2).view(np.uint8)
            read.buffers[weights.buffer].data = pairs[:, 0] & 15 | pairs[:, 1] << 4
            weights.type = schema.TensorType.INT4
            for tensor in (weights, bias):
                tensor.quantization.scale = np.float32(tensor.quantization.scale) * np.float32(18)
    builder = flatbuffers.Builder(1024)
    builder.Finish(read.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_weights_of_four_bits() -> None:
    net = drawn()
    model = narrowed(net.quantize(windows(net.input_shapes, net.rng, 16)))
    weights = [t.data for t in parse_tflite(model, "n").tensors.values() if t.data is not None and t.data.ndim > 1]
    assert {w.dtype for w in weights} == {np.dtype(np.int8)} and max(np.abs(w).max() for w in weights) <= 8
    check([Case("weights of 4 bits", model, hop) for hop in (1, 3)])


def test_bytes_around_a_float_network() -> None:
    made = drawn().network
    (x,), (y,) = made.inputs, made.outputs
    outer = [Tensor("bytes", made.tensors[i].shape, "uint8", None, Quant((0.03,), (131,))) for i in (x, y)]
    first = len(made.tensors)
    ops = (Op("DEQUANTIZE", (first,), x), *made.ops, Op("QUANTIZE", (y,), first + 1))
    model = write(Network((*made.tensors, *outer), ops, (first,), (first + 1,)))
    check([Case("bytes around floats", model, hop) for hop in (1, 2)])


def test_what_computes_with_bytes_is_refused() -> None:
    bytes_ = Tensor("x", (1, 8, 2), "uint8", None, Quant((0.03,), (131,)))
    model = write(Network((bytes_, replace(bytes_, name="y")), (Op("RELU", (0,), 1),), (0,), (1,)))
    with pytest.raises(UnsupportedOpError, match="computes with uint8"):
        network(model)
