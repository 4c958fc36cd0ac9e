"""Memory: where everything lies in the state of a network, and which schedule needs least of it."""

from edgeshift.memory.choose import Choice, ChooseKernels, choose, curve
from edgeshift.memory.plan import MemoryPlan, ScratchBlock, SumBuffers, plan_memory, step_buffers

__all__ = [
    "Choice",
    "ChooseKernels",
    "MemoryPlan",
    "ScratchBlock",
    "SumBuffers",
    "choose",
    "curve",
    "plan_memory",
    "step_buffers",
]
