"""EdgeShift: a trained time-series network, as it is, becomes fixed-memory C that computes only what is new.

network = edgeshift.load("kws.tflite")
print(edgeshift.plan(network, hop=2).schedule.macs_per_hop)
edgeshift.compile(network, "out", hop=2)
report = edgeshift.verify(network, hop=2)
model = edgeshift.StreamingModel(network, hop=2)
output = model.push(frames)  # None until the first whole window
"""

from edgeshift.convert import convert
from edgeshift.device import Board, Fit, Flashing, all_boards, flash, load_board, plan_flash, require_fit
from edgeshift.errors import (
    BoardError,
    DeviceError,
    EdgeShiftError,
    InputError,
    MemoryBudgetError,
    ModelFormatError,
    OutputError,
    PlanError,
    ToolchainError,
    UnsupportedOpError,
    VerificationError,
)
from edgeshift.export import Exported, export
from edgeshift.host import (
    BenchResult,
    BuildResult,
    Finding,
    RunResult,
    StreamingModel,
    VerifyReport,
    bench,
    build,
    examine,
    run,
    verify,
)
from edgeshift.ops import operators
from edgeshift.pipeline import Artifacts, Network, Plan, compile, load, plan, plan_curve

__all__ = [
    "Artifacts",
    "BenchResult",
    "BuildResult",
    "Board",
    "BoardError",
    "DeviceError",
    "EdgeShiftError",
    "Finding",
    "Fit",
    "Flashing",
    "Exported",
    "InputError",
    "MemoryBudgetError",
    "ModelFormatError",
    "Network",
    "OutputError",
    "Plan",
    "PlanError",
    "RunResult",
    "StreamingModel",
    "ToolchainError",
    "UnsupportedOpError",
    "VerificationError",
    "VerifyReport",
    "all_boards",
    "bench",
    "build",
    "compile",
    "convert",
    "examine",
    "export",
    "flash",
    "load",
    "load_board",
    "operators",
    "plan",
    "plan_curve",
    "plan_flash",
    "require_fit",
    "run",
    "verify",
]
