"""Blocks that slide a window: convolutions, pools, and what architectures make of them."""

from __future__ import annotations

from tests.fuzz.blocks.registry import block
from tests.fuzz.drawing import ACTIVATIONS, Drawing
from tests.netbuilder import Handle


def window(d: Drawing, x: Handle, padding: str) -> tuple[int, int]:
    """Kernel and dilation that fit."""
    frames = d.frames(x)
    kernel = d.choose([k for k in (3, 1, 2, 4, 5) if padding != "VALID" or k <= frames])
    spans = [dilation for dilation in (1, 2, 3) if padding != "VALID" or (kernel - 1) * dilation < frames]
    return kernel, d.choose(spans)


@block("CONV_2D", "DEPTHWISE_CONV_2D", weight=5)
def convolution(d: Drawing, x: Handle) -> Handle:
    padding, activation = d.choose(("VALID", "SAME", "CAUSAL")), d.choose(ACTIVATIONS)
    kernel, dilation = window(d, x, padding)
    stride = d.choose((1, 2, 3)) if dilation == 1 else 1
    channels, multiplier, across = d.choose((3, 4, 6)), d.choose((0, 0, 1, 2)), d.across(x)
    if x.shape[-1] * multiplier > 12:
        multiplier = 0
    sliced = len(x.shape) == 4 and not multiplier and x.shape[-1] % 2 == 0 and channels % 2 == 0
    groups = d.choose((1, 1, 1, 2)) if sliced else 1
    y = d.conv(x, channels, kernel, stride, dilation, padding, activation, across, multiplier, groups)
    kind = f"depthwise x{multiplier}" if multiplier else "conv" if groups == 1 else f"conv of {groups} groups"
    return d.say(f"{kind} {kernel}x{across} s{stride} d{dilation} {padding} {activation}", y)


@block("MAX_POOL_2D", "AVERAGE_POOL_2D", chooses=True, weight=2)
def pool(d: Drawing, x: Handle) -> Handle:
    kind, padding = d.operator("MAX_POOL_2D", "AVERAGE_POOL_2D"), d.choose(("VALID", "SAME"))
    kernel = d.choose([k for k in (2, 1, 3, 4) if padding == "SAME" or k <= d.frames(x)])
    stride, across = d.choose((2, 1, 3)), d.across(x)
    if len(x.shape) == 3:
        slide = d.net.max_pool1d if kind == "MAX_POOL_2D" else d.net.avg_pool1d
        y = slide(x, kernel, stride, padding)
    else:
        slide_plane = d.net.max_pool if kind == "MAX_POOL_2D" else d.net.avg_pool
        y = slide_plane(x, d.pair(kernel, across), d.pair(stride), padding, d.choose((None, "relu", "relu6")))
    return d.say(f"{kind} {kernel}x{across} s{stride} {padding}", y)


@block("ADD")
def residual(d: Drawing, x: Handle) -> Handle:
    padding = d.choose(("SAME", "CAUSAL"))
    kernel, dilation = window(d, x, padding)
    y = d.conv(x, x.shape[-1], kernel, 1, dilation, padding, "relu")
    y = d.conv(y, x.shape[-1], kernel, 1, 1, padding)
    return d.say(f"residual {kernel} d{dilation} {padding}", d.net.add(x, y, d.choose(ACTIVATIONS)))


@block("ADD", "STRIDED_SLICE")
def residual_valid(d: Drawing, x: Handle) -> Handle:
    """The shortcut is cut to the columns that the valid convolution leaves."""
    kernel, dilation = window(d, x, "VALID")
    lost = (kernel - 1) * dilation
    first = d.choose((lost, lost // 2, 0))
    y = d.conv(x, x.shape[-1], kernel, 1, dilation, "VALID", d.choose(ACTIVATIONS))
    y = d.net.add(y, d.cut(x, first, d.frames(y)))
    return d.say(f"residual {kernel} d{dilation} VALID from {first}", y)


@block("CONCATENATION")
def branches(d: Drawing, x: Handle) -> Handle:
    kernels = d.choose(((1, 3), (2, 5), (1, 2, 4)))
    parts = [d.conv(x, 2, kernel, activation="relu") for kernel in kernels]
    if d.choose((False, True)):
        parts.append(d.choose((d.net.tanh, d.net.logistic))(d.conv(x, 2)))
    return d.say(f"branches {kernels}", d.net.concat(parts, len(x.shape) - 1))


@block("TANH", "LOGISTIC", "MUL")
def gated(d: Drawing, x: Handle) -> Handle:
    signal, gate = (d.conv(x, 4, 2, padding="CAUSAL") for _ in range(2))
    return d.say("gated", d.net.mul(d.net.tanh(signal), d.net.logistic(gate)))


@block("FULLY_CONNECTED")
def dense_per_frame(d: Drawing, x: Handle) -> Handle:
    y = d.net.dense(x, d.choose((3, 5)), d.choose(ACTIVATIONS), d.choose((True, False)), keep_num_dims=True)
    return d.say("dense per frame", y)
