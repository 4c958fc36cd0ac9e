"""What an operator must say of itself, and the registry of those that are built.

An operator family is one file here and one template in `templates/kernels/`. Its class says, for one output column:
which columns of each operand it reads (`windows`), how to compute it (`compute`, the numpy reference) and
which C kernel does so (`kernel`). Its `lower` makes it from a node of the file.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from edgeshift.ir import Node, Stream, Window

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

Access = Literal["taps", "runs", "column", "patches"]


@dataclass(frozen=True)
class Patches:
    """How inputs are laid out for a kernel that computes several outputs at once from the same weights.

    A gather function copies what one output position reads into a patch of `size` elements of the C type `type`; the
    kernel takes up to `batch` patches, which lie side by side in scratch, and as many pointers to the outputs.
    `positions` is the number of output positions in a column, each of `outputs` elements.

    With `interleaved` the patches of a call lie word by word side by side: the gather function is told which of them
    (`lane`) of how many (`lanes`) it writes. Then a call has fewer than `batch` patches only at the end of a layer,
    where two of 2 replace one of 3 and one of 1; a single patch is lane 1 of 2 unless `batch` is 1.
    """

    type: str
    size: int
    batch: int
    positions: int
    outputs: int
    interleaved: bool = False

    @property
    def bytes(self) -> int:
        return {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "float": 4}[self.type] * self.size * self.batch

    def full(self, total: int) -> int:
        """How many of a layer's `total` patches are computed in calls of `batch`, the others in calls of fewer."""
        rest = total % self.batch
        return total - rest - (self.batch if rest == 1 and self.batch == 3 and total > 3 else 0)

    def rest(self, total: int) -> int:
        """How many patches the calls behind those of `batch` have; 0 when there are none."""
        left = total - self.full(total)
        return 2 if left == 4 else left


@dataclass(frozen=True)
class StatePart:
    """One array of a recurrence's state: `size` elements of `dtype`, all bytes of which are `byte` at first."""

    name: str
    dtype: np.dtype
    size: int
    byte: int = 0

    @property
    def bytes(self) -> int:
        return self.size * self.dtype.itemsize

    def first(self) -> np.ndarray:
        return np.full(self.bytes, self.byte, np.uint8).view(self.dtype)


@dataclass(frozen=True, eq=False)
class Kernel:
    """The C function that computes one output column.

    `access` is how it gets its operands: `taps` an array of column pointers, `runs` the columns as at most four
    contiguous pieces, `column` a single column of each operand. `shape` are the literal sizes of the function: two
    layers whose template, access, dtypes and shape agree share one function. `tables` are constant arrays and
    `scalars` constants (C type, value) that each layer passes in. `runtime` names the headers of
    `firmware/runtime/` that it calls. `position` asks for the number of the output column as well. With
    `access = "patches"` the operand's columns are gathered as `patches` says. Otherwise `work` bytes of scratch, if it
    needs any, are its own during a call, as `uint32_t *work`. A recurrence's kernel takes one step, from `state` to the
    next.
    """

    template: str
    access: Access
    shape: Mapping[str, Any]
    tables: Mapping[str, np.ndarray] = field(default_factory=dict)
    scalars: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    runtime: tuple[str, ...] = ()
    position: bool = False
    patches: Patches | None = None
    work: int = 0
    state: tuple[StatePart, ...] = ()

    @property
    def most_batch(self) -> int:
        """The batch limit beyond which nothing changes; a kernel with work of its own does without it at 1."""
        return self.patches.batch if self.patches is not None else 2 if self.work else 1

    @property
    def scratch_bytes(self) -> int:
        """Scratch that it needs beside columns."""
        return self.work if self.patches is None else self.patches.bytes


@dataclass(frozen=True, eq=False)
class SumRule:
    """An operator as `finish(sum of the columns)`, in integers, where the order of additions does not matter.

    `kept` and `reduced` are nested loops `(count, stride)` over a column: for every element of `kept` one sum over
    those of `reduced`. `dtype` is wide enough for the sum over a window, so that wrap-around cancels. `finish` makes
    the outputs of sums `[size]`; `finisher` is the C expression that does, of `sum`, with `scalars` and `runtime`.
    """

    kept: tuple[tuple[int, int], ...]
    reduced: tuple[tuple[int, int], ...]
    dtype: np.dtype
    finish: Callable[[np.ndarray], np.ndarray]
    finisher: str
    scalars: Mapping[str, tuple[str, Any]]
    runtime: tuple[str, ...]

    @property
    def size(self) -> int:
        return math.prod(count for count, _ in self.kept)

    def sums(self, columns: np.ndarray) -> np.ndarray:
        """int64 sums `[size]` over columns `[n, elements]`."""
        kept, reduced = (_offsets(loops) for loops in (self.kept, self.reduced))
        return columns.astype(np.int64)[:, kept[:, None] + reduced].sum(axis=(0, 2))


def _offsets(loops: Sequence[tuple[int, int]]) -> np.ndarray:
    """The element that each turn of nested loops is at."""
    offsets = np.zeros(1, np.int64)
    for count, stride in loops:
        offsets = (offsets[:, None] + np.arange(count) * stride).reshape(-1)
    return offsets


def sum_dtype(elements: int, dtype: np.dtype) -> np.dtype:
    """The narrowest integer that holds a sum of so many values of `dtype`; of int16 fewer than 65536."""
    return np.dtype(np.int16 if elements * -int(np.iinfo(dtype).min) < 1 << 15 else np.int32)


class ColumnOp(ABC):
    """One operator on columns. `inputs` and `output` are streams; `label` names the node in reports and comments."""

    trained_macs: int | None = None

    def __init__(self, node: Node, inputs: Sequence[Stream], output: Stream, windows: Sequence[Window]) -> None:
        self.node = node
        self.op = node.op
        self.inputs = tuple(inputs)
        self.output = output
        self.windows = tuple(windows)

    @property
    def label(self) -> str:
        return f"{self.op} '{self.output.name}'"

    @property
    def follows_time(self) -> bool:
        """Whether equal operand columns give an equal output column wherever in the window they lie."""
        return True

    @property
    def continues(self) -> bool:
        """Whether columns beyond the window mean something, given the operand's (see `shift/edges.py`)."""
        return True

    @property
    def macs_per_column(self) -> int:
        """Multiply-accumulates of one output column, padded taps included, as the literature counts them."""
        return 0

    @property
    def trained_macs_per_column(self) -> int:
        """Those of the trained network, where structure in the weights has left fewer (see `shift/structure.py`)."""
        return self.macs_per_column if self.trained_macs is None else self.trained_macs

    def interior(self, operands: Sequence[range]) -> range:
        """The output columns that read only interior columns of every operand and no padding."""
        first, stop = 0, self.output.columns
        for interior, window in zip(operands, self.windows, strict=True):
            reach = (window.kernel - 1) * window.dilation
            if window.stride == 0:
                inside = interior.start <= -window.pad and reach - window.pad < interior.stop
                first, stop = (first, stop) if inside and stop == 1 else (0, 0)
            else:
                first = max(first, -(-(interior.start + window.pad) // window.stride))
                stop = min(stop, (interior.stop - 1 + window.pad - reach) // window.stride + 1)
        return range(first, max(first, stop))

    @abstractmethod
    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        """Reference arithmetic of `n` output columns.

        `taps[i]` is `[n, kernel, size]` of operand `i`; `inside[i]` `[n, kernel]` is False where a tap is padding (its
        values are then arbitrary). `columns` `[n]` are the output column numbers. Returns `[n, output.size]`.
        """

    @abstractmethod
    def kernel(self) -> Kernel:
        """The C kernel of this operator."""

    def sum_rule(self) -> SumRule | None:
        """How this operator is a sum of integers over its columns, if it is one."""
        return None


Lower = Callable[[Node, "Lowering"], None]
REGISTRY: dict[str, Lower] = {}


def operator(*names: str) -> Callable[[Lower], Lower]:
    """Register the function that lowers nodes with these TFLite names."""

    def register(lower: Lower) -> Lower:
        for name in names:
            REGISTRY[name] = lower
        return lower

    return register
