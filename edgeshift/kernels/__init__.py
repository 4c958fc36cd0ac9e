"""Kernels for instruction sets: for each operator the best one that a core can run, else the portable C.

One module here for every set and operator family, one template in `templates/kernels/<set>/` for each. A variant may
decline (return `None`) where a bound that it needs does not hold; what it computes has the portable kernel's bits.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from edgeshift.errors import PlanError
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.shift import Schedule, StreamPlan

Isa = Literal["portable", "armv6m", "armv7em", "mve", "neon", "dotprod"]
ISAS: tuple[str, ...] = get_args(Isa)

# The sets whose kernels a core of each set can run, best first.
_RUNS: Mapping[str, tuple[str, ...]] = {
    "portable": (),
    "armv6m": ("armv6m",),
    "armv7em": ("armv7em",),
    "mve": ("mve", "armv7em"),
    "neon": ("neon",),
    "dotprod": ("dotprod", "neon"),
}

Variant = Callable[[ColumnOp, StreamPlan], "Kernel | None"]
VARIANTS: dict[tuple[str, type[ColumnOp]], Variant] = {}


def variant(isa: str, *ops: type[ColumnOp]) -> Callable[[Variant], Variant]:
    """Register a function that gives the kernel of an operator on an instruction set, or `None`."""

    def register(function: Variant) -> Variant:
        for op in ops:
            VARIANTS[isa, op] = function
        return function

    return register


def choose_kernels(schedule: Schedule, isa: str) -> dict[ColumnOp, Kernel]:
    """The kernel of every operator. Raises `PlanError` for an unknown instruction set."""
    if isa not in _RUNS:
        raise PlanError(f"unknown instruction set '{isa}', use one of {', '.join(ISAS)}")
    return {op: _choose(op, schedule.streams[op.output.id], isa) for op in schedule.ops}


def _choose(op: ColumnOp, plan: StreamPlan, isa: str) -> Kernel:
    for candidate in _RUNS[isa]:
        function = VARIANTS.get((candidate, type(op)))
        kernel = function(op, plan) if function is not None else None
        if kernel is not None:
            return kernel
    return op.kernel()


for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
