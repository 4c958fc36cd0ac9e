"""`python -m tests.fuzz --count 2000`: random networks up the whole ladder; status 1 when one does not climb."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click

from edgeshift.device import load_board
from tests.finish import TYPES
from tests.fuzz.draw import Wish, random_case
from tests.fuzz.report import report
from tests.fuzz.run import Result, isolated, judge
from tests.fuzz.shrink import shrink
from tests.stored import TFLITE_OPS, store, stored

SLICE = 40  # networks whose C is built at once


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first network.")
@click.option("--count", type=click.IntRange(min=1), default=100, show_default=True, help="How many networks.")
@click.option("--ops", default="", metavar="OP,...", help="Every network has one of these operators [any].")
@click.option("--types", default=",".join(TYPES), metavar="TYPE,...", help=f"Of {', '.join(TYPES)} [all].")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes at a time.")
@click.option("--save", type=click.Path(path_type=Path), metavar="DIR", help="Shrink what fails, and write it there.")
@click.option("--repeat", type=click.Path(path_type=Path, exists=True), metavar="DIR/SEED", help="Run what was saved.")
@click.option("--no-c", is_flag=True, help="Leave the generated C out.")
@click.option("--board", metavar="BOARD", help="Those without options on this board's emulator too.")
def main(
    seed: int,
    count: int,
    ops: str,
    types: str,
    jobs: int,
    save: Path | None,
    repeat: Path | None,
    no_c: bool,
    board: str | None,
) -> None:
    """Draw networks over all operators, number types, hops and options, and run each against the reference."""
    if repeat is not None:
        (verdict,) = judge([stored(repeat)], not no_c)
        click.echo(verdict.message or verdict.kind)
        sys.exit(verdict.failed)
    wish = Wish(_named(types, TYPES), frozenset(_named(ops, TFLITE_OPS)))
    run = partial(isolated, wish=wish, c=not no_c, board=load_board(board) if board else None)
    started, results = time.monotonic(), []
    for some in _in_slices(run, range(seed, seed + count), jobs):
        results += some
        failed = sum(r.verdict.failed for r in results)
        click.echo(f"{len(results)} of {count}, {failed} failed, {time.monotonic() - started:.0f} s", err=True)
        for result in (r for r in some if r.verdict.failed):
            click.echo(f"  seed {result.seed}: {result.verdict.reason}", err=True)
    click.echo(report(results, time.monotonic() - started))
    wrong = [r for r in results if r.verdict.failed]
    if save is not None:
        for result in wrong:
            _save(result, wish, save / str(result.seed))
    sys.exit(bool(wrong))


def _named(names: str, known: Collection[str]) -> tuple[str, ...]:
    given = tuple(name for name in names.split(",") if name)
    for name in given:
        if name not in known:
            raise click.UsageError(f"'{name}' is none of {', '.join(sorted(known))}")
    return given


def _in_slices(run: partial[list[Result]], seeds: range, jobs: int) -> Iterator[list[Result]]:
    slices = [seeds[i : i + SLICE] for i in range(0, len(seeds), SLICE)]
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(run, slices)


def _save(result: Result, wish: Wish, folder: Path) -> None:
    verdict = result.verdict
    if verdict.reason == "process died" or verdict.reason.startswith("drawing"):
        click.echo(f"seed {result.seed}: {verdict.reason}: not shrunk", err=True)
        return
    _, numbers = random_case(result.seed, wish)
    drawn, verdict = shrink(numbers, wish, verdict)
    store(drawn.case, folder, verdict.reason)
    click.echo(f"{drawn.case}\n  python -m tests.fuzz --repeat {folder}")


if __name__ == "__main__":
    main()
