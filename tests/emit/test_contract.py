"""What every host and board may rely on: docs/design.md, "Generated C"."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from edgeshift.host.library import Library
from tests.emit.models import PORTABLE, WARNINGS, compiled, run, written
from tests.ladder import Case, check, prepare
from tests.netbuilder import Net
from tests.zoo import ZOO, build

VARIED = ("ds_cnn", "two_heads", "two_inputs_static", "stride_six", "activations", "squeeze_excite_2d", "wavenet")
ARM = ("-mcpu=cortex-m0plus", "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16", "-mcpu=cortex-m55 -mfloat-abi=hard")

PRINT = "import hashlib, sys, edgeshift\nfor f in sys.argv[1:]:\n    for h in (1, 3):\n" + (
    "        s = edgeshift.plan(f, h).sources.files\n"
    "        print(hashlib.sha256(repr(sorted(s.items())).encode()).hexdigest())\n"
)


class TestDeterminism:
    def test_two_compiles_give_the_same_bytes(self, tmp_path: Path) -> None:
        model = written(tmp_path, "ds_cnn")
        folders = [edgeshift.compile(model, tmp_path / name / "deeper").folder for name in ("one", "two")]
        first, second = ({f.name: f.read_bytes() for f in folder.iterdir()} for folder in folders)
        assert first == second and set(first) == {"ds_cnn.h", "ds_cnn.c"}

    def test_another_process_with_another_hash_seed_too(self, tmp_path: Path) -> None:
        """Sets and dicts must not decide the order of anything."""
        files = [written(tmp_path, name, dtype) for name in VARIED for dtype in ("int8",)]
        answers = set()
        for seed in ("0", "1", "4711"):
            environment = {**os.environ, "PYTHONHASHSEED": seed}
            command = [sys.executable, "-c", PRINT, *map(str, files)]
            result = subprocess.run(command, env=environment, cwd=Path(__file__).parents[2], capture_output=True)
            assert result.returncode == 0, result.stderr
            answers.add(hashlib.sha256(result.stdout).hexdigest())
        assert len(answers) == 1

    @pytest.mark.parametrize("name", VARIED)
    def test_nothing_of_this_computer_is_in_it(self, name: str, tmp_path: Path) -> None:
        made = compiled(tmp_path, name)
        for text in (made.header.read_text(), made.source.read_text()):
            assert text.isascii()
            for secret in (str(tmp_path), str(Path.home()), str(Path(edgeshift.__file__).parent), os.uname().nodename):
                assert secret not in text
            assert not re.search(r"\b20[2-9]\d-\d\d|\b\d\d:\d\d:\d\d|__DATE__|__TIME__|__FILE__", text)


class TestSymbols:
    @pytest.mark.parametrize("dtype", ("float32", "int8"))
    def test_of_every_network(self, dtype: str, tmp_path: Path) -> None:
        """No heap, no input and output, no libm, no variable that is not the caller's, no other name exported."""
        for name in ZOO:
            made = compiled(tmp_path, name, dtype)
            run("gcc", *WARNINGS, *PORTABLE, "-c", made.source, "-o", tmp_path / "model.o")
            table = [line.split() for line in run("nm", tmp_path / "model.o").splitlines()]
            undefined = {row[-1] for row in table if row[-2] == "U"}
            assert undefined <= {"memcpy", "memmove", "memset"}, f"{name}: {undefined}"
            exported = {row[-1] for row in table if row[-2] in "TDBRVW"}
            assert exported == {f"{made.name}_init", f"{made.name}_push"}
            assert {row[-2] for row in table} <= set("UTtr")

    @pytest.mark.parametrize("core", ARM)
    def test_for_arm(self, core: str, tmp_path: Path) -> None:
        """The compiler's own helpers aside (`__aeabi_...`, of cores that lack an instruction)."""
        for name in VARIED:
            for dtype in ("float32", "int8_floatio"):
                made = compiled(tmp_path, name, dtype, hop=2)
                target = tmp_path / "model.o"
                flags = [*core.split(), "-mthumb", *WARNINGS, *PORTABLE]
                run("arm-none-eabi-gcc", *flags, "-c", made.source, "-o", target)
                table = [line.split() for line in run("arm-none-eabi-nm", target).splitlines()]
                undefined = {row[-1] for row in table if row[-2] == "U" and not row[-1].startswith("__aeabi_")}
                assert undefined <= {"memcpy", "memmove", "memset"}
                assert not {row[-2] for row in table} & set("dDbBC")


class TestSizes:
    @pytest.mark.parametrize("compiler", ["gcc", "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb"])
    def test_state_is_as_large_as_the_macro_says(self, compiler: str, tmp_path: Path) -> None:
        lines, folders = ["#include <stdint.h>"], []
        for name in ZOO:
            made = compiled(tmp_path, name, hop=2)
            macro, struct = made.name.upper(), made.plan.memory.struct_bytes
            folders.append(f"-I{made.folder}")
            lines.append(f'#include "{made.header.name}"')
            for claim in (
                f"sizeof({made.name}_t) == {macro}_STATE_BYTES",
                f"{macro}_STATE_BYTES == {struct}",
                f"{macro}_SCRATCH_BYTES <= {macro}_STATE_BYTES",
                f"{macro}_HOP_FRAMES == 2",
                f"{macro}_WARMUP_HOPS == ({macro}_WINDOW_FRAMES + 1) / 2",
                f"{macro}_WARMUP == 0 && {macro}_READY == 1",
            ):
                lines.append(f'_Static_assert({claim}, "{name}");')
        (tmp_path / "claims.c").write_text("\n".join(lines) + "\n")
        run(*compiler.split(), "-std=c11", "-Wall", "-Werror", "-fsyntax-only", *folders, tmp_path / "claims.c")

    def test_macros_of_several_ports(self, tmp_path: Path) -> None:
        text = compiled(tmp_path, "two_inputs_static", "float32", hop=3).header.read_text()
        macros = dict(re.findall(r"#define TWO_INPUTS_STATIC_(\w+) (\S+)", text))
        assert (macros["INPUT_COUNT"], macros["OUTPUT_COUNT"]) == ("2", "1")
        assert (macros["INPUT0_FRAME_SIZE"], macros["INPUT0_SIZE"], macros["INPUT1_SIZE"]) == ("4", "12", "5")
        assert "INPUT1_FRAME_SIZE" not in macros
        assert {"two_inputs_static_input0_t", "two_inputs_static_input1_t", "two_inputs_static_output_t"} <= set(
            re.findall(r"^typedef float (\w+);", text, re.MULTILINE)
        )

    def test_quantisation_and_hash_are_the_models(self, tmp_path: Path) -> None:
        made = compiled(tmp_path, "fcn_valid")
        macros = dict(re.findall(r"#define FCN_VALID_(\w+) (\S+)", made.header.read_text()))
        quant = made.plan.network.graph.inputs[0].quant
        assert quant is not None
        assert np.float32(macros["INPUT_SCALE"].rstrip("f")) == quant.scale[0]
        assert int(macros["INPUT_ZERO_POINT"].strip("()")) == quant.zero_point[0]
        assert macros["MODEL_SHA256"] == f'"{hashlib.sha256(build("fcn_valid", 1, "int8")).hexdigest()}"'


class TestInstances:
    @pytest.mark.parametrize("name", VARIED)
    def test_two_that_take_turns_do_not_disturb_each_other(self, name: str) -> None:
        """Whose turn it is is drawn, so that their heads and phases drift apart; one is reset midway."""
        climbers = [prepare(Case(name, build(name, 1, "int8"), 2, outputs=30, seed=seed)) for seed in (1, 2)]
        plan = climbers[0].plan
        ports = len(plan.schedule.graph.inputs) + len(plan.schedule.graph.outputs)
        library = Library(plan.sources, plan.memory.struct_bytes, ports)
        states = [library.new_state(), library.new_state()]
        alone = [self.stream(library, library.new_state(), c, range(c.pushes)) for c in climbers]
        together: list[list[list[bytes]]] = [[], []]
        at, rng = [0, 0], np.random.default_rng(0)
        while at[0] < climbers[0].pushes or at[1] < climbers[1].pushes:
            turn = int(rng.integers(2))
            if at[turn] < climbers[turn].pushes:
                together[turn] += self.stream(library, states[turn], climbers[turn], range(at[turn], at[turn] + 1))
                at[turn] += 1
        assert together == alone
        library.init(states[0])
        assert self.stream(library, states[0], climbers[0], range(climbers[0].pushes)) == alone[0]

    @staticmethod
    def stream(library: Library, state: np.ndarray, climber: object, pushes: range) -> list[list[bytes]]:
        answers = []
        for push in pushes:
            outputs = [np.empty(s.shape, s.dtype) for s in climber.graph.outputs]  # type: ignore[attr-defined]
            inputs = [np.ascontiguousarray(a) for a in climber.pushed(push)]  # type: ignore[attr-defined]
            if library.push(state, inputs, outputs):
                answers.append([o.tobytes() for o in outputs])
        return answers

    def test_reset_forgets_everything(self, tmp_path: Path) -> None:
        model = edgeshift.StreamingModel(written(tmp_path, "stride_six"), 5)
        frames = np.random.default_rng(0).integers(-128, 128, (60, 5, 3), np.int8)
        fresh = [model.push(f) for f in frames]
        for count in (1, 7, 31):
            model.reset()
            again = [model.push(f) for f in frames[:count]]
            assert all(
                (a is None) == (b is None) and (a is None or np.array_equal(a, b))
                for a, b in zip(again, fresh, strict=False)
            )


def test_headers_are_cpp_too(tmp_path: Path) -> None:
    """All headers in one C++ file, each twice, linked with the C."""
    made = [compiled(tmp_path, name, dtype) for name in VARIED[:4] for dtype in ("int8",)]
    for artifacts in made:
        assert 'extern "C" {' in artifacts.header.read_text()
    lines = [f'#include "{m.header}"' for m in (*made, *made)]
    calls = [f"    static {m.name}_t s{i}; {m.name}_init(&s{i});" for i, m in enumerate(made)]
    (tmp_path / "all.cpp").write_text("\n".join([*lines, "int main() {", *calls, "    return 0;", "}"]) + "\n")
    for artifacts in made:
        run("gcc", *WARNINGS, "-c", artifacts.source, "-o", tmp_path / f"{artifacts.name}.o")
    objects = [tmp_path / f"{m.name}.o" for m in made]
    for compiler in filter(shutil.which, ("g++", "clang++")):
        for standard in ("c++11", "c++20"):
            flags = [f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror"]
            run(compiler, *flags, tmp_path / "all.cpp", *objects, "-o", tmp_path / "all")
            run(tmp_path / "all")


@pytest.mark.parametrize("standard", ["-std=c99", "-std=gnu11"])
def test_float_code_is_never_contracted(standard: str, tmp_path: Path) -> None:
    """Whatever the build system says of it: a fused multiply-add rounds once where the reference rounds twice."""
    made = compiled(tmp_path, "fcn_valid", "float32")
    flags = f"{standard} -O3 -ffp-contract=fast".split()
    run("arm-none-eabi-gcc", *ARM[1].split(), *flags, "-S", made.source, "-o", tmp_path / "model.s")
    text = (tmp_path / "model.s").read_text()
    assert "vmul.f32" in text and not re.search(r"\bvfn?m[as]\.f32", text)


def test_equal_constants_are_written_once() -> None:
    """As the steps of an unrolled recurrence have them."""
    net = Net("shared", np.random.default_rng(2))
    x = net.input((1, 8, 4))
    weights = net.rng.normal(0, 1, (4,))
    first = net.mul(net.relu(x), weights)
    net.output(net.mul(net.relu(first), weights))
    made = prepare(Case("shared", net.build())).plan
    assert sum(op.op == "MUL" for op in made.schedule.ops) == 2
    assert made.sources.weights_bytes == weights.size * 4
    check([Case("shared", net.build(), 2)])
