"""Nested loops over the elements of a column, collapsed to as few as possible when the C is written."""

from __future__ import annotations

from collections.abc import Sequence


def strides_of(shape: Sequence[int]) -> list[int]:
    """Row-major strides; 0 along axes of one element, which broadcast."""
    strides, step = [0] * len(shape), 1
    for axis in range(len(shape) - 1, -1, -1):
        strides[axis] = 0 if shape[axis] == 1 else step
        step *= shape[axis]
    return strides


def collapse(counts: Sequence[int], strides: Sequence[Sequence[int]]) -> list[tuple[int, list[int]]]:
    """Loops `(count, stride of each array)`, outermost first; neighbours that run on without a gap are merged."""
    loops: list[tuple[int, list[int]]] = []
    for axis, count in enumerate(counts):
        if count == 1:
            continue
        steps = [s[axis] for s in strides]
        if loops and loops[-1][1] == [count * s for s in steps]:
            loops[-1] = (loops[-1][0] * count, steps)
        else:
            loops.append((count, steps))
    return loops or [(1, [0 for _ in strides])]
