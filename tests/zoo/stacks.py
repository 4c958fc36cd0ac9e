"""Layers one after another: valid, same, strided, pooled; and the layouts that time can lie in."""

from __future__ import annotations

from tests.netbuilder import Net, Unit1d
from tests.zoo.registry import architecture, classes

ROWS, COLUMNS = Unit1d(1, "reshape"), Unit1d(2, "reshape")  # [1, 1, T, C] and [1, T, 1, C]


@architecture
def fcn_valid(net: Net) -> None:
    x = net.input((1, 32, 6))
    for channels, kernel in ((8, 8), (12, 5), (8, 3)):
        x = net.conv1d(x, channels, kernel, padding="VALID", activation="relu")
    classes(net, net.mean(x, 1))


@architecture
def fcn_same(net: Net) -> None:
    x = net.input((1, 32, 6))
    for channels, kernel in ((8, 8), (12, 5), (8, 3)):
        x = net.conv1d(x, channels, kernel, activation="relu", unit=ROWS)
    classes(net, net.mean(x, 1))


@architecture
def tc_resnet(net: Net) -> None:
    x = net.conv1d(net.input((1, 37, 5)), 6, 3, bias=False)
    for channels in (8, 10, 12):
        short = net.conv1d(x, channels, 1, stride=2, activation="relu")
        x = net.conv1d(x, channels, 9, stride=2, activation="relu")
        x = net.add(short, net.conv1d(x, channels, 9), activation="relu")
    classes(net, net.mean(x, [1]))


@architecture
def ds_cnn(net: Net) -> None:
    x = net.conv2d(net.input((1, 25, 10, 1)), 8, (10, 4), stride=2, activation="relu")
    for _ in range(2):
        x = net.depthwise(x, 1, 3, activation="relu")
        x = net.conv2d(x, 8, 1, activation="relu")
    x = net.avg_pool(x, (x.shape[1], x.shape[2]))
    classes(net, net.reshape(x, (1, 8)))


@architecture
def conv_pool_flatten(net: Net) -> None:
    x = net.conv1d(net.input((1, 34, 4)), 8, 3, padding="VALID", activation="relu")
    x = net.conv1d(net.max_pool1d(x, 2, 2), 8, 3, padding="VALID", activation="relu")
    x = net.max_pool1d(x, 2, 2)
    x = net.dense(net.reshape(x, (1, -1)), 10, activation="relu")
    classes(net, x)


@architecture
def flatten_inside_dense(net: Net) -> None:
    x = net.reshape(net.input((1, 20)), (1, 20, 1, 1))
    x = net.max_pool(net.conv2d(x, 6, (4, 1), padding="VALID", activation="relu"), (2, 1))
    classes(net, net.dense(x, 8, activation="relu", whole=True, bias=False))


@architecture
def pools_odd_strides(net: Net) -> None:
    x = net.conv1d(net.input((1, 31, 3)), 6, 3, activation="relu")
    x = net.max_pool1d(x, 3, 1)  # overlaps
    x = net.avg_pool1d(x, 2, 3)  # leaves gaps
    x = net.max_pool1d(x, 3, 2, "SAME")
    classes(net, net.reshape(x, (1, -1)))


@architecture
def avg_pool_padded(net: Net) -> None:
    x = net.conv1d(net.input((1, 22, 3)), 6, 3, activation="relu6")
    x = net.avg_pool1d(x, 5, 1, "SAME")  # the count leaves padding out
    x = net.avg_pool1d(x, 4, 3, "SAME", COLUMNS)
    classes(net, net.reshape(x, (1, -1)))


@architecture
def stride_six(net: Net) -> None:
    x = net.conv1d(net.input((1, 38, 3)), 6, 5, stride=2, padding="VALID", activation="relu")
    x = net.conv1d(x, 8, 3, stride=3, activation="relu")
    classes(net, net.mean(net.conv1d(x, 8, 2), 1))


@architecture
def strides_beyond_kernels(net: Net) -> None:
    x = net.conv1d(net.input((1, 29, 3)), 6, 2, stride=3, padding="VALID", activation="relu")
    classes(net, net.mean(net.conv1d(x, 8, 1, stride=2), 1))


@architecture
def depthwise_multiplied(net: Net) -> None:
    x = net.depthwise1d(net.input((1, 24, 3)), 4, 3, padding="VALID", activation="relu")
    x = net.depthwise1d(x, 1, 3, dilation=2, bias=False)
    x = net.depthwise1d(x, 2, 3, stride=2, activation="relu6", unit=COLUMNS)
    classes(net, net.mean(net.conv1d(x, 6, 1), 1))


# -- layouts


@architecture
def flat_input(net: Net) -> None:
    x = net.reshape(net.input((1, 20 * 6)), (1, 20, 6, 1))
    x = net.conv2d(x, 6, (5, 3), stride=(2, 2), padding="VALID", activation="relu")
    classes(net, net.dense(net.reshape(x, (1, -1)), 8, activation="relu"))


@architecture
def time_on_axis_2(net: Net) -> None:
    x = net.conv2d(net.input((1, 1, 30, 3)), 6, (1, 5), padding="VALID", activation="relu")
    x = net.max_pool(net.depthwise(x, 2, (1, 3), activation="relu"), (1, 2), padding="SAME")
    classes(net, net.mean(net.conv2d(x, 8, (1, 3), dilation=(1, 2)), [1, 2]))


@architecture
def time_changes_axis(net: Net) -> None:
    x = net.reshape(net.input((1, 30)), (1, 1, 30, 1))
    x = net.depthwise(x, 5, (1, 3), padding="VALID", activation="relu")
    x = net.max_pool(net.reshape(x, (1, 28, 1, 5)), (2, 1))
    x = net.conv2d(net.reshape(x, (1, 1, 14, 5)), 8, (1, 4), padding="VALID", activation="relu")
    classes(net, net.reshape(x, (1, -1)))


@architecture
def frequency_pooled(net: Net) -> None:
    x = net.conv2d(net.input((1, 20, 12, 1)), 6, 3, activation="relu")
    x = net.max_pool(x, (1, 3))
    x = net.conv2d(x, 8, (3, 2), stride=(1, 2), dilation=(1, 1), activation="relu")
    x = net.reshape(x, (1, 20, x.shape[2] * 8))  # features of a frame side by side
    classes(net, net.mean(net.conv1d(x, 8, 3, padding="VALID", activation="relu"), 1))


@architecture
def frames_stacked(net: Net) -> None:
    x = net.conv1d(net.input((1, 24, 4)), 5, 3, activation="relu")
    x = net.conv1d(net.reshape(x, (1, 12, 10)), 8, 3, padding="VALID", activation="relu")
    classes(net, net.mean(x, 1))
