"""`doctor` and `completion`: what is installed, what is missing, and what a shell needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeshift.device import all_boards
from edgeshift.device.flashing import TOOLS
from tests.cli.command import edgeshift


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; nothing is in it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    return tmp_path


class TestDoctor:
    def test_here(self) -> None:
        """The tests could not run without a compiler and a judge."""
        answer = edgeshift("doctor", "--json").answer
        assert answer["works"]
        tools = {tool["name"]: tool for tool in answer["tools"]}
        assert not tools["C compiler"]["missing"] and not tools["reference kernels"]["missing"]
        assert tools.keys() >= {board.toolchain.prefix + "gcc" for board in all_boards()}
        assert tools.keys() >= {"qemu-system-arm", "qemu-aarch64", "qemu-arm", "rp2040js (node)"}
        assert tools.keys() >= {tool.program for kind, tool in TOOLS.items() if kind != "uf2"}

    def test_for_people(self) -> None:
        done = edgeshift("doctor")
        assert done.status == 0 and done.err == "" and "\x1b" not in done.out
        assert max(map(len, done.out.splitlines())) <= 80
        assert "  ok      C compiler" in done.out

    def test_with_nothing_installed(self, bare: Path) -> None:
        done = edgeshift("doctor")
        assert done.status == 1 and done.err.startswith("error: networks cannot be verified on this computer")
        assert "  ok      reference kernels" in done.out
        assert max(map(len, done.out.splitlines())) <= 80
        for package in (
            "gcc libc6-dev",
            "gcc-arm-none-eabi",
            "qemu-user",
            "nodejs npm",
            "openocd",
            "pip install pyocd",
        ):
            assert package in done.out, package
        names = [line.split()[1] for line in done.out.splitlines() if line.startswith("  missing")]
        assert {"C", "arm-linux-gnueabi-gcc", "qemu-arm", "openocd", "scp"} <= set(names)

    def test_a_compiler_that_builds_nothing(self, bare: Path) -> None:
        (bare / "cc").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
        (bare / "cc").chmod(0o755)
        done = edgeshift("doctor")
        assert done.status == 1 and "builds nothing (broken)" in done.out

    def test_a_compiler_without_headers_of_the_system(self, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it leaves is no library."""
        (bare / "cc").write_text('#!/bin/sh\nfor last; do :; done\necho text > "$last"\n')
        (bare / "cc").chmod(0o755)
        assert "cannot be loaded" in edgeshift("doctor").out


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_script(self, shell: str) -> None:
        script = edgeshift("completion", shell).out
        assert "_EDGESHIFT_COMPLETE" in script and "edgeshift" in script
        if program := shutil.which(shell):
            done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("edgeshift fl", ["flash"]),
            ("edgeshift boards raspberry-pi-z", ["raspberry-pi-zero", "raspberry-pi-zero-2"]),
            ("edgeshift verify kws.tflite --board netd", ["netduino-plus-2"]),
            ("edgeshift flash out --runner open", ["openocd"]),
        ],
    )
    def test_completes(self, words: str, expected: list[str]) -> None:
        """As bash asks for it."""
        environment = {
            "_EDGESHIFT_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        program = "import sys; sys.argv = ['edgeshift']; from edgeshift.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            check=True,
        )
        assert [line.partition(",")[2] for line in done.stdout.splitlines()] == expected
