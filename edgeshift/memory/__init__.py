"""Memory: where rings and scratch lie in the state of a network."""

from edgeshift.memory.plan import MemoryPlan, RingBuffer, ScratchBlock, plan_memory

__all__ = ["MemoryPlan", "RingBuffer", "ScratchBlock", "plan_memory"]
