"""How a verb answers: one JSON object, or text for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from edgeshift.report import text


def answer(as_json: bool, made: dict[str, Any], show: Callable[[Console], None]) -> None:
    """Print `made` as JSON, or let `show` print it."""
    if as_json:
        click.echo(json.dumps(made, indent=2))
    else:
        show(text.console())
