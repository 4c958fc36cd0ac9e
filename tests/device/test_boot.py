"""What the chips' ROMs find in flash: the RP2040's second stage, the RP2350's block, the i.MX RT's header; and UF2."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import DeviceModel, build_image, emulator, load_board, uf2
from edgeshift.device import replay as run_replay
from edgeshift.device.boot import BOOT_BYTES, crc32_mpeg2, with_checksum
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import ToolchainError
from tests.device.test_device_replay import moving_sum

PICO = "raspberry-pi-pico"
FLASH = 0x10000000


def blocks(data: bytes) -> list[tuple[int, ...]]:
    """The header of every block of a UF2 file, checked as the format wants it."""
    assert len(data) % 512 == 0
    found = []
    for start in range(0, len(data), 512):
        *header, payload, end = struct.unpack("<8I476sI", data[start : start + 512])
        assert header[:2] == [0x0A324655, 0x9E5D5157] and end == 0x0AB16F30
        assert payload[header[4] :] == bytes(476 - header[4])
        found.append(tuple(header[2:]))
    return found


def memory(data: bytes) -> bytes:
    """What a UF2 file puts into memory, from its first address on."""
    return b"".join(data[start + 32 : start + 288] for start in range(0, len(data), 512))


@pytest.fixture
def pico(toy: DeviceModel, tmp_path: Path) -> Path:
    frames = np.random.default_rng(1).integers(-128, 128, (20, 4), np.int8)
    return build_image(load_board(PICO), toy, [frames], tmp_path).elf


def test_checksum() -> None:
    """The check value of CRC-32/MPEG-2, and a stage that is its own proof: its checksum over all of it gives 0."""
    assert crc32_mpeg2(b"123456789") == 0x0376E6E7
    stage = with_checksum(bytes(range(200)).ljust(256, b"\0"))
    assert len(stage) == 256 and crc32_mpeg2(stage[:BOOT_BYTES] + stage[BOOT_BYTES:][::-1]) == 0
    with pytest.raises(ValueError, match="has 253 bytes, 252 are there"):
        with_checksum(bytes(252) + b"\1\0\0\0")


@pytest.mark.parametrize("size", [1, 256, 257, 1000])
def test_uf2(size: int) -> None:
    data = bytes(i % 251 + 1 for i in range(size))
    packed = uf2.pack(data, 0x10000000, 0xE48BFF56)
    count = -(-size // 256)
    assert blocks(packed) == [(0x2000, FLASH + 256 * i, 256, i, count, 0xE48BFF56) for i in range(count)]
    assert memory(packed) == data.ljust(256 * count, b"\0")
    with pytest.raises(ValueError, match="begins at a multiple of 256, not at 0x10000010"):
        uf2.pack(data, 0x10000010, 0xE48BFF56)


@pytest.mark.usefixtures("tools")
def test_the_pico_starts_with_its_second_stage(pico: Path) -> None:
    packed = pico.with_suffix(".uf2").read_bytes()
    assert {block[-1] for block in blocks(packed)} == {0xE48BFF56} and blocks(packed)[0][1] == FLASH
    image = memory(packed)
    assert int.from_bytes(image[252:256], "little") == crc32_mpeg2(image[:252])
    stack, reset = struct.unpack_from("<II", image, 256)
    symbols = {s.name: s.address for s in find_toolchain(load_board(PICO)).symbols(pico)}
    assert (stack, reset & ~1) == (symbols["__stack_top"], symbols["reset"] & ~1)
    assert (symbols["boot"] & ~1, symbols["vectors"]) == (FLASH, FLASH + 256)


@pytest.mark.usefixtures("tools")
def test_the_pico_does_not_start_with_a_damaged_image(pico: Path) -> None:
    """The emulator starts as the ROM does: the checksum of the second stage counts, and every block."""
    board, file = load_board(PICO), pico.with_suffix(".uf2")
    packed = file.read_bytes()
    checksum, chip = "not the right checksum", "not of this chip"
    for at, reason in ((32 + 5, checksum), (32 + 253, checksum), (28, chip)):
        damaged = bytearray(packed)
        damaged[at] ^= 0x10
        file.write_bytes(damaged)
        with pytest.raises(ToolchainError, match=reason):
            emulator.run(board, pico, 20.0)


@pytest.mark.usefixtures("tools")
def test_the_pico_2_has_its_block(toy: DeviceModel, tmp_path: Path) -> None:
    image = build_image(load_board("raspberry-pi-pico-2"), toy, [np.ones((9, 4), np.int8)], tmp_path)
    packed = image.elf.with_suffix(".uf2").read_bytes()
    assert {block[-1] for block in blocks(packed)} == {0xE48BFF59}
    words = struct.unpack("<1024I", memory(packed).ljust(4096, b"\0")[:4096])
    start = words.index(0xFFFFDED3)  # the only block that there can be, in the first 4 KB
    assert words[start : start + 5] == (0xFFFFDED3, 0x10210142, 0x000001FF, 0, 0xAB123579)
    assert 0x20000000 < words[0] <= 0x20082000 and words[1] & 1, "the vectors come first"


@pytest.mark.usefixtures("tools")
def test_the_teensy_has_its_header(toy: DeviceModel, tmp_path: Path) -> None:
    board = load_board("teensy-4.1")
    image = build_image(board, toy, [np.ones((9, 4), np.int8)], tmp_path)
    toolchain = find_toolchain(board)
    symbols = {s.name: s.address for s in toolchain.symbols(image.elf)}
    toolchain.copy(image.elf, "-O", "binary", image.elf.name, "image.bin")
    data = (tmp_path / "image.bin").read_bytes()
    assert data[:4] == b"FCFB" and symbols["boot_block"] == 0x60000000
    assert struct.unpack_from("<II", data, 0x80) == (0x0A1804EB, 0x32041E00), "EBh: 24 bits of address on four lines"
    header, entry, _, _, boot_data, own, _, _ = struct.unpack_from("<8I", data, 0x1000)
    assert (header, entry, own) == (0x432000D1, symbols["vectors"], 0x60001000)
    assert struct.unpack_from("<3I", data, boot_data - 0x60000000) == (0x60000000, 0x00800000, 0)
    assert symbols["vectors"] == 0x60002000


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("name", ["netduino-plus-2", "stm32vldiscovery"])
def test_real_memory_maps_and_ports(name: str, toy: DeviceModel, tmp_path: Path) -> None:
    """Boards of real chips that QEMU has: outputs come over their USART."""
    frames = np.random.default_rng(1).integers(-128, 128, (300, 4), np.int8)
    board = load_board(name)
    assert board.console.kind == "stm32_usart"
    result = run_replay(board, build_image(board, toy, [frames], tmp_path))
    np.testing.assert_array_equal(result.outputs[0], moving_sum(frames))
