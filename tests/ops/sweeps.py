"""Where the forms of operators are entered, and how each becomes cases of the ladder.

A form is a function that draws a network around one operator. Families are batches that are compiled together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from tests.finish import NOT_INT16, finish
from tests.ladder import Case
from tests.netbuilder import Handle, Net

Describe = Callable[[Net], None]

DTYPES = ("float32", "int8", "int16")
_ENOUGH = 24  # forms of a family in int16, whose shapes int8 has been through
_HOPS = (2, 3, 5, 7)


@dataclass(frozen=True)
class Form:
    family: str
    label: str
    describe: Describe
    dtypes: tuple[str, ...] = DTYPES
    time_axis: int | None = None
    frames: int | None = None

    def model(self, dtype: str) -> bytes:
        return _model(self, dtype)

    @property
    def operators(self) -> set[str]:
        return {op.code for op in _drawn(self).network.ops}


def _drawn(form: Form) -> Net:
    net = Net(form.label, np.random.default_rng(sum(form.label.encode())))
    form.describe(net)
    return net


@cache
def _model(form: Form, dtype: str) -> bytes:
    return finish(_drawn(form), dtype)


FORMS: list[Form] = []


def form(
    family: str,
    label: str,
    describe: Describe,
    *arguments: object,
    dtypes: tuple[str, ...] = DTYPES,
    time_axis: int | None = None,
    frames: int | None = None,
) -> None:
    """Enter a form; `arguments` go to `describe` after the builder."""
    assert all((f.family, f.label) != (family, label) for f in FORMS), f"{family} {label} is there already"
    FORMS.append(Form(family, label, partial(describe, *arguments), dtypes, time_axis, frames))


def forms(family: str, dtype: str) -> list[Form]:
    """Those of a family that a type has; of the long ones int16 takes a part."""
    found = [f for f in FORMS if f.family == family and dtype in f.dtypes]
    if dtype == "int16":
        found = [f for f in found if not f.operators & NOT_INT16]
        found = found[:: 1 + len(found) // _ENOUGH]
    return found


def cases(family: str, dtype: str) -> list[Case]:
    """The forms of a family at a hop beyond 1, the int8 ones at hop 1 too."""
    made = []
    for number, entry in enumerate(forms(family, dtype)):
        for hop in (1, _HOPS[number % len(_HOPS)])[dtype in ("float32", "int16") :]:
            made.append(
                Case(
                    f"{family}: {entry.label} {dtype}", entry.model(dtype), hop, entry.time_axis, entry.frames, 12, hop
                )
            )
    return made


def plane(net: Net, frames: int, features: int, channels: int, axis: int = 1) -> Handle:
    """An input `[1, frames, features, channels]`, or with time on axis 2."""
    shape = (1, frames, features, channels) if axis == 1 else (1, features, frames, channels)
    return net.input(shape)


def pair(axis: int, along: int, across: int) -> tuple[int, int]:
    """Sizes along time and across features as (height, width)."""
    return (along, across) if axis == 1 else (across, along)
