"""`recurrent = carry`: the state of an LSTM flows on from hop to hop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from tests.finish import finish
from tests.ladder import Case, check, network
from tests.netbuilder import Net
from tests.ops import recurrences as forms

Describe = Callable[[Net], None]


def behind(padding: str, stride: int) -> Describe:
    return lambda net: forms.behind_convolutions(padding, stride, net)


def answer_per_frame(net: Net) -> None:
    net.output(net.dense(net.lstm(net.lstm(net.input((1, 12, 4)), 6), 5), 3, keep_num_dims=True))


def answer_of_the_newest(net: Net) -> None:
    net.output(net.softmax(net.dense(forms.last(net, net.lstm(net.input((1, 12, 4)), 6)), 3)))


def between_convolutions(net: Net) -> None:
    x = net.conv1d(net.input((1, 12, 3)), 5, 3, activation="relu")
    net.output(net.conv1d(net.lstm(x, 6), 4, 3))


def model(describe: Describe, dtype: str) -> bytes:
    net = Net("carried", np.random.default_rng(11))
    describe(net)
    return finish(net, dtype)


def saved(describe: Describe, dtype: str, folder: Path) -> Path:
    (folder / "carried.tflite").write_bytes(model(describe, dtype))
    return folder / "carried.tflite"


CASES = (
    ("per frame", answer_per_frame, False),
    ("newest", answer_of_the_newest, False),
    ("stride", behind("VALID", 2), False),
    ("same", behind("SAME", 1), True),
    ("causal", behind("CAUSAL", 2), True),
    ("between", between_convolutions, True),
    ("pooled", forms.before_convolutions, True),
    ("some", forms.some_steps, False),
)


@pytest.mark.parametrize("dtype", ("float32", "int8"))
def test_ladder(dtype: str) -> None:
    """Numpy window by window == numpy by the plan == C, with phases, streamed edges, and hops that divide nothing."""
    hops = (1, 2, 3, 5, 2, 1, 5, 3) if dtype == "int8" else (3, 5, 1, 2, 5, 3, 2, 1)
    cases = [
        Case(f"{label} {dtype}", model(describe, dtype), hop, streamed=streamed, carried=True, outputs=14, seed=hop)
        for hop, (label, describe, streamed) in zip(hops, CASES, strict=True)
    ]
    if dtype == "int8":
        cases.append(Case("least RAM", model(behind("VALID", 2), dtype), 3, carried=True, outputs=14, curve=0))
    check(cases, memory=dtype == "int8")


@pytest.mark.parametrize("dtype", ("float32", "int8"))
@pytest.mark.parametrize("describe", (answer_per_frame, answer_of_the_newest))
def test_litert_agrees_when_its_state_is_never_reset(describe: Describe, dtype: str, tmp_path: Path) -> None:
    file = saved(describe, dtype, tmp_path)
    for hop in (1, 4, 9):
        report = edgeshift.verify(file, hop, hops=40, recurrent="carry")
        assert report.exact and "never reset" in report.oracle and report.hops_compared == 40
        assert report.max_abs_diff <= (0 if dtype == "int8" else 1e-5)
        assert report.deviation is not None and report.deviation["max_abs_diff"] > report.max_abs_diff


def test_the_first_answer_is_the_trained_one(tmp_path: Path) -> None:
    file = saved(behind("VALID", 2), "int8", tmp_path)
    for hop in (2, 6):
        assert edgeshift.verify(file, hop, hops=1, recurrent="carry").deviation["max_abs_diff"] == 0  # type: ignore


def test_only_new_columns_are_computed() -> None:
    net = network(model(answer_of_the_newest, "int8"))
    gates, cell, dense = 4 * 6 * 4, 4 * 6 * 6, 6 * 3
    for hop in (1, 3):
        made = edgeshift.plan(net, hop, recurrent="carry")
        assert made.schedule.macs_per_hop == hop * (gates + cell) + dense
        assert edgeshift.plan(net, hop).schedule.macs_per_hop == hop * gates + 12 * cell + dense


def test_it_says_so() -> None:
    made = edgeshift.plan(network(model(answer_of_the_newest, "int8")), recurrent="carry")
    assert any("flows on from hop to hop" in note for note in made.schedule.graph.notes)
    assert "not the trained function" in made.sources.files["net.h"]


@pytest.mark.parametrize("outputs", ("last", "seen"))
def test_combines_with_the_newest_outputs(outputs: str, tmp_path: Path) -> None:
    file = saved(between_convolutions, "int8", tmp_path)
    report = edgeshift.verify(file, 2, hops=30, recurrent="carry", edges="stream", outputs=outputs)  # type: ignore
    assert report.exact and report.recurrent == "carry" and report.edges == "stream"
    file = saved(answer_per_frame, "float32", tmp_path)
    report = edgeshift.verify(file, 2, hops=30, recurrent="carry", outputs=outputs)  # type: ignore[arg-type]
    assert report.exact and report.matches_window_run and "never reset" in report.oracle


def stacked_over_edges(net: Net) -> None:
    """Its second LSTM looks at what an attention over the window gives."""
    x = net.input((1, 12, 4))
    whole = net.mul(x, net.mean(x, 1, keep_dims=True))
    net.output(net.dense(forms.last(net, net.lstm(whole, 3)), 2))


@pytest.mark.parametrize(
    ("describe", "hop", "options", "reason"),
    [
        (behind("SAME", 1), 1, {}, "padding has reached the others.*add --edges stream"),
        (stacked_over_edges, 1, {}, "looks at the whole window"),
        (behind("VALID", 2), 20, {}, "the hop must be at most 18 frames"),
        (lambda net: net.output(net.dense(net.input((1, 8, 3)), 2)), 1, {}, "no recurrence whose state"),
    ],
)
def test_what_has_no_meaning_is_refused(describe: Describe, hop: int, options: dict[str, str], reason: str) -> None:
    with pytest.raises(edgeshift.PlanError, match=reason):
        edgeshift.plan(network(model(describe, "int8")), hop, recurrent="carry", **options)  # type: ignore[arg-type]
