"""int16 activations as a stream: sums beyond 32 bits, int32 biases, powers of two, streamed edges; what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeshift.errors import UnsupportedOpError
from edgeshift.kernels import ISAS
from edgeshift.pipeline import plan
from tests.finish import finish, windows
from tests.ladder import Case, at_hops, check, network
from tests.netbuilder import Net
from tests.tflite_writer import Network, Op, Quant, Tensor, write
from tests.zoo import build

Describe = Callable[[Net], None]


def drawn(describe: Describe) -> Net:
    net = Net("wide", np.random.default_rng(3))
    describe(net)
    return net


def model_of(describe: Describe) -> bytes:
    net = drawn(describe)
    return net.quantize(windows(net.input_shapes, net.rng, 16), wide=True)


def loud(net: Net) -> None:
    """Layers whose weights are all as large as they can be: of one sign, or of either."""
    x = net.input((1, 20, 48))
    y = net.conv1d(x, 6, 12)
    z = net.conv2d(net.reshape(x, (1, 20, 1, 48)), 4, (12, 1), padding="SAME", activation="relu")
    z = net.transpose_conv(z, 5, (3, 1), (1, 1))
    net.output(y, net.dense(net.reshape(x, (1, 960)), 5), net.relu(z))
    for tensor in net.network.tensors:
        if tensor.data is not None and tensor.name.startswith("weights"):
            tensor.data[::2] = 0.01
            tensor.data[1::2] = np.sign(tensor.data[1::2]) * 0.01


def with_biases_of_32_bits(model: bytes) -> bytes:
    """The model with int32 biases, as the converter writes them when it is asked to."""
    read = schema.ModelT.InitFromPackedBuf(model)
    graph = read.subgraphs[0]
    for node in graph.operators:
        if not hasattr(node.builtinOptions, "quantizedBiasType"):
            continue
        node.builtinOptions.quantizedBiasType = schema.TensorType.INT32
        for index in node.inputs:
            tensor = graph.tensors[index]
            if index >= 0 and tensor.type == schema.TensorType.INT64:
                values = read.buffers[tensor.buffer].data.view(np.int64)
                read.buffers[tensor.buffer].data = values.astype(np.int32).view(np.uint8)
                tensor.type = schema.TensorType.INT32
    return packed(read)


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_sums_of_64_bits() -> None:
    model = model_of(loud)
    source = plan(network(model, "loud"), 3).sources.files["loud.c"]
    assert "int64_t acc" in source and "es_dense_rescale_long" in source
    check(at_hops("loud", model, (1, 3), outputs=8), memory=True)


def test_biases_of_32_bits() -> None:
    """Their sums have 32 bits too, which may wrap."""
    model = with_biases_of_32_bits(model_of(loud))
    source = plan(network(model, "loud"), 3).sources.files["loud.c"]
    assert "es_wrap((uint32_t)acc)" in source
    common = [with_biases_of_32_bits(build(name, 1, "int16")) for name in ("tc_resnet", "tcn_last_step")]
    cases = at_hops("loud, int32", model, (1, 3), outputs=8)
    check([*cases, *(Case(f"int32 biases {i}", m, 2) for i, m in enumerate(common))], memory=True)


def test_sums_that_fit_have_32_bits() -> None:
    source = plan(network(build("ds_cnn", 1, "int16"), "small")).sources.files["small.c"]
    assert "int64_t acc" not in source.replace("(int64_t acc", "")


def test_scales_that_are_powers_of_two() -> None:
    """As in cells of old LSTMs: one operand is shifted right."""
    quants = [Quant((2.0**e,), (0,)) for e in (-14, -12, -12, -12)]
    names = ("a", "b", "sum", "difference")
    tensors = tuple(Tensor(n, (1, 9, 5), "int16", None, q) for n, q in zip(names, quants, strict=True))
    ops = (
        Op("ADD", (0, 1), 2, schema.AddOptionsT(1, True)),
        Op("SUB", (2, 0), 3, schema.SubOptionsT(0, True)),
    )
    check(at_hops("powers of two", write(Network(tensors, ops, (0, 1), (2, 3))), (1, 2)), memory=True)


def test_streamed_edges_and_less_ram() -> None:
    cases = []
    for name in ("fcn_same", "tc_resnet", "ds_cnn", "wavenet"):
        model = build(name, 1, "int16")
        cases += [Case(name, model, 2, streamed=True), *(Case(name, model, 3, curve=c) for c in (0, 1))]
    check(cases)


@pytest.mark.parametrize("isa", ISAS)
def test_kernels_of_instruction_sets_are_not_given_int16(isa: str) -> None:
    """Only those that are made for it."""
    kernels = plan(network(build("ds_cnn", 1, "int16")), isa=isa).kernels
    assert all("/" not in k.template or "int16" in k.template for k in kernels.values())


# -- refused


def refused(describe: Describe, change: Callable[[Any], None] = lambda model: None) -> str:
    read = schema.ModelT.InitFromPackedBuf(model_of(describe))
    change(read)
    with pytest.raises(UnsupportedOpError) as error:
        network(packed(read))
    assert "\n" not in str(error.value)
    return str(error.value)


def plain(net: Net) -> None:
    net.output(net.dense(net.conv1d(net.input((1, 8, 2)), 3, 3), 2))


def of(model: Any, kind: str) -> Any:
    code = getattr(schema.BuiltinOperator, kind)
    numbers = [i for i, c in enumerate(model.operatorCodes) if c.builtinCode == code]
    return next(node for node in model.subgraphs[0].operators if node.opcodeIndex in numbers)


@pytest.mark.parametrize("operator", ["SUM", "RELU_N1_TO_1", "SQUARED_DIFFERENCE", "SPACE_TO_DEPTH"])
def test_what_the_reference_has_no_kernel_for(operator: str) -> None:
    describe: dict[str, Describe] = {
        "SUM": lambda net: net.output(net.sum(net.input((1, 8, 2)), 1)),
        "RELU_N1_TO_1": lambda net: net.output(net.relu_n1_to_1(net.input((1, 8, 2)))),
        "SQUARED_DIFFERENCE": lambda net: net.output(net.squared_difference(net.input((1, 8, 2)), 0.5)),
        "SPACE_TO_DEPTH": lambda net: net.output(net.space_to_depth(net.input((1, 8, 2, 2)), 2)),
    }
    assert f"{operator} (node 0): the reference kernel has no int16 form" in refused(describe[operator])


def test_a_bias_that_the_options_do_not_announce() -> None:
    def narrowed(model: Any) -> None:
        tensor = model.subgraphs[0].tensors[of(model, "CONV_2D").inputs[2]]
        values = model.buffers[tensor.buffer].data.view(np.int64)
        model.buffers[tensor.buffer].data = values.astype(np.int32).view(np.uint8)
        tensor.type = schema.TensorType.INT32

    assert "its bias is not a constant of 3 int64 values" in refused(plain, narrowed)


def test_a_zero_point() -> None:
    def moved(model: Any) -> None:
        model.subgraphs[0].tensors[of(model, "CONV_2D").outputs[0]].quantization.zeroPoint = np.array([3], np.int64)

    assert "int16 with a zero point of 3" in refused(plain, moved)


def test_weights_of_16_bits() -> None:
    def widened(model: Any) -> None:
        tensor = model.subgraphs[0].tensors[of(model, "FULLY_CONNECTED").inputs[1]]
        values = model.buffers[tensor.buffer].data.view(np.int8)
        model.buffers[tensor.buffer].data = values.astype(np.int16).view(np.uint8)
        tensor.type = schema.TensorType.INT16

    assert "int16 weights on int16 activations; quantise the weights to int8" in refused(plain, widened)


def test_float_ends() -> None:
    net = Net("ends", np.random.default_rng(1))
    plain(net)
    check([Case("float ends", finish(net, "int16_floatio"), hop) for hop in (1, 2)], memory=True)
