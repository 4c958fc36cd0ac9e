"""A failing case made small: fewer and simpler choices, as long as it fails for the same reason."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.fuzz.draw import Drawn, Wish, case_of
from tests.fuzz.run import Verdict, judge


def shrink(numbers: Sequence[int], wish: Wish, verdict: Verdict, seconds: float = 90.0) -> tuple[Drawn, Verdict]:
    """The simplest case found in about so many seconds, if need be the case itself, and what is wrong with it."""
    search = _Search(numbers, wish, verdict, time.monotonic() + seconds)
    while search.leave_out() | search.simplify():
        pass
    return search.drawn, search.verdict


class _Search:
    """`numbers` are the choices of the simplest case so far."""

    def __init__(self, numbers: Sequence[int], wish: Wish, verdict: Verdict, stop: float) -> None:
        self.drawn, self.numbers = case_of(numbers, wish)
        self.verdict = verdict
        self._wish, self._stop = wish, stop
        self._tried = {tuple(self.numbers)}

    def leave_out(self) -> bool:
        """Runs of choices, long ones first; whether any could go."""
        improved, length = False, len(self.numbers) // 2
        while length:
            at = 0
            while at + length <= len(self.numbers):
                if self._accept(self.numbers[:at] + self.numbers[at + length :]):
                    improved = True
                else:
                    at += max(length // 2, 1)
            length //= 2
        return improved

    def simplify(self) -> bool:
        """Each choice the simplest, or a simpler one; whether any could be."""
        improved = False
        for at in range(len(self.numbers)):
            number = self.numbers[at] if at < len(self.numbers) else 0
            for lower in sorted({0, number // 2, number - 1} - {-1, number}):
                if at < len(self.numbers) and self._accept([*self.numbers[:at], lower, *self.numbers[at + 1 :]]):
                    improved = True
                    break
        return improved

    def _accept(self, numbers: Sequence[int]) -> bool:
        """Take these choices if they fail alike and are simpler."""
        if time.monotonic() > self._stop:
            return False
        try:
            drawn, taken = case_of(numbers, self._wish)
        except Exception:
            return False  # drawing is at fault, which is another failure
        key = tuple(taken)
        if key in self._tried or (len(taken), taken) >= (len(self.numbers), self.numbers):
            return False
        self._tried.add(key)
        (found,) = judge([drawn.case], self.verdict.in_c)
        if not found.failed or found.reason != self.verdict.reason:
            return False
        self.drawn, self.numbers, self.verdict = drawn, taken, found
        return True
