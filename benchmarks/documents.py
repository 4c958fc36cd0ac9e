"""What is generated in the documents: transcripts, tables of figures, and docs/operators.md.

    python -m benchmarks.documents [--check]      or: make docs

A document holds blocks, from a comment that says what to put there to `<!-- end -->`:

    <!-- run: edgeshift ops -->            the command, run at the root of the project, and what it prints
    <!-- figures: Cortex-M4, RAM -->       the tables of benchmarks/results.json whose title begins so
    <!-- scaling: window -->               benchmarks' docs/scaling.csv, the rows over growing windows or depths
    <!-- source: edgeshift/cli/lists.py ops -->  a function or a class of a Python file, as it stands there
    <!-- header: examples/activity/activity.tflite -->  what the generated header of a network at hop 4 declares
    <!-- flashing -->                      how each board is flashed: the command of its first tool
    <!-- operators -->                     every operator, from the registry and its docstrings
    <!-- onnx -->                          every ONNX operator that is read
"""

from __future__ import annotations

import argparse
import ast
import csv
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import edgeshift
from benchmarks.networks import worked_example
from benchmarks.scaling import DEPTH, WINDOW
from edgeshift.device.flashing import TOOLS, Job
from edgeshift.importers import onnx_operators
from edgeshift.kernels import ISAS, VARIANTS
from edgeshift.ops import REGISTRY, ColumnOp

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs" / "example.tflite"
KINDS = "run|figures|scaling|source|header|flashing|operators|onnx"
BLOCK = re.compile(rf"<!-- ({KINDS})(?:: (.*?))? -->\n.*?<!-- end -->", re.DOTALL)


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def refreshed(text: str) -> str:
    """A document with every block made anew."""
    return BLOCK.sub(lambda m: f"{m[0].splitlines()[0]}\n{made(m[1], m[2] or '')}\n<!-- end -->", text)


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """The kind, the argument and the whole of every block."""
    for match in BLOCK.finditer(text):
        yield match[1], match[2] or "", match[0]


def made(kind: str, argument: str) -> str:
    makers: dict[str, Callable[[str], str]] = {
        "run": transcript,
        "figures": figures,
        "scaling": scaling,
        "source": source,
        "header": header,
        "flashing": lambda _: flashing(),
        "operators": lambda _: operators(),
        "onnx": lambda _: ", ".join(onnx_operators()) + ".",
    }
    return makers[kind](argument)


# -- transcripts


def transcript(command: str) -> str:
    return f"```console\n$ {command}\n{output_of(command)}\n```"


def output_of(command: str) -> str:
    """What a command prints. Ends with its own words when it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"}
    env = {key: value for key, value in env.items() if key not in ("MAKELEVEL", "MFLAGS")} | {"MAKEFLAGS": "s"}
    done = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: '{command}' failed: {done.stderr.strip() or done.stdout.strip()}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


# -- sources


def source(place: str) -> str:
    """A definition of a Python file, with its decorators."""
    file, name = place.split()
    text = (ROOT / file).read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return "\n".join(["```python", *text.splitlines()[first - 1 : node.end_lineno], "```"])
    raise SystemExit(f"error: {file} has no {name}")


# -- the C API


def header(model: str) -> str:
    """The constants of a generated header as a table, and below it the functions."""
    sources = edgeshift.plan(ROOT / model, 4).sources
    text = sources.files[f"{sources.name}.h"]
    constants = [["constant", "here", "is"]]
    for name, value, comment in re.findall(r"^#define (\w+) (.+?)(?: /\* (.*) \*/)?$", text, re.MULTILINE):
        shown = value if len(value) < 30 else "..."
        constants.append([f"`{name}`", f"`{shown}`", comment])
    functions = text[text.index("/* Forget every frame") :].split("#ifdef __cplusplus")[0].strip()
    return f"{markdown(constants, left=(0, 1, 2))}\n\n```c\n{functions}\n```"


# -- boards


def flashing() -> str:
    """Board, command and what to do before it."""
    rows = [["board", "command", "before it"]]
    for board in edgeshift.all_boards():
        for runner in board.runner[:1]:
            tool = TOOLS[runner.kind]
            image = Path(f"out/kws{tool.suffixes[0]}")
            command = tool.arguments(Job(board, runner, image, "/dev/ttyACM0", "pi@raspberrypi.local"))
            rows.append([f"`{board.name}`", f"`{shlex.join([tool.program, *command])}`", tool.first])
    return markdown(rows, left=(0, 1, 2))


# -- figures


def figures(title: str) -> str:
    """The tables whose title begins so, as one."""
    answer = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    rows = [row for table in answer["tables"] if table["title"].startswith(title) for row in table["rows"]]
    if not rows:
        raise SystemExit(f"error: benchmarks/results.json has no table '{title}'")
    targets = any(row["must"] is not None for row in rows)
    lines = [["network", "hop", "edges", "EdgeShift", rows[0]["peer_label"], "times fewer"]]
    lines[0] += ["target", "reached"] if targets else []
    for row in rows:
        line = [row["model"], str(row["hop"]), row["edges"], f"{row['value']:,.0f}", f"{row['peer']:,}"]
        line.append(f"{row['ratio']:.1f}")
        if targets:
            goals = [f"{row[key]:,}" for key in ("must", "stretch") if row[key] is not None]
            line += [" / ".join(goals), reached(row["verdict"], len(goals))]
        lines.append(line)
    return markdown(lines, left=(0, 2, 7))


def reached(verdict: str, goals: int) -> str:
    """Which of a row's targets were reached, the harder one last."""
    if verdict == "NOT reached":
        return "**no**"
    return {"": "", "must": "yes" if goals == 1 else "the first", "stretch": "both"}[verdict]


def scaling(along: str) -> str:
    """Rows of docs/scaling.csv over growing windows or depths."""
    still, fixed = ("depth", DEPTH) if along == "window" else ("window", WINDOW)
    lines = [["padding", along, "MACs full", "shifted", "times", "instructions full", "shifted", "times"]]
    with (ROOT / "docs" / "scaling.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if int(row[still]) == fixed:
                cells = [
                    int(row[f"{unit}_{kind}"]) for unit in ("macs", "instructions") for kind in ("full", "shifted")
                ]
                ratios = [f"{cells[0] / cells[1]:.1f}", f"{cells[2] / cells[3]:.1f}"]
                shown = [f"{cell:,}" for cell in cells]
                lines.append([row["padding"], row[along], *shown[:2], ratios[0], *shown[2:], ratios[1]])
    head, body = lines[0], lines[1:]
    body.sort(key=lambda line: (("VALID", "CAUSAL", "SAME").index(line[0]), int(line[1])))
    return markdown([head, *body], left=(0,))


def markdown(lines: list[list[str]], left: tuple[int, ...]) -> str:
    rule = ["---" if place in left else "---:" for place in range(len(lines[0]))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])


# -- operators


def operators() -> str:
    """A section for each family: its operators, and what its docstring and its refusals say."""
    families: dict[ModuleType, list[str]] = {}
    for name, lower in sorted(REGISTRY.items()):
        module = inspect.getmodule(lower)
        assert module is not None
        families.setdefault(module, []).append(name)
    return "\n\n".join(family(module, names) for module, names in sorted(families.items(), key=lambda f: f[1]))


def family(module: ModuleType, names: list[str]) -> str:
    doc = inspect.getdoc(module) or ""
    facts = {key: fact(doc, key) for key in ("Types", "Shift")}
    missing = [key for key, value in facts.items() if not value]
    if missing:
        raise SystemExit(f"error: the docstring of {module.__name__} says nothing of '{missing[0]}:'")
    lines = [f"## {', '.join(names)}", "", *(f"- **{key}**: {value}" for key, value in facts.items())]
    sets = own_kernels(module)
    lines.append(f"- **Kernels of their own**: {', '.join(sets)}." if sets else "- **Kernels**: portable C everywhere.")
    if limits := refusals(module):
        lines.append("- **Refused**, each with its reason: when " + "; when ".join(limits) + ".")
    return "\n".join(lines)


def fact(doc: str, key: str) -> str:
    """The paragraph behind `key:` in a docstring, up to the next key or an empty line."""
    found = re.search(rf"^{key}: (.*?)(?=^\w+: |^$|\Z)", doc, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()).rstrip(".") + "." if found else ""


def own_kernels(module: ModuleType) -> list[str]:
    classes = {value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, ColumnOp)}
    sets = {isa for isa, op, wide in VARIANTS if not wide and op in classes and op.__module__ == module.__name__}
    return [isa for isa in ISAS if isa in sets]


def refusals(module: ModuleType) -> list[str]:
    """The reasons for which a family's `lower` refuses a node, as they stand in `refuse(node, reason, remedy)`."""
    found = []
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "refuse":
            found.append((call.lineno, words(call.args[1])))
    return list(dict.fromkeys(reason for _, reason in sorted(found)))


def words(node: ast.expr) -> str:
    """A message, with what is filled in left open."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in parts)


# -- all


def main() -> None:
    parser = argparse.ArgumentParser(description="Refresh what is generated in README.md and docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something is not up to date")
    parser.add_argument("files", nargs="*", type=Path, help="only these [README.md and docs/*.md]")
    options = parser.parse_args()
    if not options.check:
        EXAMPLE.write_bytes(worked_example())
    for file in options.files or documents():
        text = file.read_text(encoding="utf-8")
        new = refreshed(text)
        if new != text:
            if options.check:
                raise SystemExit(f"error: {file.name} is not up to date: make docs")
            file.write_text(new, encoding="utf-8")
            print(f"wrote {file.name}")


if __name__ == "__main__":
    main()
