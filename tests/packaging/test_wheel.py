"""The built wheel works alone: in an empty environment, away from the checkout, with its own data files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples" / "activity" / "activity.tflite"


def run(command: list[str | Path], folder: Path) -> str:
    """Run a command away from the checkout, without anything that could lead Python back to it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, ROOT], dist)
    (file,) = dist.glob("edgeshift-*.whl")
    return file


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an empty environment into which pip has put the wheel and what it requires."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=True)
    run([home / "bin" / "python", "-m", "pip", "install", "--quiet", wheel], home)
    return home / "bin"


def test_the_wheel_carries_every_data_file_and_no_test(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    for folder in ("templates", "boards", "firmware"):
        files = [file for file in (ROOT / folder).rglob("*") if file.is_file()]
        assert files, f"{folder}/ is empty"
        missing = {f"edgeshift/_data/{file.relative_to(ROOT)}" for file in files} - names
        assert not missing, f"not in the wheel: {sorted(missing)}"
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]


# One group, so that parallel workers do not each fill an environment.
@pytest.mark.xdist_group("installed-wheel")
class TestInstalled:
    def test_it_is_the_installed_package_that_runs(self, commands: Path, tmp_path: Path) -> None:
        file = run([commands / "python", "-c", "import edgeshift; print(edgeshift.__file__)"], tmp_path)
        assert Path(file.strip()).is_relative_to(commands.parent)

    def test_version(self, commands: Path, tmp_path: Path) -> None:
        assert re.search(r"\d+\.\d+\.\d+", run([commands / "edgeshift", "--version"], tmp_path))

    def test_the_boards_are_found(self, commands: Path, tmp_path: Path) -> None:
        assert "mps2-an386" in run([commands / "edgeshift", "boards"], tmp_path)

    def test_a_network_is_compiled(self, commands: Path, tmp_path: Path) -> None:
        run([commands / "edgeshift", "compile", MODEL, "-o", "out"], tmp_path)
        assert {file.suffix for file in (tmp_path / "out").iterdir()} == {".c", ".h"}
