"""What bench counts: the same every time, the same as other ways to count, of code with equal outputs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgeshift
from edgeshift.cli import cli
from edgeshift.device import Board, DeviceModel, build_image, counting, emulator, load_board
from edgeshift.device.bench import Cost
from edgeshift.device.counting import run_counted
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import InputError, PlanError, ToolchainError, VerificationError
from tests.zoo import build

M4 = load_board("mps2-an386")
ACTIVITY = Path(__file__).resolve().parents[2] / "examples" / "activity" / "activity.tflite"
KEYS = {
    "instructions_per_hop", "instructions_per_hop_max", "cycles_per_hop", "code_bytes", "weights_bytes",
    "state_bytes", "scratch_bytes", "stack_bytes", "ram_bytes", "layers",
}  # fmt: skip


@pytest.fixture(params=["int8", "float32"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> edgeshift.Network:
    if request.param == "int8":
        return edgeshift.load(ACTIVITY)
    path = tmp_path / "fcn.tflite"
    path.write_bytes(build("fcn_valid"))
    return edgeshift.load(path)


@pytest.mark.usefixtures("tools")
def test_every_board(board: Board, network: edgeshift.Network) -> None:
    """Outputs are compared with the host's by bench itself."""
    cost = edgeshift.bench(network, board, hop=3, hops=4).cost
    assert cost.hops == 4 and sum(outputs is not None for outputs in cost.outputs) == 4
    assert 0 < cost.instructions_per_hop <= cost.instructions_per_hop_max < 1.5 * cost.instructions_per_hop
    whole = sum(layer.instructions for layer in cost.layers)
    assert whole == pytest.approx(cost.instructions_per_hop, rel=0.03)
    made = edgeshift.plan(network, 3, board.isa)
    assert [layer.index for layer in cost.layers] == [*range(1, len(made.schedule.ops) + 1), 0]
    assert sum(layer.macs for layer in cost.layers) == made.schedule.macs_per_hop
    assert cost.weights_bytes == pytest.approx(made.sources.weights_bytes, rel=0.25)
    assert 500 < cost.code_bytes < 20_000
    assert cost.state_bytes + cost.scratch_bytes == made.memory.struct_bytes
    assert 24 <= cost.stack_bytes < 2000
    assert cost.ram_bytes == made.memory.struct_bytes + cost.stack_bytes
    if board.core == "cortex-m0plus":
        assert cost.cycles_per_hop is not None and cost.cycles_per_hop_max is not None
        assert cost.instructions_per_hop < cost.cycles_per_hop < 2 * cost.instructions_per_hop
        assert cost.cycles_per_hop <= cost.cycles_per_hop_max
        cycles = [layer.cycles for layer in cost.layers if layer.cycles is not None]
        assert sum(cycles) == pytest.approx(cost.cycles_per_hop, rel=0.03)
    else:
        assert cost.cycles_per_hop is None and cost.layers[0].cycles is None


def figures(cost: Cost) -> dict[str, object]:
    return {key: value for key, value in vars(cost).items() if key != "outputs"}


@pytest.mark.usefixtures("tools")
def test_sizes_of_the_portable_code() -> None:
    cost = edgeshift.bench(ACTIVITY, M4, hop=3, hops=1, isa="portable").cost
    weights = edgeshift.plan(ACTIVITY, 3).sources.weights_bytes
    assert weights <= cost.weights_bytes < weights + 64
    assert 1500 < cost.code_bytes < 6000


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("board", ["mps2-an386", "raspberry-pi-pico", "raspberry-pi-4"], indirect=True)
def test_counts_are_the_same_every_time(board: Board) -> None:
    first, second = (edgeshift.bench(ACTIVITY, board, hop=2, hops=3, seed=1).cost for _ in range(2))
    assert figures(first) == figures(second)


@pytest.mark.usefixtures("tools")
def test_command_line() -> None:
    arguments = ["bench", str(ACTIVITY), "--board", "mps2-an386", "--hop", "4", "--hops", "3"]
    printed = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    data = json.loads(printed.stdout)
    assert data.keys() >= KEYS and data["isa"] == "armv7em" and data["cycles_per_hop"] is None
    assert {"index", "op", "output", "instructions", "macs", "instructions_per_mac"} <= data["layers"][0].keys()
    table = CliRunner().invoke(cli, arguments, catch_exceptions=False).stdout
    assert f"{data['instructions_per_hop']:,.0f} instructions per hop" in table
    assert all(len(line) <= 80 for line in table.splitlines() if "CONV" in line)
    plain = CliRunner().invoke(cli, [*arguments, "--json", "--isa", "portable"], catch_exceptions=False)
    assert json.loads(plain.stdout)["instructions_per_hop"] >= data["instructions_per_hop"]


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(PlanError, match="unknown instruction set 'avx'"):
        edgeshift.bench(ACTIVITY, M4, isa="avx")
    with pytest.raises(InputError, match="at least 1 hop"):
        edgeshift.bench(ACTIVITY, M4, hops=0)


@pytest.mark.usefixtures("tools")
def test_other_outputs_than_the_hosts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["edgeshift.host.bench"]
    real = module.measure

    def damaged(*arguments: object) -> Cost:
        cost = real(*arguments)
        outputs = [*cost.outputs]
        outputs[-1] = [-output for output in outputs[-1]]
        return replace(cost, outputs=outputs)

    monkeypatch.setattr(module, "measure", damaged)
    with pytest.raises(VerificationError, match=r"push \d+ on mps2-an386 gave other outputs"):
        edgeshift.bench(ACTIVITY, M4, hop=8, hops=2)


# A loop between two marks, its length measured with SysTick; ticks go out as the four bytes of the output.
TIMED = r"""
#include "toy.h"
#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CTRL REGISTER(0xE000E010u)
#define LOAD REGISTER(0xE000E014u)
#define NOW REGISTER(0xE000E018u)
__attribute__((noinline)) void begin(void) { __asm__ volatile("/* begin */"); }
__attribute__((noinline)) void end(void) { __asm__ volatile("/* end */"); }
void toy_init(toy_t *state) { state->pushed = 0; }
toy_status_t toy_push(toy_t *state, const toy_input_t *frames, toy_output_t *output) {
    (void)state;
    LOAD = 0xFFFFFF;
    CTRL = 5;
    while (NOW == 0) {
    }
    begin();
    const uint32_t start = NOW;
    for (int i = 0; i < 1000 * frames[0]; i++) {
        __asm__ volatile("it eq\n\taddeq r3, r3, #1" ::: "r3");
    }
    const uint32_t ticks = (start - NOW) & 0xFFFFFFu;
    end();
    for (int i = 0; i < 4; i++) {
        output[i] = (toy_output_t)(ticks >> 8 * i);
    }
    return TOY_READY;
}
"""
TICK = 40  # instructions of 1 ns


@pytest.mark.usefixtures("tools")
def test_the_plugin_agrees_with_the_systick_timer(toy: DeviceModel, tmp_path: Path) -> None:
    (tmp_path / "toy.c").write_text(TIMED)
    (tmp_path / "toy.h").write_text((toy.source_dir / "toy.h").read_text())
    timed = replace(toy, source_dir=tmp_path)
    frames = np.array([[1, 0, 0, 0], [50, 0, 0, 0], [127, 0, 0, 0]], np.int8)
    image = build_image(M4, timed, [frames], tmp_path / "build")
    lines = emulator.run(M4, image.elf, 60, ["-icount", "shift=0"]).splitlines()[: len(frames)]
    ticks = [int.from_bytes(bytes.fromhex(line.split()[1]), "little") for line in lines]

    symbols = {symbol.name: symbol.address for symbol in find_toolchain(M4).symbols(image.elf)}
    _, reached = run_counted(M4, image.elf, [symbols["begin"], symbols["end"]], 60)
    assert [r.mark for r in reached] == [0, 1] * len(frames)
    counted = [b.instructions - a.instructions for a, b in zip(reached[::2], reached[1::2], strict=True)]
    assert counted[2] > 127_000 * 4
    for measured, count in zip(ticks, counted, strict=True):
        assert abs(measured * TICK - count) <= TICK


@pytest.mark.usefixtures("tools")
def test_a_mark_in_the_middle_of_a_block_is_exact(toy: DeviceModel, tmp_path: Path) -> None:
    """Marks on neighbouring instructions are one instruction apart, however QEMU cuts its blocks."""
    image = build_image(M4, toy, [np.ones((3, 4), np.int8)], tmp_path)
    start = next(s.address for s in find_toolchain(M4).symbols(image.elf) if s.name == "toy_init")
    _, reached = run_counted(M4, image.elf, [start & ~1, (start & ~1) + 2], 60)
    assert [r.mark for r in reached] == [0, 1]
    assert reached[1].instructions - reached[0].instructions == 1


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("board", ["raspberry-pi-4"], indirect=True)
def test_qemus_log_gives_the_plugins_count(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where QEMU has no plugins, as Debian 13's qemu-user."""
    counted = edgeshift.bench(ACTIVITY, board, hop=8, hops=2).cost

    def without(board: Board, elf: Path, timeout: float, arguments: Sequence[str] = ()) -> str:
        if "-plugin" in arguments:
            raise ToolchainError("bench.elf failed: qemu: unknown option 'plugin'")
        return run(board, elf, timeout, arguments)

    run = emulator.run
    monkeypatch.setattr(emulator, "run", without)
    assert figures(edgeshift.bench(ACTIVITY, board, hop=8, hops=2).cost) == figures(counted)


def fake_qemu(folder: Path, oldest: int) -> Board:
    """A board whose emulator refuses plugins below a version of the interface, as QEMU does."""
    script = folder / "fake-qemu"
    script.write_text(
        "#!/bin/sh\n"
        "plugin=$(echo \"$*\" | sed 's/.*-plugin \\([^,]*\\),.*/\\1/')\n"
        f"version=$(echo \"$plugin\" | sed 's/.*count\\([0-9]*\\)[.]so/\\1/')\n"
        f'if [ "$version" -lt {oldest} ]; then\n'
        '  echo "qemu: TCG plugin requires API version $version, "'
        f'"but this QEMU supports only a minimum version of {oldest}" >&2\n'
        "  exit 1\n"
        "fi\n"
        'echo "version $version"\n'
    )
    script.chmod(0o755)
    assert M4.emulator is not None
    return replace(M4, emulator=replace(M4.emulator, program=str(script)))


def test_the_plugin_takes_the_interface_that_qemu_wants(tmp_path: Path) -> None:
    assert run_counted(fake_qemu(tmp_path, 4), tmp_path / "image.elf", [0], 10) == ("version 4\n", [])
    with pytest.raises(ToolchainError, match="wants version 9 of its plugin interface, EdgeShift knows up to 6"):
        run_counted(fake_qemu(tmp_path, 9), tmp_path / "image.elf", [0], 10)


def test_missing_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = fake_qemu(tmp_path, 1)
    monkeypatch.setattr(counting.shutil, "which", lambda name: None if "gcc" in name or name == "cc" else name)
    with pytest.raises(ToolchainError, match=re.escape("apt-get install gcc libc6-dev")):
        run_counted(board, tmp_path / "image.elf", [0], 10)


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("board", ["raspberry-pi-pico"], indirect=True)
def test_missing_node_package(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESHIFT_NODE_MODULES", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"npm package rp2040js is not in .*: npm install --prefix .* rp2040js@1"):
        emulator.run(board, tmp_path / "image.elf", 10)
