"""A slice of the long run (`make fuzz`): cases drawn by hypothesis as far as numpy goes, by seed through the C."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.draw import Drawn, Wish, random_case
from tests.fuzz.run import judge, judge_seeds
from tests.stored import TFLITE_OPS, operators_of
from tests.strategies import cases

BATCHES, BATCH = 4, 25
SETTINGS = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@given(cases())
@SETTINGS
def test_drawn_cases_stream_in_numpy(drawn: Drawn) -> None:
    (verdict,) = judge([drawn.case], c=False)
    assert not verdict.failed, verdict.message


@pytest.mark.parametrize("batch", range(BATCHES))
def test_seeded_cases_stream_in_c(batch: int) -> None:
    results = judge_seeds(range(batch * BATCH, (batch + 1) * BATCH), Wish())
    assert not [f"seed {r.seed}: {r.verdict.message}" for r in results if r.verdict.failed]
    assert sum(r.verdict.kind == "exact" for r in results) > BATCH * 3 // 4


@pytest.mark.parametrize("operator", sorted(TFLITE_OPS))
def test_every_operator_is_drawn(operator: str) -> None:
    wish = Wish(ops=frozenset({operator}))
    assert any(operator in operators_of(random_case(seed, wish)[0].model) for seed in range(20))
