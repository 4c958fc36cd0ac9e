"""`run`: a network on a board's emulator, its outputs for a recording or a seeded drift."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeshift.device import Board, load_board
from edgeshift.device.deploy import run_on_board
from edgeshift.host.recording import gather_frames
from edgeshift.pipeline import Edges, Network, load, plan
from edgeshift.shift import Outputs, Recurrent


@dataclass(frozen=True, eq=False)
class RunResult:
    """`outputs[i]` are the network's outputs at push `hops[i]` (from 0); sizes are the whole image's, in bytes."""

    model: str
    board: str
    hop: int
    input: str
    hops: list[int]
    outputs: list[list[np.ndarray]]
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "outputs": [[o.tolist() for o in outputs] for outputs in self.outputs]}


def run(
    network: Network | str | Path,
    board: str | Board,
    hop: int | None = None,
    hops: int | None = None,
    seed: int = 0,
    recording: str | Path | None = None,
    *,
    ram: int | None = None,
    edges: Edges = "exact",
    outputs: Outputs = "all",
    recurrent: Recurrent = "zero",
) -> RunResult:
    """Build a network for a board and run it on the emulator until `hops` outputs are there.

    Without `hops`: 200, or all that a recording holds. Raises `InputError`, `BoardError` and `ToolchainError`.
    """
    if not isinstance(network, Network):
        network = load(network)
    board = load_board(board) if isinstance(board, str) else board
    made = plan(network, hop, board.isa, ram=ram, edges=edges, outputs=outputs, recurrent=recurrent)
    hop = made.schedule.hop
    frames, source, pushes = gather_frames(made.schedule, hops, seed, recording)
    ran = run_on_board(made, frames, pushes, board)
    ready = {i: o for i, o in enumerate(ran.outputs) if o is not None}
    return RunResult(
        network.name,
        board.name,
        hop,
        source,
        list(ready),
        list(ready.values()),
        ran.image.flash_bytes,
        ran.image.ram_bytes,
        ran.stack_bytes,
    )
