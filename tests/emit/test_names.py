"""Names: of modules, as `--name` gives them and as files have them; of tensors, whatever is in them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import edgeshift
from edgeshift.emit.naming import identifier, model_name, unique_identifiers
from edgeshift.errors import PlanError
from tests.emit.models import WARNINGS, renamed, run, tiny, tiny_f32, written
from tests.netbuilder import Net

HEADERS = ("stdint", "string", "stddef", "stdlib", "stdio", "math", "limits", "errno", "ctype", "inttypes")
USABLE = ("kws", "K", "Kws_2", "a1", "x_", "main", "memcpy", "model", "input", "ring", "layer", "conv", "t", "init")
REFUSED = ("", "1kws", "_kws", "kws-2", "kws.c", "a b", "../up", "kws\n", "käse", "int", "while", "State", "frames")
OF_THE_SYSTEM = tuple("int8 UINT8 int32 size wchar ptrdiff intptr string stdint Math stdlib es".split())  # noqa: SIM905


@pytest.mark.parametrize("name", USABLE)
def test_usable_names(name: str, tmp_path: Path) -> None:
    """The module beside all of the C library, in a folder that is searched for headers."""
    made = edgeshift.compile(written(tmp_path, "tiny_int8"), tmp_path / "out", name=name)
    assert {f.name for f in made.folder.iterdir()} == {f"{name}.h", f"{name}.c"}
    includes = [f"#include <{header}.h>" for header in HEADERS] + [f'#include "{name}.h"']
    body = f"{name}_init(&state); return {name.upper()}_STATE_BYTES;"
    uses = f"{name}_t state; int test(void); int test(void) {{ {body} }}"
    (tmp_path / "user.c").write_text("\n".join([*includes, uses]) + "\n")
    for source in (made.source, tmp_path / "user.c"):
        run("gcc", *WARNINGS, f"-I{made.folder}", "-c", source, "-o", tmp_path / "o.o")


@pytest.mark.parametrize("name", [*REFUSED, *OF_THE_SYSTEM])
def test_names_that_c_would_not_take_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as error:
        edgeshift.compile(written(tmp_path, "tiny_int8"), tmp_path / "out", name=name)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(edgeshift.OutputError):
        edgeshift.compile(written(tmp_path, "tiny_int8"), tmp_path / "out", name="x" * 300)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "stem", ["kws int8 (1)", "1st", "int8", "string", "größe", "for", "...", "a" * 120, "Size", "-", "es", "日本"]
)
def test_any_file_name_becomes_a_usable_name(stem: str, tmp_path: Path) -> None:
    file = tmp_path / f"{stem}.tflite"
    file.write_bytes(tiny("tiny_int8"))
    made = edgeshift.compile(file, tmp_path / "out")
    assert model_name(made.name, "") == made.name
    run("gcc", *WARNINGS, f"-I{made.folder}", "-c", made.source, "-o", tmp_path / "o.o")


NASTY = (
    "",
    "/*",
    "*/ int x; /*",
    "a\nb",
    'quote " and \\',
    "ends in a backslash\\",
    "trigraph ??/",
    "{{ 7 * 7 }}{% raw %}",
    "%s%n",
    "größe/温度",
    "for",
    "state",
    "output",
    "frames",
    "column",
    "hops",
    "a",
    "a_first",
    "weights",
    "1",
    "model/layer:0;other",
    "x" * 300,
    "same",
    "same",
    "Same",
    "same_2",
    "//",
    "\t",
    "\x07",
)


@pytest.mark.parametrize("start", range(0, len(NASTY), 4))
def test_tensors_may_be_called_anything(start: int, tmp_path: Path) -> None:
    """Every name is once that of an input, of a layer in the middle, and of an output."""
    for turn in range(4):
        file = tmp_path / f"net{turn}.tflite"
        file.write_bytes(renamed(tiny_f32, itertools.islice(itertools.cycle(NASTY), start + turn, None)))
        made = edgeshift.compile(file, tmp_path / "out")
        for text in (made.header.read_text(), made.source.read_text()):
            assert text.isascii() and "49" not in re.sub(r"\d\.\d+|[0-9a-f]{64}", "", text)
        run("gcc", *WARNINGS, "-c", made.source, "-o", tmp_path / "o.o")


def test_all_streams_of_one_name(tmp_path: Path) -> None:
    def describe(net: Net) -> None:
        x = net.input((1, 12, 2))
        for _ in range(6):
            x = net.conv1d(x, 2, 3)
        net.output(x)

    file = tmp_path / "same.tflite"
    file.write_bytes(renamed(describe, itertools.repeat("conv")))
    run("gcc", *WARNINGS, "-c", edgeshift.compile(file, tmp_path / "out").source, "-o", tmp_path / "o.o")


def test_identifiers() -> None:
    assert identifier("model/conv1d/Relu;model/bias:0") == "conv1d_relu"
    assert identifier("StatefulPartitionedCall:0") == "statefulpartitionedcall"
    assert identifier("while") == "while_"
    assert identifier("7up") == "t_7up"
    assert unique_identifiers(["a", "a", "A", "a_2", "a"]) == ["a", "a_2", "a_3", "a_2_2", "a_4"]
