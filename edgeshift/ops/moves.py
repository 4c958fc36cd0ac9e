"""Elements that move and are not computed: SPLIT, SPLIT_V, UNPACK, SLICE, GATHER, TILE, RESIZE_NEAREST_NEIGHBOR,
MIRROR_PAD, REVERSE_V2, SPACE_TO_DEPTH, DEPTH_TO_SPACE.

Each is numpy's own selection of element numbers, laid out as columns by `Relayout`.

Types: float32, int8, int16 (SPACE_TO_DEPTH, DEPTH_TO_SPACE: not int16).
Shift: over features a column reads the same column; over time as a slice does. What repeats or mirrors columns
(TILE, RESIZE_NEAREST_NEIGHBOR, DEPTH_TO_SPACE, REVERSE_V2 over time) is bound to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import operator
from edgeshift.ops.common import refuse, same_quant
from edgeshift.ops.concat import ConcatTime
from edgeshift.ops.relayout import Relayout

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


def numbers(x: Stream) -> np.ndarray:
    """The number of every element, in the shape of its tensor."""
    return np.arange(x.columns * x.size).reshape(x.shape)


def time_axis(x: Stream) -> int | None:
    """The axis that is time, `None` if there is none or it hides in a longer one."""
    return next(iter(x.layout.axes(x.shape)), None) if x.columns > 1 else None


def move(node: Node, low: Lowering, x: Stream, order: np.ndarray, time: int | None, place: int = 0) -> None:
    """Output `place` of `node` consists of the elements `order` of `x`, with time on its axis `time`."""
    out = low.tensor(node.outputs[place])
    node = replace(node, outputs=(out.id,))
    if order.shape != out.shape:
        raise refuse(node, f"it gives {list(order.shape)}, not {list(out.shape)}", "export it again")
    if not same_quant(x.quant, out.quant):
        raise refuse(node, "input and output are quantised differently", "quantise the model again")
    if np.array_equal(order.reshape(-1), np.arange(x.columns * x.size)):
        low.rename(node, x)
        return
    layout = Layout(1, 1, out.size) if time is None else Layout.along(out.shape, time)
    made = Relayout.between(x, low.output(node, layout), order, node)
    if time is not None and not made.follows_time:
        low.notes.append(f"{node.op} '{out.name}' repeats or reorders columns: it is made anew for every window")
    low.emit(made)


def constant_of(node: Node, low: Lowering, place: int, what: str) -> list[int]:
    """An integer operand as a flat list."""
    values = low.constant(node.inputs[place]) if place < len(node.inputs) else None
    if values is None:
        raise refuse(node, f"its {what} is computed", f"export the model with a constant {what}")
    return [int(v) for v in values.reshape(-1)]


@operator("SPLIT", "SPLIT_V")
def lower_split(node: Node, low: Lowering) -> None:
    """One slice for every output."""
    x = low.stream(node.inputs[1 if node.op == "SPLIT" else 0])
    axis = constant_of(node, low, 0 if node.op == "SPLIT" else 2, "axis")[0] % len(x.shape)
    if node.op == "SPLIT_V":
        sizes = constant_of(node, low, 1, "sizes")
        sizes = [x.shape[axis] - sum(sizes) - 1 if s == -1 else s for s in sizes]
    else:
        sizes = [x.shape[axis] // len(node.outputs)] * len(node.outputs)
    if len(sizes) != len(node.outputs) or sum(sizes) != x.shape[axis]:
        raise refuse(node, f"its sizes {sizes} do not divide axis {axis} of {list(x.shape)}", "export it again")
    pieces = np.split(numbers(x), np.cumsum(sizes)[:-1].tolist(), axis)
    for place, piece in enumerate(pieces):
        move(node, low, x, piece, time_axis(x), place)


@operator("UNPACK")
def lower_unpack(node: Node, low: Lowering) -> None:
    x = low.stream(node.inputs[0])
    axis, time = int(node.attrs.get("axis", 0)) % len(x.shape), time_axis(x)
    for place in range(len(node.outputs)):
        kept = None if time is None or time == axis else time - (axis < time)
        move(node, low, x, np.take(numbers(x), place, axis), kept, place)


@operator("SLICE")
def lower_slice(node: Node, low: Lowering) -> None:
    x = low.stream(node.inputs[0])
    begin, size = constant_of(node, low, 1, "begin"), constant_of(node, low, 2, "size")
    index = tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begin, size, strict=True))
    move(node, low, x, numbers(x)[index], time_axis(x))


@operator("GATHER")
def lower_gather(node: Node, low: Lowering) -> None:
    x, indices = low.stream(node.inputs[0]), low.constant(node.inputs[1])
    if indices is None or int(node.attrs.get("batch_dims", 0)):
        raise refuse(node, "its indices are computed, or differ by batch", "export the model with constant indices")
    axis, time = int(node.attrs.get("axis", 0)) % len(x.shape), time_axis(x)
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < x.shape[axis]:
        raise refuse(node, f"its indices are beyond axis {axis} of {list(x.shape)}", "export the model again")
    if time is not None and axis < time:
        time += indices.ndim - 1
    elif axis == time and indices.ndim != 1:
        time = None
    move(node, low, x, np.take(numbers(x), indices, axis), time)


@operator("TILE")
def lower_tile(node: Node, low: Lowering) -> None:
    x = low.stream(node.inputs[0])
    move(node, low, x, np.tile(numbers(x), constant_of(node, low, 1, "repetition")), time_axis(x))


@operator("REVERSE_V2")
def lower_reverse(node: Node, low: Lowering) -> None:
    x = low.stream(node.inputs[0])
    axes = tuple(a % len(x.shape) for a in constant_of(node, low, 1, "axis"))
    move(node, low, x, np.flip(numbers(x), axes), time_axis(x))


@operator("RESIZE_NEAREST_NEIGHBOR")
def lower_resize(node: Node, low: Lowering) -> None:
    """(`GetNearestNeighbor`, in float32.)"""
    x, sizes = low.stream(node.inputs[0]), constant_of(node, low, 1, "size")
    order = numbers(x)
    for axis, size in enumerate(sizes, 1):
        order = np.take(order, nearest(node, x.shape[axis], size), axis)
    move(node, low, x, order, time_axis(x))


def nearest(node: Node, given: int, wanted: int) -> np.ndarray:
    """The element of `given` that each of `wanted` takes."""
    corners, centres = (bool(node.attrs.get(name, False)) for name in ("align_corners", "half_pixel_centers"))
    ends = corners and wanted > 1
    scale = np.float32(given - ends) / np.float32(wanted - ends)
    at = (np.arange(wanted).astype(np.float32) + np.float32(0.5 if centres else 0.0)) * scale
    whole = np.floor(at)
    if corners:
        whole += (at - whole >= 0.5).astype(np.float32)
    return np.minimum(whole.astype(np.int64), given - 1)


@operator("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
def lower_blocks(node: Node, low: Lowering) -> None:
    """Blocks of positions become channels, and back: several columns become one, or one several."""
    x, block = low.stream(node.inputs[0]), int(node.attrs["block_size"])
    (batch, height, width, channels), time = x.shape, time_axis(x)
    if node.op == "SPACE_TO_DEPTH":
        order = numbers(x).reshape(batch, height // block, block, width // block, block, channels)
        order = order.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // block, width // block, -1)
    else:
        order = numbers(x).reshape(batch, height, width, block, block, channels // block // block)
        order = order.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * block, width * block, -1)
    move(node, low, x, order, time)


@operator("MIRROR_PAD")
def lower_mirror_pad(node: Node, low: Lowering) -> None:
    """What is mirrored over time stands as columns of its own before and behind the operand's."""
    x, widths = low.stream(node.inputs[0]), constant_of(node, low, 1, "paddings")
    mode = ("reflect", "symmetric")[int(node.attrs.get("mode", 0))]
    pads = [(widths[2 * a], widths[2 * a + 1]) for a in range(len(x.shape))]
    time = time_axis(x)
    order = np.pad(numbers(x), pads, mode=mode)  # type: ignore[call-overload]
    if time is None or pads[time] == (0, 0):
        move(node, low, x, order, time)
        return
    out = low.tensor(node.outputs[0])
    if order.shape != out.shape or not same_quant(x.quant, out.quant):
        raise refuse(node, f"it gives {list(order.shape)}, not {list(out.shape)}", "export it again")
    before, after = pads[time]
    cuts = [before, before + x.shape[time]]
    pieces, starts = [], [0, *cuts]
    for name, piece in zip(("before", "middle", "after"), np.split(order, cuts, time), strict=True):
        pieces.append(_piece(low, x, piece, time, f"{out.name}_{name}"))
    kept = [(p, s) for p, s in zip(pieces, starts, strict=True) if p is not None]
    output = low.output(node, Layout.along(out.shape, time))
    low.emit(ConcatTime(node, [p for p, _ in kept], output, [Window(pad=s) for _, s in kept]))


def _piece(low: Lowering, x: Stream, order: np.ndarray, time: int, name: str) -> Stream | None:
    """A part of a tensor as a stream; `x` itself where nothing moves."""
    if order.size == 0:
        return None
    if order.size == x.columns * x.size and np.array_equal(order.reshape(-1), np.arange(order.size)):
        return x
    shape: Sequence[int] = order.shape
    target = low.new(name, tuple(shape), Layout.along(shape, time), x)
    low.emit(Relayout.between(x, target, order))
    return target
