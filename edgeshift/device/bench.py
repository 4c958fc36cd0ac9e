"""What a network costs on a board: instructions of each push and layer, and bytes, on its emulator."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from edgeshift.device.boards import Board
from edgeshift.device.counting import Reached, run_counted
from edgeshift.device.deploy import device_model, outputs_of, rows_of
from edgeshift.device.fit import require_fit
from edgeshift.device.image import MODEL_OBJECT, Array, DeviceModel, Image, build_bench
from edgeshift.device.replay import ReplayResult, read_replay
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import ToolchainError
from edgeshift.pipeline import Plan, compile

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

    `cycles_per_hop` is `None` where the emulator does not know. `code_bytes` is the model's code with what it
    takes from the compiler's libraries (not on Linux), `weights_bytes` its constants; `stack_bytes` was
    measured below the call of push. `layers` ends with the rest of push (input, heads, output), index 0.
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
    """Push `frames` `pushes` times on a board's emulator and count: as it is, then with a mark per layer.

    Raises `BoardError` when it does not fit the board, `ToolchainError` when it cannot be built, run or
    counted.
    """
    require_fit(plan, board)
    rows, layers = rows_of(plan, frames, pushes), len(plan.schedule.steps)
    with tempfile.TemporaryDirectory(prefix="edgeshift-") as name:
        folder = Path(name)
        artifacts = compile(plan, folder / "model")
        model = device_model(plan, artifacts.name, artifacts.folder)
        plain, traced = build_bench(board, model, rows, folder / "build", layers)
        result, stack_bytes, reached = _run(board, plain, timeout)
        _, _, traced_reached = _run(board, traced, timeout)
        code_bytes, weights_bytes = _sizes(board, model, folder / "build")
    pushed = [_between(a, b) for a, b in pairwise(reached) if a.mark == PUSH][result.first_hop :]
    if len(pushed) != pushes - result.first_hop or not pushed:
        raise ToolchainError(f"{len(pushed)} pushes were counted on {board.name}, not all {pushes}")
    instructions, cycles = zip(*pushed, strict=True)
    timed = reached[0].cycles is not None
    return Cost(
        outputs=outputs_of(plan, result, pushes),
        hops=len(pushed),
        instructions_per_hop=sum(instructions) / len(pushed),
        instructions_per_hop_max=max(instructions),
        cycles_per_hop=sum(cycles) / len(pushed) if timed else None,
        cycles_per_hop_max=max(cycles) if timed else None,
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
    text, _, _ = text.rpartition("\nTICKS ")
    if not stack.isdecimal():
        raise ToolchainError(f"{image.elf.name} printed damaged output on {board.name}: the end is missing")
    return read_replay(board, image, text + "\n"), int(stack), reached


def _between(a: Reached, b: Reached) -> tuple[int, int]:
    """Instructions and cycles (0 where unknown) from mark `a` to mark `b`.

    For a push its call counts: the call of measure_returned stands for it.
    """
    return b.instructions - a.instructions, (b.cycles or 0) - (a.cycles or 0)


def _layer_costs(plan: Plan, reached: Sequence[Reached], first_hop: int) -> tuple[LayerCost, ...]:
    """Means over the hops that gave an output, less what the marks themselves cost."""
    steps, timed = plan.schedule.steps, reached[0].cycles is not None
    own = _between(*[r for r in reached if r.mark == MARK][:2])
    starts = [i for i, r in enumerate(reached) if r.mark == PUSH][first_hop:]
    totals = [[0, 0] for _ in range(len(steps) + 1)]
    for a, b in pairwise(reached[starts[0] :]):
        if a.mark != RETURNED:
            total = totals[max(a.mark - MARK, 0)]
            for unit, spent in enumerate(_between(a, b)):
                total[unit] += spent - (own[unit] if a.mark >= MARK else 0)
    costs = []
    for index in [*range(1, len(steps) + 1), 0]:
        instructions, cycles = (total / len(starts) for total in totals[index])
        name, output, macs = "rest", "input, heads and output", 0
        if index:
            step = steps[index - 1]
            name = f"{step.op.op} early" if step.early else step.op.op
            output, macs = step.op.output.name, step.op.macs_per_column * len(step.columns)
        costs.append(LayerCost(index, name, output, instructions, cycles if timed else None, macs))
    return tuple(costs)


def _sizes(board: Board, model: DeviceModel, folder: Path) -> tuple[int, int]:
    """Bytes of code and of constants of the model; of what it needs of libraries all is code."""
    toolchain = find_toolchain(board)
    weights = _sum(toolchain.section_sizes(folder / MODEL_OBJECT), ".rodata")
    alone = toolchain.link_alone(folder / MODEL_OBJECT, [f"{model.name}_init", f"{model.name}_push"])
    return _sum(toolchain.section_sizes(alone), ".text", ".rodata", ".data") - weights, weights


def _sum(sizes: Mapping[str, int], *prefixes: str) -> int:
    return sum(size for name, size in sizes.items() if name.startswith(prefixes))
