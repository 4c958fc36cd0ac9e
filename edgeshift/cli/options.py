"""The options that several verbs have; some are handed to the verb together, as the keywords of an API call."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

import edgeshift
from edgeshift.kernels import ISAS

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[F], F]


def _together(keyword: str, options: Mapping[str, Option[Any]]) -> Option[Any]:
    """Options by parameter, which the verb gets as one dictionary under `keyword`."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def verb(**given: Any) -> Any:
            return function(**{keyword: {name: given.pop(name) for name in options}}, **given)

        decorated: Callable[..., Any] = verb
        for option in reversed(list(options.values())):
            decorated = option(decorated)
        return decorated

    return apply


def _choice(flag: str, names: list[str], help: str) -> Option[Any]:
    """An option of which the first name is the default."""
    return click.option(flag, type=click.Choice(names), default=names[0], show_default=True, help=help)


def complete_boards(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The boards whose names begin so, for the shell."""
    return [board.name for board in edgeshift.all_boards() if board.name.startswith(incomplete)]


class _Rate(click.FloatRange):
    """Frames per second: above zero, and a number."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        rate: float = super().convert(value, parameter, context)
        return rate if math.isfinite(rate) else self.fail(f"{value} is no rate.", parameter, context)


RATE = _Rate(min=0, min_open=True)
MODEL = click.argument("model", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
HOP = click.option("--hop", type=click.IntRange(min=1), help="Frames between outputs [1, or the network's own].")
BOARD = click.option(
    "--board",
    metavar="BOARD",
    required=True,
    shell_complete=complete_boards,
    help="The board, or a file that describes one.",
)

READ = _together(
    "read",
    {
        "time_axis": click.option(
            "--time-axis", type=int, metavar="AXIS", help="The axis of the inputs that is time (else guessed)."
        ),
        "frames": click.option("--frames", type=int, metavar="N", help="Frames in a window, if it is flat or open."),
        "state": click.option(
            "--state", multiple=True, metavar="IN:OUT", help="An input that is handed output OUT of the call before."
        ),
        "fixed": click.option(
            "--set", "fixed", multiple=True, metavar="NAME=VALUE", help="Make an input of an ONNX model a constant."
        ),
        "reference": click.option(
            "--reference",
            type=click.Choice(["litert", "tflm"]),
            help="Whose kernels to equal bit for bit: LiteRT's [default], or TFLite-Micro's and tflite-runtime's.",
        ),
    },
)
PLAN = _together(
    "plan",
    {
        "ram": click.option("--ram", type=click.IntRange(min=1), metavar="BYTES", help="Budget for state and scratch."),
        "edges": _choice(
            "--edges",
            ["exact", "stream"],
            "stream: padding follows the stream; less work, but not the trained function.",
        ),
        "outputs": _choice(
            "--outputs",
            ["all", "last", "seen"],
            "Of outputs per frame, last: the newest frame; seen: the newest that no padding has reached.",
        ),
        "recurrent": _choice(
            "--recurrent",
            ["zero", "carry"],
            "carry: an LSTM's state flows on from hop to hop; less work, but not the trained function.",
        ),
    },
)
KERNELS = _together(
    "kernels",
    {
        "board": click.option(
            "--board", metavar="BOARD", shell_complete=complete_boards, help="Choose kernels for this board."
        ),
        "isa": click.option(
            "--isa", type=click.Choice(ISAS), help="Choose kernels for this instruction set [portable]."
        ),
    },
)
RECORDING = _together(
    "stream",
    {
        "hops": click.option(
            "--hops", type=click.IntRange(min=1), metavar="K", help="Outputs to compare [200, or all]."
        ),
        "seed": click.option(
            "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the drift."
        ),
        "recording": click.option(
            "--input",
            "recording",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="A .npy, .csv or .wav recording.",
        ),
    },
)


def instruction_set(board: str | None, isa: str | None) -> str:
    """The instruction set that was named, or that of the board."""
    if isa is not None:
        return isa
    return edgeshift.load_board(board).isa if board is not None else "portable"
