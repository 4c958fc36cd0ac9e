"""C identifiers out of the names that a model gives its tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgeshift.errors import PlanError

LONGEST = 40
_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
    "state frames output column hops scratch".split()
)


def identifier(name: str) -> str:
    """A lower-case C identifier that keeps what is readable of `name`."""
    name = name.split(";")[0]
    parts = [p for p in re.split(r"[/:]", name) if p and not p.isdigit()]
    text = re.sub(r"[^a-z0-9]+", "_", "_".join(parts[-2:]).lower()).strip("_")[:LONGEST].strip("_")
    if not text or text[0].isdigit():
        text = f"t_{text}".rstrip("_")
    return f"{text}_" if text in _KEYWORDS else text


def unique_identifiers(names: Iterable[str]) -> list[str]:
    """One identifier for each name, numbered where they would clash."""
    taken: set[str] = set()
    made = []
    for name in names:
        base = text = identifier(name)
        number = 2
        while text in taken:
            text, number = f"{base}_{number}", number + 1
        taken.add(text)
        made.append(text)
    return made


def model_name(given: str | None, file_stem: str) -> str:
    """The prefix of everything that a model exports. Raises `PlanError` for a name that C would not take."""
    if given is None:
        return identifier(file_stem)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", given) or given.lower() in _KEYWORDS:
        raise PlanError(f"'{given}' cannot name a C module; use letters, digits and underscores, a letter first")
    return given
