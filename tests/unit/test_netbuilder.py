"""The networks that other tests are built on are themselves sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.finish import quantize_window, windows
from tests.fuzz.draw import Drawn, random_network
from tests.litert import interpreter, invoke
from tests.strategies import networks
from tests.zoo import DTYPES, INT8_SUM, NO_INT16, ZOO, build, network

SEEDS = (0, 1, 2)


def answers(model: bytes, count: int = 8) -> list[np.ndarray]:
    """Every output on `count` windows, as real numbers: [count, elements] each."""
    made = interpreter(model)
    details = made.get_input_details()
    shapes = [detail["shape"] for detail in details]
    runs = [
        invoke(made, quantize_window(details, window)) for window in windows(shapes, np.random.default_rng(5), count)
    ]
    stacked = [np.stack(outputs).reshape(count, -1) for outputs in zip(*runs, strict=True)]
    return [_real(out, made.get_output_details()[i]) for i, out in enumerate(stacked)]


def _real(values: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    if values.dtype == np.float32:
        return values
    scale, zero_point = detail["quantization"]
    return np.asarray((values.astype(np.float64) - zero_point) * scale)


@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n in ZOO for d in DTYPES if d != "int16" or n not in NO_INT16])
def test_zoo_answers_differ_between_windows(name: str, dtype: str) -> None:
    for seed in SEEDS:
        for output in answers(build(name, seed, dtype)):
            assert np.isfinite(output).all()
            assert output.std(axis=0).max() > 0.01


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(n, d) for n in ZOO for d in DTYPES[1:] if n not in (NO_INT16 if d == "int16" else INT8_SUM)],
)
def test_integers_follow_float(name: str, dtype: str) -> None:
    for seed in SEEDS:
        pairs = zip(answers(build(name, seed)), answers(build(name, seed, dtype)), strict=True)
        for exact, quantized in pairs:
            assert np.corrcoef(exact.ravel(), quantized.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ZOO)
def test_same_seed_same_bytes(name: str, dtype: str) -> None:
    assert build(name, 7, dtype) == build(name, 7, dtype)


@pytest.mark.parametrize("name", ZOO)
def test_shapes_are_those_of_litert(name: str) -> None:
    net = network(name)
    made = interpreter(net.build(), preserve=True)
    invoke(made, windows(net.input_shapes, net.rng, 1)[0])
    for index, tensor in enumerate(net.network.tensors):
        if tensor.data is None:
            assert made.get_tensor(index).shape == tensor.shape, tensor.name


def test_float_io_has_the_int8_network_inside() -> None:
    inner, outer = answers(build("two_heads", 0, "int8")), answers(build("two_heads", 0, "int8_floatio"))
    for plain, dressed in zip(inner, outer, strict=True):
        np.testing.assert_allclose(plain, dressed, rtol=1e-6)


def test_random_networks_run() -> None:
    for seed in range(200):
        drawn = random_network(seed)
        for output in answers(drawn.model, count=2):
            assert np.isfinite(output).all(), drawn


@given(networks())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_drawn_networks_run(drawn: Drawn) -> None:
    answers(drawn.model, count=1)
