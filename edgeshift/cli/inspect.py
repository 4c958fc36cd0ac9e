from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import HOP, JSON, KERNELS, MODEL, PLAN, READ, instruction_set
from edgeshift.report import data, text


@click.command()
@MODEL
@HOP
@click.option("--curve", is_flag=True, help="RAM against work instead, for this hop and longer ones.")
@PLAN
@KERNELS
@READ
@JSON
def inspect(
    model: Path,
    hop: int | None,
    curve: bool,
    plan: dict[str, Any],
    kernels: dict[str, Any],
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Show the shift plan: what each layer computes per hop, and what it needs.

    \b
    Columns of the table: S is the stride (frames per column), new the columns
    computed per hop, ring the columns kept (x phases).

    \b
    edgeshift inspect kws.tflite --hop 2
    edgeshift inspect kws.tflite --curve
    """
    network, isa = edgeshift.load(model, **read), instruction_set(**kernels)
    if curve:
        without_budget = {key: value for key, value in plan.items() if key != "ram"}
        line = data.curve_data(network, hop, isa, **without_budget)
        answer(as_json, line, functools.partial(text.print_curve, line=line))
        return
    made = edgeshift.plan(network, hop, isa, **plan)
    answer(as_json, data.plan_data(made), functools.partial(text.print_plan, plan=made))
