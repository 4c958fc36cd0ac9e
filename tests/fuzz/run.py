"""Drawn cases up the whole ladder; what came of each, whatever it was."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from edgeshift.device import Board
from edgeshift.errors import EdgeShiftError, PlanError, UnsupportedOpError
from tests.device.fleet import Ship, differences
from tests.fuzz.draw import Wish, random_case
from tests.ladder import Case, Climber, climb_numpy, difference, prepare
from tests.ladder_c import memory_checked
from tests.stored import operators_of

# What a drawn network may be refused for; anything else is a failure.
EXPECTED: dict[type[EdgeShiftError], tuple[str, ...]] = {
    PlanError: (
        "gives one answer for a window, not one for every frame",  # --outputs
        "no frame of output '[^']*' is seen without",
        "the state of .* cannot be carried: the columns that it goes over belong to one window",  # --recurrent
        "the state of .* cannot be carried: of the .* columns that it goes over only",
        "a hop of .* leaves out columns of .* whose state is carried",
    ),
    UnsupportedOpError: (
        "only a whole number of frames per column is built",  # of a state
        "but the reference kernel needs it within",  # scales far apart
        "ADD/SUB int16 with scales .*: the reference kernel needs one operand with the output's scale",
    ),
}


@dataclass(frozen=True)
class Verdict:
    """`kind` is exact, refused, differs or crashed; `reason` is what failures of one cause have in common."""

    kind: str
    reason: str = ""
    message: str = ""

    @property
    def failed(self) -> bool:
        return self.kind in ("differs", "crashed")

    @property
    def in_c(self) -> bool:
        """Whether it takes the C to find it."""
        return "C" in self.reason.split()


EXACT = Verdict("exact")


@dataclass(frozen=True)
class Result:
    """A seed's verdict, and what there is to count about its case."""

    seed: int
    verdict: Verdict
    label: str = ""
    type: str = ""
    hop: str = ""
    options: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


def judge(cases: Sequence[Case], c: bool = True, board: Board | None = None) -> list[Verdict]:
    """Each case up the ladder; the C of all that get so far is built at once."""
    verdicts: dict[int, Verdict] = {}
    climbers: dict[int, Climber] = {}
    for number, case in enumerate(cases):
        outcome = _in_numpy(case, f"n{number}")
        if isinstance(outcome, Verdict):
            verdicts[number] = outcome
        else:
            climbers[number], verdicts[number] = outcome, EXACT
    if c:
        verdicts |= _together(climbers, _in_c)
    if board is not None:
        plain = {n: k for n, k in climbers.items() if not k.case.options and not verdicts[n].failed}
        verdicts |= _together(plain, lambda some: _on_board(some, board))
    return [verdicts[number] for number in range(len(cases))]


def judge_seeds(seeds: Sequence[int], wish: Wish, c: bool = True, board: Board | None = None) -> list[Result]:
    """The cases of these seeds."""
    results, drawn = {}, {}
    for seed in seeds:
        try:
            drawn[seed], _ = random_case(seed, wish)
        except Exception as error:
            results[seed] = Result(seed, _crash(error, "drawing"))
    verdicts = judge([d.case for d in drawn.values()], c, board)
    for (seed, made), verdict in zip(drawn.items(), verdicts, strict=True):
        options = tuple(_counted(name, value) for name, value in made.case.options.items())
        operators = tuple(sorted(operators_of(made.model)))
        results[seed] = Result(seed, verdict, str(made.case), made.type, made.hop_kind, options, operators)
    return [results[seed] for seed in seeds]


def isolated(seeds: Sequence[int], wish: Wish, c: bool = True, board: Board | None = None) -> list[Result]:
    """`judge_seeds` in a process of its own, so that one that dies is a verdict too."""
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            return process.submit(judge_seeds, seeds, wish, c, board).result()
    except BrokenProcessPool:
        if len(seeds) == 1:
            return [Result(seeds[0], Verdict("crashed", "process died", "the process died"))]
        return [result for seed in seeds for result in isolated([seed], wish, c, board)]


def refusal(error: EdgeShiftError) -> Verdict:
    """An expected refusal, or a failure."""
    for kind, reasons in EXPECTED.items():
        for reason in reasons:
            if isinstance(error, kind) and re.search(reason, str(error)):
                return Verdict("refused", f"{kind.__name__}: {reason}", str(error))
    return Verdict("crashed", f"unexpected refusal: {type(error).__name__}", f"refused unexpectedly: {error}")


def _in_numpy(case: Case, name: str) -> Climber | Verdict:
    try:
        climber = prepare(case, name)
    except EdgeShiftError as error:
        return refusal(error)
    except Exception as error:
        return _crash(error, "planning")
    try:
        found = climb_numpy(climber)
        assert climber.plan.sources
    except Exception as error:
        return _crash(error, "running in numpy")
    return _differs(found) if found else climber


def _in_c(climbers: dict[int, Climber]) -> dict[int, Verdict]:
    answers = memory_checked([climber.program() for climber in climbers.values()])
    verdicts = {}
    for number, climber in climbers.items():
        found = difference(climber, "numpy stream", climber.numpy_stream(), "C", answers[f"n{number}"])
        verdicts[number] = _differs(found) if found else EXACT
    return verdicts


def _on_board(climbers: dict[int, Climber], board: Board) -> dict[int, Verdict]:
    numbers = list(climbers)
    cases = [climbers[n].case for n in numbers]
    ships = [Ship.of(climbers[n].plan.network, c.hop, board.isa, c.seed) for n, c in zip(numbers, cases, strict=True)]
    wrong = {numbers[int(line.split()[0])] for line in differences(ships, board)}
    return {n: _differs([f"{climbers[n].case}: C != {board.name}"]) if n in wrong else EXACT for n in numbers}


Together = Callable[[dict[int, Climber]], dict[int, Verdict]]


def _together(climbers: dict[int, Climber], run: Together) -> dict[int, Verdict]:
    """All at once; when that fails, half of them at a time, down to the one that is to blame."""
    if not climbers:
        return {}
    try:
        return run(climbers)
    except Exception as error:
        failure = error
    numbers = list(climbers)
    if len(numbers) == 1:
        return {numbers[0]: _crash(failure, "running in C")}
    halves = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
    first, second = (_together({n: climbers[n] for n in half}, run) for half in halves)
    return first | second


def _differs(found: list[str]) -> Verdict:
    rungs = re.search(r"(LiteRT|numpy windows|numpy stream|C) (!= [\w-]+|gave)( windows| stream)?", found[0])
    return Verdict("differs", rungs.group(0) if rungs else "", found[0])


def _crash(error: Exception, doing: str) -> Verdict:
    sanitizer = re.search(r"AddressSanitizer: ([\w-]+)|runtime error: (.*)", str(error))
    if sanitizer is not None:
        function = re.search(r" in n\d+_([a-z]+)", str(error))
        what = f"{sanitizer.group(1) or sanitizer.group(2)} in {function.group(1) if function else 'the C'}"
    else:
        what = f"{type(error).__name__} in {traceback.extract_tb(error.__traceback__)[-1].name}"
    text = str(error) if sanitizer is not None else "".join(traceback.format_exception(error))
    return Verdict("crashed", f"{doing}: {what}", text[-2000:] if sanitizer is None else text[:2000])


def _counted(name: str, value: object) -> str:
    """An option as it is counted: those of many values by their names."""
    return name if name in ("frames", "state") else f"{name} {value}"
