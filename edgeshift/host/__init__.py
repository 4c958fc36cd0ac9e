"""On this computer: build the generated C, stream through it, and prove it against the reference."""

from edgeshift.host.bench import BenchResult, bench
from edgeshift.host.build import APPS, BuildResult, build
from edgeshift.host.doctor import Finding, examine
from edgeshift.host.model import StreamingModel
from edgeshift.host.oracle import Oracle
from edgeshift.host.run import RunResult, run
from edgeshift.host.verify import VerifyReport, verify

__all__ = [
    "APPS",
    "BenchResult",
    "BuildResult",
    "Finding",
    "Oracle",
    "RunResult",
    "StreamingModel",
    "VerifyReport",
    "bench",
    "build",
    "examine",
    "run",
    "verify",
]
