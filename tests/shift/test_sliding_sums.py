"""A mean over a window that is kept whole in a ring adds what is new and takes off what leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeshift
from tests.finish import finish
from tests.netbuilder import Net


def network(folder: Path, stride: int, dtype: str = "int8", padding: str = "VALID") -> edgeshift.Network:
    """A convolution, a global average and a dense layer."""
    net = Net("pooled", np.random.default_rng(5))
    x = net.conv1d(net.input((1, 40, 3)), 6, 5, stride=stride, padding=padding, activation="relu")
    net.output(net.dense(net.mean(x, 1), 4))
    path = folder / "pooled.tflite"
    path.write_bytes(finish(net, dtype))
    return edgeshift.load(path)


@pytest.mark.parametrize(
    ("stride", "hop", "leaving", "phases"), [(1, 1, 1, 1), (1, 2, 2, 1), (2, 1, 1, 2), (3, 1, 1, 3), (3, 2, 2, 3)]
)
def test_it_is_exact(stride: int, hop: int, leaving: int, phases: int, tmp_path: Path) -> None:
    plan = edgeshift.plan(network(tmp_path, stride), hop)
    (kept,) = plan.schedule.sums.values()
    assert (kept.entries, len(kept.leaving), kept.phases) == (0, leaving, phases)
    assert "_leave(" in plan.sources.files["pooled.c"]
    assert edgeshift.verify(plan.network, hop, hops=100).exact


@pytest.mark.parametrize(
    ("dtype", "padding", "hop"), [("float32", "VALID", 1), ("int8", "VALID", 18), ("int8", "SAME", 1)]
)
def test_where_it_would_not_be_exact_or_would_not_pay(dtype: str, padding: str, hop: int, tmp_path: Path) -> None:
    """Additions of floats have an order; half a window that is new is as well added; edges wait."""
    plan = edgeshift.plan(network(tmp_path, 1, dtype, padding), hop)
    assert all(kept.entries > 0 for kept in plan.schedule.sums.values())
    assert edgeshift.verify(plan.network, hop, hops=20).exact
