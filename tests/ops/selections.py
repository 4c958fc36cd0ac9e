"""Forms of the operators that only select elements: splits, slices, gathers, tiles, mirrored and valued pads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from tests.netbuilder import Net
from tests.ops.arithmetic import CHANNELS, FRAMES, curve, end, planes
from tests.ops.sweeps import form


def split_features(count: int, net: Net) -> None:
    parts = net.split(curve(net), 2, count)
    end(net, net.concat([net.relu(parts[-1]), *parts[:-1]], -1))


def split_time(net: Net) -> None:
    first, second = net.split(curve(net), 1, 2)
    end(net, net.add(first, second))


def split_unused(net: Net) -> None:
    end(net, net.split(curve(net), 2, 2)[1])


def split_sizes(axis: int, sizes: Sequence[int], net: Net) -> None:
    parts = net.split_v(curve(net), axis, sizes)
    end(net, net.relu(parts[1]))
    net.output(parts[0])


def unpack(axis: int, net: Net) -> None:
    parts = net.unpack(curve(net), axis)
    picked = [net.reshape(p, (1, -1)) for p in parts[:3]]
    net.output(net.dense(net.concat([net.relu(picked[0]), *picked[1:]], 1), 3))


def unpack_frames(net: Net) -> None:
    """A cell unrolled over all frames, from zero."""
    x = curve(net, frames=6)
    state = net.tanh(net.dense(net.unpack(x, 1)[0], 3))
    for frame in net.unpack(x, 1)[1:]:
        state = net.tanh(net.add(net.dense(frame, 3), net.dense(state, 3)))
    net.output(state)


def sliced(begin: Sequence[int], size: Sequence[int], net: Net) -> None:
    end(net, net.slice(curve(net), begin, size))


def gathered(indices: Sequence[int], axis: int, net: Net) -> None:
    end(net, net.gather(curve(net), indices, axis))


def gathered_once(axis: int, net: Net) -> None:
    net.output(net.dense(net.reshape(net.gather(curve(net), 2, axis), (1, -1)), 2))


def gathered_table(net: Net) -> None:
    net.output(net.relu(net.gather(curve(net), [[0, 3], [5, 1]], 1)))


def tiled(times: Sequence[int], net: Net) -> None:
    end(net, net.tile(curve(net), times))


def upsampled(net: Net) -> None:
    """As the converter writes UpSampling1D."""
    x = net.max_pool1d(curve(net), 2, 2)
    y = net.reshape(net.tile(net.reshape(x, (1, 7, 1, CHANNELS)), (1, 1, 2, 1)), (1, FRAMES, CHANNELS))
    end(net, net.concat([y, curve(net)], 2))


def resized(size: tuple[int, int], corners: bool, centres: bool, net: Net) -> None:
    end(net, net.resize_nearest(planes(net), size, corners, centres))


def reversed_(axes: Sequence[int], net: Net) -> None:
    end(net, net.reverse(curve(net), axes))


def mirrored(paddings: Sequence[tuple[int, int]], mode: int, net: Net) -> None:
    end(net, net.mirror_pad(curve(net), paddings, mode))


def valued(paddings: Sequence[tuple[int, int]], net: Net) -> None:
    end(net, net.pad_v2(curve(net), paddings, 0.7))


def blocks(net: Net) -> None:
    x = net.conv2d(net.input((1, FRAMES, 4, 2)), CHANNELS, 3)
    end(net, net.space_to_depth(x, 2))
    net.output(net.depth_to_space(x, 2))


for count in (2, 4):
    form("split", f"features into {count}", split_features, count)
form("split", "time into 2", split_time)
form("split", "one part unused", split_unused)
for axis, sizes in ((2, (1, 3)), (1, (5, 9)), (1, (4, -1)), (2, (2, 1, 1))):
    form("split", f"axis {axis} into {sizes}", split_sizes, axis, sizes)
for axis in (0, 1, 2):
    form("split", f"unpack {axis}", unpack, axis)
form("split", "unpack all frames", unpack_frames)

for begin, size in (((0, 3, 0), (1, 8, -1)), ((0, 0, 1), (1, -1, 2)), ((0, 10, 0), (1, 4, 4)), ((0, 2, 1), (1, 9, 3))):
    form("select", f"slice {begin} {size}", sliced, begin, size)
for indices, axis in (([2, 0, 3], 2), ([1, 2, 3, 4, 5], 1), ([0, 2, 4, 6, 8], 1), ([9, 1, 1, 4], 1)):
    form("select", f"gather {indices} along {axis}", gathered, indices, axis)
for axis in (1, 2):
    form("select", f"gather one along {axis}", gathered_once, axis)
form("select", "gather a table", gathered_table)
for times in ((1, 1, 3), (1, 2, 1), (1, 2, 2)):
    form("select", f"tile {times}", tiled, times)
form("select", "upsampled", upsampled)
for axes in ((1,), (2,), (1, 2)):
    form("select", f"reverse {axes}", reversed_, axes)

for size, (corners, centres) in product(
    ((14, 6), (28, 3), (7, 2), (20, 5)), ((False, False), (True, False), (False, True))
):
    form("resize", f"{size} corners {corners} centres {centres}", resized, size, corners, centres)
form("resize", "blocks", blocks)

for (before, after), mode in product(((0, 0), (3, 0), (2, 4), (0, 1)), (0, 1)):
    form("mirror", f"time {before} {after} mode {mode}", mirrored, [(0, 0), (before, after), (1, 0)], mode)
for before, after in ((0, 0), (4, 0), (2, 3)):
    form("mirror", f"value {before} {after}", valued, [(0, 0), (before, after), (0, 2)])
form("mirror", "time alone", mirrored, [(0, 0), (2, 2), (0, 0)], 0)
