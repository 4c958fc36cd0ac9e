"""Board files: every shipped one is valid, and a wrong one is refused in one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeshift.device import all_boards, load_board
from edgeshift.device.boards import Region
from edgeshift.errors import BoardError
from edgeshift.resources import resource

VALID = (resource("boards") / "mps2-an386.toml").read_text(encoding="utf-8")


def test_shipped_boards_are_named_as_their_files() -> None:
    names = [board.name for board in all_boards()]
    assert names == sorted(file.stem for file in resource("boards").glob("*.toml"))
    assert set(names) == {
        "arduino-nano-33-ble", "b-u585i-iot02a", "microbit-v2", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505",
        "mps3-an547", "netduino-plus-2", "nrf5340-dk", "nucleo-f446re", "nucleo-h743zi", "nucleo-l4r5zi",
        "raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5", "raspberry-pi-pico", "raspberry-pi-pico-2",
        "raspberry-pi-zero", "raspberry-pi-zero-2", "stm32vldiscovery", "teensy-4.1",
    }  # fmt: skip


def test_load_by_name() -> None:
    board = load_board("mps2-an386")
    assert (board.core, board.isa, board.console.kind) == ("cortex-m4", "armv7em", "cmsdk_uart")
    assert board.image == "bare-metal" and board.memory is not None
    assert (board.toolchain.float_abi, board.toolchain.fpu) == ("hard", "fpv4-sp-d16")
    assert board.memory.flash == Region(0, 4 << 20)
    assert board.emulator is not None and board.emulator.machine == "mps2-an386"


def test_linux_board() -> None:
    board = load_board("raspberry-pi-5")
    assert (board.image, board.isa, board.memory) == ("linux", "dotprod", None)
    assert board.toolchain.float_abi is None and board.toolchain.fpu is None


def test_load_by_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(VALID.replace("mps2-an386", "mine").split("[emulator]")[0], encoding="utf-8")
    board = load_board(mine)
    assert board.name == "mine" and board.emulator is None
    assert load_board(str(mine)) == board


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('core = "', 'colour = "red"\ncore = "', "unknown key 'colour'"),
        ('cpu = "', 'speed = 5\ncpu = "', "unknown key 'toolchain.speed'"),
        ("size = 0x00400000\n\n[emulator]", "[emulator]", "the key 'memory.ram.size' is missing"),
        ('core = "cortex-m4"\n', "", "the key 'core' is missing"),
        ("origin = 0x20000000", 'origin = "0x20000000"', "'memory.ram.origin' must be an integer"),
        ("origin = 0x20000000", "origin = true", "'memory.ram.origin' must be an integer"),
        ("origin = 0x20000000", "origin = 0x00300000", "memory.flash and memory.ram overlap"),
        ("origin = 0x20000000", "origin = 0xFFF00000", "memory.ram must have a size and lie within"),
        ('core = "cortex-m4"', "core = 4", "'core' must be a string, not 4"),
        (
            'packages = ["qemu-system-arm"]',
            'packages = "qemu-system-arm"',
            "'emulator.packages' must be a list",
        ),
        (
            'kind = "cmsdk_uart"',
            'kind = "pigeon"',
            "unknown console.kind 'pigeon', use one of cmsdk_uart, lpuart, nrf_uarte",
        ),
        ("base = 0x40004000", "baes = 0x40004000", "unknown key 'console.constants.baes' of cmsdk_uart, the keys here"),
        ("base = 0x40004000", "", "missing key 'console.constants.base' of cmsdk_uart"),
        ("base = 0x40004000", 'base = "1"', "must be a table of integers"),
        ("base = 0x40004000", "base = 0x140004000", "console constant 'base' must be of 32 bits"),
        ("baud = 115_200", "", "the key 'console.baud' is missing, cmsdk_uart is a serial console"),
        ('kind = "cmsdk_uart"', 'kind = "stdio"', "console.baud belongs to serial consoles, stdio is another"),
        ("max_hz = 25_000_000", "max_hz = 24_000_000", "clock.hz must be above 0 and at most clock.max_hz"),
        ("[emulator]", '[[runner]]\nkind = "pigeon"\n[emulator]', "unknown runner.kind 'pigeon', use one of pyocd"),
        ("[emulator]", '[[runner]]\nkind = "pyocd"\n[emulator]', "'runner.target': a runner of the kind pyocd wants"),
        ("[emulator]", '[runner]\nkind = "uf2"\n[emulator]', "'runner' must be a list of tables, [[runner]]"),
        ('isa = "', 'boot = "pigeon"\nisa = "', "unknown boot 'pigeon', use one of rp2040, rp2350, imxrt1062"),
        ('isa = "', 'setup = [{ at = 2, set = 1 }]\nisa = "', "setup of 0x00000002: a register's address is"),
        ('isa = "', 'setup = [{ at = 4, set = 1, write = 1 }]\nisa = "', "'write' is the whole register"),
        ('isa = "', 'setup = [{ at = 4, wait = 0x100000000 }]\nisa = "', "0x100000000 is not of 32 bits"),
        ('isa = "', 'setup = [{ bit = 4 }]\nisa = "', "unknown key 'setup.bit', the keys here are at, clear, set"),
        ('isa = "', 'setup = [4]\nisa = "', "'setup' must be a list of tables"),
        ('isa = "armv7em"', 'isa = "avx"', "unknown isa 'avx', use one of portable, armv6m"),
        ('core = "', 'image = "rom"\ncore = "', "unknown image 'rom', use one of bare-metal, linux"),
        ('kind = "qemu-system"', 'kind = "simics"', "unknown emulator.kind 'simics', use one of qemu-system"),
        (
            'kind = "qemu-system"',
            'kind = "qemu-user"',
            "'emulator.machine' belongs to emulators of the kind qemu-sys",
        ),
        ('core = "', 'image = "linux"\ncore = "', "the table [memory] belongs to bare-metal images"),
        ('name = "mps2-an386"', 'name = "../x"', "the name '../x' must be made of"),
        ("[emulator]", "[emulator", "is not a TOML file"),
    ],
)
def test_wrong_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in VALID
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(VALID.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BoardError) as caught:
        load_board(wrong)
    assert message in str(caught.value)
    assert str(wrong) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nonsense", "no/such/file.toml", "", "."])
def test_unknown_board(name: str) -> None:
    with pytest.raises(BoardError, match=r"unknown board .* use one of arduino-nano-33-ble|cannot read the board file"):
        load_board(name)
