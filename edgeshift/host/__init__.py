"""On this computer: build the generated C, stream through it, and prove it against the reference."""

from edgeshift.host.model import StreamingModel
from edgeshift.host.oracle import Oracle
from edgeshift.host.run import RunResult, run
from edgeshift.host.verify import VerifyReport, verify

__all__ = ["Oracle", "RunResult", "StreamingModel", "VerifyReport", "run", "verify"]
