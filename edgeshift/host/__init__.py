"""On this computer: build the generated C, stream through it, and prove it against the reference."""

from edgeshift.host.model import StreamingModel
from edgeshift.host.oracle import Oracle
from edgeshift.host.verify import VerifyReport, verify

__all__ = ["Oracle", "StreamingModel", "VerifyReport", "verify"]
