"""ONNX networks with a state: handed in and out, taken apart where it is of several layers, carried from hop to hop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeshift
from edgeshift.errors import PlanError
from edgeshift.pipeline import Network
from tests.importers import onnx_networks
from tests.onnxbuilder import OnnxNet

CHANNELS, CALLS = 4, 40


def cut(net: OnnxNet, x: str, first: int, stop: int, axis: int) -> str:
    return str(net.node("Slice", x, net.ints([first]), net.ints([stop]), net.ints([axis])))


def cached(net: OnnxNet, x: str, cache: str, dilation: int, op: str = "Conv") -> tuple[str, str]:
    """A causal layer on one new frame behind the cached ones, and its next cache."""
    both = net.node("Concat", cache, x, axis=2)
    attrs = {"dilations": [dilation], "pads": [0, 0] if op == "Conv" else [2 * dilation, 2 * dilation]}
    y = net.node(op, both, net.weights(CHANNELS, CHANNELS, 3), **attrs)
    return str(net.node("Relu", y)), cut(net, both, 1, 2**31, 2)


def tcn(write: str) -> bytes:
    """Two causal layers and a GRU; the new cache is written by `Concat` or by `ScatterND`."""
    net = OnnxNet(31, opset=16)
    x, cache, hidden = net.input([1, CHANNELS, 1]), net.input([1, CHANNELS, 6]), net.input([2, 1, CHANNELS])
    y, first = cached(net, x, cut(net, cache, 0, 2, 2), 1)
    y, second = cached(net, y, cut(net, cache, 2, 6, 2), 2, "ConvTranspose")
    states = []
    for layer in range(2):
        gate, size = 3 * CHANNELS, CHANNELS
        parts = [net.constant(net.rng.uniform(-1, 1, (1, gate, size))) for _ in range(2)]
        step = net.node("Transpose", y, perm=[2, 0, 1])
        y, h = net.node("GRU", step, *parts, "", "", cut(net, hidden, layer, layer + 1, 0), outputs=2, hidden_size=size)
        y = net.node("Transpose", net.node("Squeeze", y, net.ints([1])), perm=[1, 2, 0])
        states.append(h)
    if write == "Concat":
        new = net.node("Concat", first, second, axis=2)
    else:
        whole = np.stack(np.meshgrid([0], range(CHANNELS), range(6), indexing="ij"), axis=-1)
        new = net.node("ScatterND", cache, net.ints(whole[:, :, :2]), first)
        new = net.node("ScatterND", new, net.ints(whole[:, :, 2:]), second)
    net.output(y, new, net.node("Concat", *states, axis=0))
    return net.build()


def test_an_input_that_looks_like_a_state_is_pointed_out(tmp_path: Path) -> None:
    net = OnnxNet(5)
    x, cache = net.input([1, CHANNELS, 1]), net.input([1, CHANNELS, 2])
    y, _ = cached(net, x, cache, 1)
    net.nodes[-1].output[0] = f"{cache}_out"
    net.output(y, f"{cache}_out")
    pointed = [note for note in carried(net.build(), tmp_path).graph.notes if "looks like a state" in note]
    assert len(pointed) == 1 and f"--state {cache}:{cache}_out" in pointed[0]
    assert not carried(net.build(), tmp_path, f"{cache}:{cache}_out").graph.notes


def carried(model: bytes, folder: Path, *state: str) -> Network:
    path = folder / "net.onnx"
    path.write_bytes(model)
    return edgeshift.load(path, state=state)


@pytest.mark.oracle
@pytest.mark.parametrize("write", ["Concat", "ScatterND"])
def test_a_cache_of_two_layers_is_two_rings(write: str, tmp_path: Path) -> None:
    network = carried(tcn(write), tmp_path, "1:1", "2:2")
    report = edgeshift.verify(network, hops=CALLS)
    assert report.exact and report.hops_compared == CALLS and report.hop == 1
    schedule = edgeshift.plan(network).schedule
    assert sorted(p.ring.length for p in schedule.streams.values() if p.ring is not None) == [2, 2, 3, 5]


@pytest.mark.oracle
def test_parts_that_overlap_stay_one_state(tmp_path: Path) -> None:
    net = OnnxNet(32)
    x, state = net.input([1, 4]), net.input([1, 4])
    left, right = cut(net, state, 0, 3, 1), cut(net, state, 1, 4, 1)
    y = net.node("Concat", net.node("Tanh", left), net.node("Sigmoid", right), axis=1)
    y = net.node("Add", net.gemm(y, 6, 4), x)
    net.output(y, net.node("Mul", y, net.constant(0.5)))
    network = carried(net.build(), tmp_path, "1:1")
    assert edgeshift.verify(network, hops=CALLS).exact


@pytest.mark.oracle
def test_parts_that_change_places(tmp_path: Path) -> None:
    """What one half holds the other is handed at the next call: a delay of two."""
    net = OnnxNet(33)
    x, state = net.input([1, 3]), net.input([1, 6])
    newer, older = cut(net, state, 0, 3, 1), cut(net, state, 3, 6, 1)
    y = net.node("Add", net.node("Tanh", net.gemm(x, 3, 3)), net.node("Sigmoid", older))
    net.output(y, net.node("Concat", y, newer, axis=1))
    network = carried(net.build(), tmp_path, "1:1")
    assert edgeshift.verify(network, hops=CALLS).exact


@pytest.mark.oracle
def test_lstm_one_step_a_call(tmp_path: Path) -> None:
    net = OnnxNet(34)
    x, h, c = (net.input([1, 1, 5]) for _ in range(3))
    parts = [net.constant(net.rng.uniform(-1, 1, s)) for s in ((1, 20, 5), (1, 20, 5), (1, 40))]
    y, last, cell = net.node("LSTM", x, *parts, "", h, c, outputs=3, hidden_size=5)
    net.output(net.node("Squeeze", y, net.ints([1])), last, cell)
    network = carried(net.build(), tmp_path, "1:1", "2:2")
    assert edgeshift.verify(network, hops=CALLS).exact
    assert edgeshift.plan(network).schedule.macs_per_hop == 200


def carrying(cell: str) -> bytes:
    """A recurrence over frames as they come, every step read."""
    net = OnnxNet(36)
    op, attrs = {"gru_linear": ("GRU", {"linear_before_reset": 1}), "rnn_relu": ("RNN", {"activations": ["Relu"]})}.get(
        cell, (cell.upper().removesuffix("_TANH"), {})
    )
    x = net.node("Transpose", net.input([1, 10, 3]), perm=[1, 0, 2])
    y = onnx_networks.lstm(net, x, 3, 4, op, **attrs)[0]
    net.output(net.node("MatMul", net.node("Squeeze", y, net.ints([1])), net.weights(4, 2)))
    return net.build()


@pytest.mark.oracle
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_linear", "rnn_tanh", "rnn_relu"])
def test_a_state_is_carried(cell: str, tmp_path: Path) -> None:
    network = carried(carrying(cell), tmp_path)
    assert cell in {getattr(op, "cell", None) for op in network.graph.ops}
    plan = edgeshift.plan(network, recurrent="carry", outputs="last")
    assert plan.schedule.macs_per_hop == sum(op.macs_per_column for op in plan.schedule.ops)
    assert edgeshift.verify(network, 3, hops=12, recurrent="carry").exact


@pytest.mark.parametrize("build", [onnx_networks.bidirectional, onnx_networks.reverse_gru])
def test_what_runs_backwards_is_not_carried(build, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="backwards"):
        edgeshift.plan(carried(build(), tmp_path), recurrent="carry")
