"""Forms of the operators that move data: concatenations, slices, pads, reshapes; and where time lies in an input."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from tests.netbuilder import Handle, Net
from tests.ops.arithmetic import CHANNELS, FRAMES, curve, end, planes
from tests.ops.sweeps import form

# -- concatenation


def concat_features(count: int, net: Net) -> None:
    x = curve(net)
    end(net, net.concat([net.conv1d(x, 1 + i, 1 + i) for i in range(count)], -1))


def concat_middle(net: Net) -> None:
    """Along features that are not the last axis: pieces repeat within a column."""
    x = planes(net)
    end(net, net.concat([x, net.conv2d(x, CHANNELS, (2, 1)), x], 2))


def concat_constant(first: bool, net: Net) -> None:
    x, known = curve(net), net.constant(net.rng.normal(0, 1, (1, FRAMES, 2)))
    end(net, net.concat([known, x] if first else [x, known], 2))


def concat_time(order: str, net: Net) -> None:
    """`order` names pieces: early and late columns of two branches, or a constant."""
    x = curve(net)
    pieces = {
        "e": lambda: net.strided_slice(x, (0, 0, 0), (1, 5, 4)),
        "l": lambda: net.strided_slice(x, (0, 6, 0), (1, 14, 4)),
        "w": lambda: net.conv1d(x, 4, 2),
        "c": lambda: net.constant(net.rng.normal(0, 1, (1, 3, 4))),
        "m": lambda: net.mean(x, 1, keep_dims=True),
    }
    end(net, net.concat([pieces[name]() for name in order], 1))


def concat_vectors(net: Net) -> None:
    x = curve(net)
    net.output(net.concat([net.mean(x, 1), net.reduce_max(x, 1), net.mean(x, 1)], 1))


def concat_steps(net: Net) -> None:
    """Vectors become the columns of a new time axis."""
    x = curve(net)
    parts = [net.mean(x, 1, keep_dims=True), net.reduce_max(x, 1, keep_dims=True), net.mean(x, 1, keep_dims=True)]
    net.output(net.conv1d(net.concat(parts, 1), 3, 2))


for count in (2, 3, 4):
    form("concat", f"{count} branches", concat_features, count)
form("concat", "in the middle", concat_middle)
form("concat", "constant first", concat_constant, True)
form("concat", "constant second", concat_constant, False)
for order in ("el", "le", "we", "ew", "wl", "ww", "cw", "wc", "mw", "wm", "lew", "wcl"):
    form("concat", f"over time {order}", concat_time, order)
form("concat", "vectors", concat_vectors)
form("concat", "steps", concat_steps)


# -- slices

Bounds = tuple[Sequence[int], Sequence[int], Sequence[int]]


def slice_curve(bounds: Bounds, masks: tuple[int, int, int], net: Net) -> None:
    x = net.strided_slice(curve(net), *bounds, *masks)
    if len(x.shape) == 3 and x.shape[1] >= 3:
        end(net, x)
    else:
        net.output(net.relu(x))


def slice_plane(bounds: Bounds, masks: tuple[int, int, int], net: Net) -> None:
    net.output(net.relu(net.strided_slice(planes(net), *bounds, *masks)))


def slice_hidden_time(net: Net) -> None:
    x = net.reshape(curve(net), (1, FRAMES * CHANNELS))
    net.output(net.dense(net.strided_slice(x, (0, 6), (1, 30)), 3))


def two_halves(net: Net) -> None:
    """Even and odd columns apart, and together again."""
    x = curve(net)
    even, odd = (net.strided_slice(x, (0, i, 0), (1, 14, 4), (1, 2, 1)) for i in (0, 1))
    end(net, net.sub(even, odd))


SLICES: dict[str, tuple[Bounds, tuple[int, int, int]]] = {
    "first columns": (((0, 0, 0), (1, 5, 4), (1, 1, 1)), (0, 0, 0)),
    "last columns by negative begin": (((0, -5, 0), (1, 14, 4), (1, 1, 1)), (0, 0, 0)),
    "negative end": (((0, 2, 0), (1, -3, -1), (1, 1, 1)), (0, 0, 0)),
    "end beyond": (((0, 9, 0), (1, 99, 99), (1, 1, 1)), (0, 0, 0)),
    "begin mask": (((0, 7, 2), (1, 11, 4), (1, 1, 1)), (0b010, 0, 0)),
    "end mask": (((0, 7, 1), (1, 8, 2), (1, 1, 1)), (0, 0b110, 0)),
    "both masks": (((5, 5, 1), (6, 6, 3), (1, 1, 1)), (0b011, 0b011, 0)),
    "every second": (((0, 0, 0), (1, 14, 4), (1, 2, 1)), (0, 0, 0)),
    "every third from 1": (((0, 1, 0), (1, 14, 4), (1, 3, 1)), (0, 0, 0)),
    "every second feature": (((0, 0, 1), (1, 14, 4), (1, 1, 2)), (0, 0, 0)),
    "one column, shrunk": (((0, 4, 0), (1, 5, 4), (1, 1, 1)), (0, 0, 0b010)),
    "last column, shrunk": (((0, -1, 0), (1, 0, 4), (1, 1, 1)), (0, 0, 0b010)),
    "last column, kept": (((0, -1, 0), (1, 14, 4), (1, 1, 1)), (0, 0, 0)),
    "one feature, shrunk": (((0, 0, 2), (1, 14, 3), (1, 1, 1)), (0, 0, 0b100)),
    "batch shrunk": (((0, 0, 0), (1, 14, 4), (1, 1, 1)), (0, 0, 0b001)),
    "batch and column shrunk": (((0, -2, 1), (1, 0, 4), (1, 1, 1)), (0, 0, 0b011)),
    "columns backwards": (((0, -1, 0), (1, -15, 4), (1, -1, 1)), (0, 0, 0)),
    "features backwards": (((0, 0, -1), (1, 14, -5), (1, 1, -1)), (0, 0, 0)),
}
for name, (bounds, masks) in SLICES.items():
    form("slice", name, slice_curve, bounds, masks)
form("slice", "a plane's corner", slice_plane, ((0, 3, 1, 1), (1, -2, 3, -1), (1, 2, 1, 1)), (0, 0, 0))
form("slice", "a plane's row, shrunk", slice_plane, ((0, 3, 1, 1), (1, -2, 2, 4), (1, 1, 1, 1)), (0, 0, 0b0100))
form("slice", "hidden time", slice_hidden_time)
form("slice", "two halves", two_halves)


# -- pads


def pad_curve(paddings: Sequence[tuple[int, int]], net: Net) -> None:
    end(net, net.pad(curve(net), paddings))


def pad_plane(paddings: Sequence[tuple[int, int]], net: Net) -> None:
    net.output(net.conv2d(net.pad(planes(net), paddings), 2, (3, 2), padding="VALID"))


def pad_vector(net: Net) -> None:
    net.output(net.dense(net.pad(net.mean(curve(net), 1), [(0, 0), (2, 1)]), 3))


def pad_hidden_time(net: Net) -> None:
    net.output(net.dense(net.pad(net.reshape(curve(net), (1, -1)), [(0, 0), (3, 1)]), 3))


for before, after in product((0, 1, 4, 20), (0, 2)):
    form("pad", f"time {before} {after}", pad_curve, [(0, 0), (before, after), (0, 0)])
form("pad", "features", pad_curve, [(0, 0), (0, 0), (2, 1)])
form("pad", "time and features", pad_curve, [(0, 0), (3, 1), (1, 2)])
form("pad", "planes", pad_plane, [(0, 0), (2, 0), (1, 1), (0, 1)])
form("pad", "vector", pad_vector)
form("pad", "hidden time", pad_hidden_time)


# -- reshapes, and where time lies


def through(shapes: Sequence[Sequence[int]], net: Net) -> None:
    """One reshape after another, then a convolution over the second axis."""
    x = curve(net, frames=12)
    for shape in shapes:
        x = net.reshape(x, shape)
    end(net, x)


def only_reshaped(net: Net) -> None:
    net.output(net.reshape(net.input((1, 6, 4)), (1, 24)))


def raised_and_lowered(net: Net) -> None:
    x = net.squeeze(net.expand_dims(net.expand_dims(curve(net), 0), -1), [0, 4])
    end(net, net.relu(x))


def bare(shape: tuple[int, ...], net: Net) -> None:
    """Time as an override has it; a window over the second axis, then a dense layer."""
    x = net.input(shape)
    x = net.conv1d(x if len(shape) == 3 else net.reshape(x, (1, 12, -1)), 4, 3, activation="relu")
    net.output(net.dense(net.reshape(x, (1, -1)), 3), x)


def no_batch(net: Net) -> None:
    x = net.dense(net.input((12, 5)), 4, "relu", keep_num_dims=True)
    net.output(net.mean(x, 0, keep_dims=True), net.dense(x, 2))


def features_before_time(net: Net) -> None:
    """Time on axis 2 with features on axis 1, and everything flattened in the end."""
    x = net.conv2d(net.input((1, 3, 12, 2)), 4, (2, 3), stride=(1, 2), activation="relu")
    net.output(net.dense(net.reshape(x, (1, -1)), 3), net.mean(x, 2), net.softmax(x))


def channels_before_time(net: Net) -> None:
    x: Handle = net.relu(net.input((1, 5, 12)))
    net.output(net.mean(x, 2), net.reduce_max(x, (1,)), net.dense(x, 3, keep_num_dims=True), net.softmax(x))


def split_by_width(net: Net) -> None:
    x = net.reshape(net.input((1, 48)), (1, 12, 4))
    net.output(net.mean(net.conv1d(x, 3, 3, stride=2), 1))


def transposed(axes: Sequence[int], net: Net) -> None:
    """A curve's axes moved; a reduction over the last one follows."""
    x = net.transpose(curve(net), axes)
    net.output(net.mean(x, 2), x)


def transposed_and_back(net: Net) -> None:
    x = net.mul(net.transpose(curve(net), (0, 2, 1)), np.full((CHANNELS, 1), 0.7))
    end(net, net.transpose(x, (0, 2, 1)))


def transposed_plane(axes: Sequence[int], net: Net) -> None:
    """Time on axis 2 before a window over both, or rows and channels exchanged."""
    net.output(net.conv2d(net.transpose(planes(net), axes), 3, 2, padding="VALID"))


def transposed_unit(net: Net) -> None:
    """Only an axis of length 1 moves, as Keras' TimeDistributed has it."""
    x = net.transpose(curve(net), (1, 0, 2))
    end(net, net.transpose(net.relu(x), (1, 0, 2)))


def packed_steps(count: int, axis: int, net: Net) -> None:
    """Columns taken apart, and together again."""
    x = curve(net)
    steps = [net.strided_slice(x, (0, i, 0), (1, i + 1, 4), shrink_mask=0b010) for i in range(count)]
    net.output(net.dense(net.reshape(net.pack([net.relu(s) for s in steps], axis), (1, -1)), 3))


def packed_curves(net: Net) -> None:
    x = curve(net)
    net.output(net.conv2d(net.pack([net.conv1d(x, 4, 2), x], 2), 3, (2, 2), padding="VALID"))


for axes in ((0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0)):
    form("transpose", f"curve {axes}", transposed, axes)
for axes in ((0, 2, 1, 3), (0, 1, 3, 2), (0, 3, 1, 2)):
    form("transpose", f"plane {axes}", transposed_plane, axes)
form("transpose", "and back", transposed_and_back)
form("transpose", "unit axis", transposed_unit)
for count, axis in ((3, 0), (14, 0), (12, 1), (3, 2)):
    form("pack", f"{count} steps along {axis}", packed_steps, count, axis)
form("pack", "curves", packed_curves)

for name, shapes in {
    "frames stacked by 2": [(1, 6, 8)],
    "frames stacked by 3, and apart again": [(1, 4, 12), (1, 12, 4)],
    "stacked and unstacked otherwise": [(1, 6, 8), (1, 24, 2)],
    "frames split": [(1, 24, 2)],
    "across frames": [(1, 8, 6)],
    "through a flat shape": [(1, -1), (1, 12, 1, 4), (12, 4), (1, 12, 4)],
}.items():
    form("layout", name, through, shapes)
form("layout", "only reshaped", only_reshaped)
form("layout", "raised and lowered", raised_and_lowered)
form("layout", "no batch", no_batch)
for axis in (1, 2, -1):
    form("layout", f"features before time, axis {axis}", features_before_time, time_axis=axis)
    form("layout", f"channels before time, axis {axis}", channels_before_time, time_axis=axis)
for axis in (None, 1, 2):
    form("layout", f"curve, axis {axis}", bare, (1, 12, 4), time_axis=axis)
for frames in (None, 12, 6, 4, 48, 1):
    form("layout", f"flat, {frames} frames", bare, (1, 48), frames=frames)
    form("layout", f"flat, strided, {frames} frames", split_by_width, frames=frames)
