"""What a network costs on a board: instructions of each push and layer, and bytes, measured on its emulator."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeshift.device.boards import Board
from edgeshift.device.counting import Reached, run_counted
from edgeshift.device.deploy import outputs_of, rows_of, write_model
from edgeshift.device.image import MODEL_OBJECT, Array, DeviceModel, Image, build_image
from edgeshift.device.replay import ReplayResult, read_replay
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import ToolchainError
from edgeshift.pipeline import Plan

PUSH, RETURNED, MARK = 0, 1, 2  # what the numbers of marks stand for; MARK + n is es_mark_n


@dataclass(frozen=True)
class LayerCost:
    """One layer's share of a hop; `instructions` is the mean over the hops, `macs` are those of a hop."""

    index: int
    op: str
    output: str
    instructions: float
    cycles: float | None
    macs: int

    @property
    def instructions_per_mac(self) -> float | None:
        return self.instructions / self.macs if self.macs else None

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "instructions_per_mac": self.instructions_per_mac}


@dataclass(frozen=True, eq=False)
class Cost:
    """Instructions and cycles of a push that gave an output, its call included; sizes in bytes.

    `cycles_per_hop` is `None` where the emulator does not know. `code_bytes` is the model's code with what it takes from
    the compiler's libraries, `weights_bytes` its constant tables; `stack_bytes` was measured below the call of push.
    `layers` ends with the rest of push: input, heads and output, under index 0.
    """

    outputs: list[list[Array] | None]
    hops: int
    instructions_per_hop: float
    instructions_per_hop_max: int
    cycles_per_hop: float | None
    cycles_per_hop_max: int | None
    code_bytes: int
    weights_bytes: int
    state_bytes: int
    scratch_bytes: int
    stack_bytes: int
    layers: tuple[LayerCost, ...]

    @property
    def ram_bytes(self) -> int:
        return self.state_bytes + self.scratch_bytes + self.stack_bytes


def measure(plan: Plan, board: Board, frames: Sequence[Array], pushes: int, timeout: float = 600.0) -> Cost:
    """Push `frames` `pushes` times on a board's emulator, counting, once as it is and once with a mark before each layer.

    Raises `BoardError` when it does not fit the board, `ToolchainError` when it cannot be built, run or counted.
    """
    rows, layers = rows_of(plan, frames, pushes), len(plan.schedule.ops)
    with tempfile.TemporaryDirectory(prefix="edgeshift-") as name:
        folder = Path(name)
        model = write_model(plan, folder / "model")
        plain = build_image(board, model, rows, folder / "plain", "bench")
        result, stack_bytes, reached = _run(board, plain, timeout)
        traced = build_image(board, model, rows, folder / "traced", "bench", layers)
        _, _, traced_reached = _run(board, traced, timeout)
        code_bytes, weights_bytes = _sizes(board, model, folder / "plain")
    pairs = [_difference(a, b) for a, b in _pushes(reached)][result.first_hop :]
    if len(pairs) != pushes - result.first_hop or not pairs:
        raise ToolchainError(f"{len(pairs)} of {pushes - result.first_hop} pushes were counted on {board.name}")
    instructions, cycles = [i for i, _ in pairs], [c for _, c in pairs if c is not None]
    return Cost(
        outputs=outputs_of(plan, result, pushes),
        hops=len(pairs),
        instructions_per_hop=float(np.mean(instructions)),
        instructions_per_hop_max=max(instructions),
        cycles_per_hop=float(np.mean(cycles)) if cycles else None,
        cycles_per_hop_max=max(cycles, default=None),
        code_bytes=code_bytes,
        weights_bytes=weights_bytes,
        state_bytes=plan.memory.state_bytes,
        scratch_bytes=plan.memory.scratch_bytes,
        stack_bytes=stack_bytes,
        layers=_layer_costs(plan, traced_reached, result.first_hop),
    )


def _run(board: Board, image: Image, timeout: float) -> tuple[ReplayResult, int, list[Reached]]:
    """What a bench image gave, the stack that its pushes took, and the marks that it passed."""
    symbols = {s.name: s.address & ~1 for s in find_toolchain(board).symbols(image.elf)}
    marks = sorted((s for s in symbols if s.startswith("es_mark_")), key=lambda s: int(s.removeprefix("es_mark_")))
    names = [f"{image.model.name}_push", "measure_returned", *marks]
    text, reached = run_counted(board, image.elf, [symbols[name] for name in names], timeout)
    text, _, stack = text.rstrip("\n").rpartition("\nPUSH ")
    if not stack.isdecimal():
        raise ToolchainError(f"{image.elf.name} printed damaged output on {board.name}: the end is missing")
    return read_replay(board, image, text + "\n"), int(stack), reached


def _pushes(reached: Sequence[Reached]) -> list[tuple[Reached, Reached]]:
    """Entry and return of each push."""
    starts = [r for r in reached if r.mark == PUSH]
    return list(zip(starts, (r for r in reached if r.mark == RETURNED), strict=True))


def _difference(a: Reached, b: Reached) -> tuple[int, int | None]:
    """Instructions and cycles from `a` to `b`. The call of push counts: that of measure_returned stands for it."""
    cycles = b.cycles - a.cycles if a.cycles is not None and b.cycles is not None else None
    return b.instructions - a.instructions, cycles


def _layer_costs(plan: Plan, reached: Sequence[Reached], first_hop: int) -> tuple[LayerCost, ...]:
    """Means over the hops that gave an output, less what the marks themselves cost."""
    ops = plan.schedule.ops
    own, own_cycles = _difference(*[r for r in reached if r.mark == MARK][:2])
    totals, total_cycles = [0] * (len(ops) + 1), [0] * (len(ops) + 1)
    push = hops = -1
    for a, b in zip(reached, reached[1:], strict=False):
        push += a.mark == PUSH
        if push < first_hop or a.mark == RETURNED:
            continue
        hops = push
        layer = a.mark - MARK if a.mark > MARK else 0
        mark_cost, mark_cycles = (own, own_cycles) if a.mark >= MARK else (0, 0)
        instructions, cycles = _difference(a, b)
        totals[layer] += instructions - mark_cost
        total_cycles[layer] += cycles - (mark_cycles or 0) if cycles is not None else 0
    count = hops + 1 - first_hop
    costs = []
    for index in [*range(1, len(ops) + 1), 0]:
        op = ops[index - 1] if index else None
        costs.append(
            LayerCost(
                index,
                op.op if op else "rest",
                op.output.name if op else "input, heads and output",
                totals[index] / count,
                total_cycles[index] / count if own_cycles is not None else None,
                op.macs_per_column * len(plan.schedule.streams[op.output.id].computed) if op else 0,
            )
        )
    return tuple(costs)


def _sizes(board: Board, model: DeviceModel, folder: Path) -> tuple[int, int]:
    """Bytes of code and of constant tables of the model, linked alone with the libraries that it needs."""
    toolchain = find_toolchain(board)
    elf = toolchain.link_alone(folder / MODEL_OBJECT, [f"{model.name}_init", f"{model.name}_push"])
    sizes = toolchain.section_sizes(elf)
    weights = sum(s.size for s in toolchain.symbols(elf) if s.kind == "r" and s.name.startswith(f"{model.name}_"))
    loaded = sum(size for name, size in sizes.items() if name.startswith((".text", ".rodata", ".data")))
    return loaded - weights, weights
