"""The app `stream` on emulated boards: its protocol over good lines and over bad ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeshift.device import Board, DeviceModel, build_image, load_board, protocol
from edgeshift.device.emulator import command_line
from edgeshift.device.image import Image
from edgeshift.device.protocol import Decoder, Device, Link, Message, encode
from edgeshift.errors import BoardError, DeviceError, ToolchainError
from tests.device.lines import Noisy, Pipes, emulated
from tests.device.test_device_replay import leaky_levels, moving_sum

SERIAL = [
    "netduino-plus-2",
    "stm32vldiscovery",
    "raspberry-pi-pico",
    "raspberry-pi-4",
    "mps2-an386",
    "mps2-an505",
    "mps3-an547",
]

pytestmark = pytest.mark.usefixtures("tools")


@pytest.fixture(params=SERIAL)
def board(request: pytest.FixtureRequest) -> Board:
    return load_board(request.param)


@pytest.fixture
def line(toy: DeviceModel, tmp_path: Path) -> Iterator[Pipes]:
    """A good line to the toy on the board that answers the fastest."""
    with running(load_board("raspberry-pi-4"), toy, tmp_path) as pipes:
        yield pipes


def running(board: Board, model: DeviceModel, folder: Path):  # type: ignore[no-untyped-def]
    image: Image = build_image(board, model, None, folder, "stream")
    return emulated(board, image.elf)


def ask(line: Link, *requests: Message | bytes, answers: int = 1, timeout: float = 10.0) -> list[Message | None]:
    """Sends requests, or any bytes, and waits for a number of answers."""
    decoder, got = Decoder(), []
    for request in requests:
        line.write(request if isinstance(request, bytes) else encode(request))
    while len(got) < answers and (data := line.read(timeout)):
        got += decoder.feed(data)
    return got


def drawn(count: int) -> np.ndarray:
    return np.random.default_rng(4).integers(-128, 128, (count, 4), np.int8)


def push(sequence: int, frame: bytes = b"abcd") -> Message:
    return Message(protocol.PUSH, 0, sequence & 0xFFFF, frame)


def statuses(messages: list[Message | None]) -> list[tuple[int, int, int]]:
    return [(m.kind, m.status, m.sequence) for m in messages if m is not None]


def test_every_driver_streams(board: Board, toy: DeviceModel, tmp_path: Path) -> None:
    frames = drawn(60)
    with running(board, toy, tmp_path) as line:
        device = Device(line)
        assert device.info.model_sha256 == "0123456789abcdef" * 4
        assert (device.info.input_bytes, device.info.output_bytes) == ((4,), (4,))
        device.reset()
        answers = [device.push([frame.tobytes()]) for frame in frames]
    assert [a.status for a in answers] == [protocol.WARMUP] * 2 + [protocol.READY] * 58
    np.testing.assert_array_equal([np.frombuffer(a.outputs[0], np.int8) for a in answers[2:]], moving_sum(frames))
    if board.core == "cortex-m0plus":
        assert all(50 < a.ticks < 5000 for a in answers)  # the emulator counts cycles


@pytest.mark.parametrize("name", ["raspberry-pi-4", "netduino-plus-2"])
def test_inputs_and_outputs_of_several_types(name: str, duo: DeviceModel, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    frames = random.standard_normal((30, 5)).astype(np.float32)
    gains = random.integers(-(2**15), 2**15, (30, 5), np.int16)
    with running(load_board(name), duo, tmp_path) as line:
        device = Device(line)
        assert (device.info.input_bytes, device.info.output_bytes) == ((20, 10), (20, 4))
        device.reset()
        answers = [device.push([f.tobytes(), g.tobytes()]) for f, g in zip(frames, gains, strict=True)]
    levels = [np.frombuffer(a.outputs[0], np.uint32) for a in answers]
    np.testing.assert_array_equal(levels, leaky_levels(frames, gains).view(np.uint32))
    assert [int.from_bytes(a.outputs[1], "little") for a in answers] == list(range(1, 31))


@pytest.mark.parametrize(("name", "count"), [("raspberry-pi-pico", 2000), ("netduino-plus-2", 200)])
def test_every_output_comes_over_a_bad_line(name: str, count: int, toy: DeviceModel, tmp_path: Path) -> None:
    """One byte of a hundred is lost or changed: what was is sent again, and is acted upon once."""
    frames = drawn(count)
    with running(load_board(name), toy, tmp_path) as good:
        line = Noisy(good, 0.01, seed=5)
        device = Device(line, timeout=0.1, tries=100)
        device.reset()
        answers = [device.push([frame.tobytes()]) for frame in frames]
    assert [a.status for a in answers[:2]] == [protocol.WARMUP] * 2
    np.testing.assert_array_equal([np.frombuffer(a.outputs[0], np.int8) for a in answers[2:]], moving_sum(frames))
    assert line.harmed > count / 3 and device.sent > count * 1.2


def test_frames_that_are_sent_once_over_a_bad_line(toy: DeviceModel, tmp_path: Path) -> None:
    """After a loss no output counts until a reset; then all of them are right. Nothing is wrong, nothing hangs."""
    frames = drawn(2000)
    state, exact, gaps, resets, in_step = [], 0, 0, 0, False
    with running(load_board("raspberry-pi-4"), toy, tmp_path) as good:
        line = Noisy(good, 0.01, seed=6)
        decoder = Decoder()
        for sequence, frame in enumerate(frames):
            kind = protocol.PUSH if in_step or sequence % 7 else protocol.RESET
            before = line.harmed
            line.write(encode(push(sequence, frame.tobytes()) if kind == protocol.PUSH else Message(kind, 0, sequence)))
            answer = None
            while answer is None and (data := line.read(10.0 if line.harmed == before else 0.02)):
                found = [m for m in decoder.feed(data) if m is not None and m.kind == kind + 0x80]
                answer = next((m for m in found if m.sequence == sequence), None)
            assert answer is not None or line.harmed > before, "what was whole was answered"
            if kind == protocol.RESET:
                in_step, state = answer is not None, []
                resets += in_step
            elif answer is None:
                in_step = False  # the push or its answer is lost: the host cannot know which
            elif answer.status == protocol.GAP:
                gaps += 1
                in_step = False
            elif in_step:
                state.append(frame)
                assert answer.status == (protocol.READY if len(state) > 2 else protocol.WARMUP)
                if len(state) > 2:
                    assert answer.payload[8:] == moving_sum(np.array(state[-3:])).tobytes()
                    exact += 1
    assert exact > 150 and gaps > 100 and resets > 100


def test_a_lost_push_is_told_until_a_reset(line: Pipes) -> None:
    reset = Message(protocol.RESET, 0, 65533)
    output, done, gap = protocol.OUTPUT, protocol.RESET_DONE, protocol.GAP
    assert statuses(ask(line, push(1))) == [(output, gap, 1)], "nothing counts before the first reset"
    assert statuses(ask(line, reset)) == [(done, 0, 65533)]
    kept = [protocol.WARMUP, protocol.WARMUP, protocol.READY]
    answers = ask(line, *(push(65534 + i) for i in range(3)), answers=3)
    assert statuses(answers) == [(output, status, 65534 + i & 0xFFFF) for i, status in enumerate(kept)]
    again = ask(line, push(65536))
    assert again == answers[2:], "asked for again it is answered again"
    assert statuses(ask(line, push(2), push(1), push(0), answers=3)) == [(output, gap, n) for n in (2, 1, 0)]
    assert statuses(ask(line, reset, push(65534), answers=2)) == [(done, 0, 65533), (output, 0, 65534)]


def test_a_push_that_is_sent_twice_is_pushed_once(line: Pipes) -> None:
    ask(line, Message(protocol.RESET, 0, 0))
    for sequence in range(1, 4):
        ask(line, *[push(sequence, bytes([sequence] * 4))] * 3, answers=3)
    (answer,) = ask(line, push(4, bytes(4)))
    assert answer is not None and answer.payload[8:] == bytes([2 + 3] * 4)


@pytest.mark.parametrize(
    ("sent", "kind", "status"),
    [
        (b"\x01\x02", protocol.REFUSED, protocol.DAMAGED),
        (bytes(100_000), protocol.REFUSED, protocol.DAMAGED),
        (encode(Message(protocol.PUSH, 0, 1, b"abc")), protocol.REFUSED, protocol.UNKNOWN),
        (encode(Message(protocol.PUSH, 0, 1, b"abcde")), protocol.REFUSED, protocol.DAMAGED),
        (encode(Message(protocol.RESET, 0, 1, b"abcd")), protocol.REFUSED, protocol.UNKNOWN),
        (encode(Message(99, 0, 1)), protocol.REFUSED, protocol.UNKNOWN),
        (b"\xc0\xc0\xdb\xc0\xc0", None, None),
    ],
)
def test_what_is_no_request(sent: bytes, kind: int | None, status: int | None, line: Pipes) -> None:
    """It is refused, and the next request is answered."""
    hello = Message(protocol.HELLO, 0, 7)
    answers = statuses(ask(line, sent, hello, answers=1 if kind is None else 2))
    assert answers[-1] == (protocol.INFO, protocol.VERSION, 7)
    assert [answer[:2] for answer in answers[:-1]] == ([] if kind is None else [(kind, status)])


def test_a_board_that_is_silent_or_takes_other_frames(line: Pipes) -> None:
    class Silence:
        def write(self, data: bytes) -> None:
            pass

        def read(self, timeout: float) -> bytes:
            return b""

    with pytest.raises(DeviceError, match=r"does not answer \(2 tries of 0\.01 s\)"):
        Device(Silence(), timeout=0.01, tries=2)
    device = Device(line)
    device.reset()
    with pytest.raises(DeviceError, match="does not take this request"):
        device.push([b"abc"])


def test_a_board_that_takes_long(toy: DeviceModel, tmp_path: Path) -> None:
    """It does not listen while it computes: what is sent again meanwhile is lost."""

    class Busy(Pipes):
        deaf = 0

        def write(self, data: bytes) -> None:
            self.deaf -= 1
            if self.deaf < 0:
                super().write(data)

    board = load_board("raspberry-pi-4")
    elf = build_image(board, toy, None, tmp_path, "stream").elf
    with subprocess.Popen(command_line(board, elf, talk=True), stdin=-1, stdout=-1) as process:
        line = Busy(process)
        device = Device(line, timeout=0.05, tries=40)
        device.reset()
        line.deaf = 60
        assert device.push([b"abcd"]).status == protocol.WARMUP
        process.kill()


def test_semihosting_does_not_receive(toy: DeviceModel, tmp_path: Path) -> None:
    board = load_board(Path(__file__).parent / "boards" / "mps2-an385-armv6m.toml")
    with pytest.raises(BoardError, match="wants a console that receives, that of mps2-an385-armv6m is semihosting"):
        build_image(board, toy, None, tmp_path, "stream")


def test_no_stream_without_a_model(toy: DeviceModel, tmp_path: Path) -> None:
    """The model's header must know its file."""
    (tmp_path / "toy.h").write_text((toy.source_dir / "toy.h").read_text().replace("TOY_MODEL_SHA256", "TOY_NOTHING"))
    (tmp_path / "toy.c").write_text((toy.source_dir / "toy.c").read_text())
    wrong = DeviceModel("toy", tmp_path, toy.input_dtypes, toy.input_sizes, toy.output_dtypes, toy.output_sizes)
    with pytest.raises(ToolchainError, match="TOY_MODEL_SHA256"):
        build_image(load_board("raspberry-pi-4"), wrong, None, tmp_path / "build", "stream")


def test_messages_survive_the_way() -> None:
    random = np.random.default_rng(7)
    decoder, sent, stream = Decoder(), [], b""
    for i in range(200):
        payload = random.choice([0xC0, 0xDB, 0xDC, 0xDD, 1, 2], int(random.integers(40))).astype(np.uint8).tobytes()
        sent.append(Message(int(random.integers(256)), int(random.integers(256)), i * 300 % 65536, payload))
        stream += encode(sent[-1])
    got = []
    for start in range(0, len(stream), 7):
        got += decoder.feed(stream[start : start + 7])
    assert got == sent


@pytest.mark.parametrize("sizes", [(1,), (8,), (3, 8, 5), (16, 16)])
def test_tensors_in_a_payload(sizes: tuple[int, ...]) -> None:
    tensors = [bytes(range(1, size + 1)) for size in sizes]
    payload = protocol.join(tensors)
    assert len(payload) == protocol.padded(sizes)
    assert protocol.split(payload, sizes) == tensors
