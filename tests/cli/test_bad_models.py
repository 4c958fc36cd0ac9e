"""Files that are no models, or damaged ones: one line, status 1, never an exception, a hang or half a result."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import Result, edgeshift
from tests.emit.models import WARNINGS, run
from tests.netbuilder import Net
from tests.zoo import build

VERBS: dict[str, Callable[[Path, Path], Result]] = {
    "inspect": lambda model, folder: edgeshift("inspect", model),
    "inspect json": lambda model, folder: edgeshift("inspect", model, "--json"),
    "compile": lambda model, folder: edgeshift("compile", model, "-o", folder / "out"),
    "verify": lambda model, folder: edgeshift("verify", model, "--hops", "2"),
    "run": lambda model, folder: edgeshift("run", model, "--board", "mps2-an386", "--hops", "2"),
}
GOOD = build("conv_pool_flatten", 1, "int8")


def with_bytes(at: int, data: bytes) -> bytes:
    return GOOD[:at] + data + GOOD[at + len(data) :]


BAD = {
    "empty": b"",
    "one byte": b"\x00",
    "text": b"this is not a model, but it is long enough to be looked at\n" * 20,
    "random": np.random.default_rng(0).bytes(5000),
    "random with the identifier": b"\x1c\x00\x00\x00TFL3" + np.random.default_rng(1).bytes(5000),
    "zeros with the identifier": b"\x00\x00\x00\x00TFL3" + bytes(5000),
    "another identifier": with_bytes(4, b"TFL2"),
    "root beyond the end": with_bytes(0, struct.pack("<I", 1 << 30)),
    "only the head": GOOD[:32],
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", BAD)
def test_no_model(name: str, verb: str, tmp_path: Path) -> None:
    (tmp_path / "bad.tflite").write_bytes(BAD[name])
    assert "bad" in VERBS[verb](tmp_path / "bad.tflite", tmp_path).error
    assert {f.name for f in tmp_path.iterdir()} == {"bad.tflite"}


@pytest.mark.parametrize("verb", VERBS)
def test_no_file(verb: str, tmp_path: Path) -> None:
    assert "No such file" in VERBS[verb](tmp_path / "missing.tflite", tmp_path).error
    assert "directory" in VERBS[verb](tmp_path, tmp_path).error
    assert not list(tmp_path.iterdir())


def test_a_model_of_a_framework(tmp_path: Path) -> None:
    """One that is not converted is told apart from one that is damaged, and both say what to do."""
    (tmp_path / "net.keras").write_bytes(b"PK\x03\x04" + bytes(100))
    assert "`edgeshift convert`" in edgeshift("inspect", tmp_path / "net.keras").error
    (tmp_path / "cut.tflite").write_bytes(GOOD[: len(GOOD) // 2])
    assert edgeshift("inspect", tmp_path / "cut.tflite").error.endswith("copy or convert it again")


def test_an_unreadable_name(tmp_path: Path) -> None:
    assert edgeshift("inspect", "a\nb\x01.tflite").error
    assert edgeshift("inspect", "").error
    assert edgeshift("inspect", "x" * 5000).error


def holds(result: Result) -> bool:
    """Whether a command did what it was asked; else it must say in one line why not."""
    if result.status == 0:
        assert isinstance(json.loads(result.out), dict)
        return True
    assert result.error
    return False


def test_cut_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "cut.tflite"
    cuts = sorted({*range(0, len(GOOD), max(1, len(GOOD) // 150)), len(GOOD) - 1, 4, 8, 16, 20})
    for cut in cuts:
        file.write_bytes(GOOD[:cut])
        assert not holds(edgeshift("inspect", file, "--json")), f"cut at {cut} of {len(GOOD)}"


def version_at(model: bytes) -> int:
    """Where the file says which schema it follows."""
    root = struct.unpack_from("<I", model, 0)[0]
    table = root - struct.unpack_from("<i", model, root)[0]
    return root + struct.unpack_from("<H", model, table + 4)[0]


@pytest.mark.parametrize("version", [0, 1, 2, 4, 4_000_000_000])
def test_another_schema_version(version: int, tmp_path: Path) -> None:
    (tmp_path / "old.tflite").write_bytes(with_bytes(version_at(GOOD), struct.pack("<I", version)))
    assert str(version) in edgeshift("inspect", tmp_path / "old.tflite").error


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["weights", "bias"])
def test_weights_that_are_no_numbers(where: str, value: float, tmp_path: Path) -> None:
    net = Net("bad", np.random.default_rng(0))
    net.output(net.conv1d(net.input((1, 8, 2)), 3, 3, padding="VALID"))
    for tensor in net._tensors:
        if tensor.name.startswith(where):
            assert tensor.data is not None
            tensor.data.reshape(-1)[1] = value
    (tmp_path / "nan.tflite").write_bytes(net.build())
    for verb in ("inspect", "compile"):
        assert where in VERBS[verb](tmp_path / "nan.tflite", tmp_path).error
    assert {f.name for f in tmp_path.iterdir()} == {"nan.tflite"}


@pytest.mark.parametrize("name", ["conv_pool_flatten", "squeeze_excite", "time_pad_and_slice"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_one_byte_changed(name: str, dtype: str, tmp_path: Path) -> None:
    """Wherever a byte flips, there is a network in it or one line says what is wrong. What is planned compiles."""
    good, rng = build(name, 1, dtype), np.random.default_rng(7)
    file, survivors = tmp_path / "flipped.tflite", 0
    for trial in range(60):
        data = bytearray(good)
        at = int(rng.integers(len(data)))
        data[at] ^= 1 << int(rng.integers(8)) if trial % 2 else int(rng.integers(1, 256))
        file.write_bytes(data)
        if holds(edgeshift("inspect", file, "--json", seconds=20)):
            survivors += 1
            if trial % 8 == 0 and holds(edgeshift("compile", file, "-o", tmp_path / "out", "--json")):
                run("gcc", *WARNINGS, "-c", tmp_path / "out" / "flipped.c", "-o", tmp_path / "o.o")
    assert 0 < survivors < 60


def test_headers_changed(tmp_path: Path) -> None:
    """The tables rather than the weights: most of a small model's bytes that say what it is."""
    good, rng = build("avg_pool_padded", 1, "int8"), np.random.default_rng(11)
    file = tmp_path / "flipped.tflite"
    for trial in range(150):
        data = bytearray(good)
        for _ in range(1 + trial % 3):
            at = int(rng.integers(len(data) // 3, len(data)))
            data[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, data[at] ^ 1]))
        file.write_bytes(data)
        holds(edgeshift("inspect", file, "--json", seconds=20))
