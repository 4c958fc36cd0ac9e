"""Quantised ONNX networks on the ladder; which of their layers are integer, and what ONNX Runtime makes of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest

from edgeshift.errors import UnsupportedOpError
from edgeshift.host.oracle import OnnxRuntime
from edgeshift.importers import parse_model
from edgeshift.reference.even import EvenFloatSum
from edgeshift.shift import use_structure
from tests.importers import onnx_networks, quantised_networks
from tests.importers.quantised_networks import BYTES, CHANNELS, GROUPS, QDQ, QOPERATOR, Form, made
from tests.importers.random_quantised import random_case
from tests.ladder import at_hops, check, climb_numpy, network, prepare
from tests.onnxbuilder import OnnxNet

HOPS = (1, 2, 3, 5)


@pytest.mark.oracle
@pytest.mark.parametrize("group", sorted(GROUPS))
def test_agrees_with_onnxruntime(group: str) -> None:
    """Every network at one hop, the next network at the next."""
    cases = []
    for number, (build, form) in enumerate(GROUPS[group], sorted(GROUPS).index(group)):
        cases += at_hops(f"{build.__name__} {form}", made(build, form), [HOPS[number % len(HOPS)]])
    check(cases)


@pytest.mark.oracle
def test_random_networks_agree_with_onnxruntime() -> None:
    """Four through the C, more as far as numpy goes."""
    drawn = [random_case(seed) for seed in range(14)]
    cases = [at_hops(label, model, [hop])[0] for label, model, hop in drawn]
    found = [line for case in cases[4:] for line in climb_numpy(prepare(case))]
    assert not found, "\n".join(found)
    check(cases[:4])


def operators(model: bytes) -> list[str]:
    """The operators, those that make float32 with a star."""
    floats = (op.op + "*" * (op.output.dtype == np.float32) for op in network(model).graph.ops)
    return [op for op in floats if not op.startswith("RELAYOUT")]


class TestWhatIsInteger:
    def test_layers_relus_and_means(self) -> None:
        conv = ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
        expected = ["QUANTIZE", *conv, "MEAN", "FULLY_CONNECTED", "DEQUANTIZE*"]
        for form in (QDQ, BYTES, CHANNELS, QOPERATOR):
            assert operators(form.of(quantised_networks.ds_cnn())) == expected

    def test_sums_and_products(self) -> None:
        found = operators(QDQ.of(quantised_networks.residual()))
        assert found.count("ADD") == 2
        assert found.count("MUL") == 1
        assert found.count("LOOKUP") == 1  # Sigmoid
        assert [op for op in found if op.endswith("*")] == ["DEQUANTIZE*"]

    def test_functions_are_tables(self) -> None:
        found = operators(CHANNELS.of(quantised_networks.functions()))
        assert [op for op in found if op.endswith("*")] == ["DEQUANTIZE*"]

    def test_a_relu_is_the_layers_own(self) -> None:
        """Behind the first convolution, and the sum; what a Clip bounds from above is a table."""
        layers = ["CONV_2D", "DEPTHWISE_CONV_2D", "LOOKUP", "ADD", "MAX_POOL_2D", "FULLY_CONNECTED"]
        assert operators(quantised_networks.fake_quantised()) == ["QUANTIZE", *layers, "DEQUANTIZE*"]

    def test_what_moves_values_leaves_them_quantised(self) -> None:
        found = operators(quantised_networks.causal())
        assert found.count("CONV_2D") == 2
        assert [op for op in found if op.endswith("*")] == ["DEQUANTIZE*"]

    def test_fewer_bits(self) -> None:
        layers = ["QUANTIZE", "LOOKUP", "CONV_2D", "LOOKUP", "CONV_2D", "LOOKUP", "DEQUANTIZE*"]
        assert operators(quantised_networks.few_bits()) == layers

    def test_pools(self) -> None:
        between = ["DEQUANTIZE*", "AVERAGE_POOL_2D*", "QUANTIZE", "MEAN", "FULLY_CONNECTED"]
        assert operators(quantised_networks.pools()) == ["QUANTIZE", "CONV_2D", "MAX_POOL_2D", *between, "DEQUANTIZE*"]

    def test_round_scales_leave_a_float_sum(self) -> None:
        graph = parse_model(quantised_networks.fake_quantised(), "net")
        (node,) = (n for n in graph.nodes if n.op == "ADD")
        assert isinstance(node.attrs["params"], EvenFloatSum)
        graph = parse_model(QDQ.of(quantised_networks.residual()), "net")
        assert not any(isinstance(n.attrs.get("params"), EvenFloatSum) for n in graph.nodes)

    def test_what_is_not_quantised_stays_float(self) -> None:
        found = operators(quantised_networks.integer_ends())
        assert found.count("CONV_2D") == 2
        assert found.count("CONV_2D*") == 1
        (note,) = use_structure(network(quantised_networks.integer_ends()).graph).notes
        assert "computes in float32 on what is quantised" in note

    def test_types_of_the_ends(self) -> None:
        graph = network(quantised_networks.integer_ends()).graph
        assert [s.dtype for s in graph.inputs] == [np.uint8]
        assert [s.dtype for s in graph.outputs] == [np.uint8, np.float32]


class TestZeroPoints:
    """Where there is none it is 0, of uint8 unless something says otherwise."""

    def quant(self, kind: int, opset: int) -> tuple[float, int]:
        net = OnnxNet(opset=opset)
        scale = net.constant(0.25)
        q = net.node("QuantizeLinear", net.input([1, 2, 12]), scale, **({"output_dtype": kind} if kind else {}))
        net.output(net.node("DequantizeLinear", net.node("Transpose", q, perm=[0, 2, 1]), scale))
        made = parse_model(net.build(), "net")
        (tensor,) = {made.tensors[n.inputs[0]] for n in made.nodes if n.op == "DEQUANTIZE"}
        return float(tensor.scale), tensor.zero_point

    def test_of_uint8(self) -> None:
        assert self.quant(0, 13) == (0.25, -128)
        assert self.quant(onnx.TensorProto.UINT8, 21) == (0.25, -128)

    def test_of_int8(self) -> None:
        assert self.quant(onnx.TensorProto.INT8, 21) == (0.25, 0)


@pytest.mark.oracle
@pytest.mark.parametrize("build", [quantised_networks.ds_cnn, quantised_networks.residual, onnx_networks.unet])
@pytest.mark.parametrize("form", [CHANNELS, BYTES, QOPERATOR])
def test_the_oracle_is_what_people_run(build: Callable[[], bytes], form: Form) -> None:
    """ONNX Runtime as anybody starts it gives the same, but for ties in arithmetic that it fuses otherwise."""
    model = form.of(build())
    oracle, usual = OnnxRuntime(model), onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (given,) = usual.get_inputs()
    rng = np.random.default_rng(3)
    same = []
    for _ in range(20):
        x = rng.normal(0, 1.2, given.shape).astype(np.float32)
        (ours,), (theirs,) = oracle.run([x]), usual.run(None, {given.name: x})
        same.append(np.isclose(ours, theirs, rtol=0, atol=1e-6).mean())
    assert np.mean(same) > 0.99
    assert "quantised layers in integers" in oracle.name


class TestRefusals:
    def refused(self, model: bytes, *words: str) -> None:
        with pytest.raises(UnsupportedOpError) as caught:
            parse_model(model, "net")
        assert "\n" not in str(caught.value)
        for word in words:
            assert word in str(caught.value)

    def test_asymmetric_weights(self) -> None:
        model = Form(unsigned=True, asymmetric_weights=True).of(quantised_networks.ds_cnn())
        self.refused(model, "(Conv)", "not symmetrically quantised", "QuantType.QInt8")

    def test_dynamic_quantisation(self) -> None:
        net = OnnxNet(opset=13)
        x = net.input([1, 12, 5])
        q, scale, zero = net.node("DynamicQuantizeLinear", x, outputs=3)
        net.output(net.node("DequantizeLinear", q, scale, zero))
        self.refused(net.build(), "(DynamicQuantizeLinear, node 0)", "over the whole window", "quantize_static")

    def test_sixteen_bits(self) -> None:
        net = OnnxNet(opset=21)
        grid = [net.constant(0.1), net.constant(0, "int16")]
        net.output(net.node("DequantizeLinear", net.node("QuantizeLinear", net.input([1, 5, 12]), *grid), *grid))
        self.refused(net.build(), "(QuantizeLinear)", "int16", "8 bits")

    def test_activations_per_channel(self) -> None:
        net = OnnxNet(opset=13)
        grid = [net.constant([0.1, 0.2]), net.constant([0, 1], "int8")]
        net.output(net.node("DequantizeLinear", net.node("QuantizeLinear", net.input([1, 2, 12]), *grid), *grid))
        self.refused(net.build(), "per channel", "per tensor")

    def test_integers_that_mean_nothing(self) -> None:
        net = OnnxNet(opset=14)
        grid = [net.constant(0.1), net.constant(3, "int8")]
        q = net.node("QuantizeLinear", net.input([1, 2, 12]), *grid)
        net.output(net.node("Add", q, q))
        self.refused(net.build([onnx.TensorProto.INT8]), "(Add, node 1)", "computes with integers")
