"""The programs that the documents show: compiled, run, compared."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from benchmarks.documents import ROOT
from edgeshift import kernels, resources
from edgeshift.emit import render
from edgeshift.host.recording import read_recording
from edgeshift.ops import REGISTRY
from edgeshift.ops.base import operator
from edgeshift.resources import resource
from tests.netbuilder import Net

ACTIVITY = ROOT / "examples" / "activity"
STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]


def code(document: str, language: str, number: int = 0) -> str:
    """A block of code of a document."""
    text = (ROOT / "docs" / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[number]


@pytest.mark.parametrize("isa", ["portable"])
def test_main_c_gives_what_streaming_model_gives(isa: str, tmp_path: Path) -> None:
    """Raw sensor values through the guide's main.c, and through StreamingModel."""
    made = edgeshift.compile(ACTIVITY / "activity.tflite", tmp_path / "out", name="activity", isa=isa)
    (tmp_path / "main.c").write_text(code("guide.md", "c"))
    subprocess.run(
        ["cc", *STRICT, "-Iout", "main.c", "out/activity.c", "-lm", "-o", "activity"], cwd=tmp_path, check=True
    )
    raw = np.load(ACTIVITY / "test_recording.npy")[:1000]
    typed = "\n".join(" ".join(f"{value:.9g}" for value in frame) for frame in raw)
    printed = subprocess.run([tmp_path / "activity"], input=typed, capture_output=True, text=True, check=True)

    np.save(tmp_path / "raw.npy", raw)
    graph = made.plan.network.graph
    (frames,) = read_recording(graph, tmp_path / "raw.npy")
    model = edgeshift.StreamingModel(made.plan)
    expected = []
    for frame in frames:
        scores = model.push(frame)
        if scores is not None:
            best = int(scores.argmax())
            expected.append(f"{best} {(int(scores.reshape(-1)[best]) + 128) / 256:.3f}")
    assert printed.stdout.splitlines() == expected
    assert len(expected) == len(raw) - model.window_frames + 1


def test_demo_on_a_network_of_ones_own(tmp_path: Path) -> None:
    """`make demo MODEL=... INPUT=... LABELS=...` needs nothing but these files."""
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "recording.csv", rng.standard_normal((80, 2)), delimiter=",", header="x,y", comments="")
    np.save(tmp_path / "labels.npy", np.repeat([0, 1], 40))
    inputs = ["--input", tmp_path / "recording.csv", "--labels", tmp_path / "labels.npy", "--hop", "2"]
    program = [sys.executable, ROOT / "examples" / "demo.py", ROOT / "docs" / "example.tflite", *inputs]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "35 of 35 hops bit for bit" in done.stdout
    assert "windows of one label)" in done.stdout


def test_api_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code("api.md", "python"), "api.md", "exec"), {})
    assert "99680 " in capsys.readouterr().out


def test_board_example(tmp_path: Path) -> None:
    file = tmp_path / "my-board.toml"
    file.write_text(code("adding-a-board.md", "toml"))
    assert edgeshift.load_board(file).isa in kernels.ISAS


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """FLOOR as adding-an-operator.md builds it: its file run as a module, its template beside the others."""
    templates = tmp_path / "templates"
    shutil.copytree(resource("templates"), templates)
    (templates / "kernels" / "floor.c.j2").write_text(code("adding-an-operator.md", "jinja"))
    monkeypatch.setattr(resources, "resource", lambda kind: templates if kind == "templates" else resource(kind))
    monkeypatch.setattr(render, "c_environment", render.c_environment.__wrapped__)
    monkeypatch.delitem(REGISTRY, "FLOOR", raising=False)
    monkeypatch.setitem(REGISTRY, "FLOOR", operator)  # so that it is taken away again
    exec(compile(code("adding-an-operator.md", "python"), "floor.py", "exec"), {"__name__": "floor"})


@pytest.mark.usefixtures("floor")
@pytest.mark.parametrize("hop", [1, 3])
def test_operator_example(hop: int, tmp_path: Path) -> None:
    """A network around FLOOR, against the oracle."""
    net = Net("floor", np.random.default_rng(0))
    x = net.input((1, 16, 3))
    x = net.conv1d(net._op("FLOOR", [x], x.shape), 4, 3, padding="SAME")
    net.output(net.dense(net.mean(x, 1), 2))
    file = tmp_path / "floor.tflite"
    file.write_bytes(net.build())
    report = edgeshift.verify(file, hop, hops=20)
    assert report.exact, report
