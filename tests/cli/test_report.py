"""`edgeshift report`: what it writes, that it writes all or nothing, and its status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeshift.errors import VerificationError
from edgeshift.resources import resource
from tests.cli.command import edgeshift


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_two_files_the_same_at_every_run(kws: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "frames.npy", rng.normal(0, 1, (60, 10)))
    (tmp_path / "labels.csv").write_text("".join(f"{k // 20}\n" for k in range(60)))
    for folder in ("one", "two/deeper"):
        command = ["report", kws, "--hop", "2", "--input", tmp_path / "frames.npy", "--labels", tmp_path / "labels.csv"]
        result = edgeshift(*command, "--classes", "no, yes,up,down", "-o", tmp_path / folder / "kws.html")
        assert result.status == 0 and result.err == "" and result.out.count("wrote ") == 2
        assert names(tmp_path / folder) == {"kws.html", "kws.json"}
    one, two = ([(tmp_path / f / n).read_bytes() for n in ("kws.html", "kws.json")] for f in ("one", "two/deeper"))
    assert one == two and str(tmp_path).encode() not in b"".join(one)
    data = json.loads(one[1])
    assert [o["name"] for o in data["stream"]["outputs"]] == ["no", "yes", "up", "down"]
    assert [(r["from"], r["to"], r["name"]) for r in data["stream"]["labels"]] == [
        (0, 20, "no"), (20, 40, "yes"), (40, 60, "up")
    ]  # fmt: skip


def test_json(kws: Path, tmp_path: Path) -> None:
    answer = edgeshift("report", kws, "--hops", "3", "--json", "-o", tmp_path / "kws.html").answer
    assert answer == json.loads((tmp_path / "kws.json").read_text())
    assert answer["verification"]["exact"] is True and answer["verification"]["hops_compared"] == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--input", "missing.npy"), "No such file"),
        (("--labels", "missing.npy"), "labels belong to a recording"),
        (("--classes", "a,b"), "2 names of classes"),
        (("--board", "unknown"), "unknown board"),
        (("--ram", "1"), "bytes"),
        (("--time-axis", "7"), "no axis 7"),
    ],
)
def test_bad_input_leaves_nothing(options: tuple[str, str], words: str, kws: Path, tmp_path: Path) -> None:
    assert words in edgeshift("report", kws, *options, "-o", tmp_path / "out" / "kws.html").error
    assert not list(tmp_path.iterdir())


def test_bad_places(kws: Path, tmp_path: Path) -> None:
    assert "must end in .html" in edgeshift("report", kws, "-o", tmp_path / "kws").error
    (tmp_path / "kws.html").mkdir()
    assert edgeshift("report", kws, "--hops", "1", "-o", tmp_path / "kws.html").error
    assert names(tmp_path) == {"kws.html"} and not list((tmp_path / "kws.html").iterdir())


def test_bad_models(tmp_path: Path) -> None:
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    assert "bad" in edgeshift("report", tmp_path / "bad.tflite", "-o", tmp_path / "bad.html").error
    assert names(tmp_path) == {"bad.tflite"}


def test_a_board_that_cannot_be_measured_is_said_so(kws: Path, tmp_path: Path) -> None:
    board = (resource("boards") / "mps2-an386.toml").read_text().replace('"qemu-system-arm"', '"no-such-emulator"', 1)
    (tmp_path / "mine.toml").write_text(board)
    command = ["report", kws, "--hops", "3", "--board", tmp_path / "mine.toml", "-o", tmp_path / "kws.html", "--json"]
    answer = edgeshift(*command).answer
    assert "no-such-emulator is not installed" in answer["measured"][0]["refused"]
    assert answer["plan"]["isa"] == "armv7em" and [b["board"] for b in answer["boards"]] == ["mps2-an386"]
    assert "not counted on mps2-an386" in (tmp_path / "kws.html").read_text()


def test_status_1_when_it_is_not_exact(kws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle that lies: the page is written and says so."""
    from edgeshift.host import verify

    def liar(*arguments: object, **options: object) -> object:
        made = honest(*arguments, **options)
        answer = made.run
        made.run = lambda window: [o ^ 1 for o in answer(window)]
        return made

    module = sys.modules[verify.__module__]
    honest = module.make_oracle  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "make_oracle", liar)
    result = edgeshift("report", kws, "--hops", "3", "-o", tmp_path / "kws.html")
    assert result.status == 1 and "3 of 3 hops differ" in result.err
    assert "NOT exact" in (tmp_path / "kws.html").read_text()


def test_without_an_oracle_it_says_so(kws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeshift.host import verify

    def none(*arguments: object, **options: object) -> object:
        raise VerificationError("no interpreter is installed")

    monkeypatch.setattr(sys.modules[verify.__module__], "make_oracle", none)
    result = edgeshift("report", kws, "--hops", "3", "-o", tmp_path / "kws.html")
    assert result.status == 0 and result.err == "note: not compared with a reference: no interpreter is installed\n"
    page = (tmp_path / "kws.html").read_text()
    assert "not compared" in page and "no interpreter is installed" in page
