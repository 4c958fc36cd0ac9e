"""Random small networks, drawn choice by choice: from a plain generator or from hypothesis.

Whoever draws hands over `choose(options) -> option`. Options stand simplest first: it shrinks to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.finish import DTYPES, finish
from tests.netbuilder import Handle, Net, Unit1d

Choose = Callable[[Sequence[Any]], Any]

LAYOUTS = ("[1,T,C]", "[1,T,1,C]", "[1,1,T,C]", "[1,T,F,C]")
HOPS = range(1, 8)
WINDOWS = range(6, 41)
_UNITS = tuple(Unit1d(axis, by) for by in ("expand", "reshape") for axis in (1, 2))
_ACTIVATIONS = ("relu", None, "relu6")


@dataclass(frozen=True)
class Drawn:
    model: bytes
    description: str
    hop: int

    def __repr__(self) -> str:  # what hypothesis prints for a falsifying example
        return f"<hop {self.hop}: {self.description}>"


def draw_network(choose: Choose) -> Drawn:
    dtype = choose(DTYPES)
    net = Net("random", np.random.default_rng(choose(range(10_000))))
    drawing = _Drawing(net, choose, allow_sum=dtype == "float32")
    drawing.whole()
    hop = choose(HOPS)
    return Drawn(finish(net, dtype), f"{dtype} {drawing.description}", hop)


def random_network(seed: int) -> tuple[bytes, str]:
    drawn = random_case(seed)
    return drawn.model, drawn.description


def random_case(seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    return draw_network(lambda options: options[int(rng.integers(len(options)))])


class _Drawing:
    """One network under construction; `self.time_axis` is where time lies in the layout drawn."""

    def __init__(self, net: Net, choose: Choose, allow_sum: bool) -> None:
        self.net = net
        self.choose = choose
        self.allow_sum = allow_sum
        self.layout = choose(LAYOUTS)
        self.time_axis = 2 if self.layout == "[1,1,T,C]" else 1
        self.plane = self.layout == "[1,T,F,C]"
        self.steps: list[str] = []

    @property
    def description(self) -> str:
        return " > ".join(self.steps)

    def whole(self) -> None:
        x = self._inputs()
        for _ in range(self.choose((1, 2, 3, 4))):
            x = self._block(x)
        for _ in range(self.choose((1, 1, 1, 2))):
            self.net.output(self._tail(x))

    def _say(self, step: str, x: Handle) -> Handle:
        self.steps.append(f"{step} {list(x.shape)}")
        return x

    # -- inputs

    def _inputs(self) -> Handle:
        frames = self.choose(WINDOWS)
        x = self._input(frames)
        if self.choose((False, False, False, True)):
            other = self._input(frames)
            if self.choose(("add", "concat")) == "add":
                other = self._conv(other, x.shape[-1], 3, padding="SAME")
                return self._say("add inputs", self.net.add(x, other))
            return self._say("concat inputs", self.net.concat([x, other], -1))
        return x

    def _input(self, frames: int) -> Handle:
        channels = self.choose((1, 2, 3, 5))
        if self.layout == "[1,T,C]":
            return self._say("input", self.net.input((1, frames, channels)))
        if self.plane:
            features = 4  # the same for every input, so that they can be joined
            x = self.net.input((1, frames * features * channels) if self.choose((0, 0, 1)) else
                               (1, frames, features, channels))  # fmt: skip
            self._say("input", x)
            return x if len(x.shape) == 4 else self.net.reshape(x, (1, frames, features, channels))
        shape = (1, frames, 1, channels) if self.time_axis == 1 else (1, 1, frames, channels)
        return self._say("input", self.net.input(shape))

    # -- windowed operators in the drawn layout

    def _frames(self, x: Handle) -> int:
        return x.shape[self.time_axis]

    def _pair(self, along: int, across: int = 1) -> tuple[int, int]:
        return (along, across) if self.time_axis == 1 else (across, along)

    def _across(self, x: Handle) -> int:
        """A kernel size over the features."""
        return self.choose(range(1, min(3, x.shape[2]) + 1)) if self.plane else 1

    def _causal(self, x: Handle, padding: str, amount: int) -> tuple[Handle, str]:
        if padding != "CAUSAL":
            return x, padding
        pads = [(amount if axis == self.time_axis else 0, 0) for axis in range(len(x.shape))]
        return (self.net.pad(x, pads) if amount else x), "VALID"

    def _conv(
        self,
        x: Handle,
        channels: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "VALID",
        activation: str | None = None,
        across: int = 1,
        multiplier: int = 0,
    ) -> Handle:
        """A convolution; depthwise if there is a `multiplier`."""
        common = {"padding": padding, "activation": activation, "bias": self.choose((True, True, False))}
        if len(x.shape) == 3:
            sizes = (kernel, stride, dilation)
            unit = self.choose(_UNITS)
            if multiplier:
                return self.net.depthwise1d(x, multiplier, *sizes, **common, unit=unit)
            return self.net.conv1d(x, channels, *sizes, **common, unit=unit)
        x, common["padding"] = self._causal(x, padding, (kernel - 1) * dilation)
        pairs = self._pair(kernel, across), self._pair(stride), self._pair(dilation)
        if multiplier:
            return self.net.depthwise(x, multiplier, *pairs, **common)
        return self.net.conv2d(x, channels, *pairs, **common)

    def _window(self, x: Handle, padding: str) -> tuple[int, int]:
        """Kernel and dilation that fit."""
        frames = self._frames(x)
        kernel = self.choose([k for k in (3, 1, 2, 4, 5) if padding != "VALID" or k <= frames])
        spans = [d for d in (1, 2, 3) if padding != "VALID" or (kernel - 1) * d < frames]
        return kernel, self.choose(spans)

    # -- blocks

    def _block(self, x: Handle) -> Handle:
        usual = [self._convolution] * 3 + [self._pool, self._residual]
        rarer = [self._residual_valid, self._branches, self._squeeze_excite, self._dense_per_frame]
        draw: Callable[[Handle], Handle] = self.choose([*usual, *rarer, self._gated, self._elementwise])
        return draw(x)

    def _convolution(self, x: Handle) -> Handle:
        padding, activation = self.choose(("VALID", "SAME", "CAUSAL")), self.choose(_ACTIVATIONS)
        kernel, dilation = self._window(x, padding)
        stride = self.choose((1, 2, 3)) if dilation == 1 else 1
        channels, multiplier, across = self.choose((3, 4, 6)), self.choose((0, 0, 1, 2)), self._across(x)
        if multiplier and x.shape[-1] * multiplier > 12:
            multiplier = 0
        y = self._conv(x, channels, kernel, stride, dilation, padding, activation, across, multiplier)
        kind = f"depthwise x{multiplier}" if multiplier else "conv"
        return self._say(f"{kind} {kernel}x{across} s{stride} d{dilation} {padding} {activation}", y)

    def _pool(self, x: Handle) -> Handle:
        kind, padding = self.choose(("max", "avg")), self.choose(("VALID", "SAME"))
        kernel = self.choose([k for k in (2, 1, 3, 4) if padding == "SAME" or k <= self._frames(x)])
        stride, across = self.choose((2, 1, 3)), self._across(x)
        if len(x.shape) == 3:
            pool = self.net.max_pool1d if kind == "max" else self.net.avg_pool1d
            y = pool(x, kernel, stride, padding, self.choose(_UNITS))
        else:
            pool2d = self.net.max_pool if kind == "max" else self.net.avg_pool
            y = pool2d(x, self._pair(kernel, across), self._pair(stride), padding)
        return self._say(f"{kind} pool {kernel}x{across} s{stride} {padding}", y)

    def _residual(self, x: Handle) -> Handle:
        padding = self.choose(("SAME", "CAUSAL"))
        kernel, dilation = self._window(x, padding)
        y = self._conv(x, x.shape[-1], kernel, 1, dilation, padding, "relu")
        y = self._conv(y, x.shape[-1], kernel, 1, 1, padding)
        y = self.net.add(x, y, self.choose(_ACTIVATIONS))
        return self._say(f"residual {kernel} d{dilation} {padding}", y)

    def _residual_valid(self, x: Handle) -> Handle:
        """The shortcut is cut to the columns that the valid convolution leaves."""
        kernel, dilation = self._window(x, "VALID")
        lost = (kernel - 1) * dilation
        first = self.choose((lost, lost // 2, 0))
        y = self._conv(x, x.shape[-1], kernel, 1, dilation, "VALID", self.choose(_ACTIVATIONS))
        begin, end = [0] * len(x.shape), list(x.shape)
        begin[self.time_axis], end[self.time_axis] = first, first + self._frames(y)
        y = self.net.add(y, self.net.strided_slice(x, begin, end))
        return self._say(f"residual {kernel} d{dilation} VALID from {first}", y)

    def _branches(self, x: Handle) -> Handle:
        kernels = self.choose(((1, 3), (2, 5), (1, 2, 4)))
        parts = [self._conv(x, 2, kernel, padding="SAME", activation="relu") for kernel in kernels]
        if self.choose((False, True)):
            parts.append(self.choose((self.net.tanh, self.net.logistic))(self._conv(x, 2, 1)))
        return self._say(f"branches {kernels}", self.net.concat(parts, len(x.shape) - 1))

    def _squeeze_excite(self, x: Handle) -> Handle:
        channels, axes = x.shape[-1], tuple(range(1, len(x.shape) - 1))
        gate = self.net.dense(self.net.mean(x, axes), 3, "relu")
        gate = self.net.logistic(self.net.dense(gate, channels))
        gate = self.net.reshape(gate, (1,) * (len(x.shape) - 1) + (channels,))
        return self._say("squeeze-excite", self.net.mul(x, gate))

    def _dense_per_frame(self, x: Handle) -> Handle:
        y = self.net.dense(x, self.choose((3, 5)), self.choose(_ACTIVATIONS), keep_num_dims=True)
        return self._say("dense per frame", y)

    def _gated(self, x: Handle) -> Handle:
        signal, gate = (self._conv(x, 4, 2, padding="CAUSAL") for _ in range(2))
        return self._say("gated", self.net.mul(self.net.tanh(signal), self.net.logistic(gate)))

    def _elementwise(self, x: Handle) -> Handle:
        net, values = self.net, self.net.rng.uniform(0.5, 1.5, x.shape[-1])
        kind = self.choose(("relu", "mul", "add", "sub", "relu6", "tanh", "logistic"))
        if kind in ("mul", "add", "sub"):
            return self._say(f"{kind} constants", getattr(net, kind)(x, values))
        return self._say(kind, getattr(net, kind)(x))

    # -- tails

    def _tail(self, x: Handle) -> Handle:
        tails = [self._flatten, self._mean, self._max, self._last_step, self._average_pool, self._per_frame]
        y = self.choose([*tails, self._sum] if self.allow_sum else tails)(x)
        return self._say("out", self.choose((y, self.net.softmax(y))))

    def _spatial(self, x: Handle) -> tuple[int, ...]:
        return tuple(range(1, len(x.shape) - 1))

    def _mean(self, x: Handle) -> Handle:
        y = self.net.mean(x, self._spatial(x), self.choose((False, True)))
        return self.net.dense(self._say("mean", y), 3)

    def _max(self, x: Handle) -> Handle:
        return self.net.dense(self._say("max", self.net.reduce_max(x, self._spatial(x))), 3)

    def _sum(self, x: Handle) -> Handle:
        return self.net.dense(self._say("sum", self.net.sum(x, self._spatial(x))), 3)

    def _flatten(self, x: Handle) -> Handle:
        return self.net.dense(self._say("flatten", self.net.reshape(x, (1, -1))), 3)

    def _last_step(self, x: Handle) -> Handle:
        begin, end = [0] * len(x.shape), list(x.shape)
        begin[self.time_axis], end[self.time_axis] = -1, 0
        rest = sum(1 << axis for axis in range(len(x.shape)) if axis != self.time_axis)
        y = self.net.strided_slice(x, begin, end, None, rest, rest, 1 << self.time_axis)
        return self.net.dense(self._say("last step", y), 3, whole=True)

    def _average_pool(self, x: Handle) -> Handle:
        lifted = x if len(x.shape) == 4 else self.net.expand_dims(x, 2)
        y = self.net.avg_pool(lifted, (lifted.shape[1], lifted.shape[2]))
        return self.net.dense(self._say("average pool", self.net.reshape(y, (1, -1))), 3)

    def _per_frame(self, x: Handle) -> Handle:
        return self._say("per frame", self.net.dense(x, 3, keep_num_dims=True))
