"""Estimates of what a plan costs on a core before anything is compiled: instructions, code and stack.

The figures of costs.toml were fitted to counts of many small networks on the emulators (benchmarks/calibrate.py).
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from edgeshift.device.boards import Board
from edgeshift.pipeline import Plan
from edgeshift.shift.schedule import Step

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

COSTS = Path(__file__).with_name("costs.toml")

# Instructions are not cycles. The figure of the Cortex-M0+ was measured (RP2040, all in its cache); the others are what
# in-order cores take of code of multiply-accumulates and loads, with memory that keeps up. M7, M55, A72 and A76 may do
# several instructions in a cycle; that is not counted on.
CYCLES_PER_INSTRUCTION = {
    "cortex-m0plus": 1.3, "cortex-m3": 1.5, "cortex-m4": 1.5, "cortex-m33": 1.4, "cortex-m7": 1.0, "cortex-m55": 1.3,
    "arm1176jzf-s": 1.5, "cortex-a53": 1.0, "cortex-a72": 1.0, "cortex-a76": 1.0,
}  # fmt: skip
OTHER_CORES = 1.5

TABLE = re.compile(r"^static const [^;{]*\{.*?^\};$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def instructions_per_hop(plan: Plan, board: Board) -> float:
    """Of a push that gives an output."""
    return _costs(plan.isa, board)["hop"] + sum(_of_step(plan, step, board) for step in plan.schedule.steps)


def cycles_per_hop(plan: Plan, board: Board) -> float:
    """Instructions at the pace of the board's core."""
    return instructions_per_hop(plan, board) * CYCLES_PER_INSTRUCTION.get(board.core, OTHER_CORES)


def code_bytes(plan: Plan, board: Board) -> int:
    """The model's code, with what it needs of the compiler's libraries."""
    per_character, constant = _costs(plan.isa, board)["code_bytes"]
    return round(constant + per_character * code_length(plan))


def stack_bytes(plan: Plan, board: Board) -> int:
    """The stack below a call of push: the deepest that was measured."""
    return int(_costs(plan.isa, board)["stack_bytes"])


def kernel_key(plan: Plan, step: Step) -> str:
    """What costs alike: the kernel's template, the type that it computes, the operator; or a sum that is kept."""
    template = "kept sum" if step.op in plan.memory.sums else plan.kernels[step.op].template
    return f"{template} {step.op.output.dtype} {step.op.op}"


def work_of(plan: Plan, step: Step) -> tuple[int, int, int]:
    """Of one hop: multiply-accumulates (elements read, by an operator that has none), output elements, columns."""
    op, columns = step.op, len(step.columns)
    kernels = [1 if op in plan.memory.sums else window.kernel for window in op.windows]
    reads = sum(kernel * operand.size for kernel, operand in zip(kernels, op.inputs, strict=True))
    return (op.macs_per_column or reads) * columns, op.output.size * columns, columns


def code_length(plan: Plan) -> int:
    """Characters of the generated C that become code: without tables, comments and blanks."""
    (source,) = (text for name, text in plan.sources.files.items() if name.endswith(".c"))
    return len(re.sub(r"\s+", "", COMMENT.sub("", TABLE.sub("", source))))


def _of_step(plan: Plan, step: Step, board: Board) -> float:
    """Instructions of a step.

    An operator that was not measured costs as much as the dearest with its kernel, a kernel that was not as much as a
    convolution in portable C.
    """
    key, work = kernel_key(plan, step), work_of(plan, step)
    kernel = key.rpartition(" ")[0]
    convolution = "conv float32" if step.op.output.dtype.kind == "f" else "conv int8"
    portable = _costs("portable", board)["kernels"]
    for kernels, name in ((_costs(plan.isa, board)["kernels"], kernel), (portable, kernel), (portable, convolution)):
        costs = [kernels[key]] if key in kernels else [c for k, c in kernels.items() if k.startswith(f"{name} ")]
        if costs:
            return max(sum(c * w for c, w in zip(cost, work, strict=True)) for cost in costs)
    raise AssertionError("costs.toml has convolutions")


def _costs(isa: str, board: Board) -> dict[str, Any]:
    """The table of an instruction set; in portable C floats cost less on a core that has them."""
    has_floats = board.image == "linux" or board.toolchain.float_abi != "soft"
    return _tables()["portable_fpu" if isa == "portable" and has_floats else isa]


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(COSTS.read_text(encoding="utf-8"))
