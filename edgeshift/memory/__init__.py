"""Memory: where everything lies in the state of a network, and which schedule needs least of it."""

from edgeshift.memory.choose import choose_schedule
from edgeshift.memory.plan import MemoryPlan, ScratchBlock, SumBuffers, plan_memory

__all__ = ["MemoryPlan", "ScratchBlock", "SumBuffers", "choose_schedule", "plan_memory"]
