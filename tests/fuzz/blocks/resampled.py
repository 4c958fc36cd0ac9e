"""Blocks that give more columns than they get, or fold them into channels."""

from __future__ import annotations

from tests.fuzz.blocks.registry import block
from tests.fuzz.drawing import ACTIVATIONS, Drawing
from tests.netbuilder import Handle

LONGEST = 24  # frames of an operand


@block("TRANSPOSE_CONV")
def transposed_conv(d: Drawing, x: Handle) -> Handle:
    x, padding = d.at_most(x, LONGEST), d.choose(("SAME", "VALID"))
    stride = d.choose((2, 1, 3))
    kernel = stride + d.choose((1, 0, 2))
    lifted = x if len(x.shape) == 4 else d.net.expand_dims(x, 2)
    activation = d.choose(ACTIVATIONS) if padding == "SAME" else None  # the converter fuses no other
    bias = d.choose((True, False))
    y = d.net.transpose_conv(lifted, 3, d.pair(kernel, d.across(x)), d.pair(stride), padding, activation, bias)
    y = y if len(x.shape) == 4 else d.net.squeeze(y, [2])
    return d.say(f"transposed conv {kernel} s{stride} {padding} {activation}", y)


@block("TILE", "RESIZE_NEAREST_NEIGHBOR", chooses=True)
def repeated(d: Drawing, x: Handle) -> Handle:
    """Every column twice, the columns twice over, or others in the places of a finer grid."""
    x, name = d.at_most(x, LONGEST), d.operator("TILE", "RESIZE_NEAREST_NEIGHBOR")
    if name == "RESIZE_NEAREST_NEIGHBOR":
        x = d.plane(x)
        corners, centres = d.choose(((False, False), (True, False), (False, True)))
        frames = d.choose((2 * x.shape[1], x.shape[1] + 3, -(-x.shape[1] // 2)))
        y = d.net.resize_nearest(x, (frames, x.shape[2]), corners, centres)
        return d.say(f"resized to {frames}", d.back(y))
    if d.choose((False, True)):
        times = [2 if axis == d.time_axis else 1 for axis in range(len(x.shape))]
        return d.say("tiled", d.net.tile(x, times))
    x = d.curve(x)
    y = d.net.tile(d.net.reshape(x, (1, x.shape[1], 1, x.shape[2])), (1, 1, 2, 1))
    return d.say("upsampled", d.back(d.net.reshape(y, (1, 2 * x.shape[1], x.shape[2]))))


@block("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", chooses=True)
def blocks(d: Drawing, x: Handle) -> Handle:
    """Blocks of two frames and two features become channels, or come of them."""
    name, x = d.operator("SPACE_TO_DEPTH", "DEPTH_TO_SPACE"), d.at_most(x, LONGEST)
    if name == "DEPTH_TO_SPACE":
        y = d.curve(d.conv(x, 4))
        width = y.shape[2] // 4
        y = d.net.depth_to_space(d.net.reshape(y, (1, y.shape[1], width, 4)), 2)
        return d.say("blocks apart", d.back(d.net.reshape(y, (1, y.shape[1], -1))))
    y = d.curve(d.conv(d.times(x, 2), 4))
    y = d.net.space_to_depth(d.net.reshape(y, (1, y.shape[1], 2, -1)), 2)
    return d.say("blocks together", d.back(d.net.reshape(y, (1, y.shape[1], -1))))
