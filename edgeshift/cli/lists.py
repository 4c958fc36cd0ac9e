from __future__ import annotations

import functools

import click

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import JSON
from edgeshift.report import data, text


@click.command()
@JSON
def boards(as_json: bool) -> None:
    """List the boards that are known."""
    known = edgeshift.all_boards()
    answer(as_json, {"boards": [data.board_data(b) for b in known]}, functools.partial(text.print_boards, boards=known))


@click.command()
@JSON
def ops(as_json: bool) -> None:
    """List the operators that are supported."""
    names = edgeshift.operators()
    answer(as_json, {"operators": names}, lambda out: out.print("\n".join(names)))
