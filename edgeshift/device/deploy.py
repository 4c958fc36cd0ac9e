"""From a plan to outputs of a board: generate, build, run on the emulator."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeshift.device.boards import Board
from edgeshift.device.fit import require_fit
from edgeshift.device.image import Array, DeviceModel, Image, build_image
from edgeshift.device.replay import ReplayResult, replay
from edgeshift.pipeline import Plan, compile


@dataclass(frozen=True, eq=False)
class BoardRun:
    """What a board gave: the outputs of each push in their tensors' shapes, `None` while warming up.

    `stack_bytes` is the deepest that the stack has been, the application's part included.
    """

    outputs: list[list[Array] | None]
    stack_bytes: int
    image: Image


def device_model(plan: Plan, name: str, folder: Path) -> DeviceModel:
    """How an application on a board sees the generated C in `folder`."""
    graph, hop = plan.schedule.graph, plan.schedule.hop
    return DeviceModel(
        name,
        folder,
        tuple(s.dtype for s in graph.inputs),
        tuple((hop if s.id in graph.temporal else s.columns) * s.size for s in graph.inputs),
        tuple(s.dtype for s in graph.outputs),
        tuple(s.columns * s.size for s in graph.outputs),
    )


def run_on_board(plan: Plan, frames: Sequence[Array], pushes: int, board: Board, timeout: float = 600.0) -> BoardRun:
    """Push `frames` `pushes` times on a board's emulator.

    They are `[frames, size]` for each input, or whole if it is not temporal. Raises `BoardError` when it does
    not fit the board, `ToolchainError` when it cannot be built or run.
    """
    require_fit(plan, board)
    with tempfile.TemporaryDirectory(prefix="edgeshift-") as folder:
        artifacts = compile(plan, Path(folder) / "model")
        model = device_model(plan, artifacts.name, artifacts.folder)
        image = build_image(board, model, rows_of(plan, frames, pushes), Path(folder) / "build")
        result = replay(board, image, timeout)
    return BoardRun(outputs_of(plan, result, pushes), result.stack_bytes, image)


def rows_of(plan: Plan, frames: Sequence[Array], pushes: int) -> list[Array]:
    """Per input one row of elements for each push."""
    graph, hop = plan.schedule.graph, plan.schedule.hop
    return [
        np.ascontiguousarray(
            f[: pushes * hop].reshape(pushes, -1)
            if s.id in graph.temporal
            else np.broadcast_to(f.reshape(1, -1), (pushes, f.size))
        )
        for s, f in zip(graph.inputs, frames, strict=True)
    ]


def outputs_of(plan: Plan, result: ReplayResult, pushes: int) -> list[list[Array] | None]:
    """Per push the outputs in their tensors' shapes, `None` while warming up."""
    outputs: list[list[Array] | None] = [None] * result.first_hop
    for index in range(pushes - result.first_hop):
        ports = zip(result.outputs, plan.schedule.graph.outputs, strict=True)
        outputs.append([o[index].reshape(s.shape) for o, s in ports])
    return outputs
