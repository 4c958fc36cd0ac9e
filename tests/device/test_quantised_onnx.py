"""A quantised ONNX network on the boards: ONNX Runtime's answers, by the kernels of each instruction set."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import edgeshift
from edgeshift.device import load_board

KERNELS = {
    "raspberry-pi-pico": {"armv6m/conv", "depthwise_rows"},
    "mps2-an386": {"armv7em/conv", "depthwise_rows"},
    "mps3-an547": {"mve/conv", "mve/depthwise", "mve/depthwise_any"},
    "raspberry-pi-4": {"neon/conv_s8", "neon/depthwise"},
    "raspberry-pi-5": {"dotprod/conv", "neon/depthwise"},
}
RUN = sorted(set(KERNELS) - {"raspberry-pi-4"})  # the Raspberry Pi 5 ends its sums as that one does

pytestmark = [
    pytest.mark.usefixtures("tools"),
    pytest.mark.oracle,
    pytest.mark.skipif(not (find_spec("onnx") and find_spec("onnxruntime")), reason="needs the extra 'onnx'"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.importers.quantised_networks import CHANNELS, wide

    made = tmp_path_factory.mktemp("quantised") / "wide.onnx"
    made.write_bytes(CHANNELS.of(wide()))
    return made


@pytest.mark.parametrize("name", RUN)
def test_has_the_bits_of_onnxruntime(name: str, file: Path) -> None:
    report = edgeshift.verify(file, 2, board=name, hops=6)
    assert report.exact and report.hops_compared == 6
    assert "layers in integers" in report.oracle


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_its_kernels(name: str, file: Path) -> None:
    made = edgeshift.plan(edgeshift.load(file), 2, load_board(name).isa)
    used = {k.template for op, k in made.kernels.items() if op.op in ("CONV_2D", "DEPTHWISE_CONV_2D")}
    assert used - {"depthwise"} == KERNELS[name]  # where its channels do not fill a vector it is portable C
