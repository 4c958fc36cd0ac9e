"""Every verb, for people and for tools, and what it means by its status."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeshift.cli import cli
from edgeshift.device import all_boards
from edgeshift.ops import REGISTRY
from edgeshift.resources import resource
from tests.cli.command import edgeshift

PLAN_KEYS = {
    "window_frames", "hop", "total_stride", "macs_window", "macs_per_hop", "macs_per_hop_max", "state_bytes",
    "scratch_bytes", "weights_bytes", "layers",
}  # fmt: skip
LAYER_KEYS = {
    "op", "shape", "stride", "interior", "columns_per_hop", "ring_columns", "ring_bytes", "macs_window", "macs_per_hop",
}  # fmt: skip
REPORT_KEYS = {"exact", "hops_compared", "mismatched_hops", "max_abs_diff", "max_ulp", "oracle"}


class TestInspect:
    def test_json(self, kws: Path) -> None:
        plan = edgeshift("inspect", kws, "--hop", "2", "--json").answer
        assert plan.keys() >= PLAN_KEYS
        assert (plan["window_frames"], plan["hop"], plan["total_stride"]) == (25, 2, 2)
        assert all(layer.keys() >= LAYER_KEYS for layer in plan["layers"])
        assert sum(layer["macs_per_hop"] for layer in plan["layers"]) == plan["macs_per_hop"]
        assert sum(layer["macs_window"] for layer in plan["layers"]) == plan["macs_window"]
        assert 0 < plan["macs_per_hop"] <= plan["macs_per_hop_max"] <= plan["macs_window"]

    def test_table(self, kws: Path) -> None:
        result = edgeshift("inspect", kws)
        assert result.status == 0 and result.err == ""
        plan = edgeshift("inspect", kws, "--json").answer
        for figure in (plan["macs_per_hop"], plan["macs_window"], plan["state_bytes"], plan["weights_bytes"]):
            assert f"{figure:,}" in result.out
        assert plan["time_axis"] in result.out
        for layer in plan["layers"]:
            assert layer["op"] in result.out

    def test_narrow_and_piped_output_has_no_colour(self, kws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "40")
        assert "\x1b" not in edgeshift("inspect", kws).out

    @pytest.mark.parametrize("option", [("--time-axis", "1"), ("--frames", "25"), ("--reference", "tflm")])
    def test_options_that_say_what_is_guessed(self, option: tuple[str, str], kws: Path) -> None:
        assert edgeshift("inspect", kws, *option, "--json").answer["window_frames"] == 25

    def test_a_budget(self, kws: Path) -> None:
        free = edgeshift("inspect", kws, "--json").answer
        assert (
            edgeshift("inspect", kws, "--ram", free["struct_bytes"], "--json").answer["macs_per_hop"]
            == (free["macs_per_hop"])
        )
        assert "bytes" in edgeshift("inspect", kws, "--ram", "1").error


class TestCompile:
    def test_json(self, kws: Path, tmp_path: Path) -> None:
        answer = edgeshift("compile", kws, "-o", tmp_path / "a" / "b", "--hop", "3", "--name", "kws", "--json").answer
        assert answer.keys() >= PLAN_KEYS | {"name", "files"}
        assert [Path(f).name for f in answer["files"]] == ["kws.h", "kws.c"]
        assert {f.name for f in (tmp_path / "a" / "b").iterdir()} == {"kws.h", "kws.c"}
        assert "#define KWS_HOP_FRAMES 3" in (tmp_path / "a" / "b" / "kws.h").read_text()

    def test_for_people(self, kws: Path, tmp_path: Path) -> None:
        result = edgeshift("compile", kws, "-o", tmp_path)
        assert result.status == 0 and "ds_cnn_int8.c" in result.out and "time axis: " in result.out

    def test_over_what_was_there(self, kws: Path, tmp_path: Path) -> None:
        (tmp_path / "ds_cnn_int8.h").write_text("old")
        (tmp_path / "other").write_text("kept")
        assert edgeshift("compile", kws, "-o", tmp_path).status == 0
        assert {f.name for f in tmp_path.iterdir()} == {"ds_cnn_int8.h", "ds_cnn_int8.c", "other"}
        assert (tmp_path / "ds_cnn_int8.h").read_text() != "old" and (tmp_path / "other").read_text() == "kept"


class TestExport:
    def test_json(self, kws: Path, tmp_path: Path) -> None:
        folder = tmp_path / "a" / "b"
        answer = edgeshift(
            "export", kws, "--as", "arduino", "-o", folder, "--hop", "3", "--name", "kws", "--json"
        ).answer
        files = [str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()]
        assert answer["name"] == "kws" and answer["kind"] == "arduino" and answer["files"] == sorted(files)
        assert "#define KWS_HOP_FRAMES 3" in (folder / "src" / "kws.h").read_text()

    def test_for_people(self, kws: Path, tmp_path: Path) -> None:
        result = edgeshift("export", kws, "--as", "cmake", "-o", tmp_path / "package")
        assert result.status == 0 and "CMakeLists.txt" in result.out

    def test_a_version_that_is_none(self, kws: Path, tmp_path: Path) -> None:
        result = edgeshift("export", kws, "--as", "cmake", "-o", tmp_path / "package", "--version", "new")
        assert "'new'" in result.error and not (tmp_path / "package").exists()


class TestVerify:
    def test_json(self, kws: Path) -> None:
        report = edgeshift("verify", kws, "--hop", "3", "--hops", "30", "--seed", "5", "--json").answer
        assert report.keys() >= REPORT_KEYS
        assert report["exact"] is True and report["hops_compared"] == 30
        assert report["mismatched_hops"] == report["max_abs_diff"] == report["max_ulp"] == 0
        assert "reference" in report["oracle"]

    def test_float(self, curve: Path) -> None:
        report = edgeshift("verify", curve, "--json").answer
        assert report["exact"] is True and report["hops_compared"] == 200
        assert 0 <= report["max_abs_diff"] <= 1e-5 and report["max_ulp"] >= 0

    def test_for_people(self, kws: Path) -> None:
        result = edgeshift("verify", kws, "--hops", "20")
        assert result.status == 0 and "20 of 20 hops" in result.out and result.err == ""

    def test_recordings(self, kws: Path, curve: Path, samples: Path, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        np.save(tmp_path / "raw.npy", rng.integers(-128, 128, (80, 10, 1), np.int8))
        np.save(tmp_path / "real.npy", rng.normal(0, 1, (80, 10)))
        np.savetxt(tmp_path / "table.csv", rng.normal(0, 1, (40, 4)), delimiter=",", header="a,b,c,d", comments="")
        _write_wav(tmp_path / "sound.wav", rng.integers(-30000, 30000, 100).astype("<i2").tobytes())
        for model, file, hops in (
            (kws, "raw.npy", 56), (kws, "real.npy", 56), (curve, "table.csv", 20), (samples, "sound.wav", 81)
        ):  # fmt: skip
            report = edgeshift("verify", model, "--input", tmp_path / file, "--json").answer
            assert (report["exact"], report["hops_compared"], report["input"]) == (True, hops, file)

    def test_status_1_when_it_is_not_exact(self, kws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An oracle that lies in one hop: the report says so, and the status does."""
        from edgeshift.host import verify

        def liar(model: bytes, state: object = (), streams: bool = False) -> object:
            made, calls = honest(model), itertools.count()
            answer = made.run
            made.run = lambda window: [o ^ (next(calls) == 7) for o in answer(window)]
            return made

        honest = sys.modules[verify.__module__].make_oracle  # type: ignore[attr-defined]
        monkeypatch.setattr(sys.modules[verify.__module__], "make_oracle", liar)
        result = edgeshift("verify", kws, "--hops", "20", "--json")
        assert result.status == 1
        report = json.loads(result.out)
        assert report["exact"] is False and report["mismatched_hops"] == 1 and report["max_abs_diff"] == 1
        assert result.err.startswith("error: 1 of 20 hops differ") and result.err.count("\n") == 1


def test_run(kws: Path) -> None:
    answer = edgeshift("run", kws, "--board", "mps2-an386", "--hops", "5", "--json").answer
    assert answer["hops"] == [24, 25, 26, 27, 28] and answer["board"] == "mps2-an386"
    assert np.array(answer["outputs"]).shape == (5, 1, 1, 4)
    assert answer["flash_bytes"] > 0 and answer["ram_bytes"] > answer["stack_bytes"] > 0


class TestBoards:
    def test_all(self) -> None:
        known = edgeshift("boards", "--json").answer["boards"]
        assert [b["name"] for b in known] == [b.name for b in all_boards()]
        assert {"mps2-an385", "raspberry-pi-pico", "netduino-plus-2", "teensy-4.1"} <= {b["name"] for b in known}
        lines = edgeshift("boards").out.splitlines()
        assert [line.split()[0] for line in lines[1 : len(known) + 1]] == [b["name"] for b in known]
        assert max(map(len, lines)) <= 80

    @pytest.mark.parametrize("name", [board.name for board in all_boards()])
    def test_one(self, name: str) -> None:
        board = edgeshift("boards", name, "--json").answer
        shown = edgeshift("boards", name).out
        assert board["name"] == name and board["core"] in shown and board["toolchain"]["prefix"] in shown
        assert max(map(len, shown.splitlines())) <= 80

    def test_a_file_of_the_users_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        text = (resource("boards") / "mps2-an386.toml").read_text(encoding="utf-8")
        (tmp_path / "mine.toml").write_text(text.replace('"mps2-an386"', '"mine"', 1), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        assert edgeshift("boards", "mine.toml", "--json").answer["name"] == "mine"
        (tmp_path / "mine.toml").write_text(text + "[colour]", encoding="utf-8")
        assert "unknown key 'colour'" in edgeshift("boards", "mine.toml").error
        assert "unknown board 'mine'" in edgeshift("boards", "mine").error


def test_ops() -> None:
    assert edgeshift("ops", "--json").answer == {"operators": sorted(REGISTRY)}
    assert edgeshift("ops").out.split() == sorted(REGISTRY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("inspect",),
        ("inspect", "MODEL", "--hop", "0"),
        ("inspect", "MODEL", "--hop", "-3"),
        ("inspect", "MODEL", "--hop", "1.5"),
        ("inspect", "MODEL", "--no-such-option"),
        ("inspect", "MODEL", "--reference", "other"),
        ("compile", "MODEL"),
        ("verify", "MODEL", "--hops", "0"),
        ("verify", "MODEL", "--hops", "many"),
        ("verify", "MODEL", "--seed", "-1"),
        ("run", "MODEL"),
        ("boards", "one", "two"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], kws: Path) -> None:
    assert edgeshift(*(kws if a == "MODEL" else a for a in arguments)).usage


def test_help_of_every_verb() -> None:
    """What it does, an example, and its options, in 80 columns."""
    top = edgeshift("--help")
    assert top.status == 0
    for verb in cli.commands:
        assert f"\n  {verb} " in top.out
        result = edgeshift(verb, "-h")
        assert result.status == 0 and ("--json" in result.out or verb == "completion")
        assert f"\n  edgeshift {verb}" in result.out.partition("\n")[2]
        assert max(map(len, result.out.splitlines())) <= 80


class TestAsAProgram:
    """In a process of its own: where output goes when it cannot go where it should."""

    COMMAND = (sys.executable, "-m", "edgeshift")

    def run(self, *arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **options.pop("env", {})}  # type: ignore[dict-item]
        return subprocess.run(
            [*self.COMMAND, *map(str, arguments)], env=environment, cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE, text=True, **options,
        )  # type: ignore[call-overload, no-any-return]  # fmt: skip

    def test_json_is_all_of_standard_output(self, kws: Path) -> None:
        done = self.run("verify", kws, "--hops", "5", "--json", stdout=subprocess.PIPE)
        assert json.loads(done.stdout)["exact"] and done.returncode == 0

    @pytest.mark.parametrize("verb", [("ops",), ("boards", "--json")])
    def test_a_full_disk(self, verb: tuple[str, ...]) -> None:
        with open("/dev/full", "w") as full:
            done = self.run(*verb, stdout=full)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr

    def test_a_reader_that_goes_away(self, kws: Path) -> None:
        read, write = os.pipe()
        os.close(read)
        done = self.run("inspect", kws, "--json", stdout=write)
        os.close(write)
        assert done.returncode == 1 and "Traceback" not in done.stderr

    def test_a_terminal_that_knows_ascii_only(self, tmp_path: Path) -> None:
        from tests.emit.models import renamed, tiny_f32

        (tmp_path / "größe.tflite").write_bytes(renamed(tiny_f32, ["Größe", "温度", "/*"]))
        ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        for arguments in (("inspect", "--json"), ("inspect",), ("compile", "-o", tmp_path / "out")):
            verb, *rest = arguments
            done = self.run(verb, tmp_path / "größe.tflite", *rest, stdout=subprocess.PIPE, env=ascii_only)
            assert done.returncode == 0, done.stderr


def _write_wav(path: Path, data: bytes, channels: int = 1, width: int = 2) -> None:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(16000)
        file.writeframes(data)
