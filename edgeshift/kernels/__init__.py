"""Kernels for instruction sets: for each operator the best one that a core can run, else the portable C.

One module here for every set and operator family, one template in `templates/kernels/<set>/` for each. A variant may
decline (return `None`) where a bound that it needs does not hold; what it computes has the portable kernel's bits.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Hashable, Mapping
from typing import Literal, get_args

import numpy as np

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
VARIANTS: dict[tuple[str, type[ColumnOp], bool], Variant] = {}


def variant(isa: str, *ops: type[ColumnOp], wide: bool = False) -> Callable[[Variant], Variant]:
    """Register a function that gives the kernel of an operator on an instruction set, or `None`.

    Those of operators that give int16 are `wide`; others are never asked for these.
    """

    def register(function: Variant) -> Variant:
        for op in ops:
            VARIANTS[isa, op, wide] = function
        return function

    return register


class KernelChooser:
    """The kernels of schedules for one instruction set; it remembers those of steps that it has seen before.

    Raises `PlanError` for an unknown instruction set.
    """

    def __init__(self, isa: str) -> None:
        if isa not in _RUNS:
            raise PlanError(f"unknown instruction set '{isa}', use one of {', '.join(ISAS)}")
        self._isa = isa
        self._known: dict[Hashable, Kernel] = {}

    def __call__(self, schedule: Schedule) -> dict[ColumnOp, Kernel]:
        """The kernel of every operator."""
        return {op: self._kernel(op, schedule.streams[op.output.id]) for op in schedule.ops}

    def _kernel(self, op: ColumnOp, plan: StreamPlan) -> Kernel:
        key = (op, plan.computed, plan.early, plan.batch_limit)
        if key not in self._known:
            self._known[key] = _choose(op, plan, self._isa)
        return self._known[key]


def _choose(op: ColumnOp, plan: StreamPlan, isa: str) -> Kernel:
    for candidate in _RUNS[isa]:
        function = VARIANTS.get((candidate, type(op), op.output.dtype == np.int16))
        kernel = function(op, plan) if function is not None else None
        if kernel is not None:
            return kernel
    return op.kernel()


for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
