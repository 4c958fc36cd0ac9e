"""Everything that the report shows, as one dict: `report.json`, and what the page is drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from edgeshift.device import Board, Fit, all_boards, load_board
from edgeshift.errors import BoardError, InputError, MemoryBudgetError, ToolchainError, VerificationError
from edgeshift.host import VerifyReport, bench, verify
from edgeshift.host.bench import DEFAULT_HOPS
from edgeshift.host.deviation import read_labels
from edgeshift.host.recording import gather_frames
from edgeshift.pipeline import Edges, Network, Plan, plan
from edgeshift.report.data import plan_data
from edgeshift.report.memory import memory_data
from edgeshift.report.network import lanes_data
from edgeshift.report.reasons import remedies
from edgeshift.report.stream import Progress, stream_data
from edgeshift.shift import Outputs, Recurrent

VERSION = 1  # of report.json; docs/report.md says what it holds


def report_data(
    network: Network,
    hop: int | None = None,
    *,
    boards: Sequence[str | Board] = (),
    isa: str | None = None,
    hops: int | None = None,
    seed: int = 0,
    recording: str | Path | None = None,
    labels: str | Path | None = None,
    classes: Sequence[str] = (),
    ram: int | None = None,
    edges: Edges = "exact",
    outputs: Outputs = "all",
    recurrent: Recurrent = "zero",
    rate: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Plan, verify, stream and measure a network; the same arguments give the same dict.

    `boards` are measured on their emulators where those are installed; without any, all boards that EdgeShift ships are
    compared by estimate alone, with `rate` frames a second if it is given. The plan is that of `isa`, or of the first
    board, or portable. What cannot be judged (no oracle, no emulator) is said in its place; raises whatever is wrong
    with the input.
    """
    if labels is not None and recording is None:
        raise InputError("labels belong to a recording: give it as --input")
    chosen = [load_board(b) if isinstance(b, str) else b for b in boards]
    asked: dict[str, Any] = {"ram": ram, "edges": edges, "outputs": outputs, "recurrent": recurrent}
    made = plan(network, hop, isa or (chosen[0].isa if chosen else "portable"), **asked)
    hop = made.schedule.hop
    frames, source, pushes = gather_frames(made.schedule, hops, seed, recording)
    portable = made if made.isa == "portable" else plan(network, hop, **asked)
    per_frame = read_labels(labels, frames)
    shown = stream_data(portable, frames, pushes, per_frame, classes, progress)
    try:
        verdict: dict[str, Any] = verify(
            network,
            hop,
            hops,
            seed,
            recording,
            progress=progress,
            labels=labels,
            **asked,
        ).as_dict() | {"refused": None}
        verdict |= {key: None for key in ("max_abs_diff", "max_ulp") if not math.isfinite(verdict[key])}
    except VerificationError as error:
        verdict = dict.fromkeys(field.name for field in fields(VerifyReport)) | {"refused": str(error)}
    measured = [_measured(network, board, hop, seed, recording, asked) for board in chosen]
    compared = chosen or all_boards()
    plans = {kernels: _with_kernels(kernels, made, asked) for kernels in {board.isa for board in compared}}
    return {
        "report": VERSION,
        "plan": plan_data(made),
        "verification": verdict,
        "lanes": lanes_data(made),
        "remedies": remedies(made),
        "memory": memory_data(made),
        "boards": [_board(board, plans[board.isa], rate, bool(chosen)) for board in compared],
        "measured": measured,
        "stream": {"source": source, "recorded": recording is not None, "rate": rate} | shown,
    }


def _measured(
    network: Network, board: Board, hop: int, seed: int, recording: str | Path | None, asked: dict[str, Any]
) -> dict[str, Any]:
    """`bench` on a board's emulator, or why not."""
    try:
        return bench(network, board, hop, DEFAULT_HOPS, seed, recording, **asked).as_dict() | {"refused": None}
    except (BoardError, MemoryBudgetError, ToolchainError) as error:
        return {"board": board.name, "refused": str(error)}


def _with_kernels(isa: str, made: Plan, asked: dict[str, Any]) -> Plan:
    """The plan with the kernels of an instruction set; where those exceed the budget, as it is."""
    try:
        return made if isa == made.isa else plan(made.network, made.schedule.hop, isa, **asked)
    except MemoryBudgetError:
        return made


def _board(board: Board, made: Plan, rate: float | None, named: bool) -> dict[str, Any]:
    """Whether the plan with the board's kernels fits, with `rate` frames a second; for a board that was named also what
    would help, which takes many plans."""
    fit = Fit(made, board, rate)
    checked = fit.as_dict() if named else {"board": board.name, "rate": rate, **fit.sizes.as_dict(), "advice": None}
    return {"description": board.description, "isa": made.isa} | checked
