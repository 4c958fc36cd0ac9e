"""README.md and docs/: what is generated is up to date, what can be run runs, links and paths lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import documents
from benchmarks.documents import EXAMPLE, ROOT
from benchmarks.networks import worked_example
from tests.onnxbuilder import OnnxNet

FILES = [*documents.documents(), ROOT / "CHANGELOG.md", *sorted((ROOT / "examples").glob("**/*.md"))]
BLOCKS = [
    pytest.param(file, kind, argument, id=f"{file.name}: {kind} {argument}")
    for file in documents.documents()
    for kind, argument, _ in documents.blocks(file.read_text())
    if not argument.startswith("make")  # too long; other tests run the demo
]
TOOL_FREE = ("edgeshift inspect", "edgeshift ops", "edgeshift boards")  # no compiler's or oracle's version in it
FOLDERS = "edgeshift|templates|firmware|boards|tests|docs|benchmarks|examples"


def name(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("file", "kind", "argument"), BLOCKS)
def test_block(file: Path, kind: str, argument: str) -> None:
    """Commands must succeed; what does not depend on the versions of tools must be what is printed now."""
    made = documents.made(kind, argument)
    if (kind != "run" or argument.startswith(TOOL_FREE)) and made not in file.read_text():
        pytest.fail(f"{file.name} is not up to date: make docs")


def test_the_worked_example_is_the_one_that_is_built() -> None:
    assert EXAMPLE.read_bytes() == worked_example()


def shown_commands(file: Path) -> list[str]:
    """The edgeshift commands that a document only shows; those that call Keras or PyTorch need more than is here."""
    text = documents.BLOCK.sub("", file.read_text())
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    found = [command for block in blocks for command in re.findall(r"^\$ (edgeshift .*)$", block, re.MULTILINE)]
    return [c for c in found if not re.match(r"edgeshift convert \S+\.(keras|pt2) ", c)]


def exported() -> bytes:
    """A network as PyTorch exports one."""
    net = OnnxNet()
    net.output(net.node("Relu", net.conv(net.input((1, 3, 24)), (3, 4), (3,))))
    return net.build()


@pytest.mark.parametrize("file", [f for f in FILES if shown_commands(f)], ids=name)
def test_shown_commands_run(file: Path, tmp_path: Path) -> None:
    """One after the other in the same folder, as a reader would."""
    for folder in ("examples", "docs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    activity = ROOT / "examples" / "activity"  # what "your own" model and recording are here
    for model in ("model", "kws"):
        (tmp_path / f"{model}.tflite").symlink_to(activity / "activity.tflite")
    (tmp_path / "kws.onnx").write_bytes(exported())
    (tmp_path / "recording.npy").symlink_to(activity / "test_recording.npy")
    (tmp_path / "labels.npy").symlink_to(activity / "test_labels.npy")
    program = Path(sys.executable).with_name("edgeshift")
    for command in shown_commands(file):
        done = subprocess.run([program, *shlex.split(command)[1:]], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", FILES, ids=name)
def test_links_resolve(file: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", file.read_text()):
        if not target.startswith(("http:", "https:")):
            path, _, anchor = target.partition("#")
            linked = (file.parent / path).resolve() if path else file
            assert linked.exists(), target
            assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("file", FILES, ids=name)
def test_named_files_exist(file: Path) -> None:
    for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", file.read_text()):
        if Path(path).stem.split(".")[0] != "floor":  # the example of adding-an-operator.md
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("file", FILES, ids=name)
def test_no_machine_is_named(file: Path) -> None:
    assert not re.search(r"(^|[\s`'\"(])/(work|tmp|root|home)/", file.read_text())
