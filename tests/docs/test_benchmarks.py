"""The benchmark's data: every row has a peer, the recorded results fit the rows, the theory is the plan's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import edgeshift
from benchmarks import run, scaling
from benchmarks.networks import MODELS, TWIN


def test_every_row_has_a_board_and_a_peer() -> None:
    peers, boards = run.read_toml("peers.toml"), {board.name for board in edgeshift.all_boards()}
    for table in run.read_toml("rows.toml")["table"]:
        assert table["board"] in boards
        for row in table["rows"]:
            if table["peer"] != "file":
                assert run.peer_of(table, row["model"], peers)[1] > 0
            elif not (MODELS / f"{row['model']}.tflite").exists():
                assert row["model"] != TWIN


def test_recorded_results_are_of_these_rows() -> None:
    results = json.loads(run.RESULTS.read_text())
    tables = run.read_toml("rows.toml")["table"]
    assert [t["title"] for t in results["tables"]] == [t["title"] for t in tables]
    for made, asked in zip(results["tables"], tables, strict=True):
        assert [r["model"] for r in made["rows"]] == [r["model"] for r in asked["rows"]]
        for row in made["rows"]:
            verdict = row.pop("verdict")
            assert verdict == run.Row(**row).verdict
            assert row["ratio"] == round(row["peer"] / row["value"], 3)


@pytest.mark.parametrize(
    "case", [scaling.Case(p, w, d) for p in scaling.PADDINGS for w, d in ((16, 4), (32, 8))], ids=str
)
def test_the_plan_does_what_the_theory_says(case: scaling.Case, tmp_path: Path) -> None:
    file = tmp_path / "network.tflite"
    file.write_bytes(scaling.build(case))
    schedule = edgeshift.plan(file).schedule
    assert (schedule.macs_window, schedule.macs_per_hop) == scaling.theory(case)
