"""What a chip's ROM wants to find in flash: the RP2040's second stage must carry its checksum."""

from __future__ import annotations

BOOT_BYTES = 252  # what the RP2040's checksum covers; the four bytes behind are the checksum


def crc32_mpeg2(data: bytes) -> int:
    """The checksum of the RP2040's ROM (datasheet, 2.8.1.3.1): polynomial 0x04C11DB7, from all ones, nothing reflected
    or inverted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


def with_checksum(stage: bytes) -> bytes:
    """A second stage of 256 bytes with its checksum in the last four, which must be free. Raises ValueError."""
    code, rest = stage[:BOOT_BYTES], stage[BOOT_BYTES:]
    if rest != bytes(4):
        raise ValueError(f"the second stage has {len(stage.rstrip(bytes(1)))} bytes, {BOOT_BYTES} are there for it")
    return code + crc32_mpeg2(code).to_bytes(4, "little")
