"""Random networks over the ladder: drawn by hypothesis as far as numpy goes, by seed through the generated C."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ladder import Case, check, climb_numpy, prepare
from tests.random_networks import Drawn, random_case
from tests.strategies import networks

BATCHES, BATCH = 6, 25
SETTINGS = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def case_of(drawn: Drawn, hop: int, seed: int, outputs: int = 12) -> Case:
    return Case(drawn.description, drawn.model, hop, outputs=outputs, seed=seed)


@given(networks(), st.integers(0, 3))
@SETTINGS
def test_drawn_networks_stream_in_numpy(drawn: Drawn, seed: int) -> None:
    found = climb_numpy(prepare(case_of(drawn, drawn.hop, seed)))
    assert not found, found


@given(networks(), st.integers(8, 90))
@settings(SETTINGS, max_examples=60)
def test_drawn_networks_stream_in_numpy_at_long_hops(drawn: Drawn, hop: int) -> None:
    found = climb_numpy(prepare(case_of(drawn, hop, hop, outputs=6)))
    assert not found, found


@pytest.mark.parametrize("batch", range(BATCHES))
def test_seeded_networks_stream_in_c(batch: int) -> None:
    seeds = range(batch * BATCH, (batch + 1) * BATCH)
    drawn = {seed: random_case(seed) for seed in seeds}
    check([case_of(d, d.hop, seed, 16) for seed, d in drawn.items()], memory=batch % 2 == 0)


def test_seeded_networks_stream_in_c_at_long_hops() -> None:
    drawn = {seed: random_case(seed) for seed in range(1000, 1000 + BATCH)}
    check([case_of(d, 8 + 5 * (seed % 13), seed, 8) for seed, d in drawn.items()])
