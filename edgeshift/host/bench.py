"""`bench`: what a network costs on a board, its outputs checked against the same C on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeshift.device import Board, load_board
from edgeshift.device.bench import Cost, measure
from edgeshift.errors import VerificationError
from edgeshift.host.model import StreamingModel
from edgeshift.host.recording import gather_frames, hop_of
from edgeshift.pipeline import Edges, Network, load, plan
from edgeshift.shift import Outputs, Recurrent

DEFAULT_HOPS = 50


@dataclass(frozen=True, eq=False)
class BenchResult:
    """What `cost` of device.bench is, and of what."""

    model: str
    board: str
    isa: str
    hop: int
    input: str
    macs_per_hop: int
    cost: Cost

    def as_dict(self) -> dict[str, Any]:
        """The keys that tools read; numbers of instructions are whole, means are not rounded."""
        cost = vars(self.cost) | {
            "ram_bytes": self.cost.ram_bytes,
            "layers": [layer.as_dict() for layer in self.cost.layers],
        }
        del cost["outputs"]
        return {k: v for k, v in vars(self).items() if k != "cost"} | cost


def bench(
    network: Network | str | Path,
    board: str | Board,
    hop: int | None = None,
    hops: int | None = None,
    seed: int = 0,
    recording: str | Path | None = None,
    isa: str | None = None,
    *,
    ram: int | None = None,
    edges: Edges = "exact",
    outputs: Outputs = "all",
    recurrent: Recurrent = "zero",
) -> BenchResult:
    """Measure a network on a board's emulator over `hops` outputs; counts are exact and the same every time.

    `isa` takes the place of the board's instruction set ("portable" for plain C). Without `hops`: 50, or all
    that a recording holds. Raises `InputError`, `PlanError`, `BoardError` and `ToolchainError`, and
    `VerificationError` when the board's outputs are not those of this computer.
    """
    if not isinstance(network, Network):
        network = load(network)
    board = load_board(board) if isinstance(board, str) else board
    made = plan(network, hop, isa or board.isa, ram=ram, edges=edges, outputs=outputs, recurrent=recurrent)
    wanted = DEFAULT_HOPS if hops is None and recording is None else hops
    hop = made.schedule.hop
    frames, source, pushes = gather_frames(made.schedule, wanted, seed, recording)
    cost = measure(made, board, frames, pushes)
    host = StreamingModel(plan(network, hop, edges=edges, outputs=outputs, recurrent=recurrent))
    for index, ours in enumerate(cost.outputs):
        expected = host.push_raw(hop_of(made.schedule.graph, frames, hop, index))
        if (expected is None) != (ours is None) or any(
            a.tobytes() != b.tobytes() for a, b in zip(expected or [], ours or [], strict=True)
        ):
            raise VerificationError(f"push {index} on {board.name} gave other outputs than on this computer")
    return BenchResult(network.name, board.name, made.isa, hop, source, made.schedule.macs_per_hop, cost)
