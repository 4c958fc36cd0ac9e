"""What judges a network whose recurrent state is carried: LiteRT where it can, always our own run in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd

import numpy as np

from edgeshift.errors import VerificationError
from edgeshift.host.oracle import LiteRT
from edgeshift.host.recording import window_of
from edgeshift.importers import is_onnx
from edgeshift.ir import ColumnGraph, Stream
from edgeshift.ops import ColumnOp
from edgeshift.pipeline import Network, Plan
from edgeshift.reference.carried import CarriedExecutor


class CarriedJudge:
    """Gives for one push after the other, from the first output on, what the outputs must be.

    LiteRT carries an LSTM's state as well when its variables are not reset. Where every operator reads one column, or
    the newest, it runs on as many frames as go into both window and hop, from the first frame of the first window on,
    and its answers replace ours.
    """

    def __init__(self, network: Network, made: Plan, frames: Sequence[np.ndarray]) -> None:
        self._graph, self._hop, self._frames = made.schedule.graph, made.schedule.hop, frames
        self._own = CarriedExecutor(self._graph, self._hop)
        self._chunk = gcd(self._graph.window_frames, self._hop)
        self._taken = made.schedule.warmup_hops * self._hop - self._graph.window_frames
        self._litert = self._resized(network.model) if _column_by_column(self._graph) else None
        self.name = "our own run with the state carried, in numpy"
        if self._litert is not None:
            self.name = f"{self._litert.name}, {self._chunk} frames at a time, the state never reset"

    def outputs(self, index: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What push number `index` must give, and what our own run gives; pushes must come in order."""
        end = (index + 1) * self._hop
        own = self._own.run(window_of(self._graph, self._frames, end))
        if self._litert is None:
            return own, own
        newest: list[np.ndarray] = []
        while self._taken < end:
            newest = self._litert.run(self._next(self._taken + self._chunk))
            self._taken += self._chunk
        pairs = zip(own, newest, self._graph.outputs, strict=True)
        return [self._with_newest(mine, theirs, stream) for mine, theirs, stream in pairs], own

    def _next(self, end: int) -> list[np.ndarray]:
        return [
            self._shorter(s).layout.from_columns(f[end - self._chunk : end], self._shorter(s).shape)
            for s, f in zip(self._graph.inputs, self._frames, strict=True)
        ]

    def _shorter(self, stream: Stream) -> Stream:
        """The stream as a graph on fewer frames has it."""
        if stream.columns == 1:
            return stream
        axis = stream.layout.axes(stream.shape)[0]
        shape = (*stream.shape[:axis], self._chunk, *stream.shape[axis + 1 :])
        return replace(stream, shape=shape, layout=replace(stream.layout, columns=self._chunk))

    def _with_newest(self, own: np.ndarray, newest: np.ndarray, stream: Stream) -> np.ndarray:
        """Our output with its newest columns as LiteRT gives them."""
        if stream.columns == 1:
            return newest.reshape(-1, stream.size)[-1].reshape(own.shape)
        columns = stream.layout.to_columns(own).copy()
        columns[-self._chunk :] = self._shorter(stream).layout.to_columns(newest)
        return stream.layout.from_columns(columns, stream.shape)

    def _resized(self, model: bytes) -> LiteRT | None:
        """The interpreter on a graph of fewer frames, `None` where the network does not bear that."""
        if is_onnx(model) or any(not s.layout.axes(s.shape) for s in (*self._graph.inputs, *self._graph.outputs)):
            return None
        try:
            made = LiteRT(model, streams=True, shapes=[self._shorter(s).shape for s in self._graph.inputs])
            outputs = made.run([np.zeros(self._shorter(s).shape, s.dtype) for s in self._graph.inputs])
            made.reset()
        except (VerificationError, RuntimeError, ValueError):
            return None
        pairs = zip(outputs, self._graph.outputs, strict=True)
        return made if all(self._fits(o, s) for o, s in pairs) else None

    def _fits(self, newest: np.ndarray, stream: Stream) -> bool:
        """Whether an output has the columns of a chunk, or, where one is wanted, that one alone."""
        columns, rest = divmod(newest.size, stream.size)
        if rest or stream.columns > 1:
            return not rest and columns == self._chunk
        return columns == 1 or (columns == self._chunk and stream.layout.outer == 1)


def _column_by_column(graph: ColumnGraph) -> bool:
    """Whether every column is a frame, and every operator reads the same column, or the newest one."""
    return all(s.id in graph.temporal and s.columns > 1 for s in graph.inputs) and all(
        _reads_its_own(op, graph.window_frames) for op in graph.ops
    )


def _reads_its_own(op: ColumnOp, frames: int) -> bool:
    if not op.follows_time:
        return not op.inputs
    return op.output.columns in (1, frames) and all(
        w.kernel == 1 and (s.columns == 1 or w.reads(op.output.columns - 1)[0] == frames - 1)
        for s, w in zip(op.inputs, op.windows, strict=True)
    )
