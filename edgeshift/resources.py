"""Where the files that are not Python lie: boards, firmware and templates."""

from __future__ import annotations

from pathlib import Path

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
    raise EdgeShiftError(
        f"the installation is incomplete, its {kind!r} folder is missing: install edgeshift again"
    )
