"""ONNX Runtime's rescale and QuantizeLinear in C against float32 in numpy, near ties above all; its Tanh, Sigmoid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeshift.errors import UnsupportedOpError
from edgeshift.reference.even import even_int8, quantize_even, split_scales
from edgeshift.reference.mlas import logistic_mlas, tanh_mlas
from tests.unit.c_runtime import Runtime


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


def _both(runtime: Runtime, acc: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the C and numpy make of accumulators, within the range that a clamp leaves."""
    scales = split_scales(scale.astype(np.float32))
    steps = runtime.call("es_even_rescale", acc.astype(np.int32), scales.multiplier, scales.shift.astype(np.int32))
    return np.clip(steps, -128, 127), even_int8(acc, scales.scale, 0)


def test_rescale_at_random(runtime: Runtime) -> None:
    rng = np.random.default_rng(0)
    n = 100_000
    acc = (rng.choice([-1, 1], n) * 2.0 ** rng.uniform(0, 31, n)).astype(np.int64).clip(-(1 << 31), (1 << 31) - 1)
    scale = rng.uniform(0.01, 300, n) / np.maximum(np.abs(acc), 1)
    ours, wanted = _both(runtime, acc, np.minimum(scale, 512.0))
    np.testing.assert_array_equal(ours, wanted)


def test_rescale_near_ties(runtime: Runtime) -> None:
    """Scales whose product with the accumulator is a half, or as many units in the last place beside it."""
    rng = np.random.default_rng(1)
    n = 100_000
    acc = np.floor(2.0 ** rng.uniform(1, 31, n)).astype(np.int64)
    half = rng.integers(0, 128, n) + 0.5
    scale = (half / acc).astype(np.float32)
    scale = (scale.view(np.int32) + rng.integers(-3, 4, n).astype(np.int32)).view(np.float32)
    scale = np.minimum(scale, np.float32(512))
    for sign in (1, -1):
        ours, wanted = _both(runtime, sign * acc, scale)
        np.testing.assert_array_equal(ours, wanted)
    assert (np.abs(acc * scale.astype(np.float64) - half) < 2.0**-14).all()


def test_rescale_at_the_ends(runtime: Runtime) -> None:
    acc = np.array([-(1 << 31), (1 << 31) - 1, 0, 1, -1], np.int64)
    for scale in (0.0, 1e-38, 2.0**-33, 2.0**-32, 0.5, 1.0, 1.5, 1023.0):
        ours, wanted = _both(runtime, acc, np.full(len(acc), scale))
        np.testing.assert_array_equal(ours, wanted, err_msg=str(scale))
    for scale in (1024.0, np.inf, np.nan, -1.0):
        with pytest.raises(UnsupportedOpError, match="check the scales"):
            split_scales(np.array([scale], np.float32))


def test_quantize_even(runtime: Runtime) -> None:
    rng = np.random.default_rng(2)
    values = [rng.normal(0, 60, 50_000), np.arange(-300, 300) + 0.5, [np.inf, -np.inf, np.nan, 1e38, -0.0]]
    x = np.concatenate(values).astype(np.float32)
    for scale in (1.0, 0.5, 0.0371):
        for zero_point in (-128, 3, 127):
            ours = runtime.call("es_quantize_even", x * np.float32(scale), np.float32(scale), zero_point)
            np.testing.assert_array_equal(ours, quantize_even(x * np.float32(scale), scale, zero_point))
    assert quantize_even([0.5, 1.5, 2.5, -0.5, -1.5], 1.0, 0).tolist() == [0, 2, 2, 0, -2]


@pytest.mark.oracle
@pytest.mark.parametrize(("op", "function"), [("Tanh", tanh_mlas), ("Sigmoid", logistic_mlas)])
def test_functions_of_onnxruntime(op: str, function: Callable[[np.ndarray], np.ndarray]) -> None:
    """To the last bit; a fused multiply-add by way of double may round twice, once in a million."""
    onnxruntime, onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx")
    kinds = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node(op, ["x"], ["y"])], op, kinds[:1], kinds[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    x = np.concatenate([np.linspace(-20, 20, 100_001), np.random.default_rng(4).normal(0, 2, 100_000)])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"x": x.astype(np.float32)})
    assert (function(x.astype(np.float32)) != theirs).mean() < 1e-4
