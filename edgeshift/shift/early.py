"""Left edges early: what a window's left edge needs is fresh long before the window ends.

The direct schedule computes everything of a window when it ends, so a padded network keeps whole-length rings only to
serve its oldest edge. Here the left edges of a set of operators are computed `lead` hops before their window ends, for
the window that then begins, out of the short rings that the interior needs anyway. What a later step of the window
still reads of them waits in a queue: the columns themselves, or, where a sum over the window follows, the sum alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lcm

from edgeshift.ir import ColumnGraph
from edgeshift.ops import ColumnOp
from edgeshift.shift.interior import Shift


@dataclass(frozen=True, eq=False)
class Early:
    """The operators in `ops` compute their left edges `lead` hops early; those in `sums` keep sums over the window.

    `lead` is a multiple of every phase count, so an early window has the phases of the current one.
    """

    ops: frozenset[ColumnOp]
    sums: frozenset[ColumnOp]
    lead: int

    def columns(self, shift: Shift, hop: int) -> int:
        """By how many columns of a stream the early window begins after the current one."""
        return self.lead * hop // shift.stride


NEVER = Early(frozenset(), frozenset(), 0)


def candidates(graph: ColumnGraph, shifts: dict[int, Shift], hop: int) -> Iterator[tuple[Early, int]]:
    """Sets of operators worth trying, growing from the input, each with the longest lead that there could be.

    The number beside it is the step between leads that keep the phases.
    """
    if graph.call_frames is not None:
        return  # it answers from the first call on
    edged = [op for op in graph.ops if shifts[op.output.id].interior.start > 0]
    summed = [op for op in graph.ops if _sums_the_window(op, shifts)]
    seen = set()
    for count in range(len(edged) + 1):
        ops = frozenset(edged[:count])
        made = {op.output.id for op in ops}
        sums = frozenset(op for op in summed if shifts[op.inputs[0].id].interior.start == 0 or op.inputs[0].id in made)
        if (not ops and not sums) or (ops, sums) in seen:
            continue
        seen.add((ops, sums))
        streams = [s for op in (*ops, *sums) for s in (*op.inputs, op.output) if len(shifts[s.id].interior)]
        step = lcm(*(shifts[s.id].phases(hop) for s in streams))
        pushes_before = -(-graph.window_frames // hop) - 1  # of the first window; its early steps need one of them
        longest = pushes_before // step * step
        if longest:
            yield Early(ops, sums, longest), step


def _sums_the_window(op: ColumnOp, shifts: dict[int, Shift]) -> bool:
    """Whether an operator is a sum over a whole window that has an interior to keep a running sum of."""
    if op.sum_rule() is None or op.windows[0].kernel != op.inputs[0].columns:
        return False
    return len(shifts[op.inputs[0].id].interior) > 0
