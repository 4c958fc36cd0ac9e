from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import HOP, JSON, KERNELS, MODEL, PLAN, RATE, READ, instruction_set
from edgeshift.report import data, text


@click.command()
@MODEL
@HOP
@click.option("--curve", is_flag=True, help="RAM against work instead, for this hop and longer ones.")
@PLAN
@KERNELS
@click.option("--rate", type=RATE, metavar="FPS", help="Frames per second, to see whether the board is fast enough.")
@READ
@JSON
def inspect(
    model: Path,
    hop: int | None,
    curve: bool,
    plan: dict[str, Any],
    kernels: dict[str, Any],
    rate: float | None,
    read: dict[str, Any],
    as_json: bool,
) -> None:
    """Show the shift plan: what each layer computes per hop, and what it needs.

    With --board also whether it fits, and if not, which options would help.

    \b
    Columns of the table: S is the stride (frames per column), new the columns
    computed per hop, ring the columns kept (x phases).

    \b
    edgeshift inspect kws.tflite --hop 2
    edgeshift inspect kws.tflite --curve
    edgeshift inspect kws.tflite --board raspberry-pi-pico --rate 100
    """
    if rate is not None and kernels["board"] is None:
        raise click.UsageError("--rate wants --board")
    if curve and (rate is not None or plan["ram"] is not None):
        raise click.UsageError("--curve shows the plans of every budget: leave --ram and --rate out")
    network, isa = edgeshift.load(model, **read), instruction_set(**kernels)
    if curve:
        without_budget = {key: value for key, value in plan.items() if key != "ram"}
        line = data.curve_data(network, hop, isa, **without_budget)
        answer(as_json, line, functools.partial(text.print_curve, line=line))
        return
    made = edgeshift.plan(network, hop, isa, **plan)
    figures = data.plan_data(made)
    fit = None if kernels["board"] is None else edgeshift.Fit(made, edgeshift.load_board(kernels["board"]), rate)
    if fit is not None and as_json:
        figures["fit"] = fit.as_dict()
    answer(as_json, figures, functools.partial(text.print_plan, plan=made, fit=fit))
