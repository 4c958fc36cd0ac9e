"""Recordings that a network cannot take, and time axes that it does not have: one line each, status 1."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import edgeshift
from tests.emit.models import WARNINGS, run

RNG = np.random.default_rng(0)
FRAMES = RNG.normal(0, 1, (60, 10))


def npy(array: object) -> Callable[[Path], None]:
    return lambda file: np.save(file, np.asarray(array), allow_pickle=True)


def text(content: str | bytes) -> Callable[[Path], None]:
    return lambda file: void(file.write_bytes(content.encode() if isinstance(content, str) else content))


def void(value: object) -> None:
    """For lambdas."""


def cut(array: np.ndarray, size: int) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        np.save(file, array)
        file.write_bytes(file.read_bytes()[:size])

    return write


def sound(data: bytes, channels: int = 1, width: int = 2) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with wave.open(str(file), "wb") as out:
            out.setnchannels(channels)
            out.setsampwidth(width)
            out.setframerate(16000)
            out.writeframes(data)

    return write


def with_value(value: float) -> np.ndarray:
    frames = FRAMES.copy()
    frames[30, 5] = value
    return frames


ARRAYS: dict[str, tuple[Callable[[Path], None], str]] = {
    "too few channels": (npy(FRAMES[:, :9]), "9 values a frame"),
    "too many channels": (npy(np.hstack([FRAMES, FRAMES])), "20 values a frame"),
    "one dimension": (npy(FRAMES[:, 0]), "1 values a frame"),
    "a single number": (npy(3.0), "values a frame"),
    "NaN": (npy(with_value(np.nan)), "NaN or infinite"),
    "beyond single precision": (npy(with_value(1e300)), "NaN or infinite"),
    "infinite": (npy(with_value(-np.inf)), "NaN or infinite"),
    "no frames": (npy(FRAMES[:0]), "no values"),
    "nothing at all": (npy(np.zeros((0,))), "no values"),
    "no channels": (npy(np.zeros((60, 0))), "no values"),
    "shorter than a window": (npy(FRAMES[:24]), "24 frames, a window has 25"),
    "beyond int8": (npy((FRAMES * 1000).astype(np.int32)), "beyond int8"),
    "complex": (npy(FRAMES + 1j), "not numbers"),
    "booleans": (npy(FRAMES > 0), "not numbers"),
    "texts": (npy(FRAMES.astype(str)), "not numbers"),
    "objects": (npy(np.array([[None] * 10] * 60)), "cannot be read"),
    "records": (npy(np.zeros(60, [("a", "f4"), ("b", "f4")])), "values a frame"),
    "empty file": (text(b""), "cannot be read"),
    "a damaged archive": (text("PK\x03\x04 and no more"), "cannot be read"),
    "not npy": (text("1,2,3\n" * 60), "cannot be read as .npy: it is not numpy's"),
    "head only": (cut(FRAMES, 100), "cannot be read"),
    "cut": (cut(FRAMES, 1000), "cannot be read"),
}
TABLES: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (text(""), "no values"),
    "only a heading": (text("a,b,c,d\n"), "no values"),
    "words": (text("1,2,3,4\n" * 30 + "one,2,3,4\n"), "cannot be read"),
    "ragged": (text("1,2,3,4\n" * 30 + "1,2,3\n"), "cannot be read"),
    "too few columns": (text("1,2,3\n" * 30), "3 values a frame"),
    "NaN": (text("1,2,3,4\n" * 30 + "1,nan,3,4\n"), "NaN or infinite"),
    "too large for float": (text("1,2,3,4\n" * 30 + "1,1e999,3,4\n"), "NaN or infinite"),
    "bytes": (text(bytes(range(128, 256)) * 20), "cannot be read"),
    "too short": (text("1,2,3,4\n" * 20), "20 frames"),
}
SOUNDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty file": (text(b""), "cannot be read as .wav: it is too short"),
    "text": (text("RIFF but no sound"), "cannot be read"),
    "no samples": (sound(b""), "no values"),
    "too short": (sound(bytes(38)), "19 frames"),
    "stereo": (sound(bytes(400), channels=2), "mono"),
    "8 bits": (sound(bytes(400), width=1), "16-bit"),
    "24 bits": (sound(bytes(600), width=3), "16-bit"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_npy(name: str, kws: Path, tmp_path: Path) -> None:
    write, words = ARRAYS[name]
    write(tmp_path / "bad.npy")
    assert words in edgeshift("verify", kws, "--input", tmp_path / "bad.npy").error


@pytest.mark.parametrize("name", TABLES)
def test_csv(name: str, curve: Path, tmp_path: Path) -> None:
    write, words = TABLES[name]
    write(tmp_path / "bad.csv")
    assert words in edgeshift("verify", curve, "--input", tmp_path / "bad.csv").error


@pytest.mark.parametrize("name", SOUNDS)
def test_wav(name: str, samples: Path, tmp_path: Path) -> None:
    write, words = SOUNDS[name]
    write(tmp_path / "bad.wav")
    assert words in edgeshift("verify", samples, "--input", tmp_path / "bad.wav").error


@pytest.mark.parametrize("verb", [("verify",), ("run", "--board", "mps2-an386"), ("bench", "--board", "mps2-an386")])
def test_every_verb_that_takes_one(verb: tuple[str, ...], kws: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "bad.npy", FRAMES[:, :9])
    assert "9 values a frame" in edgeshift(*verb, kws, "--input", tmp_path / "bad.npy").error


def test_no_such_file(kws: Path, tmp_path: Path) -> None:
    assert "No such file" in edgeshift("verify", kws, "--input", tmp_path / "missing.npy").error
    (tmp_path / "folder.npy").mkdir()
    assert "directory" in edgeshift("verify", kws, "--input", tmp_path / "folder.npy").error
    (tmp_path / "frames.mp3").write_bytes(b"")
    assert ".npy, .csv or .wav" in edgeshift("verify", kws, "--input", tmp_path / "frames.mp3").error


def test_more_hops_than_a_recording_has(kws: Path, tmp_path: Path) -> None:
    """They are as many as there are; but there must be one."""
    np.save(tmp_path / "frames.npy", FRAMES)
    short = edgeshift("verify", kws, "--input", tmp_path / "frames.npy", "--hops", "500", "--json").answer
    assert short["hops_compared"] == 36
    assert "first output needs" in edgeshift("verify", kws, "--input", tmp_path / "frames.npy", "--hop", "61").error


def test_two_inputs_take_no_recording(pair: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", np.zeros((60, 4), np.float32))
    assert "the network has 2" in edgeshift("verify", pair, "--input", tmp_path / "frames.npy").error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--time-axis", "7"), "no axis 7"),
        (("--time-axis", "-9"), "no axis -9"),
        (("--frames", "7"), "7 frames"),
        (("--frames", "0"), "0 frames"),
        (("--frames", "-5"), "-5 frames"),
    ],
)
def test_time_that_is_not_there(options: tuple[str, str], words: str, kws: Path) -> None:
    assert words in edgeshift("inspect", kws, *options).error


@pytest.mark.parametrize("hop", ["1000000", "1000000000", str(1 << 40)])
def test_hops_that_no_buffer_holds(hop: str, kws: Path, tmp_path: Path) -> None:
    """A hop far beyond the window is a plan like any other, or is refused; nothing takes the computer down."""
    for arguments in (("inspect", kws), ("compile", kws, "-o", tmp_path / "out")):
        result = edgeshift(*arguments, "--hop", hop)
        assert result.status == 0 or result.error
    for source in tmp_path.glob("out/*.c"):
        run("gcc", *WARNINGS, "-c", source, "-o", tmp_path / "o.o")


def test_an_unknown_board(kws: Path, tmp_path: Path) -> None:
    for board in ("mps2-an999", "", "../boards/mps2-an386", str(tmp_path), "a\nb"):
        assert edgeshift("run", kws, "--board", board).error
    (tmp_path / "board.toml").write_text("name = ")
    assert edgeshift("run", kws, "--board", tmp_path / "board.toml").error
    assert not [f for f in os.listdir(tmp_path) if f != "board.toml"]
