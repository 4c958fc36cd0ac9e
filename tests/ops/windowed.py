"""Forms of the operators that slide a window: convolutions and pools, over time and features, on either axis."""

from __future__ import annotations

from itertools import product

from tests.netbuilder import Net
from tests.ops.sweeps import form, pair, plane

ACTIVATIONS = (None, "relu", "relu6", "relu_n1_to_1")


def conv(axis: int, kernel: int, stride: int, dilation: int, padding: str, net: Net) -> None:
    number = kernel + 2 * stride + 3 * dilation + axis
    x = plane(net, 17, 5, 2, axis)
    sizes = (pair(axis, kernel, 1 + number % 3), pair(axis, stride, 1 + number % 2), pair(axis, dilation, 1))
    net.output(net.conv2d(x, 3, *sizes, padding, ACTIVATIONS[number % 4]))


def depthwise(axis: int, kernel: int, stride: int, dilation: int, padding: str, net: Net) -> None:
    number = kernel + 2 * stride + 3 * dilation + axis
    x = plane(net, 16, 4, 2, axis)
    sizes = (pair(axis, kernel, 1 + number % 3), pair(axis, stride, 1 + number % 2), pair(axis, dilation, 1))
    net.output(net.depthwise(x, 1 + number % 3, *sizes, padding, ACTIVATIONS[number % 4], bias=number % 2 > 0))


def pool(kind: str, axis: int, kernel: int, stride: int, padding: str, net: Net) -> None:
    number = kernel + 2 * stride + axis
    x = plane(net, 16, 5, 2, axis)
    sizes = (pair(axis, kernel, 1 + number % 3), pair(axis, stride, 1 + number % 2))
    slide = net.max_pool if kind == "max" else net.avg_pool
    net.output(slide(x, *sizes, padding, ACTIVATIONS[number % 4]))


def stacked(first: str, second: str, net: Net) -> None:
    """Two windows, whose paddings or strides meet."""
    x = plane(net, 19, 1, 3)
    for kind in (first, second):
        name, kernel, stride, padding = kind.split()
        sizes = ((int(kernel), 1), (int(stride), 1))
        if name == "conv":
            x = net.conv2d(x, 4, *sizes, padding=padding, activation="relu")
        else:
            x = net.max_pool(x, *sizes, padding)
    net.output(x)


def dilated_over_features(net: Net) -> None:
    net.output(net.conv2d(plane(net, 12, 9, 2), 3, (3, 3), dilation=(2, 3), activation="relu"))


def strided_and_dilated(net: Net) -> None:
    net.output(net.conv2d(plane(net, 15, 9, 2), 3, 3, stride=2, dilation=2))


def grouped(groups: int, net: Net) -> None:
    net.output(net.conv2d(plane(net, 14, 3, 6), 12, (3, 2), activation="relu", groups=groups))


def whole_window(net: Net) -> None:
    net.output(net.conv2d(plane(net, 14, 3, 2), 5, (14, 3), padding="VALID"))


def one_frame_wide(net: Net) -> None:
    """A window of one frame: every hop is a new one."""
    net.output(net.conv2d(net.input((1, 1, 6, 2)), 3, (1, 3)))


for axis, kernel, stride, dilation, padding in product((1, 2), (1, 2, 3, 5), (1, 2, 3), (1, 2, 3), ("VALID", "SAME")):
    number = kernel + stride + dilation
    if (stride > 1 and dilation > 1) or (axis == 2 and number % 2) or (axis == 1 and kernel == 1 and dilation > 1):
        continue
    sizes = (axis, kernel, stride, dilation, padding)
    name = f"axis {axis}, kernel {kernel}, stride {stride}, dilation {dilation}, {padding}"
    form("conv", f"conv {name}", conv, *sizes)
    if (number + axis) % 2 or kernel == 3:
        form("depthwise", f"depthwise {name}", depthwise, *sizes)

for kind, axis, kernel, stride, padding in product(("max", "avg"), (1, 2), (1, 2, 3, 4), (1, 2, 3), ("VALID", "SAME")):
    if (axis == 1 and kernel > 1) or (kernel + stride) % 2:
        name = f"{kind} pool axis {axis}, kernel {kernel}, stride {stride}, {padding}"
        form("pool", name, pool, kind, axis, kernel, stride, padding)

form("conv", "kernel longer than the window, SAME", conv, 1, 21, 1, 1, "SAME")
form("conv", "dilation longer than the window, SAME", conv, 1, 3, 1, 19, "SAME")
form("conv", "stride longer than the window, SAME", conv, 1, 3, 20, 1, "SAME")
form("pool", "pool longer than the window, SAME", pool, "avg", 1, 20, 3, "SAME")
form("pool", "pool strides beyond its kernel, SAME", pool, "avg", 1, 2, 5, "SAME")
form("conv", "dilated over features", dilated_over_features)
form("conv", "strided and dilated at once", strided_and_dilated)
form("conv", "as long as the window", whole_window)
form("conv", "a window of one frame", one_frame_wide)
for groups in (2, 3, 6):
    form("conv", f"{groups} groups", grouped, groups)
for first, second in product(
    ("conv 3 1 SAME", "conv 4 2 VALID", "pool 3 2 SAME", "conv 2 3 SAME"),
    ("conv 3 1 SAME", "conv 1 2 VALID", "pool 2 2 VALID", "pool 3 1 SAME", "conv 5 3 SAME"),
):
    form("stacked", f"{first} then {second}", stacked, first, second)
