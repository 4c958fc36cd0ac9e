"""How long work shows that it goes on: a bar on standard error, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress(text: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """What it yields takes how much is done, of how much; until it is called the bar only moves. Gone at the end."""
    with Progress(console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
