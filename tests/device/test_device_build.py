"""Building images: firmware without a warning, sizes, and every way in which it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import Board, DeviceModel, all_boards, build_image, load_board
from edgeshift.device.boards import Region
from edgeshift.device.firmware import STARTUP
from edgeshift.device.image import build_bench
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import BoardError, InputError, OutputError, ToolchainError
from edgeshift.resources import resource

FIRMWARE = resource("firmware")
M4 = load_board("mps2-an386")


def recording(hops: int = 10) -> list[np.ndarray]:
    return [np.zeros((hops, 4), np.int8)]


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("app", ["replay", "bench", "stream"])
def test_firmware_has_no_warning(app: str, board: Board, toy: DeviceModel, tmp_path: Path) -> None:
    flags = ["-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wcast-align=strict", "-Wundef", "-Werror"]
    if app == "stream":
        build_image(board, toy, None, tmp_path, app)
    elif app == "bench":
        build_bench(board, toy, recording(), tmp_path, layers=2)
        flags.append("-DEDGESHIFT_MEASURE")
    else:
        build_image(board, toy, recording(), tmp_path)
    flags += board.defines
    sources = [FIRMWARE / "startup" / STARTUP[board.image], board.console.source]
    sources += [*FIRMWARE.glob("*.c"), FIRMWARE / "apps" / f"{app}.c", *tmp_path.glob("*.c")]
    sources += [FIRMWARE / "boot" / f"{board.boot}.c"] if board.boot else []
    for source in sources:
        include = [FIRMWARE, toy.source_dir, tmp_path]
        find_toolchain(board).compile(source, tmp_path / "strict.o", include, flags)


BARE = {(b.console.kind, b.boot, b.toolchain.cpu): b.name for b in all_boards() if b.image == "bare-metal"}


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("name", BARE.values())
def test_no_driver_has_a_warning(name: str, tmp_path: Path) -> None:
    """Those too that no emulator runs."""
    board = load_board(name)
    flags = ["-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wcast-align=strict", "-Wundef", "-Werror"]
    sources = [board.console.source, FIRMWARE / "startup" / "cortex_m.c", FIRMWARE / "apps" / "stream.c"]
    sources += [FIRMWARE / "boot" / f"{board.boot}.c"] if board.boot else []
    for source in sources:
        find_toolchain(board).compile(source, tmp_path / "strict.o", [FIRMWARE], [*flags, *board.defines])


@pytest.mark.usefixtures("tools")
def test_sizes(toy: DeviceModel, tmp_path: Path) -> None:
    image = build_image(M4, toy, recording(hops=1000), tmp_path)
    assert image.recording_bytes == 4000
    assert 500 < image.text_bytes < 4000
    assert image.flash_bytes == image.text_bytes + 4000 + image.data_bytes
    assert image.ram_bytes == image.data_bytes + image.bss_bytes + image.stack_bytes
    assert 16 <= image.bss_bytes < 1000


@pytest.mark.usefixtures("tools")
def test_same_input_same_image(toy: DeviceModel, tmp_path: Path) -> None:
    first, second = (build_image(M4, toy, recording(), tmp_path / folder) for folder in "ab")
    assert first.elf.read_bytes() == second.elf.read_bytes()


@pytest.mark.parametrize("program", ["gcc", "size"])
def test_missing_compiler(program: str, toy: DeviceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if program == "size":
        (tmp_path / "arm-none-eabi-gcc").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError) as caught:
        build_image(M4, toy, recording(), tmp_path / "build")
    message = f"arm-none-eabi-{program} is not installed: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"
    assert str(caught.value) == message
    assert not (tmp_path / "build").exists()


def test_missing_c_library(toy: DeviceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program, text in {"gcc": "#!/bin/sh\necho libc.a\n", "size": ""}.items():
        (tmp_path / f"arm-none-eabi-{program}").write_text(text)
        (tmp_path / f"arm-none-eabi-{program}").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="has no C library: apt-get install gcc-arm-none-eabi libnewlib"):
        build_image(M4, toy, recording(), tmp_path / "build")


def test_recording_too_big_is_refused_before_compiling(
    toy: DeviceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BoardError) as caught:
        build_image(M4, toy, recording(hops=(1 << 20) + 1), tmp_path)
    assert "4,194,308 bytes (1,048,577 hops of 4), the flash of mps2-an386 has 4,194,304" in str(caught.value)


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("region", ["flash", "ram"])
def test_image_too_big(region: str, toy: DeviceModel, tmp_path: Path) -> None:
    assert M4.memory is not None
    small = {region: Region(getattr(M4.memory, region).origin, 256)}
    with pytest.raises(BoardError, match=rf"does not fit mps2-an386: its {region} has 256 bytes, [\d,]+ bytes too"):
        build_image(replace(M4, memory=replace(M4.memory, **small)), toy, recording(), tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "has 0 inputs, toy takes 1"),
        ([np.zeros((10, 4), np.float32)], r"float32 \[10, 4\], toy takes int8 \[hops, 4\]"),
        ([np.zeros((10, 3), np.int8)], r"int8 \[10, 3\], toy takes"),
        ([np.zeros(10, np.int8)], r"int8 \[10\], toy takes"),
        ([np.zeros((0, 4), np.int8)], "at least 1"),
    ],
)
def test_wrong_recording(wrong: list[np.ndarray], message: str, toy: DeviceModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        build_image(M4, toy, wrong, tmp_path)


@pytest.mark.usefixtures("tools")
def test_inputs_of_different_length(duo: DeviceModel, tmp_path: Path) -> None:
    uneven = [np.zeros((10, 5), np.float32), np.zeros((9, 5), np.int16)]
    with pytest.raises(InputError, match=r"same number of hops, at least 1, not \[9, 10\]"):
        build_image(M4, duo, uneven, tmp_path)


@pytest.mark.usefixtures("tools")
def test_name_of_a_firmware_header(toy: DeviceModel, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"has a header app\.h already"):
        build_image(M4, replace(toy, name="app"), recording(), tmp_path)


@pytest.mark.usefixtures("tools")
def test_broken_source(toy: DeviceModel, tmp_path: Path) -> None:
    (tmp_path / "toy.h").write_text((toy.source_dir / "toy.h").read_text())
    (tmp_path / "toy.c").write_text('#include "toy.h"\nvoid toy_init(toy_t *state) { state->nothing = 0; }\n')
    with pytest.raises(ToolchainError) as caught:
        build_image(M4, replace(toy, source_dir=tmp_path), recording(), tmp_path / "build")
    assert "toy.c:2:" in str(caught.value) and "no member named" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("tools")
def test_header_that_disagrees(toy: DeviceModel, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="bytes of input 0"):
        build_image(M4, replace(toy, input_dtypes=(np.dtype(np.int16),)), [np.zeros((9, 4), np.int16)], tmp_path)


@pytest.mark.usefixtures("tools")
def test_unwritable_folder(toy: DeviceModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write into"):
        build_image(M4, toy, recording(), tmp_path / "file" / "build")
