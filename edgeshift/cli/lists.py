from __future__ import annotations

import functools

import click

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import JSON, complete_boards
from edgeshift.report.boards import board_data, detailed_board_data, print_board, print_boards


@click.command()
@click.argument("board", required=False, shell_complete=complete_boards)
@JSON
def boards(board: str | None, as_json: bool) -> None:
    """List the boards that are known, or show one: by its name, or its file.

    \b
    edgeshift boards
    edgeshift boards raspberry-pi-pico
    edgeshift boards my-board.toml --json
    """
    if board is not None:
        one = edgeshift.load_board(board)
        answer(as_json, detailed_board_data(one), functools.partial(print_board, board=one))
        return
    known = edgeshift.all_boards()
    answer(as_json, {"boards": [board_data(b) for b in known]}, functools.partial(print_boards, boards=known))


@click.command()
@JSON
def ops(as_json: bool) -> None:
    """List the operators that are supported.

    \b
    edgeshift ops
    edgeshift ops --json
    """
    names = edgeshift.operators()
    answer(as_json, {"operators": names}, lambda out: out.print("\n".join(names)))
