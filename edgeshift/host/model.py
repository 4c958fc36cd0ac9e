"""`StreamingModel`: the generated C of a network, on this computer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeshift.errors import InputError
from edgeshift.host.library import SANITIZE, Library
from edgeshift.pipeline import Network, Plan, plan


class StreamingModel:
    """A network that takes `hop` frames at a time and answers for the newest window.

    It runs the very C that goes to a board. Raises `ToolchainError` when it cannot be compiled. `sanitize` builds it
    with UBSan, which ends the process at the first undefined operation.
    """

    def __init__(self, network: Network | str | Path | Plan, hop: int | None = None, *, sanitize: bool = False) -> None:
        self.plan = network if isinstance(network, Plan) else plan(network, hop)
        schedule, graph = self.plan.schedule, self.plan.schedule.graph
        self.hop = schedule.hop
        self.window_frames = schedule.window_frames
        self._shapes = [(self.hop if s.id in graph.temporal else s.columns, s.size) for s in graph.inputs]
        ports = len(graph.inputs) + len(graph.outputs)
        extra = SANITIZE if sanitize else ()
        self._library = Library(self.plan.sources, self.plan.memory.struct_bytes, ports, extra)
        self._state = self._library.new_state()
        self._single = len(graph.outputs) == 1

    def push(self, *frames: np.ndarray) -> np.ndarray | list[np.ndarray] | None:
        """Take the next `hop` frames, `[hop, frame size]` (any shape of that many elements), one array per input.

        An input without a time axis is given whole. Arrays must have the input's dtype. Returns the output in the
        tensor's shape (a list when there are several), `None` until the first whole window was seen. Raises
        `InputError` for arrays of another size or dtype.
        """
        outputs = self.push_raw(frames)
        return outputs if outputs is None or not self._single else outputs[0]

    def push_raw(self, frames: Sequence[np.ndarray]) -> list[np.ndarray] | None:
        """`push`, always with a list of outputs."""
        graph = self.plan.schedule.graph
        if len(frames) != len(graph.inputs):
            raise InputError(f"the network has {len(graph.inputs)} inputs, not {len(frames)}")
        taken = []
        for stream, shape, array in zip(graph.inputs, self._shapes, frames, strict=True):
            array = np.asarray(array)
            if array.dtype != stream.dtype or array.size != shape[0] * shape[1]:
                raise InputError(
                    f"input '{stream.name}' takes {shape[0]} x {shape[1]} {stream.dtype} elements, "
                    f"not {list(array.shape)} {array.dtype}"
                )
            taken.append(np.ascontiguousarray(array))
        outputs = [np.empty(s.shape, s.dtype) for s in graph.outputs]
        return outputs if self._library.push(self._state, taken, outputs) else None

    def reset(self) -> None:
        """Forget every frame."""
        self._library.init(self._state)
