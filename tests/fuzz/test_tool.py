"""The tool itself: it notices, shrinks, writes down and repeats; what it draws is drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgeshift.errors import PlanError, UnsupportedOpError
from edgeshift.ops.softmax import Softmax
from tests.fuzz import __main__ as tool
from tests.fuzz import shrink as shrinking
from tests.fuzz.draw import Wish, case_of, random_case
from tests.fuzz.report import report
from tests.fuzz.run import EXACT, Verdict, judge, judge_seeds, refusal
from tests.fuzz.shrink import shrink
from tests.ladder import Case
from tests.stored import operators_of, store, stored

WITH_SOFTMAX = Wish(("float32",), frozenset({"SOFTMAX"}))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A softmax whose numpy is wrong."""
    right = Softmax.compute

    def wrong(op: Softmax, taps: Sequence[np.ndarray], *rest: np.ndarray) -> np.ndarray:
        return right(op, taps, *rest) * np.float32(1.001)

    monkeypatch.setattr(Softmax, "compute", wrong)


def test_choices_are_the_case() -> None:
    for seed in range(30):
        drawn, numbers = random_case(seed)
        again, taken = case_of(numbers)
        assert (again.case, taken) == (drawn.case, numbers)


def test_fewer_choices_are_a_case_too() -> None:
    _, numbers = random_case(3)
    for end in range(0, len(numbers), 5):
        assert case_of(numbers[:end])[0].model


@pytest.mark.usefixtures("broken")
def test_a_difference_is_noticed_and_reported() -> None:
    results = judge_seeds(range(8), WITH_SOFTMAX, c=False)
    wrong = [r for r in results if r.verdict.failed]
    assert wrong and all(r.verdict.reason == "LiteRT != numpy windows" for r in wrong)
    assert f"seed {wrong[0].seed} differs: LiteRT != numpy windows" in report(results, 1.0)


@pytest.mark.usefixtures("broken")
def test_a_failure_is_shrunk_written_and_repeated(tmp_path: Path) -> None:
    seed, verdict = next((r.seed, r.verdict) for r in judge_seeds(range(8), WITH_SOFTMAX, False) if r.verdict.failed)
    drawn, numbers = random_case(seed, WITH_SOFTMAX)
    small, found = shrink(numbers, WITH_SOFTMAX, verdict, seconds=20)
    assert found.reason == verdict.reason
    assert len(small.model) < len(drawn.model) and len(operators_of(small.model)) <= 4
    store(small.case, tmp_path / "7", found.reason)
    assert stored(tmp_path / "7") == small.case
    again = CliRunner().invoke(tool.main, ["--repeat", str(tmp_path / "7"), "--no-c"])
    assert again.exit_code == 1 and "LiteRT != numpy windows" in again.output


def test_shrinking_keeps_what_makes_it_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(cases: Sequence[Case], c: bool = True) -> list[Verdict]:
        return [Verdict("crashed", "tiled") if "TILE" in operators_of(case.model) else EXACT for case in cases]

    monkeypatch.setattr(shrinking, "judge", judged)
    seed = next(s for s in range(1000) if "TILE" in operators_of(random_case(s)[0].model))
    small, _ = shrink(random_case(seed)[1], Wish(), Verdict("crashed", "tiled"))
    assert "TILE" in operators_of(small.model)
    assert small.type == "float32" and small.hop == 1 and not small.case.options
    assert small.case.label.count(" > ") <= 4


def test_the_generated_c_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of three networks has C that leaves its state; the others are told from it."""
    cases = [random_case(seed, Wish(("int8",), frozenset({"CONV_2D"})))[0].case for seed in range(3)]
    from tests import ladder_c

    write = ladder_c.write_sources

    def spoilt(programs: Sequence[ladder_c.Program], folder: Path) -> list[str]:
        files = write(programs, folder)
        for file in files:
            if file.endswith("n1.c"):
                text = Path(file).read_text()
                at = text.index("{", text.rindex("n1_push(")) + 1
                Path(file).write_text(f"{text[:at]} ((volatile char *)state)[sizeof *state] = 0; {text[at:]}")
        return files

    monkeypatch.setattr(ladder_c, "write_sources", spoilt)
    verdicts = judge(cases)
    assert [v.failed for v in verdicts] == [False, True, False]
    assert verdicts[1].reason == "running in C: heap-buffer-overflow in push"


def test_refusals_are_told_from_failures() -> None:
    assert refusal(PlanError("'n' gives one answer for a window, not one for every frame: ...")).kind == "refused"
    assert refusal(UnsupportedOpError("operator FOO is not supported")).failed


def test_the_command_line() -> None:
    run = CliRunner().invoke(tool.main, ["--count", "3", "--types", "int8", "--ops", "TILE,ABS", "--no-c"])
    assert run.exit_code == 0, run.output
    assert "3 networks" in run.output and "types: int8 3" in run.output
    assert CliRunner().invoke(tool.main, ["--ops", "TIEL"]).exit_code == 2
