"""Types at the ends of a network and of its weights: uint8, float16, int8 weights of a float network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from edgeshift.errors import UnsupportedOpError
from edgeshift.importers.tflite import parse_tflite
from tests.finish import windows
from tests.ladder import Case, check, network
from tests.netbuilder import Net
from tests.quantizer import stored
from tests.tflite_writer import Network, Op, Quant, Tensor, write


def drawn() -> Net:
    net = Net("types", np.random.default_rng(5))
    x = net.conv1d(net.input((1, 16, 3)), 6, 3, activation="relu")
    net.output(net.dense(net.mean(net.conv1d(x, 4, 5), 1), 2))
    return net


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_stored_weights(kind: str) -> None:
    model = write(stored(drawn().network, kind))
    check([Case(f"weights as {kind}", model, hop) for hop in (1, 3)])


def test_weights_of_four_bits() -> None:
    net = drawn()
    model = net.quantize(windows(net.input_shapes, net.rng, 16), weight_bits=4)
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


def test_indices_of_64_bits_are_given_as_32(tmp_path: Path) -> None:
    net = Net("indices", np.random.default_rng(5))
    net.output(net.arg("ARG_MAX", net.conv1d(net.input((1, 9, 3)), 5, 3), 2, "int64"))
    (tmp_path / "indices.tflite").write_bytes(net.build())
    report = edgeshift.verify(tmp_path / "indices.tflite", 2, hops=20)
    assert report.exact and report.max_abs_diff == 0
    plan = edgeshift.plan(tmp_path / "indices.tflite", outputs="last")
    assert plan.schedule.graph.outputs[0].dtype == np.int32 and plan.schedule.macs_per_hop < plan.schedule.macs_window


def test_what_computes_with_indices_is_refused() -> None:
    net = Net("indices", np.random.default_rng(5))
    index = net.arg("ARG_MAX", net.input((1, 9, 3)), 2)
    net.output(net.add(index, index))
    with pytest.raises(UnsupportedOpError, match="ADD .*computes with int32.*end the network before it"):
        network(net.build())


@pytest.mark.parametrize(("code", "reason"), [("WHILE", "unroll=True.*tf_keras"), ("IF", "the one that is used")])
def test_control_flow_is_refused(code: str, reason: str) -> None:
    """Before anything is told of its tensors, which may be of any type and be made twice."""
    x = Tensor("x", (1, 8, 2))
    ops = (Op(code, (0,), 1, None, (0,)),)
    with pytest.raises(UnsupportedOpError, match=f"{code} 'x' .*{reason}"):
        network(write(Network((x, replace(x, name="y")), ops, (0,), (1,))))
