"""Flashing: the right command for every board, and nothing flashed that was not verified. No board is touched: the
programs that are called are stand-ins that write down how they were called."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeshift.device import all_boards
from edgeshift.device.boards import RUNNERS, Board
from edgeshift.device.flashing import TOOLS, Flashing, flash, plan_flash
from edgeshift.device.manifest import MANIFEST, Manifest, Verified
from edgeshift.errors import BoardError, EdgeShiftError, InputError, ToolchainError, VerificationError
from edgeshift.resources import resource
from tests.cli.command import edgeshift

RECORDED = Path(__file__).parent / "runners"
FILES = {name: name.encode() for name in ("kws", "kws.elf", "kws.bin", "kws.hex", "kws.uf2")}
EXACT = Verified(200, 0, "LiteRT", "mps2-an386")

# What each board's owner would type, its runners in their order; OUT is the folder.
COMMANDS = {
    "arduino-nano-33-ble": [
        "bossac --port=/dev/ttyACM0 -U -i -e -w OUT/kws.bin -R",
        "pyocd flash --target nrf52840 OUT/kws.hex",
        "openocd -f interface/cmsis-dap.cfg -f target/nrf52.cfg -c 'program {OUT/kws.elf} verify reset exit'",
    ],
    "b-u585i-iot02a": [
        "openocd -f interface/stlink.cfg -f target/stm32u5x.cfg -c 'program {OUT/kws.elf} verify reset exit'",
        "st-flash --reset write OUT/kws.bin 0x08000000",
    ],
    "microbit-v2": [
        "pyocd flash --target nrf52833 OUT/kws.hex",
        "openocd -f interface/cmsis-dap.cfg -f target/nrf52.cfg -c 'program {OUT/kws.elf} verify reset exit'",
    ],
    "netduino-plus-2": [
        "dfu-util -d 0483:df11 -a 0 -s 0x08000000:leave -D OUT/kws.bin",
        "openocd -f interface/stlink.cfg -f target/stm32f4x.cfg -c 'program {OUT/kws.elf} verify reset exit'",
    ],
    "nrf5340-dk": [
        "nrfutil device program --firmware OUT/kws.hex --options "
        "chip_erase_mode=ERASE_RANGES_TOUCHED_BY_FIRMWARE,verify=VERIFY_READ,reset=RESET_SYSTEM",
    ],
    "nucleo-f446re": [
        "openocd -f board/st_nucleo_f4.cfg -c 'program {OUT/kws.elf} verify reset exit'",
        "st-flash --reset write OUT/kws.bin 0x08000000",
    ],
    "nucleo-h743zi": [
        "openocd -f board/st_nucleo_h743zi.cfg -c 'program {OUT/kws.elf} verify reset exit'",
        "pyocd flash --target stm32h743xx OUT/kws.hex",
        "st-flash --reset write OUT/kws.bin 0x08000000",
    ],
    "nucleo-l4r5zi": [
        "openocd -f board/st_nucleo_l4.cfg -c 'program {OUT/kws.elf} verify reset exit'",
        "st-flash --reset write OUT/kws.bin 0x08000000",
    ],
    "raspberry-pi-pico": [
        "picotool load -v -x OUT/kws.uf2",
        "cp OUT/kws.uf2 DRIVE/RPI-RP2",
        "pyocd flash --target rp2040 OUT/kws.hex",
        "openocd -f interface/cmsis-dap.cfg -f target/rp2040.cfg -c 'program {OUT/kws.elf} verify reset exit'",
    ],
    "raspberry-pi-pico-2": [
        "picotool load -v -x OUT/kws.uf2",
        "cp OUT/kws.uf2 DRIVE/RP2350",
        "pyocd flash --target rp2350 OUT/kws.hex",
    ],
    "stm32vldiscovery": [
        "openocd -f board/stm32vldiscovery.cfg -c 'program {OUT/kws.elf} verify reset exit'",
        "st-flash --reset write OUT/kws.bin 0x08000000",
    ],
    "teensy-4.1": ["teensy_loader_cli --mcu=TEENSY41 -w -v OUT/kws.hex"],
    **dict.fromkeys(
        [board.name for board in all_boards() if board.image == "linux"], ["scp OUT/kws pi@raspberrypi.local:"]
    ),
}
BOARDS = [board for board in all_boards() if board.runner]


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """A folder as `edgeshift build` leaves it."""

    def make(board: str = "microbit-v2", verified: Verified | None = EXACT) -> Path:
        out = tmp_path / "out"
        out.mkdir()
        for name, data in FILES.items():
            (out / name).write_bytes(data)
        (out / MANIFEST).write_bytes(Manifest.of("kws", board, 1, verified, FILES).as_json())
        return out

    return make


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Only the programs that are named are on the PATH: each writes its arguments into the file that is returned."""
    folder, log = tmp_path / "bin", tmp_path / "called"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(*programs: str, status: int = 0) -> Path:
        for program in programs:
            file = folder / program
            file.write_text(f'#!/bin/sh\necho "{program} $@" >> "{log}"\necho "{program} says"\nexit {status}\n')
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return log

    return install


def _options(kind: str) -> dict[str, str]:
    return {"port": {"port": "/dev/ttyACM0"}, "host": {"host": "pi@raspberrypi.local"}}.get(str(TOOLS[kind].needs), {})


def _plans(board: Board, out: Path) -> list[Flashing]:
    return [plan_flash(out, board, runner.kind, **_options(runner.kind)) for runner in board.runner]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_the_right_command_for_every_board(board: Board, build: Callable[..., Path]) -> None:
    out = build(board.name)
    for plan, command in zip(_plans(board, out), COMMANDS[board.name], strict=True):
        drive, _, label = command.rpartition(" DRIVE/")
        if drive:
            assert plan.shell == f"{drive.replace('OUT', str(out))} {plan.command[-1]}"
            assert Path(plan.command[-1]).name == label
        else:
            assert plan.shell == command.replace("OUT", str(out))


def test_every_tool_is_known_and_only_emulated_boards_have_none() -> None:
    assert TOOLS.keys() == RUNNERS.keys() and all(tool.get for tool in TOOLS.values())
    assert {board.name for board in all_boards() if not board.runner} == {
        "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547",
    }  # fmt: skip


def test_targets_are_in_pyocds_list() -> None:
    known = (RECORDED / "pyocd.txt").read_text(encoding="utf-8").partition("\n")[2].split()
    used = {runner.target for board in BOARDS for runner in board.runner if runner.kind == "pyocd"}
    assert len(used) >= 5 and used <= set(known)


def test_scripts_are_in_debians_openocd() -> None:
    known = (RECORDED / "openocd.txt").read_text(encoding="utf-8").partition("\n")[2].split()
    used = {script for board in BOARDS for runner in board.runner for script in runner.scripts}
    assert len(used) >= 8 and used <= set(known)


@pytest.mark.skipif(shutil.which("openocd") is None, reason="openocd is not installed: apt-get install openocd")
@pytest.mark.parametrize("board", [b for b in BOARDS if any(r.scripts for r in b.runner)], ids=lambda board: board.name)
def test_openocd_takes_the_scripts(board: Board) -> None:
    scripts = next(runner.scripts for runner in board.runner if runner.scripts)
    command = ["openocd", *(word for script in scripts for word in ("-f", script)), "-c", "shutdown"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("verified", "error"),
    [(None, "was not verified"), (Verified(200, 3, "LiteRT", "x"), "3 of 200 hops differ from LiteRT")],
)
def test_what_was_not_verified_is_not_flashed(
    verified: Verified | None, error: str, build: Callable[..., Path], tools: Callable[..., Path]
) -> None:
    called, out = tools("pyocd"), build(verified=verified)
    assert error in edgeshift("flash", out).error and "--force" in edgeshift("flash", out).error
    with pytest.raises(VerificationError):
        plan_flash(out)
    assert not called.exists()
    assert edgeshift("flash", out, "--force").status == 0
    assert called.read_text() == f"pyocd flash --target nrf52833 {out}/kws.hex\n"


def test_what_was_changed_is_not_flashed(build: Callable[..., Path], tools: Callable[..., Path]) -> None:
    tools("pyocd")
    out = build()
    (out / "kws.hex").write_text("other")
    (out / "new.hex").write_text("other")
    for image in ("kws.hex", "new.hex"):
        with pytest.raises(InputError, match="is not the file that was built"):
            plan_flash(out / image)
        assert plan_flash(out / image, force=True).image == out / image
    with pytest.raises(InputError, match=r"kws.hex, new.hex: name the one"):
        plan_flash(out)


def test_not_on_another_board_not_even_by_force(build: Callable[..., Path]) -> None:
    out = build("nucleo-f446re")
    with pytest.raises(BoardError, match="was built for nucleo-f446re, not for microbit-v2"):
        plan_flash(out, "microbit-v2")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "verified": 3}', "\xff"])
def test_a_damaged_manifest(text: str, build: Callable[..., Path]) -> None:
    out = build()
    (out / MANIFEST).write_bytes(text.encode("latin-1"))
    assert "is damaged" in edgeshift("flash", out, "--dry-run").error


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("nowhere",), "there is no 'nowhere'"),
        (("OUT/kws.bin",), "pyocd takes .hex or .elf, not 'kws.bin'"),
        (("OUT", "--runner", "st-flash"), "is not flashed by st-flash: use pyocd, openocd"),
        (("OUT", "--port", "/dev/ttyACM0"), "pyocd takes no --port, on microbit-v2"),
        (("OUT", "--force", "--board", "arduino-nano-33-ble", "--runner", "bossac"), "bossac wants --port"),
        (("OUT", "--force", "--board", "raspberry-pi-5"), "scp wants --host"),
        (("OUT", "--force", "--board", "mps2-an386"), "how to flash mps2-an386 is not known"),
        (("OUT", "--board", "pigeon"), "unknown board 'pigeon'"),
    ],
)
def test_refusals(
    arguments: tuple[str, ...], error: str, build: Callable[..., Path], tools: Callable[..., Path]
) -> None:
    tools("pyocd")
    out = build()
    given = [a.replace("OUT", str(out)) for a in arguments]
    assert error in edgeshift("flash", *given, "--dry-run").error


def test_a_folder_that_was_not_built(tmp_path: Path, tools: Callable[..., Path]) -> None:
    tools("pyocd")
    (tmp_path / "kws.hex").write_text("")
    assert f"has no {MANIFEST}: `edgeshift build` writes one" in edgeshift("flash", tmp_path).error
    command = edgeshift("flash", tmp_path, "--dry-run", "--force", "--board", "microbit-v2", "--json").answer["command"]
    assert command == ["pyocd", "flash", "--target", "nrf52833", str(tmp_path / "kws.hex")]
    (tmp_path / "kws.hex").unlink()
    with pytest.raises(InputError, match="has no image that pyocd takes"):
        plan_flash(tmp_path, "microbit-v2", force=True)


def test_a_dry_run_runs_nothing_and_says_what_is_missing(
    build: Callable[..., Path], tools: Callable[..., Path]
) -> None:
    called, out = tools(), build()
    done = edgeshift("flash", out, "--dry-run")
    assert done.status == 0 and done.out == f"$ pyocd flash --target nrf52833 {out}/kws.hex\n"
    assert done.err == "note: pyocd is not installed: pip install pyocd\n"
    tools("pyocd")
    assert edgeshift("flash", out, "--dry-run").err == "" and not called.exists()


def test_the_first_runner_that_is_installed(build: Callable[..., Path], tools: Callable[..., Path]) -> None:
    out = build("nucleo-h743zi")
    assert plan_flash(out).runner == "openocd"
    tools("st-flash")
    assert plan_flash(out).runner == "st-flash"
    tools("pyocd")
    assert plan_flash(out).runner == "pyocd"


def test_a_tool_that_is_missing_or_fails(build: Callable[..., Path], tools: Callable[..., Path]) -> None:
    called, out = tools(), build()
    with pytest.raises(ToolchainError, match="pyocd is not installed: pip install pyocd"):
        flash(plan_flash(out))
    tools("pyocd", status=3)
    with pytest.raises(ToolchainError, match=r"pyocd failed with status 3: pyocd flash --target nrf52833"):
        flash(plan_flash(out))
    assert called.exists()


def test_a_drive_that_is_not_there(build: Callable[..., Path], tools: Callable[..., Path]) -> None:
    tools("cp")
    error = edgeshift("flash", build("raspberry-pi-pico")).err.splitlines()[-1]
    assert "there is no drive" in error and "hold BOOTSEL" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_image_that_cannot_be_read(build: Callable[..., Path]) -> None:
    out = build()
    (out / "kws.hex").chmod(0)
    with pytest.raises(EdgeShiftError, match="cannot read"):
        plan_flash(out)


def test_a_users_own_board(build: Callable[..., Path], tmp_path: Path) -> None:
    text = (resource("boards") / "microbit-v2.toml").read_text(encoding="utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('"microbit-v2"', '"mine"').replace("nrf52833", "my-chip"), encoding="utf-8")
    assert "--target my-chip" in plan_flash(build("mine"), mine, "pyocd").shell
