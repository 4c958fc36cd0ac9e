"""Tables for people: without a frame, of 80 columns or as wide as the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table


def table(*headings: str, right: Iterable[int] = ()) -> Table:
    """An empty table; the columns `right`, counted from 0, hold figures."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, heading in enumerate(headings):
        made.add_column(heading, justify="right" if number in right else "left", overflow="fold")
    return made


def print_table(out: Console, made: Table) -> None:
    """A narrower terminal wraps its lines, not its cells."""
    Console(file=out.file, width=max(80, out.width), highlight=False).print(made)
