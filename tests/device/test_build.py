"""`build`: an image of real networks for every board, run wherever an emulator is; and what is in the folder."""

from __future__ import annotations

import configparser
import functools
import os
import pty
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

import edgeshift
from edgeshift.device import Board, all_boards, emulator, load_board
from edgeshift.device.boards import Region
from edgeshift.device.emulator import command_line
from edgeshift.device.manifest import read_manifest
from edgeshift.device.protocol import READY, RESET, Device, Message, encode
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import BoardError, DeviceError, VerificationError
from edgeshift.host.recording import drift, gather_frames, hop_of
from tests.cli.command import edgeshift as command
from tests.device.lines import Noisy, Pipes, emulated
from tests.device.test_boot import memory
from tests.models.test_shared_models import model

ACTIVITY = Path(__file__).resolve().parents[2] / "examples" / "activity" / "activity.tflite"
HOPS = 5

pytestmark = pytest.mark.usefixtures("tools")


@functools.lru_cache
def network(name: str) -> edgeshift.Network:
    return edgeshift.load(ACTIVITY if name == "activity" else model(name))


@functools.lru_cache
def here(name: str) -> list[str]:
    """The lines that the app replay must print: each output of this computer's, in hexadecimal."""
    streaming = edgeshift.StreamingModel(network(name))
    schedule = streaming.plan.schedule
    frames, _, pushes = gather_frames(schedule, HOPS, 0, None)
    answers = [streaming.push_raw(hop_of(schedule.graph, frames, schedule.hop, i)) for i in range(pushes)]
    return [f"{i} {' '.join(o.tobytes().hex() for o in a)}" for i, a in enumerate(answers) if a is not None]


@pytest.fixture(params=[board.name for board in all_boards()])
def board(request: pytest.FixtureRequest) -> Board:
    """Every board, emulated or not."""
    return load_board(request.param)


@pytest.mark.parametrize("name", ["mlperf_sww_int8", "activity"])
def test_every_board_has_an_image_that_replays(name: str, board: Board, tmp_path: Path) -> None:
    result = edgeshift.build(network(name), board, tmp_path, hops=HOPS, app="replay", verified=False)
    assert set(result.files) == {file.name for file in tmp_path.iterdir()}
    if board.memory and result.flash_size and result.ram_size:
        wanted = {".elf", ".hex", ".map", ".json", *([] if board.memory.vectors else [".bin"])}
        assert {file.suffix for file in tmp_path.iterdir()} - {".uf2"} == wanted
        assert (tmp_path / f"{name}.uf2").exists() == (board.boot in ("rp2040", "rp2350"))
        assert result.flash_bytes <= result.flash_size and result.ram_bytes <= result.ram_size
    if board.emulator:
        program = tmp_path / (name if board.image == "linux" else f"{name}.elf")
        assert emulator.run(board, program, 60.0).splitlines()[:HOPS] == here(name)


def from_hex(text: str) -> dict[int, bytes]:
    """The bytes of an Intel HEX file by the address of each record, checked as the format wants it."""
    found, base = {}, 0
    for line in text.split():
        record = bytes.fromhex(line[1:])
        count, offset, kind = record[0], int.from_bytes(record[1:3], "big"), record[3]
        assert line[0] == ":" and len(record) == count + 5 and sum(record) % 256 == 0
        if kind == 0:
            found[base + offset] = record[4:-1]
        elif kind in (2, 4):
            base = int.from_bytes(record[4:6], "big") << (4 if kind == 2 else 16)
    return found


@pytest.mark.parametrize("name", ["raspberry-pi-pico", "stm32vldiscovery"])
def test_all_formats_hold_the_same_bytes(name: str, tmp_path: Path) -> None:
    edgeshift.build(network("activity"), name, tmp_path, hops=HOPS, verified=False)
    board, data = load_board(name), (tmp_path / "activity.bin").read_bytes()
    assert board.memory is not None
    records = from_hex((tmp_path / "activity.hex").read_text())
    assert min(records) == board.memory.flash.origin
    for address, part in records.items():
        start = address - board.memory.flash.origin
        assert data[start : start + len(part)] == part
    if board.boot:
        packed = memory((tmp_path / "activity.uf2").read_bytes())
        assert packed[: len(data)] == data and not any(packed[len(data) :])


def test_the_command_builds_what_flash_takes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = command("build", ACTIVITY, "--board", "raspberry-pi-pico", "--hops", HOPS, "-o", out, "--json").answer
    assert done["verified"]["exact"] and done["verified"]["hops_compared"] == HOPS and done["app"] == "replay"
    manifest = read_manifest(out)
    assert manifest.verified is not None and manifest.verified.exact and manifest.verified.hops == HOPS
    assert manifest.options["app"] == "replay"
    assert manifest.options["model_sha256"] == sha256(ACTIVITY.read_bytes()).hexdigest()
    contents = {f.name: sha256(f.read_bytes()).hexdigest() for f in out.iterdir() if f.name != "build.json"}
    assert manifest.files == contents
    dry = command("flash", out, "--runner", "uf2", "--dry-run").out
    assert "activity.uf2" in dry
    again = command("build", ACTIVITY, "--board", "raspberry-pi-pico", "--hops", HOPS, "-o", out)
    assert again.status == 0 and "verified 5 hops on this computer, exact" in again.out
    assert {f.name: sha256(f.read_bytes()).hexdigest() for f in out.iterdir() if f.name != "build.json"} == contents


def test_what_is_not_verified_is_not_flashed(tmp_path: Path) -> None:
    options = ("--board", "raspberry-pi-pico", "--app", "stream", "--no-verify", "-o", tmp_path)
    assert "not verified" in command("build", ACTIVITY, *options).out
    assert read_manifest(tmp_path).verified is None
    assert "--force" in command("flash", tmp_path, "--runner", "uf2", "--dry-run").error


def test_nothing_is_written_when_an_output_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = edgeshift.verify(network("activity"), hops=HOPS)
    wrong = replace(exact, exact=False, mismatched_hops=1)
    for report, words in ((wrong, "written$"), (replace(wrong, matches_window_run=True), r"written; .*\(--input\)$")):
        monkeypatch.setattr(sys.modules["edgeshift.host.build"], "verify", lambda *_, told=report, **__: told)
        with pytest.raises(VerificationError, match=f"1 of 5 hops differ from .*: nothing was {words}"):
            edgeshift.build(network("activity"), "mps2-an386", tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Nothing is left behind; without a number of hops the recording is made to fit."""
    small = load_board("stm32vldiscovery")
    with pytest.raises(BoardError, match=r"recording takes .* the flash of stm32vldiscovery has 131,072"):
        edgeshift.build(network("activity"), small, tmp_path / "out", hops=100_000)
    assert small.memory is not None
    tiny = replace(small, memory=replace(small.memory, ram=Region(small.memory.ram.origin, 2048)))
    with pytest.raises(BoardError, match="stm32vldiscovery"):
        edgeshift.build(network("activity"), tiny, tmp_path / "out", hops=HOPS)
    with pytest.raises(BoardError, match="the app pipe is for Linux, stm32vldiscovery is not: use --app stream"):
        edgeshift.build(network("activity"), small, tmp_path / "out", app="pipe")
    assert not (tmp_path / "out").exists()
    flash = replace(small.memory, flash=Region(small.memory.flash.origin, 70_000))
    result = edgeshift.build(network("mlperf_sww_int8"), replace(small, memory=flash), tmp_path, verified=False)
    assert 150 < result.hops < 220 and 64_000 < result.flash_bytes <= 70_000


@pytest.mark.parametrize("name", ["raspberry-pi-4", "raspberry-pi-zero"])
def test_the_program_for_linux(name: str, tmp_path: Path) -> None:
    """Frames in and outputs out; half a push is an error; the unit starts the program."""
    board, program = load_board(name), tmp_path / "activity"
    find_toolchain(board)
    edgeshift.build(network("activity"), board, tmp_path, verified=False)
    assert os.access(program, os.X_OK)
    schedule = edgeshift.plan(network("activity")).schedule
    frames, _, _ = gather_frames(schedule, HOPS, 0, None)
    expected = bytes.fromhex("".join(line.split(" ", 1)[1].replace(" ", "") for line in here("activity")))
    command_ = command_line(board, program)
    given = frames[0].tobytes()
    done = subprocess.run(command_, input=given, capture_output=True, check=True)
    assert done.stdout == expected
    assert subprocess.run(command_, input=given[:-1], capture_output=True, check=False).returncode == 1
    unit = configparser.ConfigParser()
    unit.read(tmp_path / "activity.service")
    assert "exec /usr/local/bin/activity <" in unit["Service"]["ExecStart"]


LIBRARY = """\
#include <stdio.h>
#include "activity.h"
int main(void) {
    static activity_t state;
    static activity_input_t frames[ACTIVITY_INPUT_SIZE];
    static activity_output_t output[ACTIVITY_OUTPUT_SIZE];
    activity_init(&state);
    while (fread(frames, sizeof frames, 1, stdin) == 1) {
        if (activity_push(&state, frames, output) == ACTIVITY_READY) {
            fwrite(output, sizeof output, 1, stdout);
        }
    }
    return 0;
}
"""


def test_the_shared_library_for_linux(tmp_path: Path) -> None:
    board = load_board("raspberry-pi-4")
    toolchain = find_toolchain(board)
    edgeshift.build(network("activity"), board, tmp_path, verified=False)
    (tmp_path / "user.c").write_text(LIBRARY)
    user = [toolchain.gcc, *toolchain.target_flags, "user.c", "-L.", "-lactivity", "-Wl,-rpath,$ORIGIN", "-o", "user"]
    subprocess.run(user, cwd=tmp_path, check=True)
    frames, _, _ = gather_frames(edgeshift.plan(network("activity")).schedule, HOPS, 0, None)
    root = ["-L", "/usr/aarch64-linux-gnu"]
    ran = subprocess.run(
        command_line(board, tmp_path / "user", root), input=frames[0].tobytes(), capture_output=True, check=True
    )
    assert ran.stdout.hex() == "".join(line.split(" ", 1)[1].replace(" ", "") for line in here("activity"))


def test_a_bench_image_tells_its_ticks(tmp_path: Path) -> None:
    """What the Pico's own counter says is what the emulator counts, and what it takes to read the counter."""
    result = edgeshift.build(network("activity"), "raspberry-pi-pico", tmp_path, hops=HOPS, app="bench", verified=False)
    assert result.app == "bench"
    lines = emulator.run(load_board("raspberry-pi-pico"), tmp_path / "activity.elf", 60.0).splitlines()
    assert lines[:HOPS] == here("activity")
    name, mean, most, rate = lines[-2].split()
    counted = edgeshift.bench(network("activity"), "raspberry-pi-pico", hops=HOPS)
    cycles, worst = counted.cost.cycles_per_hop, counted.cost.cycles_per_hop_max
    assert cycles is not None and worst is not None
    assert (name, rate) == ("TICKS", "125000000")
    assert 0 < int(mean) - cycles < 100 and 0 < int(most) - worst < 100


@contextmanager
def at_port(board: Board, elf: Path) -> Iterator[str]:
    """The name of a terminal at whose other end an image runs."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    with subprocess.Popen(command_line(board, elf, talk=True), stdin=master, stdout=master) as process:
        try:
            yield os.ttyname(slave)
        finally:
            process.kill()
            os.close(master)
            os.close(slave)


@pytest.mark.parametrize("name", ["netduino-plus-2", "raspberry-pi-pico"])
def test_verify_at_a_port(name: str, tmp_path: Path) -> None:
    """As with a real board: the terminal is opened by its name, and the outputs are the reference's."""
    board = load_board(name)
    edgeshift.build(network("activity"), board, tmp_path, 2, app="stream", verified=False)
    with at_port(board, tmp_path / "activity.elf") as port:
        report = command("verify", ACTIVITY, "--hop", 2, "--port", port, "--hops", 20, "--json").answer
        assert report["exact"] and report["hops_compared"] == 20 and report["port"] == port
        if name == "raspberry-pi-pico":
            assert report["ticks_hz"] == 125_000_000 and report["ticks_per_hop"] > 1000
        wrong = command("verify", ACTIVITY, "--port", port, "--hops", 20).error
        assert "bytes and gives" in wrong and "--hop" in wrong
        with pytest.raises(DeviceError, match=r"has another model: build this one"):
            edgeshift.verify(network("mlperf_sww_int8"), port=port, hops=1)
    assert "cannot open the port /dev/nowhere" in command("verify", ACTIVITY, "--port", "/dev/nowhere").error


def test_a_real_network_over_a_bad_line(tmp_path: Path) -> None:
    """2,000 frames, one byte of a hundred lost or changed: every output is this computer's."""
    board = load_board("raspberry-pi-4")
    edgeshift.build(network("activity"), board, tmp_path, app="stream", verified=False)
    streaming = edgeshift.StreamingModel(network("activity"))
    graph = streaming.plan.schedule.graph
    frames = drift(graph, 2000, 8)
    with emulated(board, tmp_path / "activity") as good:
        line = Noisy(good, 0.01, seed=9)
        device = Device(line, timeout=0.1, tries=100)
        device.reset()
        for i in range(2000):
            inputs = hop_of(graph, frames, 1, i)
            answer, expected = device.push([a.tobytes() for a in inputs]), streaming.push_raw(inputs)
            assert answer.outputs == ([] if expected is None else [o.tobytes() for o in expected])
    assert answer.status == READY and line.harmed > 500


def test_a_board_that_loses_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody resets it on the way: no output of it counts."""

    class Disturbed(Pipes):
        sent = 0

        def write(self, data: bytes) -> None:
            self.sent += 1
            super().write(encode(Message(RESET, 0, 999)) + data if self.sent == 30 else data)

        def close(self) -> None:
            pass

    board = load_board("raspberry-pi-4")
    edgeshift.build(network("activity"), board, tmp_path, app="stream", verified=False)
    command_ = command_line(board, tmp_path / "activity", talk=True)
    with subprocess.Popen(command_, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        monkeypatch.setattr("edgeshift.device.live.Port", lambda *_: Disturbed(process))
        with pytest.raises(DeviceError, match="lost its state on the way"):
            edgeshift.verify(network("activity"), port="anything", hops=HOPS)
        process.kill()
