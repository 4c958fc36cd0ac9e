"""The C of two tiny networks, word for word, and compiled.

What the templates say about arithmetic is `firmware/runtime`, included here rather than repeated. After a change that
is meant: UPDATE_GOLDEN=1 python -m pytest tests/emit/test_golden.py, and read the difference.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import edgeshift
from edgeshift.resources import resource
from tests.emit.models import PORTABLE, TINY, WARNINGS, run, tiny

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
RUNTIME = resource("firmware") / "runtime"
HOPS = {"tiny_int8": 1, "tiny_f32": 4}


def abridged(text: str) -> str:
    """The source with the texts of the runtime's headers as includes."""
    for header in sorted(RUNTIME.glob("*.h")):
        text = text.replace(header.read_text().strip(), f'#include "{header.name}"')
    return text


def generated(name: str) -> dict[str, str]:
    file = GOLDEN / f"{name}.tflite"
    if not file.exists():
        file.write_bytes(tiny(name))
    sources = edgeshift.plan(file, HOPS[name]).sources
    return {suffix: abridged(sources.files[f"{name}.{suffix}"]) for suffix in ("h", "c")}


@pytest.mark.parametrize("name", TINY)
def test_generated_is_golden(name: str) -> None:
    made = generated(name)
    for suffix, text in made.items():
        file = GOLDEN / f"{name}.{suffix}"
        if os.environ.get("UPDATE_GOLDEN"):
            file.write_text(text)
        assert text == file.read_text(), f"{file.name} differs; see the head of {Path(__file__).name}"
    assert made["c"].count("\n") < 450, "golden files are to be few and short"


@pytest.mark.parametrize("standard", ["c99", "c11", "c17"])
@pytest.mark.parametrize("name", TINY)
def test_golden_compiles(name: str, standard: str, tmp_path: Path) -> None:
    flags = [*WARNINGS, f"-std={standard}", *PORTABLE, f"-I{RUNTIME}"]
    for gcc in filter(shutil.which, ("gcc", "arm-none-eabi-gcc")):  # glibc would lend C99 what it lacks
        run(gcc, *flags, "-pedantic", "-c", GOLDEN / f"{name}.c", "-o", tmp_path / "golden.o")
    assert "#include" in (GOLDEN / f"{name}.c").read_text()
