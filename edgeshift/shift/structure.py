"""Structure in the weights: what need not be computed, or not twice, whatever the input is.

Taps at either end of a kernel that are zero in all filters are left out, so fewer columns are read and kept, and fewer
columns read padding. Filters that are zero (their output is a constant) or equal to another one are computed once,
where that saves more than copying their outputs costs. The results keep every bit.

Layers that an export has left in float32 between quantised ones are told, too.

Other structure gains nothing on these cores, and is only told: an addition costs what a multiply-accumulate does, so
binary and ternary weights are no faster, and zeros without order do not pay for being skipped.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from edgeshift.ir import ColumnGraph, Layout, Stream, Window
from edgeshift.ops import ColumnOp
from edgeshift.ops.conv import Conv, DepthwiseConv
from edgeshift.ops.dense import Dense
from edgeshift.ops.expand import Expand

Layer = Conv | DepthwiseConv | Dense

# Multiply-accumulates that must be saved for each element copied: about twice what was measured to balance, because
# the layer's own columns take scratch as well.
WORTH: Mapping[str, int] = {"portable": 8, "armv6m": 8, "armv7em": 12, "mve": 48, "neon": 48, "dotprod": 160}
GRANULE = 4  # kernels compute so many filters together

FEWEST_WEIGHTS = 64  # in a layer, and
LONGEST_BY_CHANCE = 8  # in a filter: with fewer, structure means nothing
SPARSE = 0.8


def use_structure(graph: ColumnGraph, isa: str = "portable") -> ColumnGraph:
    """The same network computed with less work, and notes on it; `graph` itself where there is nothing to say."""
    streams, ops, notes = dict(graph.streams), list[ColumnOp](), list[str]()
    told: dict[str, list[str]] = {}
    made = {op.output.id: op for op in graph.ops}
    for op in graph.ops:
        if not _is_layer(op):
            ops.append(op)
            continue
        layer, expand, saved = _simplify(op, max(streams) + 1, _worth(op, isa))
        ops += [layer, *expand]
        streams[layer.output.id] = layer.output
        notes += saved
        kinds = [_kind(layer), "float" if not op.integer and _dequantised(op, made) else None]
        for kind in filter(None, kinds):
            told.setdefault(kind, []).append(op.output.name)
    notes += [_told(kind, names) for kind, names in told.items()]
    if not notes:
        return graph
    return replace(graph, streams=streams, ops=tuple(ops), notes=(*graph.notes, *notes))


def _is_layer(op: ColumnOp) -> TypeGuard[Layer]:
    """Exactly these: a class made from one of them may read its weights otherwise."""
    return type(op) in (Conv, DepthwiseConv, Dense)


def _dequantised(op: ColumnOp, made: Mapping[int, ColumnOp]) -> bool:
    """Whether an operator reads what was int8, moved or not."""
    source = made.get(op.inputs[0].id)
    while source is not None and source.op != "DEQUANTIZE":
        moved = source.op in ("RELAYOUT", "TRANSPOSE", "PAD", "PADV2", "STRIDED_SLICE")
        source = made.get(source.inputs[0].id) if moved else None
    return source is not None


def _worth(op: Layer, isa: str) -> int:
    if op.output.dtype == np.int16:
        return WORTH["armv7em" if isa in ("armv7em", "mve") else "portable"]
    floats = "neon" if isa in ("neon", "dotprod") else "portable"  # whose kernels float layers have
    return WORTH[isa if op.integer else floats]


def _simplify(op: Layer, new_id: int, worth: int) -> tuple[Layer, list[Expand], list[str]]:
    """A layer with less work, what has to follow it, and what to say of it."""
    notes: list[str] = []
    trained = op.macs_per_column
    first, stop = _live_taps(op)
    if stop - first < op.windows[0].kernel:
        taps = op.windows[0].kernel
        op = _cut(op, first, stop)
        notes.append(
            f"layer '{op.output.name}': {taps - (stop - first)} of {taps} taps are zero in all filters and left out: "
            f"{trained - op.macs_per_column:,} fewer MACs per column"
        )
    shared = _shared(op, new_id, worth) if not isinstance(op, DepthwiseConv) else None
    if shared is None:
        return op, [], notes
    fewer, expand = shared
    total, once = len(expand.source), expand.computed
    notes.append(
        f"layer '{op.output.name}': {total - once} of {total} filters are constant or repeated, computed once: "
        f"{op.macs_per_column - fewer.macs_per_column:,} fewer MACs per column"
    )
    return fewer, [expand], notes


# -- taps


def _live_taps(op: Layer) -> tuple[int, int]:
    """The first tap and the one behind the last that are needed.

    They are not zero, or without them a column would read padding alone, which kernels need not know.
    """
    window, columns = op.windows[0], op.inputs[0].columns
    by_tap = op.weights if isinstance(op, DepthwiseConv) else np.moveaxis(op.weights, 1, 0)
    live = np.flatnonzero(by_tap.reshape(window.kernel, -1).any(axis=1))
    lead, end = (int(live[0]), int(live[-1]) + 1) if len(live) else (0, 1)
    if (lead, end) == (0, window.kernel):
        return lead, end

    def blind(first: int, stop: int) -> list[int]:
        cut = _window(window, first, stop)
        return [j for j in range(op.output.columns) if not cut.reads_inside(j, columns)]

    unavoidable = blind(0, window.kernel)
    lead = next(k for k in range(lead, -1, -1) if blind(k, window.kernel) == unavoidable)
    end = next(k for k in range(max(end, lead + 1), window.kernel + 1) if blind(lead, k) == unavoidable)
    return lead, end


def _window(window: Window, first: int, stop: int) -> Window:
    return replace(window, kernel=stop - first, pad=window.pad - first * window.dilation)


def _cut(op: Layer, first: int, stop: int) -> Layer:
    """The operator with the taps from `first` up to `stop` alone."""
    cut = copy.copy(op)
    cut.windows = (_window(op.windows[0], first, stop),)
    taps = slice(first, stop)
    cut.weights = np.ascontiguousarray(op.weights[taps] if isinstance(op, DepthwiseConv) else op.weights[:, taps])
    if isinstance(cut, Dense):
        cut.taps = stop - first
    cut.trained_macs = op.trained_macs_per_column
    return cut


# -- filters


def _shared(op: Conv | Dense, new_id: int, worth: int) -> tuple[Conv | Dense, Expand] | None:
    """The layer with each filter once, and the operator that gives all channels; `None` where it does not pay."""
    if isinstance(op, Conv) and op.groups > 1:
        return None  # equal filters of two groups read other channels
    filters = len(op.weights)
    constant = np.all(op.weights.reshape(filters, -1) == 0, axis=1)
    same = _first_equals(op)
    once = [i for i in range(filters) if same[i] == i and not constant[i]]
    wanted = max(len(once), 1)
    if filters % GRANULE == 0:
        wanted = -(-wanted // GRANULE) * GRANULE
    spare = sorted(set(range(filters)) - set(once), key=lambda i: (bool(constant[i]), i))
    kept = np.array(sorted([*once, *spare[: wanted - len(once)]]))
    saved = op.macs_per_column // filters * (filters - len(kept))
    if saved < worth * op.output.size or len(kept) == filters:
        return None
    place = {int(i): n for n, i in enumerate(kept)}
    at = np.array([i for i in range(filters) if constant[i] and i not in place], np.int64)
    source = np.array([place.get(i, 0 if constant[i] else place.get(same[i], 0)) for i in range(filters)])
    fewer = _selected(op, kept)
    fewer.output = _narrow(op.output, new_id, len(kept), filters)
    fewer.trained_macs = op.trained_macs_per_column
    return fewer, Expand(fewer.output, op.output, source, at, _constants(op, at))


def _first_equals(op: Conv | Dense) -> list[int]:
    """For each filter the first that has its weights, bias and scale, bit for bit."""
    parts = [op.weights, op.bias]
    if op.integer:
        parts += [op.multiplier, op.shift] if isinstance(op, Conv) else [_scales(op)]
    rows = [b"".join(np.ascontiguousarray(p[i]).tobytes() for p in parts) for i in range(len(op.weights))]
    seen: dict[bytes, int] = {}
    return [seen.setdefault(row, i) for i, row in enumerate(rows)]


def _scales(op: Dense) -> np.ndarray:
    return np.broadcast_to(op.scales[1], op.bias.shape)


def _selected(op: Conv | Dense, filters: np.ndarray) -> Conv | Dense:
    """The operator with these filters alone; what its output is has to follow."""
    made = copy.copy(op)
    made.weights, made.bias = op.weights[filters], op.bias[filters]
    if isinstance(made, Dense):
        made.units = len(filters)
        if op.integer and isinstance(op, Dense):
            made.scales = (op.scales[0], _scales(op)[filters], op.scales[2])
        return made
    made.out_channels = len(filters)
    if op.integer and isinstance(op, Conv):
        made.multiplier, made.shift = op.multiplier[filters], op.shift[filters]
    return made


def _narrow(stream: Stream, new_id: int, channels: int, of: int) -> Stream:
    """The stream with fewer channels."""
    outer, columns, inner = stream.layout.outer, stream.columns, stream.layout.inner // of * channels
    layout = Layout(outer, columns, inner)
    return replace(stream, id=new_id, name=f"{stream.name}_once", shape=(outer, columns, inner), layout=layout)


def _constants(op: Conv | Dense, filters: np.ndarray) -> np.ndarray:
    """What filters without weights give: bias, rescaling and activation, by the operator's own arithmetic."""
    if not len(filters):
        return np.zeros(0, op.output.dtype)
    window, size = op.windows[0], op.inputs[0].size
    taps = np.zeros((1, window.kernel, size), op.inputs[0].dtype)
    column = _selected(op, filters).compute([taps], [np.ones((1, window.kernel), bool)], np.zeros(1, np.int64))
    return np.ascontiguousarray(column.reshape(-1, len(filters))[0])


# -- what is only told


def _kind(op: Layer) -> str | None:
    """Structure that gains nothing: "binary", "ternary" or "sparse" weights."""
    filters = np.moveaxis(op.weights, -1, 0) if isinstance(op, DepthwiseConv) else op.weights
    size = np.abs(filters.reshape(len(filters), -1).astype(np.float32))
    if op.weights.size < FEWEST_WEIGHTS or size.shape[1] < LONGEST_BY_CHANCE or not size.any():
        return None
    zero = size == 0
    if (zero | (size == size.max(axis=1, keepdims=True))).all():
        return "ternary" if zero.any() else "binary"
    return "sparse" if zero.mean() >= SPARSE else None


_WHY: Mapping[str, str] = {
    "float": "computes in float32 on what is quantised: quantise its weights, and its output right behind it",
    "binary": "has binary weights (-a, a): no faster, as an addition costs what a multiply-accumulate does",
    "ternary": "has ternary weights (-a, 0, a): no faster, as an addition costs what a multiply-accumulate does",
    "sparse": f"has at least {SPARSE:.0%} zeros: no faster, as zeros without order cost more to skip than to multiply",
}


def _told(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"layer '{names[0]}'{more} {_WHY[kind]}"
