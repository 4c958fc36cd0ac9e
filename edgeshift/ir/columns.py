"""The column graph: streams of columns, and operators that say which columns they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir.graph import QuantParams

if TYPE_CHECKING:
    from edgeshift.ops.base import ColumnOp


@dataclass(frozen=True)
class Window:
    """Which columns of an operand output column `j` reads: `j * stride - pad + k * dilation`, `0 <= k < kernel`.

    Columns outside the operand are padding. `stride = 0` reads the same columns for every `j` (a broadcast).
    """

    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    pad: int = 0

    def first(self, j: int) -> int:
        return j * self.stride - self.pad

    def reads(self, j: int) -> range:
        start = self.first(j)
        return range(start, start + self.kernel * self.dilation, self.dilation)

    def reads_inside(self, j: int, columns: int) -> range:
        start = self.first(j)
        inside = start if start >= 0 else start % self.dilation
        return range(inside, max(inside, min(columns, start + self.kernel * self.dilation)), self.dilation)


@dataclass(frozen=True)
class Layout:
    """Where time lies in a tensor's row-major memory: element `(outer * columns + column) * inner + i`.

    It survives every reshape that keeps the order of memory, even one that hides time inside a longer axis.
    """

    outer: int
    columns: int
    inner: int

    @property
    def column_size(self) -> int:
        return self.outer * self.inner

    def axes(self, shape: Sequence[int]) -> list[int]:
        """The axes of `shape` that are exactly this layout's time (several only when there is one column)."""
        return [
            a
            for a, d in enumerate(shape)
            if d == self.columns and int(np.prod(shape[a + 1 :], dtype=np.int64)) == self.inner
        ]

    @staticmethod
    def along(shape: Sequence[int], axis: int) -> Layout:
        return Layout(
            int(np.prod(shape[:axis], dtype=np.int64)),
            int(shape[axis]),
            int(np.prod(shape[axis + 1 :], dtype=np.int64)),
        )

    def to_columns(self, array: np.ndarray) -> np.ndarray:
        """A whole tensor as `[columns, column_size]`."""
        split = array.reshape(self.outer, self.columns, self.inner)
        return np.ascontiguousarray(split.transpose(1, 0, 2)).reshape(self.columns, self.column_size)

    def from_columns(self, columns: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """The inverse of `to_columns`."""
        split = columns.reshape(self.columns, self.outer, self.inner)
        return np.ascontiguousarray(split.transpose(1, 0, 2)).reshape(tuple(shape))


@dataclass(frozen=True, eq=False)
class Stream:
    """A tensor as columns over time. A vector is a stream of one column.

    A column holds `size` elements of `dtype`, in the tensor's own order with the time axis left out.
    """

    id: int
    name: str
    shape: tuple[int, ...]
    layout: Layout
    dtype: np.dtype
    quant: QuantParams | None

    @property
    def columns(self) -> int:
        return self.layout.columns

    @property
    def size(self) -> int:
        return self.layout.column_size

    @property
    def column_bytes(self) -> int:
        return self.size * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class ColumnGraph:
    """Streams and column operators in execution order.

    `inputs` and `outputs` are in the network's order; inputs whose id is in `temporal` advance by frames, the others
    are handed over whole at every hop. `window_frames` is the number of frames the network was trained on.
    `notes` tell what was guessed or could not be followed.

    A network that carries its own state takes `call_frames` frames at a time, no other number, and answers from the
    first call on. `history` are the columns `[n, size]` that the first `n` of a stream have before that.
    """

    name: str
    sha256: str
    streams: Mapping[int, Stream]
    ops: tuple[ColumnOp, ...]
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    temporal: frozenset[int]
    window_frames: int
    time_axis: str
    notes: tuple[str, ...] = ()
    history: Mapping[int, np.ndarray] = field(default_factory=dict)
    call_frames: int | None = None

    def hop(self, asked: int | None) -> int:
        """The hop that was asked for, or the one to take when none was."""
        return asked if asked is not None else self.call_frames or 1

    def fresh(self, stream: Stream) -> range:
        """The columns of a stream that are not given from the start."""
        return range(len(self.history.get(stream.id, ())), stream.columns)
