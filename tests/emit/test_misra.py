"""The rules of MISRA C:2012 that the generated C deviates from are those that docs/misra.md names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import edgeshift
from edgeshift.kernels import ISAS
from tests.emit.models import written

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
MANDATORY = {"9.1", "12.5", "13.6", "17.3", "17.4", "17.6", "19.1", "21.13", "21.17", "21.18", "21.19", "21.20"} | {
    "22.2", "22.4", "22.5", "22.6"
}  # fmt: skip


def listed(section: str) -> set[str]:
    """The rules in the table below a heading of docs/misra.md."""
    text = (ROOT / "docs" / "misra.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| ([0-9.]+) \|", text, re.MULTILINE))


def the_listing_tool() -> bool:
    """Whether this is the cppcheck that the document names; another finds other rules."""
    text = (ROOT / "docs" / "misra.md").read_text()
    version = subprocess.run(["cppcheck", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return f"({version})" in text


def deviations(source: Path) -> set[str]:
    command = ["cppcheck", "--addon=misra", "--std=c99", "--quiet", "--template={id}", source.name]
    result = subprocess.run(command, cwd=source.parent, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return set(re.findall(r"misra-c2012-([0-9.]+)", result.stderr))


def test_portable_c_deviates_from_the_listed_rules(tmp_path: Path) -> None:
    activity = edgeshift.compile(ROOT / "examples" / "activity" / "activity.tflite", tmp_path / "activity", 4)
    found = set().union(*map(deviations, (*GOLDEN.glob("*.c"), activity.source)))
    assert found and not found & MANDATORY
    assert found == listed("The portable C") or not the_listing_tool()


def test_kernels_of_instruction_sets_deviate_from_the_listed_rules(tmp_path: Path) -> None:
    found = set()
    for isa in ISAS:
        plan = edgeshift.plan(written(tmp_path, "ds_cnn"), 2, isa)
        found |= deviations(edgeshift.compile(plan, tmp_path / isa).source)
    further = listed("Kernels of instruction sets, further")
    assert found and not found & MANDATORY
    assert further <= found <= further | listed("The portable C") or not the_listing_tool()
