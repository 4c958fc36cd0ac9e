"""The generated C of many networks at once: as one shared library, and as one executable under ASan."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cffi
import numpy as np

from edgeshift.pipeline import Plan

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror")
UNDEFINED = ("-O0", "-ffp-contract=off", "-fsanitize=undefined", "-fno-sanitize-recover=all")
SENTINEL = 0x5A

Outputs = list[list[np.ndarray]]


@dataclass(frozen=True, eq=False)
class Program:
    """A network's C, whose name no other has, and the arrays of every push."""

    plan: Plan
    pushes: Sequence[Sequence[np.ndarray]]

    @property
    def name(self) -> str:
        return self.plan.sources.name

    def new_outputs(self) -> list[np.ndarray]:
        outputs = [np.empty(s.shape, s.dtype) for s in self.plan.schedule.graph.outputs]
        for output in outputs:
            output.view(np.uint8).fill(SENTINEL) if output.ndim else None
        return outputs

    def check(self, push: int, ready: bool, outputs: list[np.ndarray]) -> None:
        """A push is ready from the first whole window on; before that it leaves the outputs alone."""
        assert ready == (push + 1 >= self.plan.schedule.warmup_hops), f"{self.name}: status at push {push}"
        untouched = all((o.view(np.uint8) == SENTINEL).all() for o in outputs)
        assert ready or untouched, f"{self.name} wrote an output while warming up, at push {push}"


def write_sources(programs: Sequence[Program], folder: Path) -> list[str]:
    """Write all files; the paths of the C files."""
    for program in programs:
        for file, text in program.plan.sources.files.items():
            (folder / file).write_text(text)
    return [str(folder / f"{program.name}.c") for program in programs]


def gcc(*arguments: str) -> None:
    """Run the compiler; its complaints are the message of the failure."""
    result = subprocess.run(["gcc", *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[:4000]


def shared_library(programs: Sequence[Program], flags: Sequence[str] = UNDEFINED) -> dict[str, Outputs]:
    """Run every program from one shared library, by default built with the undefined-behaviour sanitiser."""
    if not programs:
        return {}
    ffi = cffi.FFI()
    for program in programs:
        ports = len(program.plan.schedule.graph.inputs) + len(program.plan.schedule.graph.outputs)
        pointers = ", ".join(["void *"] * (1 + ports))
        ffi.cdef(f"void {program.name}_init(void *); int {program.name}_push({pointers});")
    with tempfile.TemporaryDirectory(prefix="ladder-") as folder:
        files = write_sources(programs, Path(folder))
        gcc(*WARNINGS, *flags, "-fPIC", "-shared", *files, "-lm", "-o", f"{folder}/all.so")
        library = ffi.dlopen(f"{folder}/all.so")
        return {program.name: _run(program, ffi, library) for program in programs}


def _run(program: Program, ffi: cffi.FFI, library: object) -> Outputs:
    def pointer(array: np.ndarray) -> object:
        return ffi.cast("void *", array.ctypes.data)

    state = np.full(-(-program.plan.memory.struct_bytes // 8), 0xA5A5A5A5A5A5A5A5, np.uint64)
    getattr(library, f"{program.name}_init")(pointer(state))
    push = getattr(library, f"{program.name}_push")
    answers = []
    for number, arrays in enumerate(program.pushes):
        taken = [np.ascontiguousarray(a) for a in arrays]
        given = [a.copy() for a in taken]
        outputs = program.new_outputs()
        ready = bool(push(pointer(state), *(pointer(a) for a in (*given, *outputs))))
        program.check(number, ready, outputs)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(taken, given, strict=True))
        if ready:
            answers.append(outputs)
    return answers


def memory_checked(programs: Sequence[Program]) -> dict[str, Outputs]:
    """Run every program in one executable, under the address and undefined-behaviour sanitisers.

    State, frames and outputs are blocks of the heap of exactly their size, and scratch is overwritten between pushes.
    """
    if not programs:
        return {}
    with tempfile.TemporaryDirectory(prefix="ladder-") as folder:
        root = Path(folder)
        files = write_sources(programs, root)
        (root / "main.c").write_text(_main(programs))
        with (root / "frames.bin").open("wb") as frames:
            for program in programs:
                for arrays in program.pushes:
                    frames.writelines(np.ascontiguousarray(a).tobytes() for a in arrays)
        flags = [flag.replace("undefined", "address,undefined") for flag in UNDEFINED]
        gcc(*WARNINGS, *flags, f"{folder}/main.c", *files, "-lm", "-o", f"{folder}/all")
        command = [f"{folder}/all", f"{folder}/frames.bin", f"{folder}/outputs.bin"]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr[:4000]
        dumped = (root / "outputs.bin").read_bytes()
    answers, at = {}, 0
    for program in programs:
        answers[program.name] = []
        for number in range(len(program.pushes)):
            ready, at, outputs = bool(dumped[at]), at + 1, program.new_outputs()
            for i, output in enumerate(outputs):
                raw, at = dumped[at : at + output.nbytes], at + output.nbytes
                outputs[i] = np.frombuffer(raw, output.dtype).reshape(output.shape)
            program.check(number, ready, outputs)
            if ready:
                answers[program.name].append(outputs)
    assert at == len(dumped)
    return answers


def _main(programs: Sequence[Program]) -> str:
    lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>"]
    lines += [f'#include "{program.name}.h"' for program in programs]
    lines.append("static void *block(size_t n) { return memset(malloc(n), 0x5A, n); }")
    for program in programs:
        lines += _runner(program)
    calls = " || ".join(f"run_{program.name}(in, out)" for program in programs)
    lines += [
        "int main(int count, char **names) {",
        '    FILE *in = fopen(names[count - 2], "rb"), *out = fopen(names[count - 1], "wb");',
        f"    return {calls} || fclose(in) || fclose(out);",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _runner(program: Program) -> list[str]:
    name, graph = program.name, program.plan.schedule.graph
    outputs = [s.columns * s.size * s.dtype.itemsize for s in graph.outputs]
    ports = [(f"in{i}", a.nbytes, "fread", "in") for i, a in enumerate(program.pushes[0])]
    ports += [(f"out{i}", size, "fwrite", "out") for i, size in enumerate(outputs)]
    moved = [f"        if ({call}({p}, {size}, 1, {file}) != 1) return 1;" for p, size, call, file in ports]
    reads = len(graph.inputs)
    return [
        f"static int run_{name}(FILE *in, FILE *out) {{",
        f"    {name}_t *state = block(sizeof *state);",
        f"    {name}_init(state);",
        f"    for (int push = 0; push < {len(program.pushes)}; ++push) {{",
        *(f"        void *{p} = block({size});" for p, size, _, _ in ports),
        *moved[:reads],
        f"        fputc({name}_push(state, {', '.join(p for p, *_ in ports)}), out);",
        *moved[reads:],
        *(f"        free({p});" for p, *_ in ports),
        f"#if {name.upper()}_SCRATCH_BYTES",
        "        memset(&state->scratch, 0xA5, sizeof state->scratch);",
        "#endif",
        "    }",
        "    free(state);",
        "    return 0;",
        "}",
    ]
