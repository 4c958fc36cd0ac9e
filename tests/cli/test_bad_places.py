"""Folders that cannot be written, tools that are missing: one line, status 1, and nothing left behind.

The tests run as root too, whom no permission stops: what stands in the way here stops everyone.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cli.command import edgeshift

ROOT = Path(__file__).resolve().parents[2]


class TestUnwritable:
    def test_a_file_where_the_folder_should_be(self, kws: Path, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("mine")
        for folder in (tmp_path / "out", tmp_path / "out" / "deeper" / "still"):
            assert "cannot write" in edgeshift("compile", kws, "-o", folder).error
        assert [f.name for f in tmp_path.iterdir()] == ["out"] and (tmp_path / "out").read_text() == "mine"

    @pytest.mark.parametrize("folder", ["/proc/edgeshift", "/proc/self/edgeshift/deeper", "/dev/null", "/dev/full"])
    def test_where_nobody_can_write(self, folder: str, kws: Path) -> None:
        assert "cannot write" in edgeshift("compile", kws, "-o", folder).error
        assert not Path("/proc/edgeshift").exists()

    @pytest.mark.parametrize("blocked", ["ds_cnn_int8.c", "ds_cnn_int8.h"])
    def test_never_half_written(self, blocked: str, kws: Path, tmp_path: Path) -> None:
        """One of the two files cannot be replaced: the other is left as it was."""
        assert edgeshift("compile", kws, "-o", tmp_path, "--hop", "2").status == 0
        (tmp_path / blocked).unlink()
        (tmp_path / blocked / "occupied").mkdir(parents=True)
        (other,) = (f for f in tmp_path.iterdir() if f.is_file())
        before = other.read_bytes()
        assert "cannot write" in edgeshift("compile", kws, "-o", tmp_path, "--hop", "3").error
        assert other.read_bytes() == before
        assert {f.name for f in tmp_path.iterdir()} == {"ds_cnn_int8.c", "ds_cnn_int8.h"}

    @pytest.mark.parametrize("blocked", ["ds_cnn_int8.c", "ds_cnn_int8.h"])
    def test_never_half_written_where_nothing_was(self, blocked: str, kws: Path, tmp_path: Path) -> None:
        (tmp_path / blocked).mkdir()
        assert "cannot write" in edgeshift("compile", kws, "-o", tmp_path).error
        assert [f.name for f in tmp_path.iterdir()] == [blocked]

    @pytest.mark.parametrize("limit", [0, 1000, 5000, 12000])
    def test_a_disk_that_fills_up(self, limit: int, kws: Path, tmp_path: Path) -> None:
        """No file may grow beyond the limit: the header fits the larger ones, the source none."""
        assert limit < 12000 or edgeshift("compile", kws, "-o", tmp_path / "whole").status == 0
        command = [sys.executable, "-m", "edgeshift", "compile", str(kws), "-o", str(tmp_path / "out")]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )  # fmt: skip
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith("error: cannot write") and done.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()


class TestMissingTools:
    @pytest.fixture
    def tools(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A PATH of its own, into which a test puts what is installed; and a folder for temporary files."""
        folder = tmp_path / "bin"
        folder.mkdir()
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
        monkeypatch.delenv("CC", raising=False)
        (tmp_path / "tmp").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", None)
        return folder

    @staticmethod
    def install(tools: Path, *names: str) -> None:
        for name in names:
            found = shutil.which(name, path=os.defpath + ":/usr/local/bin")
            assert found, name
            (tools / name).symlink_to(found)

    @pytest.mark.parametrize("verb", ["run", "verify", "bench"])
    def test_no_cross_compiler(self, verb: str, kws: Path, tools: Path, tmp_path: Path) -> None:
        error = edgeshift(verb, kws, "--board", "mps2-an386", "--hops", "2").error
        assert "arm-none-eabi-gcc" in error and "apt-get install gcc-arm-none-eabi" in error
        assert not list((tmp_path / "tmp").iterdir())

    def test_no_emulator(self, kws: Path, tools: Path, tmp_path: Path) -> None:
        self.install(tools, "arm-none-eabi-gcc", "arm-none-eabi-size", "arm-none-eabi-nm", "arm-none-eabi-objdump")
        error = edgeshift("run", kws, "--board", "mps2-an386", "--hops", "2").error
        assert "qemu-system-arm" in error and "apt-get install" in error
        assert not list((tmp_path / "tmp").iterdir())

    def test_no_compiler(self, kws: Path, tools: Path, tmp_path: Path) -> None:
        assert "gcc" in edgeshift("verify", kws, "--hops", "2").error
        assert not list((tmp_path / "tmp").iterdir())

    def test_a_compiler_that_fails(self, kws: Path, tools: Path, tmp_path: Path) -> None:
        (tools / "cc").write_text("#!/bin/sh\necho 'cc: out of order' >&2\necho more >&2\nexit 1\n")
        (tools / "cc").chmod(0o755)
        assert "out of order" in edgeshift("verify", kws, "--hops", "2").error
        assert not list((tmp_path / "tmp").iterdir())

    def test_planning_needs_no_tool(self, kws: Path, tools: Path, tmp_path: Path) -> None:
        assert edgeshift("inspect", kws).status == edgeshift("boards").status == edgeshift("ops").status == 0
        assert edgeshift("compile", kws, "-o", tmp_path / "out").status == 0

    def test_no_oracle(self, kws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for package in ("ai_edge_litert", "tflite_runtime"):
            monkeypatch.setitem(sys.modules, package, None)
            monkeypatch.setitem(sys.modules, f"{package}.interpreter", None)
        assert "pip install ai-edge-litert" in edgeshift("verify", kws, "--hops", "2").error
