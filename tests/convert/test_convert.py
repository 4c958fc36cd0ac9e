"""Conversions by ONNX Runtime, and what is said when a framework, a file or the windows are not there.

Keras and PyTorch are not among the packages that the tests install: docs/bring-your-own-model.md says what was tried.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest

import edgeshift
from edgeshift.convert import read_windows
from edgeshift.errors import EdgeShiftError, InputError, ModelFormatError
from tests.onnxbuilder import OnnxNet

WINDOWS = np.random.default_rng(3).normal(size=(20, 3, 24)).astype(np.float32)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A float32 convolution over time, its mean and a dense layer."""
    net = OnnxNet()
    x = net.node("Relu", net.conv(net.input((1, 3, 24)), (3, 4), (3,)))
    net.output(net.gemm(net.node("Flatten", net.node("GlobalAveragePool", x)), 4, 2))
    path = tmp_path / "network.onnx"
    path.write_bytes(net.build())
    return path


class TestToInt8:
    def test_the_file_is_quantised(self, network: Path, tmp_path: Path) -> None:
        made = edgeshift.convert(network, tmp_path / "made" / "int8.onnx", [WINDOWS])
        operators = {node.op_type for node in onnx.load(made).graph.node}
        assert {"QuantizeLinear", "DequantizeLinear"} <= operators
        weights = [t for t in onnx.load(made).graph.initializer if len(t.dims) == 3]
        assert [t.data_type for t in weights] == [onnx.TensorProto.INT8]

    def test_it_says_nearly_the_same(self, network: Path, tmp_path: Path) -> None:
        import onnxruntime

        made = edgeshift.convert(network, tmp_path / "int8.onnx", [WINDOWS])
        sessions = [onnxruntime.InferenceSession(str(f), providers=["CPUExecutionProvider"]) for f in (network, made)]
        exact, rounded = (np.stack([s.run(None, {"x0": w[None]})[0] for w in WINDOWS]) for s in sessions)
        assert 0 < np.abs(exact - rounded).max() < 0.1 * np.ptp(exact)

    @pytest.mark.parametrize(
        ("windows", "error"),
        [
            ([], InputError),
            ([WINDOWS, WINDOWS], InputError),
            ([WINDOWS[:, :2]], InputError),
            ([WINDOWS[:, :, :, None]], InputError),
        ],
    )
    def test_windows_that_are_not_its_own(
        self, windows: list[np.ndarray], error: type[EdgeShiftError], network: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(error):
            edgeshift.convert(network, tmp_path / "made" / "int8.onnx", windows)
        assert not (tmp_path / "made").exists()

    def test_a_file_that_is_cut_off(self, network: Path, tmp_path: Path) -> None:
        network.write_bytes(network.read_bytes()[:200])
        with pytest.raises(ModelFormatError, match="quantisation failed"):
            edgeshift.convert(network, tmp_path / "int8.onnx", [WINDOWS])


@pytest.mark.parametrize(("file", "install"), [("a.keras", "tensorflow"), ("a.h5", "tensorflow"), ("a.pt2", "torch")])
def test_a_framework_that_is_not_installed(
    file: str, install: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.import_module

    def absent(name: str) -> ModuleType:
        if name in ("tensorflow", "torch"):
            raise ImportError(name)
        return found(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    (tmp_path / file).write_bytes(b"a network")
    suffix = ".onnx" if install == "torch" else ".tflite"
    with pytest.raises(ModelFormatError, match=f"pip install {install}"):
        edgeshift.convert(tmp_path / file, tmp_path / f"made{suffix}")
    assert not (tmp_path / f"made{suffix}").exists()


@pytest.mark.parametrize(
    ("model", "output", "message"),
    [
        ("kws.pb", "kws.tflite", "none of"),
        ("kws.keras", "kws.onnx", "becomes .tflite"),
        ("kws.pt2", "kws.tflite", "becomes .onnx"),
        ("kws.keras", "kws.tflite", "there is no file"),
    ],
)
def test_what_cannot_be_converted(model: str, output: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=message):
        edgeshift.convert(tmp_path / model, tmp_path / output)


class TestWindows:
    def test_one_input_and_several(self, tmp_path: Path) -> None:
        np.save(tmp_path / "one.npy", WINDOWS.astype(np.float64))
        np.savez(tmp_path / "two.npz", b=WINDOWS, a=WINDOWS[:, 0])
        assert [w.shape for w in read_windows(tmp_path / "one.npy")] == [(20, 3, 24)]
        assert [w.shape for w in read_windows(tmp_path / "two.npz")] == [(20, 3, 24), (20, 24)]
        assert read_windows(tmp_path / "one.npy")[0].dtype == np.float32

    @pytest.mark.parametrize("values", [np.zeros((0, 3)), np.float32(1), np.full((2, 3), np.nan), np.array(["a"])])
    def test_what_are_no_windows(self, values: np.ndarray, tmp_path: Path) -> None:
        np.save(tmp_path / "bad.npy", values)
        with pytest.raises(InputError):
            read_windows(tmp_path / "bad.npy")

    def test_inputs_of_different_counts(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "bad.npz", a=WINDOWS, b=WINDOWS[:5])
        with pytest.raises(InputError):
            read_windows(tmp_path / "bad.npz")

    @pytest.mark.parametrize("content", [b"", b"not numpy", b"PK\x03\x04"])
    def test_files_that_are_damaged(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(InputError):
            read_windows(tmp_path / "bad.npz")
        with pytest.raises(InputError):
            read_windows(tmp_path / "nowhere.npy")
