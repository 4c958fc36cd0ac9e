"""Images under emulation: outputs as numpy has them, and every way in which a run fails."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import Board, DeviceModel, build_image, load_board
from edgeshift.device import replay as run_replay
from edgeshift.device.replay import _parse, fnv1a
from edgeshift.errors import BoardError, ToolchainError

M4 = load_board("mps2-an386")


def moving_sum(frames: np.ndarray) -> np.ndarray:
    """What fake_model/toy.c computes."""
    wide = frames.astype(np.int32)
    total: np.ndarray = wide[:-2] + wide[1:-1] + wide[2:]
    return total.clip(-128, 127).astype(np.int8)


def leaky_levels(frames: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """What fake_model/duo.c computes, in single precision."""
    leak = np.array([0.9, 0.7, 0.5, 0.3, 0.1], np.float32)
    level = np.zeros(5, np.float32)
    levels = []
    for scaled in frames * gains.astype(np.float32):
        level = level * leak + scaled / np.float32(3)
        levels.append(level)
    return np.array(levels)


@pytest.mark.usefixtures("tools")
def test_int8_equals_numpy(board: Board, toy: DeviceModel, tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(-128, 128, (300, 4), np.int8)
    result = run_replay(board, build_image(board, toy, [frames], tmp_path))
    assert result.first_hop == 2
    assert result.outputs[0].dtype == np.int8
    np.testing.assert_array_equal(result.outputs[0], moving_sum(frames))
    assert 32 <= result.stack_bytes < (512 if board.image == "bare-metal" else 4096)


@pytest.mark.usefixtures("tools")
def test_float_is_equal_bit_for_bit(board: Board, duo: DeviceModel, tmp_path: Path) -> None:
    """Subnormal numbers too, as the levels fade out, and an infinity."""
    random = np.random.default_rng(2)
    frames = random.standard_normal((400, 5)).astype(np.float32)
    frames[100:] = 0
    frames[350, 0] = np.inf
    gains = random.integers(-(2**15), 2**15, (400, 5), np.int16)
    gains[350, 0] = 7
    result = run_replay(board, build_image(board, duo, [frames, gains], tmp_path))
    expected = leaky_levels(frames, gains)
    assert (np.abs(expected[expected != 0]) < np.finfo(np.float32).tiny).any()
    assert result.first_hop == 0
    np.testing.assert_array_equal(result.outputs[0].view(np.uint32), expected.view(np.uint32))
    np.testing.assert_array_equal(result.outputs[1][:, 0], np.arange(1, 401))


@pytest.mark.usefixtures("tools")
def test_long_recording(toy: DeviceModel, tmp_path: Path) -> None:
    frames = np.random.default_rng(3).integers(-128, 128, (100_000, 4), np.int8)
    result = run_replay(M4, build_image(M4, toy, [frames], tmp_path))
    np.testing.assert_array_equal(result.outputs[0], moving_sum(frames))


@pytest.mark.usefixtures("tools")
def test_warm_up_only(toy: DeviceModel, tmp_path: Path) -> None:
    result = run_replay(M4, build_image(M4, toy, [np.ones((2, 4), np.int8)], tmp_path))
    assert result.first_hop == 2 and result.outputs[0].shape == (0, 4)


def with_push(toy: DeviceModel, folder: Path, body: str) -> DeviceModel:
    """The toy with another toy_push."""
    original = (toy.source_dir / "toy.c").read_text()
    source = re.sub(r"(toy_push\(.*?\) ){.*", lambda found: f"{found[1]}{{\n{body}\n}}\n", original, flags=re.S)
    (folder / "toy.c").write_text(source)
    (folder / "toy.h").write_text((toy.source_dir / "toy.h").read_text())
    return replace(toy, source_dir=folder)


BAD_ADDRESS = "(void)state; output[0] = *(volatile const toy_input_t *)0xE0200000; (void)frames; return TOY_READY;"
BIG_FRAME = (
    "volatile toy_input_t big[20000]; for (int i = 0; i < 20000; i++) { big[i] = frames[0]; }"
    "(void)state; output[0] = big[0]; return TOY_READY;"
)
INITIALISED_DATA = (
    "static toy_input_t bias[5] = {1, 2, 3, 4, 5}; (void)state;"
    "for (int i = 0; i < 4; i++) { output[i] = (toy_output_t)(frames[i % 3] + bias[i + 1]++); }"
    "return TOY_READY;"
)
HANG = '(void)state; (void)frames; (void)output; for (;;) { __asm__ volatile("nop"); }'


@pytest.mark.usefixtures("tools")
def test_initialised_data_behind_a_recording_of_odd_size(board: Board, toy: DeviceModel, tmp_path: Path) -> None:
    counting = replace(with_push(toy, tmp_path, INITIALISED_DATA), input_sizes=(3,))
    frames = np.arange(27, dtype=np.int8).reshape(9, 3)
    result = run_replay(board, build_image(board, counting, [frames], tmp_path / "build"))
    expected = frames[:, [0, 1, 2, 0]] + np.arange(9)[:, None] + [2, 3, 4, 5]
    np.testing.assert_array_equal(result.outputs[0], expected)


@pytest.mark.usefixtures("tools")
def test_fault(board: Board, toy: DeviceModel, tmp_path: Path) -> None:
    bad = with_push(toy, tmp_path, BAD_ADDRESS)
    image = build_image(board, bad, [np.ones((9, 4), np.int8)], tmp_path / "build")
    if board.image == "linux":
        reason = r"qemu: uncaught target signal 11 \(Segmentation fault\).*"
    elif board.core == "cortex-m0plus":
        reason = r"FAULT pc=[0-9a-f]{8}"
    else:
        reason = r"FAULT pc=[0-9a-f]{8} cfsr=\w{8} hfsr=40000000"
    with pytest.raises(ToolchainError, match=rf"^replay\.elf failed on {board.name}: {reason}$"):
        run_replay(board, image)


@pytest.mark.usefixtures("tools")
def test_stack_overflow(board: Board, toy: DeviceModel, tmp_path: Path) -> None:
    """QEMU's older boards ignore writes outside of memory: there the paint tells, elsewhere the fault."""
    body = BIG_FRAME if board.image == "bare-metal" else BIG_FRAME.replace("20000", "300000")
    image = build_image(board, with_push(toy, tmp_path, body), [np.ones((9, 4), np.int8)], tmp_path / "build")
    message = rf"FAULT stack overflow|overflowed its stack of {image.stack_bytes:,} bytes"
    with pytest.raises(ToolchainError, match=message):
        run_replay(board, image)


@pytest.mark.usefixtures("tools")
def test_timeout(toy: DeviceModel, tmp_path: Path) -> None:
    image = build_image(M4, with_push(toy, tmp_path, HANG), [np.ones((9, 4), np.int8)], tmp_path / "build")
    with pytest.raises(ToolchainError, match=r"did not end within 0\.5 s on mps2-an386: use fewer hops"):
        run_replay(M4, image, timeout=0.5)


@pytest.mark.usefixtures("tools")
def test_emulator_missing(toy: DeviceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = build_image(M4, toy, [np.ones((9, 4), np.int8)], tmp_path)
    with pytest.raises(BoardError, match="mps2-an386 has no emulator"):
        run_replay(replace(M4, emulator=None), image)
    assert M4.emulator is not None
    other = replace(M4, emulator=replace(M4.emulator, machine="nonsense"))
    with pytest.raises(ToolchainError, match="unsupported machine type"):
        run_replay(other, image)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolchainError, match="qemu-system-arm is not installed: apt-get install qemu-system-arm"):
        run_replay(M4, image)


GOOD = f"2 01020304\n3 ff000000\nSTACK 64\nEND 2 {fnv1a(bytes([1, 2, 3, 4, 255, 0, 0, 0])):08x}\n"


def test_parse(toy: DeviceModel) -> None:
    result = _parse(GOOD, toy, 4)
    assert result.outputs[0].tolist() == [[1, 2, 3, 4], [-1, 0, 0, 0]]
    assert (result.first_hop, result.stack_bytes) == (2, 64)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-12],
        GOOD.replace("01020304", "01020305"),
        GOOD.replace("01020304", "0102030"),
        GOOD.replace("01020304", "010203"),
        GOOD.replace("2 01020304\n", ""),
        GOOD.replace("2 0102", "7 0102"),
        GOOD.replace("STACK 64", "STACK x"),
    ],
)
def test_damaged_output_is_refused(text: str, toy: DeviceModel) -> None:
    with pytest.raises(ValueError):
        _parse(text, toy, 4)


def test_fnv1a() -> None:
    assert fnv1a(b"") == 0x811C9DC5
    assert fnv1a(b"foobar") == 0xBF9CF968
