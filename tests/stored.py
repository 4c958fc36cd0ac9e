"""Cases in folders: `model.tflite`, and `case.json` with the options to plan it with."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import tflite

from edgeshift.ops import REGISTRY
from tests.ladder import Case

_NOT_STORED = ("model",)


def store(case: Case, folder: Path, found: str) -> None:
    """Write the case; `found` says what was wrong with it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(case.model)
    values = {f.name: getattr(case, f.name) for f in fields(case) if f.name not in _NOT_STORED}
    defaults = {f.name: f.default for f in fields(case)}
    kept = {name: value for name, value in values.items() if value != defaults[name] or name == "hop"}
    (folder / "case.json").write_text(json.dumps(kept | {"found": found}, indent=2) + "\n")


def stored(folder: Path) -> Case:
    known = json.loads((folder / "case.json").read_text())
    known = {name: tuple(v) if isinstance(v, list) else v for name, v in known.items() if name != "found"}
    return Case(model=(folder / "model.tflite").read_bytes(), **known)


_NAMES = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
TFLITE_OPS = frozenset(_NAMES.values()) & frozenset(REGISTRY)  # that are built; others come of ONNX models


def operators_of(model: bytes) -> set[str]:
    """The names of the operators in a file."""
    read = tflite.Model.GetRootAsModel(model, 0)
    return {_NAMES[read.OperatorCodes(i).BuiltinCode()] for i in range(read.OperatorCodesLength())}
