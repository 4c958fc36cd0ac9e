"""Where the files that are not Python lie: boards, firmware and templates."""

from __future__ import annotations

from pathlib import Path

import jinja2

from edgeshift.errors import EdgeShiftError

KINDS = ("boards", "firmware", "templates")

_PACKAGE = Path(__file__).resolve().parent


def resource(kind: str) -> Path:
    """The folder of `kind` ("boards", "firmware" or "templates"): the wheel's copy, else the checkout's.

    Raises EdgeShiftError when the installation has neither, ValueError for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of resource {kind!r}, use one of {', '.join(KINDS)}")
    for folder in (_PACKAGE / "_data" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise EdgeShiftError(f"the installation is incomplete, its {kind!r} folder is missing: install edgeshift again")


def environment(folder: str = ".", autoescape: bool = False) -> jinja2.Environment:
    """The templates in a folder of `templates/`, by their path in it; names that they do not know are errors."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("templates") / folder),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
