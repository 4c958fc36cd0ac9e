"""Forms of recurrences: LSTMs alone, behind and before convolutions, one behind the other."""

from __future__ import annotations

from tests.netbuilder import Handle, Net
from tests.ops.sweeps import form

FRAMES = 12


def last(net: Net, x: Handle) -> Handle:
    """The newest step, as Keras gives it without `return_sequences`."""
    return net.strided_slice(x, (0, -1, 0), (0, 0, 0), None, 5, 7, 2)


def alone(units: int, sequence: bool, clip: float, net: Net) -> None:
    x = net.lstm(net.input((1, FRAMES, 3)), units, clip=clip)
    net.output(x if sequence else net.dense(last(net, x), 2))


def time_first(net: Net) -> None:
    net.output(net.dense(net.lstm(net.input((FRAMES, 1, 3)), 5, time_major=True), 2, whole=True))


def behind_convolutions(padding: str, stride: int, net: Net) -> None:
    x = net.conv1d(net.input((1, 20, 3)), 6, 3, stride, padding=padding, activation="relu")
    x = net.lstm(x, 5)
    net.output(net.softmax(net.dense(last(net, x), 3)))


def before_convolutions(net: Net) -> None:
    x = net.lstm(net.input((1, FRAMES, 3)), 6)
    net.output(net.conv1d(x, 4, 3), net.mean(x, 1))


def stacked(net: Net) -> None:
    x = net.lstm(net.input((1, FRAMES, 4)), 7)
    x = net.lstm(x, 5)
    net.output(net.dense(last(net, net.lstm(x, 3)), 2))


def some_steps(net: Net) -> None:
    """Every third step, and the first ones."""
    x = net.lstm(net.input((1, FRAMES, 3)), 4)
    net.output(net.strided_slice(x, (0, 1, 0), (1, 12, 4), (1, 3, 1)), net.strided_slice(x, (0, 0, 0), (1, 2, 4)))


def over_features(net: Net) -> None:
    """The sequence is not time: every frame of the window is an element of a step."""
    x = net.transpose(net.input((1, FRAMES, 4)), (0, 2, 1))
    net.output(net.dense(net.lstm(x, 3), 2, whole=True))


for units, sequence, clip in ((1, True, 10.0), (9, False, 10.0), (4, True, 0.0), (4, False, 0.4)):
    form("lstm", f"{units} units {sequence} {clip}", alone, units, sequence, clip)
for padding, stride in (("VALID", 2), ("SAME", 1), ("CAUSAL", 2)):
    form("lstm", f"behind {padding} {stride}", behind_convolutions, padding, stride)
form("lstm", "time first", time_first, time_axis=0)
form("lstm", "before convolutions", before_convolutions)
form("lstm", "stacked", stacked)
form("lstm", "some steps", some_steps)
form("lstm", "over features", over_features)
