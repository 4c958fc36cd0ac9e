"""Blocks that go from step to step, from a zero state at the start of every window."""

from __future__ import annotations

from tests.fuzz.blocks.registry import block
from tests.fuzz.drawing import Drawing
from tests.netbuilder import Handle


@block("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm(d: Drawing, x: Handle) -> Handle:
    """Over time, or over the channels of a window."""
    d.recurrent = True
    units, clip = d.choose((3, 1, 5)), d.choose((10.0, 0.0, 0.4))
    x = d.curve(d.at_most(x, 24))
    if d.choose((False, False, False, True)):
        y = d.net.transpose(d.net.lstm(d.net.transpose(x, (0, 2, 1)), x.shape[1], clip=clip), (0, 2, 1))
        return d.say("LSTM over channels", d.back(y))
    return d.say("LSTM", d.back(d.net.lstm(x, units, clip=clip)))


@block("UNPACK")
def unrolled(d: Drawing, x: Handle) -> Handle:
    """A cell unrolled over the newest frames, from zero: its states are columns."""
    frames = d.net.unpack(d.curve(d.at_most(x, 5)), 1)
    states = [d.net.tanh(d.net.dense(frames[0], 3))]
    for frame in frames[1:]:
        states.append(d.net.tanh(d.net.add(d.net.dense(frame, 3), d.net.dense(states[-1], 3))))
    return d.say("unrolled", d.back(d.net.pack(states, 1)))
