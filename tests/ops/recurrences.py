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


def unrolled(gated: bool, net: Net) -> None:
    """As Keras exports `unroll=True`: every step has operators of its own, and the same weights."""
    x, units = net.input((1, 5, 3)), 4
    wide = 3 * units if gated else 4 * units
    inputs, recurrent = (net.rng.normal(0, 0.7, (wide, depth)) for depth in (3, units))
    h = c = None
    for step in net.unpack(x, 1):
        z = net.dense_by(step, inputs) if h is None else net.add(net.dense_by(step, inputs), net.dense_by(h, recurrent))
        if gated:  # a GRU without a reset after the product
            update, reset, new = net.split(z, 1, 3)
            gate, fresh = net.logistic(update), net.tanh(net.mul(net.logistic(reset), new))
            mixed = net.mul(net.sub(1.0, gate), fresh)
            h = mixed if h is None else net.add(net.mul(gate, h), mixed)
            continue
        i, f, g, o = net.split(z, 1, 4)
        added = net.mul(net.logistic(i), net.tanh(g))
        c = added if c is None else net.add(net.mul(net.logistic(f), c), added)
        h = net.mul(net.logistic(o), net.tanh(c))
    assert h is not None
    net.output(net.dense(h, 2))


for units, sequence, clip in ((9, True, 0.0), (4, False, 0.4)):
    form("lstm", f"{units} units {sequence} {clip}", alone, units, sequence, clip)
for padding, stride in (("VALID", 2), ("SAME", 1), ("CAUSAL", 2)):
    form("lstm", f"behind {padding} {stride}", behind_convolutions, padding, stride)
form("lstm", "time first", time_first, time_axis=0)
form("lstm", "before convolutions", before_convolutions)
form("lstm", "stacked", stacked)
form("lstm", "some steps", some_steps)
form("lstm", "over features", over_features)
form("lstm", "unrolled", unrolled, False)
form("lstm", "unrolled GRU", unrolled, True)
