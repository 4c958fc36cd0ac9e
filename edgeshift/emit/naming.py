"""C identifiers out of the names that a model gives its tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgeshift.errors import PlanError

LONGEST = 40
_KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        "auto break case char const continue default do double else enum extern float for goto if inline int long "
        "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
        "state frames output column hops scratch",
    )
)
# Modules are `<name>.h` with `<name>_t` in it: names whose header or type the C library has; `es` is the runtime's.
_TAKEN = frozenset(
    re.findall(
        r"\w+",
        "int8 int16 int32 int64 uint8 uint16 uint32 uint64 intptr uintptr intmax uintmax size ssize ptrdiff wchar "
        "wint wctrans char8 char16 char32 max_align sig_atomic div ldiv lldiv fpos mbstate time clock locale off "
        "pid uid gid mode dev ino nlink key blksize blkcnt id suseconds useconds pthread socklen timer sigset fenv "
        "fexcept cnd mtx thrd tss assert complex ctype errno inttypes iso646 limits math setjmp signal stdalign "
        "stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings tgmath threads uchar wctype "
        "unistd es",
    )
) | {f"{sign}int_{kind}{bits}" for sign in ("", "u") for kind in ("least", "fast") for bits in (8, 16, 32, 64)}


def identifier(name: str) -> str:
    """A lower-case C identifier that keeps what is readable of `name`; `_early` at its end is for accessors."""
    name = name.split(";")[0]
    parts = [p for p in re.split(r"[/:]", name) if p and not p.isdigit()]
    text = re.sub(r"[^a-z0-9]+", "_", "_".join(parts[-2:]).lower()).strip("_")[:LONGEST].strip("_")
    if not text or text[0].isdigit():
        text = f"t_{text}".rstrip("_")
    return f"{text}_" if text in _KEYWORDS or text.endswith("_early") else text


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
        name = identifier(file_stem)
        return f"{name}_" if name in _TAKEN else name
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", given):
        raise PlanError(f"{given!r} cannot name a C module; use letters, digits and underscores, a letter first")
    if given.lower() in _KEYWORDS | _TAKEN:
        raise PlanError(f"{given!r} cannot name a C module: C or its library has that name; choose another")
    return given
