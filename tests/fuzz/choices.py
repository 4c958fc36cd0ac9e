"""Where drawing gets its choices from: a seed, numbers that were taken before, or hypothesis.

Whoever draws hands over `choose(options) -> option`. Options stand simplest first: it shrinks to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Choose = Callable[[Sequence[Any]], Any]


class Choices:
    """`choose`, by `pick(how many options) -> number`; `taken` are the numbers of all options so far."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        self._pick = pick
        self.taken: list[int] = []

    def __call__(self, options: Sequence[Any]) -> Any:
        number = self._pick(len(options))
        self.taken.append(number)
        return options[number]


def seeded(seed: int) -> Choices:
    rng = np.random.default_rng(seed)
    return Choices(lambda count: int(rng.integers(count)))


def replayed(numbers: Sequence[int]) -> Choices:
    """The options of these numbers, or the last that there is; the simplest when the numbers have come to their end."""
    rest = iter(numbers)
    return Choices(lambda count: min(next(rest, 0), count - 1))
