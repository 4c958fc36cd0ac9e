"""Causal and residual networks, parallel branches, several inputs and outputs."""

from __future__ import annotations

from tests.netbuilder import Handle, Net
from tests.zoo.registry import architecture, classes


def _residual(net: Net, x: Handle, dilation: int) -> Handle:
    y = net.conv1d(x, 8, 3, dilation=dilation, padding="CAUSAL", activation="relu")
    y = net.conv1d(y, 8, 3, dilation=dilation, padding="CAUSAL", activation="relu")
    return net.add(net.conv1d(x, 8, 1) if x.shape[2] != 8 else x, y, activation="relu")


@architecture
def tcn_last_step(net: Net) -> None:
    x = net.input((1, 40, 4))
    for dilation in (1, 2, 4):
        x = _residual(net, x, dilation)
    last = net.strided_slice(x, (0, -1, 0), (0, 0, 0), begin_mask=0b101, end_mask=0b101, shrink_mask=0b010)
    classes(net, last)


@architecture
def tcn_global_average(net: Net) -> None:
    x = net.input((1, 32, 4))
    for dilation in (1, 2):
        x = _residual(net, x, dilation)
    classes(net, net.mean(x, 1, keep_dims=True))


@architecture
def last_columns(net: Net) -> None:
    x = net.conv1d(net.input((1, 26, 4)), 8, 5, activation="relu")
    x = net.strided_slice(x, (0, -3, 0), (0, 0, 0), begin_mask=0b101, end_mask=0b111)
    classes(net, net.reshape(x, (1, 24)))


@architecture
def wavenet(net: Net) -> None:
    x = net.conv1d(net.input((1, 30, 2)), 6, 2, padding="CAUSAL")
    skips = []
    for dilation in (1, 2, 4):
        signal = net.tanh(net.conv1d(x, 6, 2, dilation=dilation, padding="CAUSAL"))
        gate = net.logistic(net.conv1d(x, 6, 2, dilation=dilation, padding="CAUSAL"))
        gated = net.mul(signal, gate)
        skips.append(net.conv1d(gated, 6, 1))
        x = net.add(x, net.conv1d(gated, 6, 1))
    total = net.relu(net.add(net.add(skips[0], skips[1]), skips[2]))
    classes(net, net.strided_slice(total, (0, 29, 0), (1, 30, 6), shrink_mask=0b010))


# -- branches, several inputs and outputs


@architecture
def inception(net: Net) -> None:
    x = net.input((1, 28, 4))
    for _ in range(2):
        pooled = net.conv1d(net.max_pool1d(x, 3, 1, "SAME"), 3, 1, activation="relu")
        x = net.concat([*(net.conv1d(x, 3, k, activation="relu") for k in (1, 3, 6)), pooled], 2)
    classes(net, net.mean(x, 1))


@architecture
def two_heads(net: Net) -> None:
    x = net.conv1d(net.input((1, 30, 4)), 8, 4, stride=2, padding="VALID", activation="relu")
    x = net.conv1d(x, 8, 3, padding="VALID", activation="relu")
    pooled = net.mean(x, 1)
    net.output(net.softmax(net.dense(pooled, 3)), net.dense(net.reshape(x, (1, -1)), 1))


@architecture
def two_inputs_concat(net: Net) -> None:
    accel, gyro = net.input((1, 24, 3)), net.input((1, 24, 2))
    left = net.conv1d(accel, 6, 5, activation="relu")
    right = net.conv1d(gyro, 4, 3, activation="relu")
    classes(net, net.mean(net.conv1d(net.concat([left, right], -1), 8, 3, padding="VALID"), 1))


@architecture
def two_inputs_add(net: Net) -> None:
    first, second = net.input((1, 20, 4)), net.input((1, 20, 4))
    x = net.add(net.conv1d(first, 6, 3), net.conv1d(second, 6, 3, padding="CAUSAL"), activation="relu")
    classes(net, net.reduce_max(x, 1))


@architecture
def two_inputs_static(net: Net) -> None:
    series, vector = net.input((1, 20, 4)), net.input((1, 5))
    x = net.mean(net.conv1d(series, 8, 3, activation="relu"), 1)
    classes(net, net.concat([x, net.dense(vector, 4, activation="relu")], 1))


@architecture
def squeeze_excite(net: Net) -> None:
    x = net.conv1d(net.input((1, 24, 4)), 8, 3, activation="relu")
    gate = net.dense(net.mean(x, 1), 4, activation="relu")
    gate = net.reshape(net.logistic(net.dense(gate, 8)), (1, 1, 8))
    x = net.conv1d(net.mul(x, gate), 8, 3, padding="VALID", activation="relu")
    classes(net, net.mean(x, 1))


@architecture
def squeeze_excite_2d(net: Net) -> None:
    x = net.conv2d(net.input((1, 18, 6, 1)), 8, 3, stride=(1, 2), activation="relu")
    gate = net.conv2d(net.mean(x, [1, 2], keep_dims=True), 4, 1, activation="relu")
    x = net.mul(net.logistic(net.conv2d(gate, 8, 1)), x)
    classes(net, net.mean(net.depthwise(x, 1, 3, activation="relu"), [1, 2]))
