"""ONNX networks on the ladder: ONNX Runtime within the tolerance, our own runs over windows bit for bit."""

from __future__ import annotations

import pytest

from tests.importers import onnx_networks
from tests.ladder import at_hops, check

HOPS = (1, 2, 3, 5)
# What runs through the whole window does so at every hop.
FEWER = {"recurrence": (1, 3), "transposed": (1, 2), "functions": (1,), "choices": (1, 3)}


@pytest.mark.oracle
@pytest.mark.parametrize("group", sorted(onnx_networks.GROUPS))
def test_agrees_with_onnxruntime(group: str) -> None:
    cases = []
    for build in onnx_networks.GROUPS[group]:
        cases += at_hops(build.__name__, build(), FEWER.get(group, HOPS))
    check(cases)
