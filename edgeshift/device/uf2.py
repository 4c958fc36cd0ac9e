"""UF2: an image as blocks of 512 bytes, each of which says where its 256 belong, for drives that flash what they get.

The format is Microsoft's (https://github.com/microsoft/uf2): header, family of chips in the place of the file size,
data padded to 476 bytes, a last magic number. The ROMs of the RP2040 and the RP2350 take 256 bytes a block, aligned to
256.
"""

from __future__ import annotations

import struct

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256
MAGIC_START = 0x0A324655, 0x9E5D5157
MAGIC_END = 0x0AB16F30
FAMILY_PRESENT = 0x00002000

_BLOCK = struct.Struct("<8I476sI")


def pack(data: bytes, origin: int, family: int) -> bytes:
    """The UF2 file of an image that begins at `origin`, a multiple of 256; its last block is filled with zeros."""
    if origin % PAYLOAD_BYTES:
        raise ValueError(f"an image in UF2 begins at a multiple of {PAYLOAD_BYTES}, not at {origin:#x}")
    count = -(-len(data) // PAYLOAD_BYTES)
    blocks = []
    for number in range(count):
        start = number * PAYLOAD_BYTES
        payload = data[start : start + PAYLOAD_BYTES].ljust(PAYLOAD_BYTES, b"\0")
        header = (*MAGIC_START, FAMILY_PRESENT, origin + start, PAYLOAD_BYTES, number, count, family)
        blocks.append(_BLOCK.pack(*header, payload, MAGIC_END))
    return b"".join(blocks)
