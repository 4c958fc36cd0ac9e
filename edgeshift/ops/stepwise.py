"""Recurrences: operators whose columns are made one after the other, each from the state that the one before left."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from edgeshift.ops.base import ColumnOp, StatePart

State = tuple[np.ndarray, ...]


class Stepwise(ColumnOp):
    """A recurrence over the columns of its only operand.

    It starts anew before the first column of every window, which binds it to the window. With `carried` the state of
    the newest column flows on from hop to hop instead, each column is made once, and it shifts: another function.
    """

    carried = False

    @property
    def follows_time(self) -> bool:
        return self.carried

    @property
    @abstractmethod
    def state(self) -> tuple[StatePart, ...]:
        """The state; its first part is the newest output column."""

    @abstractmethod
    def steps(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """The output columns `[n, output.size]` for the next `n` operand columns `[n, size]`, and the state then."""

    def begin(self) -> State:
        """The state before the first column."""
        return tuple(part.first() for part in self.state)

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        assert columns[0] == 0, "a recurrence is computed from its first column on"
        return self.steps(taps[0][:, 0], self.begin())[0]

    def carrying(self) -> Stepwise:
        """The same recurrence with its state carried."""
        made = copy.copy(self)
        made.carried = True
        return made
