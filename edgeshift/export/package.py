"""A package is the generated header and source in their places, and every file of `templates/export/<kind>/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeshift.emit import c_environment
from edgeshift.errors import OutputError
from edgeshift.files import write_files
from edgeshift.pipeline import Plan
from edgeshift.resources import resource

# Where a package of each kind has its header.
KINDS: Mapping[str, str] = {
    "cmake": "include",
    "arduino": "src",
    "platformio": "include",
    "zephyr": "include",
    "esp-idf": "include",
}
SOURCES = "src"


@dataclass(frozen=True)
class Exported:
    """What `export` wrote: the model's name, the package's folder, its files relative to that."""

    name: str
    kind: str
    folder: Path
    files: tuple[str, ...]


def export(plan: Plan, kind: str, folder: str | Path, name: str | None = None, version: str = "1.0.0") -> Exported:
    """Write a package of `kind`, one of `KINDS`, into `folder`; `version` is the package's own, three numbers.

    Raises `OutputError` for another kind or version, and when the files cannot be written; then nothing is left behind.
    """
    if kind not in KINDS:
        raise OutputError(f"no package of the kind '{kind}': use one of {', '.join(KINDS)}")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise OutputError(f"the version '{version}' is not three numbers, like 1.0.0")
    sources = plan.emit(name)
    files = {f"{KINDS[kind] if file.endswith('.h') else SOURCES}/{file}": text for file, text in sources.files.items()}
    context = {
        "name": sources.name,
        "macro": sources.name.upper(),
        "inputs": sources.inputs,
        "outputs": sources.outputs,
        "hop": plan.schedule.hop,
        "version": version,
        "isa": plan.isa,
    }
    root = resource("templates")
    for template in sorted((root / "export" / kind).rglob("*.j2")):
        target = template.relative_to(root / "export" / kind).with_suffix("").as_posix()
        rendered = c_environment().get_template(template.relative_to(root).as_posix()).render(context)
        files[target] = rendered
    write_files(Path(folder), {file: text.encode() for file, text in files.items()})
    return Exported(sources.name, kind, Path(folder), tuple(sorted(files)))
