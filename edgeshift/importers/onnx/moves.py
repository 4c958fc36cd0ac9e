"""ONNX operators that move, select or reduce: reshapes, slices, concatenations, paddings, reductions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from edgeshift.importers.onnx.elementwise import binary
from edgeshift.importers.onnx.layers import reduced
from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value | list[Value]]


def same(b: Builder) -> Value:
    """Identity, Dropout at inference, Cast from float32 to float32."""
    if b.source.op == "Cast" and int(b.source["to"]) != 1:
        raise b.source.refuse("it casts a computed tensor to another type than float32")
    if len([o for o in b.source.outputs if o]) > 1:
        raise b.source.refuse("its mask is used", "call model.eval() before the export")
    return b.value()


def integers(b: Builder, attribute: str, place: int) -> list[int] | None:
    """Integers that older opsets have as an attribute and newer ones as an operand."""
    if attribute in b.source.attrs:
        return [int(v) for v in b.source[attribute]]
    given = b.optional(place)
    return None if given is None else [int(v) for v in given.reshape(-1)]


def reshape(b: Builder) -> Value:
    x = b.value()
    wanted = [int(d) for d in b.constant(1, "its shape").reshape(-1)]
    if not b.source.get("allowzero", 0):
        wanted = [x.shape[i] if d == 0 and i < x.rank else d for i, d in enumerate(wanted)]
    known = math.prod(d for d in wanted if d != -1)
    if wanted.count(-1) > 1 or known <= 0 or math.prod(x.shape) % known:
        raise b.source.refuse(f"{list(x.shape)} cannot become {wanted}", "export the model with static shapes")
    shape = [math.prod(x.shape) // known if d == -1 else d for d in wanted]
    if math.prod(shape) != math.prod(x.shape):
        raise b.source.refuse(f"{list(x.shape)} cannot become {wanted}", "export the model with a batch of one")
    return b.reshaped(x, shape)


def flatten(b: Builder) -> Value:
    x = b.value()
    axis = int(b.source.get("axis", 1))
    axis = axis + x.rank if axis < 0 else axis
    return b.reshaped(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def transpose(b: Builder) -> Value:
    x = b.value()
    axes = [int(a) for a in b.source.get("perm", range(x.rank)[::-1])]
    return b.transposed(x, axes)


def squeeze(b: Builder) -> Value:
    x = b.value()
    given = integers(b, "axes", 1)
    axes = [a for a, d in enumerate(x.shape) if d == 1] if given is None else [b.axis(a, x.rank) for a in given]
    if any(x.shape[a] != 1 for a in axes):
        raise b.source.refuse(f"{list(x.shape)} is not 1 along {axes}", "export the model with a batch of one")
    return b.reshaped(x, [d for a, d in enumerate(x.shape) if a not in axes])


def unsqueeze(b: Builder) -> Value:
    x = b.value()
    given = integers(b, "axes", 1) or []
    rank = x.rank + len(given)
    axes = {b.axis(a, rank) for a in given}
    sizes = iter(x.shape)
    return b.reshaped(x, [1 if a in axes else next(sizes) for a in range(rank)])


def concat(b: Builder) -> Value:
    parts = [b.value(place) for place in range(len(b.source.inputs))]
    return joined(b, parts, b.axis(int(b.source["axis"]), parts[0].rank))


def joined(b: Builder, parts: Sequence[Value], axis: int) -> Value:
    """Values one behind the other along an ONNX axis, stored as a layer stores them where one is by a layer."""
    if len(parts) == 1:
        return parts[0]

    def rank(v: Value) -> tuple[bool, bool, int]:
        return b.tensors[v.id].data is None, v.order != tuple(range(v.rank)), math.prod(v.shape)

    lead = max(parts, key=rank)
    placed = [b.reordered(p, lead.order) for p in parts]
    stored = list(lead.stored)
    stored[lead.place(axis)] = sum(p.shape[axis] for p in parts)
    made = b.emit("CONCATENATION", [p.id for p in placed], stored, axis=lead.place(axis), fused_activation_function=0)
    return b.like(made, lead)


def sliced(b: Builder, x: Value, parts: dict[int, slice]) -> Value:
    """`parts` of ONNX axes; the others are whole."""
    rows = []
    for a, d in zip(x.order, x.stored, strict=True):
        begin, stop, step = parts.get(a, slice(None)).indices(d)
        rows.append((begin, stop if stop >= 0 else -d - 1, step))
    stored = [len(range(*parts.get(a, slice(None)).indices(d))) for a, d in zip(x.order, x.stored, strict=True)]
    if min(stored) < 1:
        raise b.source.refuse(f"it leaves nothing of {list(x.shape)}", "export the model again")
    if tuple(stored) == x.stored and all(step == 1 for _, _, step in rows):
        return x
    bounds = [b.data(np.array(v, np.int32), "slice") for v in zip(*rows, strict=True)]
    return b.like(b.emit("STRIDED_SLICE", [x.id, *bounds], stored), x)


def slice_(b: Builder) -> Value:
    x = b.value()
    starts, ends = integers(b, "starts", 1), integers(b, "ends", 2)
    axes, steps = integers(b, "axes", 3), None if b.source.opset < 10 else integers(b, "steps", 4)
    if starts is None or ends is None:
        raise b.source.refuse("it has no bounds", "export the model again")
    axes = list(range(len(starts))) if axes is None else [b.axis(a, x.rank) for a in axes]
    steps = steps or [1] * len(starts)
    parts = {}
    for a, s, e, step in zip(axes, starts, ends, steps, strict=True):
        behind = step < 0 and e < -x.shape[a]  # down to the first element
        parts[a] = slice(s, None if behind else e, step)
    return sliced(b, x, parts)


def split(b: Builder) -> list[Value]:
    x = b.value()
    axis, count = b.axis(int(b.source.get("axis", 0)), x.rank), len(b.source.outputs)
    sizes = integers(b, "split", 1)
    if sizes is None:
        each = -(-x.shape[axis] // count)
        sizes = [min(each, x.shape[axis] - i * each) for i in range(count)]
    if sum(sizes) != x.shape[axis] or min(sizes) < 1:
        raise b.source.refuse(f"{list(x.shape)} cannot be split into {sizes}", "export the model again")
    ends = np.cumsum(sizes).tolist()
    return [sliced(b, x, {axis: slice(e - s, e)}) for s, e in zip(sizes, ends, strict=True)]


def gather(b: Builder) -> Value:
    """With constant indices; evenly spaced ones are a slice."""
    x = b.value()
    indices = b.constant(1, "its index")
    axis = b.axis(int(b.source.get("axis", 0)), x.rank)
    made = gathered(b, x, [int(i) % x.shape[axis] for i in indices.reshape(-1)], axis)
    if indices.ndim == 1:
        return made
    return b.reshaped(made, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def gathered(b: Builder, x: Value, flat: list[int], axis: int) -> Value:
    """The elements `flat` along an ONNX axis."""
    step = flat[1] - flat[0] if len(flat) > 1 else 1
    if step != 0 and flat == [flat[0] + i * step for i in range(len(flat))]:
        stop = flat[-1] + (1 if step > 0 else -1)
        return sliced(b, x, {axis: slice(flat[0], stop if stop >= 0 else None, step)})
    stored = list(x.stored)
    stored[x.place(axis)] = len(flat)
    operands = [x.id, b.data(np.array(flat, np.int32), "indices")]
    return b.like(b.emit("GATHER", operands, stored, axis=x.place(axis)), x)


def gather_nd(b: Builder) -> Value:
    """With constant indices; those of the first axis alone are a Gather."""
    x, indices = b.value(), b.constant(1, "its index")
    depth = indices.shape[-1]
    if b.source.get("batch_dims", 0):
        raise b.source.refuse("its index differs by batch", "index all of the tensor")
    shape = (*indices.shape[:-1], *x.shape[depth:])
    if depth == 1:
        return b.reshaped(gathered(b, x, [int(i) % x.shape[0] for i in indices.reshape(-1)], 0), shape)
    order = np.arange(math.prod(x.shape)).reshape(x.shape)
    places = order[tuple(np.moveaxis(indices, -1, 0))].reshape(-1)
    flat = b.straight(b.reshaped(x, (math.prod(x.shape),)))
    return b.reshaped(gathered(b, flat, places.tolist(), 0), shape)


def reduce_(op: str) -> Layer:
    def build(b: Builder) -> Value:
        axes, keep = reduce_axes(b)
        return reduced(b, b.value(), axes, op, keep)

    return build


def reduce_axes(b: Builder) -> tuple[list[int], bool]:
    """The ONNX axes that a reduction takes away, and whether they stay, of length 1."""
    x, given = b.value(), integers(b, "axes", 1)
    if not given and b.source.get("noop_with_empty_axes", 0):
        return [], True
    return [b.axis(a, x.rank) for a in given] if given else list(range(x.rank)), bool(b.source.get("keepdims", 1))


def expand(b: Builder) -> Value:
    x = b.value()
    wanted: Sequence[int] = [int(d) for d in b.constant(1, "its shape").reshape(-1)]
    shape = np.broadcast_shapes(x.shape, tuple(wanted))
    if shape == x.shape:
        return x
    return binary(b, "MUL", x, b.keep(np.ones(shape, np.float32), f"{b.source.name}_ones"))


def tile(b: Builder) -> Value:
    x = b.value()
    repeats = [int(r) for r in b.constant(1, "its repetition").reshape(-1)]
    placed = np.array([repeats[a] for a in x.order], np.int32)
    stored = [d * r for d, r in zip(x.stored, placed.tolist(), strict=True)]
    return b.like(b.emit("TILE", [x.id, b.data(placed, "repeats")], stored), x)


MOVES: dict[str, Layer] = {
    "Identity": same,
    "Dropout": same,
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Concat": concat,
    "Slice": slice_,
    "Split": split,
    "Gather": gather,
    "GatherND": gather_nd,
    "ReduceMean": reduce_("MEAN"),
    "ReduceSum": reduce_("SUM"),
    "ReduceMax": reduce_("REDUCE_MAX"),
    "ReduceMin": reduce_("REDUCE_MIN"),
    "Expand": expand,
    "Tile": tile,
}
