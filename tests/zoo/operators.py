"""One operator at a time in an odd position."""

from __future__ import annotations

from tests.netbuilder import Net, Unit1d
from tests.zoo.registry import architecture, classes


@architecture
def per_frame_outputs(net: Net) -> None:
    x = net.conv1d(net.input((1, 20, 4)), 8, 3, activation="relu")
    x = net.dense(x, 6, activation="relu", keep_num_dims=True)
    net.output(net.softmax(net.dense(x, 3, keep_num_dims=True)))


@architecture
def per_frame_rows(net: Net) -> None:
    """FULLY_CONNECTED that folds [1, T, C] to [T, units]: time becomes axis 0."""
    x = net.dense(net.conv1d(net.input((1, 18, 4)), 8, 3, padding="VALID"), 6, activation="relu")
    x = net.dense(net.reshape(x, (1, *x.shape)), 5, keep_num_dims=True, bias=False)
    classes(net, net.mean(x, 1))


@architecture
def frame_wise_mlp(net: Net) -> None:
    x = net.dense(net.input((1, 16, 6)), 8, activation="relu", keep_num_dims=True)
    classes(net, net.reduce_max(net.dense(x, 6, keep_num_dims=True), 1))


@architecture
def time_pad_and_slice(net: Net) -> None:
    x = net.pad(net.input((1, 20, 4)), [(0, 0), (2, 3), (0, 1)])
    x = net.conv1d(x, 8, 3, padding="VALID", activation="relu")
    x = net.strided_slice(x, (0, 4, 1), (1, 20, 7))
    x = net.strided_slice(x, (0, 1, 0), (1, 15, 6), (1, 2, 1))
    classes(net, net.reshape(x, (1, -1)))


@architecture
def time_concat(net: Net) -> None:
    x = net.conv1d(net.input((1, 20, 4)), 6, 3, activation="relu")
    early = net.strided_slice(x, (0, 0, 0), (1, 7, 6))
    late = net.strided_slice(x, (0, 12, 0), (1, 20, 6))
    classes(net, net.mean(net.conv1d(net.concat([late, early], 1), 6, 3), 1))


@architecture
def constant_affine(net: Net) -> None:
    x = net.mul(net.input((1, 20, 4)), net.rng.uniform(0.5, 1.5, 4))
    x = net.add(x, net.rng.normal(0, 0.5, (1, 1, 4)), activation="relu")
    x = net.sub(net.rng.normal(0, 1, 4), net.conv1d(x, 4, 3))
    x = net.sub(x, 0.25)
    classes(net, net.mean(net.mul(x, net.rng.normal(0, 1, (1, 20, 1)), activation="relu6"), 1))


@architecture
def subtract_branches(net: Net) -> None:
    x = net.input((1, 24, 4))
    slow, fast = net.avg_pool1d(x, 6, 1, "SAME"), net.conv1d(x, 4, 2)
    classes(net, net.mean(net.sub(fast, slow, activation="relu"), 1))


@architecture
def mean_over_features(net: Net) -> None:
    x = net.conv1d(net.input((1, 20, 5)), 8, 3, activation="relu")
    level = net.mean(x, 2, keep_dims=True)
    x = net.concat([net.sub(x, level, activation="relu"), level], 2)
    classes(net, net.dense(net.mean(x, -1), 6, activation="relu"))


@architecture
def mean_in_2d(net: Net) -> None:
    x = net.conv2d(net.input((1, 16, 8, 1)), 6, 3, activation="relu")
    x = net.mean(x, [2], keep_dims=False)
    classes(net, net.mean(net.conv1d(x, 6, 3), [1], keep_dims=False))


@architecture
def max_over_time(net: Net) -> None:
    x = net.conv1d(net.input((1, 22, 4)), 8, 5, padding="VALID")
    classes(net, net.reduce_max(x, [1]))


@architecture
def sum_over_time(net: Net) -> None:
    classes(net, net.sum(net.conv1d(net.input((1, 12, 4)), 6, 3, padding="VALID"), 1))


@architecture
def sum_over_features(net: Net) -> None:
    x = net.sum(net.conv1d(net.input((1, 16, 4)), 6, 3), [2], keep_dims=True)
    classes(net, net.reshape(x, (1, 16)))


@architecture
def activations(net: Net) -> None:
    x = net.conv1d(net.input((1, 18, 4)), 6, 3)
    parts = [net.relu(x), net.relu6(net.mul(x, 4.0)), net.logistic(x), net.tanh(x), net.relu_n1_to_1(x)]
    classes(net, net.mean(net.conv1d(net.concat(parts, 2), 8, 3, activation="relu_n1_to_1"), 1))


@architecture
def whole_window_pool(net: Net) -> None:
    x = net.expand_dims(net.conv1d(net.input((1, 19, 4)), 8, 3, activation="relu"), 2)
    x = net.squeeze(net.avg_pool(x, (19, 1)), [1, 2])
    classes(net, x)


@architecture
def sigmoid_output(net: Net) -> None:
    x = net.conv1d(net.input((1, 21, 4)), 8, 3, padding="VALID", activation="relu")
    net.output(net.logistic(net.dense(net.mean(x, 1), 2)))


@architecture
def identity_tail(net: Net) -> None:
    """One causal convolution whose whole map is the output: nothing after it hides a mistake."""
    net.output(net.conv1d(net.input((1, 16, 2)), 3, 4, padding="CAUSAL", unit=Unit1d(2, "reshape")))
