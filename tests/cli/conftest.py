"""Models as files, for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.zoo import build


def _saved(factory: pytest.TempPathFactory, name: str, dtype: str) -> Path:
    file = factory.mktemp("models") / f"{name}_{dtype}.tflite"
    file.write_bytes(build(name, 1, dtype))
    return file


@pytest.fixture(scope="session")
def kws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small int8 network: 25 frames of 10, 4 classes."""
    return _saved(tmp_path_factory, "ds_cnn", "int8")


@pytest.fixture(scope="session")
def curve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small float network: 21 frames of 4."""
    return _saved(tmp_path_factory, "sigmoid_output", "float32")


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 20 samples, one a frame."""
    return _saved(tmp_path_factory, "flatten_inside_dense", "float32")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with two inputs over time."""
    return _saved(tmp_path_factory, "two_inputs_add", "int8")
