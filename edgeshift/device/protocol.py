"""Frames to a board and outputs back, over a line that may damage and lose bytes: docs/stream-protocol.md.

The counterpart is firmware/apps/stream.c. A message travels as `END`, its bytes and their CRC-32 with `END` and
`ESCAPE` replaced as in SLIP (RFC 1055), and `END` again, so that whatever the line does to one the next is understood.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edgeshift.errors import DeviceError

END, ESCAPE = b"\xc0", b"\xdb"
ESCAPED_END, ESCAPED_ESCAPE = b"\xdb\xdc", b"\xdb\xdd"

VERSION = 1
HELLO, RESET, PUSH = 1, 2, 3
INFO, RESET_DONE, OUTPUT, REFUSED = 0x81, 0x82, 0x83, 0x84
WARMUP, READY, GAP = 0, 1, 2
DAMAGED, UNKNOWN = 0, 1

HEADER_BYTES, CHECKSUM_BYTES, ALIGNMENT = 4, 4, 8

PATIENCE = 8

_HEADER = struct.Struct("<BBH")


@dataclass(frozen=True)
class Message:
    """`kind` is one of those above; `status` tells more of an answer, which has its request's `sequence`."""

    kind: int
    status: int
    sequence: int
    payload: bytes = b""


class Link(Protocol):
    """A line to a board."""

    def write(self, data: bytes) -> None:
        """Sends all of `data`."""

    def read(self, timeout: float) -> bytes:
        """What has come, at least a byte, or nothing after `timeout` seconds."""


def encode(message: Message) -> bytes:
    """A message as it travels."""
    raw = _HEADER.pack(message.kind, message.status, message.sequence) + message.payload
    raw += zlib.crc32(raw).to_bytes(CHECKSUM_BYTES, "little")
    return END + raw.replace(ESCAPE, ESCAPED_ESCAPE).replace(END, ESCAPED_END) + END


class Decoder:
    """Takes what comes piece by piece and gives the messages in it, `None` for each that is damaged."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message | None]:
        *frames, self._rest = (self._rest + data).split(END)
        return [_decode(frame) for frame in frames if frame]


def _decode(frame: bytes) -> Message | None:
    raw = frame.replace(ESCAPED_END, END).replace(ESCAPED_ESCAPE, ESCAPE)
    body, checksum = raw[:-CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]
    if len(body) < HEADER_BYTES or zlib.crc32(body).to_bytes(CHECKSUM_BYTES, "little") != checksum:
        return None
    kind, status, sequence = _HEADER.unpack(body[:HEADER_BYTES])
    return Message(kind, status, sequence, body[HEADER_BYTES:])


def padded(sizes: Sequence[int]) -> int:
    """The bytes of tensors in a payload: each begins at a multiple of 8, the last is not filled up."""
    return sum(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes[:-1]) + sizes[-1]


def join(tensors: Sequence[bytes]) -> bytes:
    """Tensors as a payload."""
    *first, last = tensors
    return b"".join(t.ljust(-(-len(t) // ALIGNMENT) * ALIGNMENT, b"\0") for t in first) + last


def split(payload: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The tensors of a payload of `padded(sizes)` bytes."""
    starts = [sum(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes[:i]) for i in range(len(sizes))]
    return [payload[start : start + size] for start, size in zip(starts, sizes, strict=True)]


@dataclass(frozen=True)
class Info:
    """What a board says of itself: its model's file, and the bytes of a push and of its outputs.

    `ticks_hz` is what its times are counted in.
    """

    model_sha256: str
    ticks_hz: int
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """What came of a push: `outputs` when `status` is READY. `ticks` is the time that it took, 0 where unknown."""

    status: int
    ticks: int
    outputs: list[bytes]


class Device:
    """A board that runs the app `stream`, at the other end of `link`.

    A request is sent again when it or its answer was lost, each `timeout` seconds after the last, and the board acts on
    it once: `tries` times until it has said what it is, then `PATIENCE` times as often, for a hop may take long. Raises
    DeviceError when no answer comes, and when it is not one of this protocol.
    """

    def __init__(self, link: Link, timeout: float = 1.0, tries: int = 8) -> None:
        self.link, self.timeout, self.tries = link, timeout, tries
        self.sent = 0  # requests, those that were sent again too
        self._decoder, self._sequence = Decoder(), 0
        self.info = self._hello()
        self.tries *= PATIENCE

    def reset(self) -> None:
        """Forgets all that was pushed. The next push is the first."""
        self._sequence = self._sequence + 1 & 0xFFFF
        self._ask(Message(RESET, 0, self._sequence), RESET_DONE)

    def push(self, inputs: Sequence[bytes]) -> Answer:
        """Pushes one hop: the bytes of each input, little-endian. After a GAP nothing counts until a reset."""
        self._sequence = self._sequence + 1 & 0xFFFF
        answer = self._ask(Message(PUSH, 0, self._sequence, join(inputs)), OUTPUT)
        sizes = self.info.output_bytes if answer.status == READY else ()
        expected = ALIGNMENT + (padded(sizes) if sizes else 0)
        if len(answer.payload) != expected:
            raise DeviceError(f"the board answered a push with {len(answer.payload)} bytes, not {expected}")
        ticks = int.from_bytes(answer.payload[:4], "little")
        return Answer(answer.status, ticks, split(answer.payload[ALIGNMENT:], sizes))

    def _hello(self) -> Info:
        answer = self._ask(Message(HELLO, 0, 0), INFO)
        if answer.status != VERSION:
            raise DeviceError(f"the board speaks version {answer.status} of the protocol, not {VERSION}: build anew")
        ticks_hz, *counts = struct.unpack_from("<3I", answer.payload, 64)
        sizes = struct.unpack_from(f"<{sum(counts)}I", answer.payload, 64 + 12)
        return Info(answer.payload[:64].decode("ascii"), ticks_hz, sizes[: counts[0]], sizes[counts[0] :])

    def _ask(self, request: Message, kind: int) -> Message:
        """The answer to a request; others, late ones to earlier requests, are passed over."""
        for _ in range(self.tries):
            self.sent += 1
            self.link.write(encode(request))
            answer = self._wait(request, kind)
            if answer is not None:
                return answer
        raise DeviceError(
            f"the board does not answer ({self.tries} tries of {self.timeout:g} s): is it the right port and speed, "
            "and was the image built with --app stream?"
        )

    def _wait(self, request: Message, kind: int) -> Message | None:
        """`None` when it is time to send again: something was damaged on the way there or back, or nothing comes."""
        end = time.monotonic() + self.timeout
        while (left := end - time.monotonic()) > 0:
            damaged = False
            for message in self._decoder.feed(self.link.read(left)):
                if message is None or (message.kind == REFUSED and message.status == DAMAGED):
                    damaged = True
                    continue
                if message.kind == kind and message.sequence == request.sequence:
                    return message
                if message.kind == REFUSED and message.sequence == request.sequence:
                    raise DeviceError("the board does not take this request: build it anew, with the same options")
            if damaged:
                return None
        return None
