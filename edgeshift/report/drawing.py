"""Geometry of the page: numbers in, the text of SVG paths and percentages out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from edgeshift.report.network import KINDS, Kind

MOST_RUNS = 600  # drawn of one lane; with more, columns are drawn in groups
MOST_LINES = 140  # between the columns of a lane


def number(value: float) -> str:
    """A coordinate: three decimals at most."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def box(x: float, width: float, y: float = 0, height: float = 1) -> str:
    """A rectangle as a part of a path."""
    return f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h{number(-width)}z"


def lane_paths(lane: dict[str, Any], left: float) -> list[tuple[Kind, str]]:
    """A path for each kind of column in a lane; nothing is drawn left of `left`."""
    end, cell = lane["end"], lane["cell"]
    paths: dict[Kind, list[str]] = {}
    for first, stop, kind in _few(lane["runs"]):
        start, behind = max(left, end + (first - 1) * cell), end + (stop - 1) * cell
        paths.setdefault(kind, []).append(box(start, behind - start))
    return [(kind, "".join(paths[kind])) for kind in KINDS if kind in paths]


def _few(runs: list[tuple[int, int, Kind]]) -> list[tuple[int, int, Kind]]:
    """The runs, or with too many of them those of groups of columns, each of its most telling kind."""
    if len(runs) <= MOST_RUNS:
        return runs
    rank, columns = {kind: n for n, kind in enumerate(KINDS)}, runs[-1][1]
    size = -(-columns // MOST_RUNS)
    best: list[Kind] = ["never"] * -(-columns // size)
    for first, stop, kind in runs:
        for group in range(first // size, (stop - 1) // size + 1):
            best[group] = min(best[group], kind, key=rank.__getitem__)
    grouped, first = [], 0
    for kind, equal in groupby(best):
        stop = min(columns, first + len(list(equal)) * size)
        grouped.append((first, stop, kind))
        first = stop
    return grouped


def lane_lines(lane: dict[str, Any], left: float) -> str:
    """Lines between the columns of a lane, as long as they are few enough to be seen."""
    if lane["columns"] > MOST_LINES:
        return ""
    places = (lane["end"] + j * lane["cell"] for j in range(lane["columns"] - 1))
    return "".join(f"M{number(x)} 0v1" for x in places if x > left)


def lane_reach(lane: dict[str, Any], lanes: list[dict[str, Any]], left: float) -> str:
    """A line from the oldest column that a lane's only column reads to that column, when it reads several."""
    starts = []
    for operand, kernel, _, _, pad in lane["reads"]:
        read = lanes[operand]
        if min(read["columns"], kernel - pad) > 1:
            starts.append(read["end"] + (max(0, -pad) - 1) * read["cell"])
    return f"M{number(max(left, min(starts)))} 0.5H{number(lane['end'])}" if starts else ""


def ticks(first: float, last: float, most: int = 7) -> list[int]:
    """Round numbers from `first` to `last`, at most so many."""
    span = max(last - first, 1)
    size = 1
    while span / size > most - 1:
        size = next(s for s in _round_steps() if s > size)
    return list(range(int(-(-first // size)) * size, int(last) + 1, size))


def _round_steps() -> Iterable[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def row_bytes(size: int, rows: int = 20, least: int = 32) -> int:
    """The bytes of a row: a power of two, so that `size` takes about so many rows."""
    width = least
    while -(-size // width) > rows:
        width *= 2
    return width


def stretch(offset: int, size: int, width: int) -> str:
    """Bytes of a map whose rows are `width` bytes, as one outline in bytes and rows."""
    (top, x0), (bottom, x1) = divmod(offset, width), divmod(offset + size - 1, width)
    x1 += 1
    if top == bottom:
        return box(x0, x1 - x0, top)
    if bottom == top + 1 and x1 <= x0:
        return box(x0, width - x0, top) + box(0, x1, bottom)
    return (
        f"M{x0} {top}H{width}V{bottom}H{x1}V{bottom + 1}H0V{top + 1}H{x0}z"
        if x0
        else f"M0 {top}H{width}V{bottom}H{x1}V{bottom + 1}H0z"
    )


def place(offset: int, size: int, width: int) -> tuple[float, float] | None:
    """Where a number fits into a stretch of bytes: the middle of its longest piece of a row, in bytes and rows."""
    (top, x0), (bottom, x1) = divmod(offset, width), divmod(offset + size - 1, width)
    if bottom - top >= 2:
        return width / 2, (top + 1 + bottom) / 2
    pieces = [(x0, x1 + 1, top)] if top == bottom else [(x0, width, top), (0, x1 + 1, bottom)]
    first, stop, row = max(pieces, key=lambda piece: piece[1] - piece[0])
    return ((first + stop) / 2, row + 0.5) if stop - first >= width / 20 else None


def percent(part: float, whole: float) -> str:
    """A share as a CSS percentage."""
    return f"{number(100 * part / whole) if whole else 0}%"
