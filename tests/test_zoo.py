"""Every architecture of the zoo over the ladder."""

from __future__ import annotations

import pytest

from tests.ladder import Case, at_hops, check, prepare
from tests.ladder_c import WARNINGS, shared_library
from tests.zoo import DTYPES, NO_INT16, ZOO, build

HOPS = {"float32": (1, 3), "int8": (1, 2, 5), "int8_floatio": (4,), "int16": (1, 3)}
BEYOND = 64  # longer than every window of the zoo
NAMES = list(ZOO)
GROUPS = [NAMES[i::4] for i in range(4)]


def cases(names: list[str], dtype: str, hops: tuple[int, ...]) -> list[Case]:
    names = [name for name in names if dtype != "int16" or name not in NO_INT16]
    return [case for name in names for case in at_hops(f"{name} {dtype}", build(name, 1, dtype), hops, outputs=24)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_ladder(group: int, dtype: str) -> None:
    check(cases(GROUPS[group], dtype, HOPS[dtype]), memory=dtype == "int8")


@pytest.mark.parametrize("dtype", ("float32", "int8"))
def test_a_hop_beyond_the_window(dtype: str) -> None:
    chosen = cases(NAMES[::2], dtype, (BEYOND,))
    assert all(prepare(case).plan.schedule.window_frames < BEYOND for case in chosen)
    check(chosen)


@pytest.mark.parametrize("flags", ["-O2", "-O3 -funroll-loops", "-Os"])
def test_optimisation_does_not_change_a_bit(flags: str) -> None:
    """Float networks, whose bits an optimiser could change; without sanitisers every warning is on."""
    programs = [prepare(Case(name, build(name, 2), hop=3), f"n{i}").program() for i, name in enumerate(NAMES[1::2])]
    plain = shared_library(programs)
    optimised = shared_library(programs, (*flags.split(), "-ffp-contract=off", "-pedantic", *WARNINGS))
    for name, outputs in plain.items():
        for ours, theirs in zip(outputs, optimised[name], strict=True):
            assert [o.tobytes() for o in ours] == [o.tobytes() for o in theirs]
