"""Packages build with the tools that they are for, or with stand-ins for those, and their examples stream exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from edgeshift.errors import OutputError
from edgeshift.export import KINDS
from tests.zoo import build

ROOT = Path(__file__).resolve().parents[2]
ACTIVITY = ROOT / "examples" / "activity" / "activity.tflite"
STANDINS = Path(__file__).parent / "standins"
MODELS = ("activity", "two_inputs_static", "two_heads", "fcn_valid")
PUSHES = 10  # that the examples print


@pytest.fixture(scope="module", params=MODELS)
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> edgeshift.Plan:
    if request.param == "activity":
        return edgeshift.plan(ACTIVITY, 4)
    path = tmp_path_factory.mktemp("model") / f"{request.param}.tflite"
    path.write_bytes(build(request.param))
    return edgeshift.plan(path, 2)


def run(command: Sequence[str | Path], folder: Path | None = None) -> str:
    result = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def expected(plan: edgeshift.Plan) -> list[list[float]]:
    """What the example must print: real values of the pushes of its saw-tooth."""
    graph, hop = plan.schedule.graph, plan.schedule.hop
    model = edgeshift.StreamingModel(plan)
    printed = []
    for push in range(plan.schedule.warmup_hops + PUSHES):
        given = []
        for stream in graph.inputs:
            frames = hop if stream.id in graph.temporal else stream.columns
            tooth = (13 * push % 101 + 7 * np.arange(frames * stream.size)) % 101
            given.append(tooth.reshape(frames, stream.size).astype(stream.dtype))
        outputs = model.push_raw(given)
        if outputs is None:
            continue
        row = [push]
        for stream, values in zip(graph.outputs, outputs, strict=True):
            scale, zero = (stream.quant.scale[0], stream.quant.zero_point[0]) if stream.quant else (1.0, 0)
            row += [float(f"{float(scale) * (float(v) - float(zero)):g}") for v in np.asarray(values).reshape(-1)]
        printed.append(row)
    return printed


def numbers(text: str) -> list[list[float]]:
    return [[float(word) for word in line.split()] for line in text.splitlines()]


class TestCMake:
    def test_the_example_streams_exactly(self, plan: edgeshift.Plan, tmp_path: Path) -> None:
        made = edgeshift.export(plan, "cmake", tmp_path / "package")
        run(["cmake", "-S", made.folder, "-B", tmp_path / "build"])
        run(["cmake", "--build", tmp_path / "build"])
        assert numbers(run([tmp_path / "build" / f"{made.name}_example"])) == expected(plan)

    def test_an_installed_package_is_found(self, tmp_path: Path) -> None:
        made = edgeshift.export(edgeshift.plan(ACTIVITY, 4), "cmake", tmp_path / "package", "kws", "2.1.0")
        run(["cmake", "-S", made.folder, "-B", tmp_path / "build", f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'there'}"])
        run(["cmake", "--build", tmp_path / "build", "--target", "install"])
        user = tmp_path / "user"
        user.mkdir()
        (user / "main.c").write_text('#include "kws.h"\nstatic kws_t s;\nint main(void) { kws_init(&s); return 0; }\n')
        (user / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(user LANGUAGES C)\nfind_package(kws 2.0 REQUIRED)\n"
            "add_executable(user main.c)\ntarget_link_libraries(user PRIVATE edgeshift::kws)\n"
        )
        run(["cmake", "-S", user, "-B", user / "build", f"-DCMAKE_PREFIX_PATH={tmp_path / 'there'}"])
        run(["cmake", "--build", user / "build"])
        run([user / "build" / "user"])


class TestArduino:
    def test_the_sketch_streams_exactly(self, plan: edgeshift.Plan, tmp_path: Path) -> None:
        """The library's C is compiled as C, its sketch as C++ with a stand-in for the core's header."""
        made = edgeshift.export(plan, "arduino", tmp_path / "package")
        source, sketch = made.folder / "src" / f"{made.name}.c", made.folder / "examples/Stream/Stream.ino"
        run(["gcc", "-O2", "-c", source, "-o", tmp_path / "model.o"])
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-I", STANDINS / "arduino", "-I", made.folder / "src"]
        flags += [f"-DLOOPS={plan.schedule.warmup_hops + PUSHES}"]
        run(["g++", *flags, STANDINS / "arduino" / "main.cpp", "-include", "Arduino.h", "-x", "c++", sketch]
            + ["-x", "none", tmp_path / "model.o", "-o", tmp_path / "sketch"])  # fmt: skip
        printed = numbers(run([tmp_path / "sketch"]).replace("us:", ""))
        wanted = [row[1:] for row in expected(plan)]
        np.testing.assert_allclose([row[1:] for row in printed], wanted, rtol=2e-5, atol=6e-5)

    def test_it_compiles_for_a_board(self, plan: edgeshift.Plan, tmp_path: Path) -> None:
        made = edgeshift.export(plan, "arduino", tmp_path / "package")
        flags = ["-mcpu=cortex-m4", "-mthumb", "-Os", "-I", STANDINS / "arduino", "-I", made.folder / "src"]
        run(["arm-none-eabi-gcc", *flags, "-c", made.folder / "src" / f"{made.name}.c", "-o", tmp_path / "model.o"])
        sketch = made.folder / "examples" / "Stream" / "Stream.ino"
        run(["arm-none-eabi-g++", *flags, "-include", "Arduino.h", "-x", "c++", "-c", sketch, "-o", tmp_path / "s.o"])

    def test_its_properties(self, plan: edgeshift.Plan, tmp_path: Path) -> None:
        made = edgeshift.export(plan, "arduino", tmp_path / "package", version="3.2.1")
        lines = (made.folder / "library.properties").read_text().splitlines()
        properties = dict(line.split("=", 1) for line in lines)
        assert properties["name"] == made.name and properties["version"] == "3.2.1"
        required = {"author", "maintainer", "sentence", "paragraph", "category", "url", "architectures", "includes"}
        assert required <= set(properties) and all(properties.values())


class TestPlatformIO:
    def test_it_packs(self, plan: edgeshift.Plan, tmp_path: Path) -> None:
        made = edgeshift.export(plan, "platformio", tmp_path / "package")
        pio = Path(sys.executable).with_name("pio")
        archive = tmp_path / "packed.tar.gz"
        environment = {"PLATFORMIO_CORE_DIR": str(tmp_path / "pio"), "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no"}
        result = subprocess.run(
            [pio, "pkg", "pack", "-o", archive], cwd=made.folder, env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert set(run(["tar", "tzf", archive]).split()) == set(made.files)
        manifest = json.loads((made.folder / "library.json").read_text())
        assert all((made.folder / manifest["build"][key]).is_dir() for key in ("includeDir", "srcDir"))
        for example in manifest["examples"]:
            assert all((made.folder / example["base"] / file).is_file() for file in example["files"])


@pytest.mark.parametrize("kind", ["zephyr", "esp-idf"])
def test_with_stand_ins_for_the_build_system_the_example_streams_exactly(
    kind: str, plan: edgeshift.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's own CMake files, with stand-ins for the functions of Zephyr and of ESP-IDF that they call."""
    made = edgeshift.export(plan, kind, tmp_path / "package")
    monkeypatch.setenv("IDF_PATH", str(STANDINS / "esp-idf"))
    monkeypatch.setenv("ZEPHYR_BASE", str(STANDINS / "zephyr"))
    example = made.folder / ("samples/stream" if kind == "zephyr" else "examples/stream")
    run(["cmake", "-S", example, "-B", tmp_path / "build"])
    run(["cmake", "--build", tmp_path / "build"])
    assert numbers(run([tmp_path / "build" / "app"])) == expected(plan)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_plan_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    first, second = (edgeshift.export(edgeshift.plan(ACTIVITY, 4), kind, tmp_path / f) for f in ("one", "two/deeper"))
    assert first.files == second.files
    for file in first.files:
        assert (first.folder / file).read_bytes() == (second.folder / file).read_bytes()
        assert str(tmp_path) not in (first.folder / file).read_text()


@pytest.mark.parametrize(("kind", "version"), [("conan", "1.0.0"), ("cmake", "1.0"), ("cmake", "one")])
def test_what_is_wrong_is_refused_and_nothing_is_left(kind: str, version: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        edgeshift.export(edgeshift.plan(ACTIVITY, 4), kind, tmp_path / "package", version=version)
    assert not (tmp_path / "package").exists()
