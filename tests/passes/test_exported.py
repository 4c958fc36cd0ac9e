"""What the converter writes for open batches becomes plain operators, with the reference's answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from edgeshift.importers.tflite import parse_tflite
from edgeshift.ir import Graph
from edgeshift.passes import run_passes
from tests.finish import finish
from tests.ladder import Case, climb
from tests.netbuilder import Net
from tests.passes.exported import dealt_conv1d, dealt_conv2d, dense_on_columns, open_reshape

DTYPES = ("float32", "int8")


def flatten(net: Net) -> None:
    x = net.conv1d(net.input((1, 12, 3)), 4, 3)
    net.output(net.dense(open_reshape(net, x, [48]), 3))


def stack_frames(net: Net) -> None:
    x = open_reshape(net, net.input((1, 12, 3)), [6, 6])
    net.output(net.conv1d(x, 4, 2))


def per_frame(net: Net) -> None:
    x = net.conv1d(net.input((1, 12, 3)), 4, 3)
    net.output(net.softmax(net.add(dense_on_columns(net, x, 5), net.rng.normal(0, 0.3, 5))))


def dilated(padding: tuple[int, int], dilation: int, lift: int, depthwise: bool, net: Net) -> None:
    x = net.conv1d(net.input((1, 19, 3)), 4, 2)
    y = dealt_conv1d(net, x, 3, dilation, padding, lift, depthwise)
    net.output(net.reduce_max(net.add(y, net.rng.normal(0, 0.3, 4), "relu"), 1), y)


def causal(net: Net) -> None:
    x = net.pad(net.conv1d(net.input((1, 19, 3)), 4, 2), [(0, 0), (6, 0), (0, 0)])
    net.output(net.strided_slice(dealt_conv1d(net, x, 3, 3, (0, 0), 1), (0, -1, 0), (1, 0, 4), shrink_mask=2))


def dilated_plane(dilation: tuple[int, int], net: Net) -> None:
    x = net.conv2d(net.input((1, 13, 6, 2)), 2, 2)
    net.output(net.mean(net.relu(dealt_conv2d(net, x, 3, dilation)), (1, 2)))


FORMS: dict[str, Callable[[Net], None]] = {
    "flatten": flatten,
    "stack frames": stack_frames,
    "dense on columns": per_frame,
    "causal": causal,
}
for padding, dilation, lift, depthwise in (
    ((0, 0), 2, 1, False),
    ((0, 0), 3, 2, True),
    ((2, 2), 2, 1, False),
    ((2, 2), 2, 2, True),
    ((3, 3), 3, 2, False),
    ((6, 0), 3, 1, True),
    ((1, 5), 3, 1, False),
    ((7, 8), 4, 1, False),
):
    label = f"dilated {dilation}, padding {padding}, axis {lift}, {'depthwise' if depthwise else 'conv'}"
    FORMS[label] = partial(dilated, padding, dilation, lift, depthwise)
for pair in ((2, 2), (3, 1), (1, 2)):
    FORMS[f"dilated plane {pair}"] = partial(dilated_plane, pair)


def model(label: str, dtype: str) -> bytes:
    net = Net("exported", np.random.default_rng(len(label)))
    FORMS[label](net)
    return finish(net, dtype)


def imported(label: str, dtype: str = "float32") -> Graph:
    return run_passes(parse_tflite(model(label, dtype), label))


@pytest.mark.parametrize("dtype", DTYPES)
def test_ladder(dtype: str) -> None:
    made = {label: model(label, dtype) for label in FORMS}
    cases = [Case(f"{name} {dtype}", made[name], hop, outputs=8, seed=hop) for name in FORMS for hop in (1, 3)]
    assert not climb(cases)


@pytest.mark.parametrize("label", FORMS)
def test_nothing_of_the_export_is_left(label: str) -> None:
    left = {node.op for node in imported(label).nodes}
    assert not left & {"SHAPE", "PACK", "GATHER", "REDUCE_PROD", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}


def test_same_padding_is_one_convolution() -> None:
    graph = imported("dilated 2, padding (2, 2), axis 1, conv")
    _, fused = (n for n in graph.nodes if n.op in ("PAD", "CONV_2D"))
    assert (fused.op, fused.attrs["dilation_wfactor"], fused.attrs["padding"]) == ("CONV_2D", 2, 0)


def test_lengths_that_the_file_does_not_tell() -> None:
    graph = imported("dense on columns")
    dense = next(n for n in graph.nodes if n.op == "FULLY_CONNECTED")
    assert graph.tensors[dense.outputs[0]].shape == (12, 5)
