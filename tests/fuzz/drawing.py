"""A network under construction, and what its blocks share: where its time lies, and plain layers in that layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.fuzz.choices import Choose
from tests.netbuilder import Handle, Net, Unit1d

WINDOWS = (*range(6, 41), *range(6, 41), *range(1, 6), 48, 64, 100)  # frames
LAYOUTS = ("[1,T,C]", "[1,T,1,C]", "[1,1,T,C]", "[1,T,F,C]")
ACTIVATIONS = ("relu", None, "relu6", "relu_n1_to_1")
FEATURES = 4  # of every plane, so that inputs can be joined
_UNITS = tuple(Unit1d(axis, by) for by in ("expand", "reshape") for axis in (1, 2))


class Drawing:
    """`time_axis` is where time lies in the drawn layout, which every block gets and gives."""

    def __init__(self, net: Net, choose: Choose, lacks: frozenset[str], wanted: frozenset[str]) -> None:
        self.net = net
        self.choose = choose
        self.lacks = lacks
        self.wanted = wanted
        self.layout = choose(LAYOUTS)
        self.window = choose(WINDOWS)
        self.time_axis = 2 if self.layout == "[1,1,T,C]" else 1
        self.planar = self.layout == "[1,T,F,C]"
        self.answers_per_frame = False
        self.recurrent = False
        self.whole_numbers = False
        self.steps: list[str] = []

    def say(self, step: str, x: Handle) -> Handle:
        self.steps.append(f"{step} {list(x.shape)}")
        return x

    def operator(self, *names: str) -> str:
        """One of these operators: of those that are wanted, if any is, and that the number type has."""
        known = [name for name in names if name not in self.lacks]
        return str(self.choose([name for name in known if name in self.wanted] or known))

    def values(self, shape: Sequence[int], low: float = -1.5, high: float = 1.5) -> np.ndarray:
        return self.net.rng.uniform(low, high, shape)

    # -- inputs

    def input(self, frames: int) -> Handle:
        channels = self.choose((1, 2, 3, 5))
        if self.layout == "[1,T,C]":
            return self.say("input", self.net.input((1, frames, channels)))
        if self.planar:
            shape = (1, frames, FEATURES, channels)
            if self.choose((False, False, True)):
                return self.net.reshape(self.say("input", self.net.input((1, frames * FEATURES * channels))), shape)
            return self.say("input", self.net.input(shape))
        return self.say("input", self.net.input(self.lifted(frames, channels)))

    # -- layouts

    def lifted(self, frames: int, channels: int) -> tuple[int, ...]:
        """The shape of so many columns in a layout without features."""
        return {"[1,T,C]": (1, frames, channels), "[1,1,T,C]": (1, 1, frames, channels)}.get(
            self.layout, (1, frames, 1, channels)
        )

    def frames(self, x: Handle) -> int:
        return x.shape[self.time_axis]

    def spatial(self, x: Handle) -> tuple[int, ...]:
        return tuple(range(1, len(x.shape) - 1))

    def pair(self, along: int, across: int = 1) -> tuple[int, int]:
        return (along, across) if self.time_axis == 1 else (across, along)

    def across(self, x: Handle) -> int:
        """A kernel size over the features."""
        return int(self.choose(range(1, min(3, x.shape[2]) + 1))) if self.planar else 1

    def curve(self, x: Handle) -> Handle:
        """The columns as `[1, T, N]`."""
        return x if len(x.shape) == 3 else self.net.reshape(x, (1, self.frames(x), -1))

    def plane(self, x: Handle) -> Handle:
        """The columns as `[1, T, F, C]`."""
        if self.planar:
            return x
        x = self.curve(x)
        features = self.choose([f for f in (1, 2, 3, 4) if x.shape[2] % f == 0][::-1])
        return self.net.reshape(x, (1, x.shape[1], features, -1))

    def back(self, x: Handle) -> Handle:
        """Columns `[1, T, ...]` in the drawn layout."""
        if self.planar and len(x.shape) == 3:
            features = self.choose([f for f in (4, 3, 2, 1) if x.shape[2] % f == 0])
            return self.net.reshape(x, (1, x.shape[1], features, -1))
        if self.planar:
            return x
        shape = self.lifted(x.shape[1], int(np.prod(x.shape[2:])))
        return x if x.shape == shape else self.net.reshape(x, shape)

    # -- plain layers

    def pads(self, x: Handle, before: int, after: int = 0, wider: int = 0) -> list[tuple[int, int]]:
        """Paddings over time, and `wider` behind the channels."""
        pads = [(before, after) if axis == self.time_axis else (0, 0) for axis in range(len(x.shape))]
        pads[-1] = (0, wider)
        return pads

    def cut(self, x: Handle, first: int, count: int, step: int = 1) -> Handle:
        """`count` columns from `first` on, `step` apart."""
        begin, end, steps = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
        begin[self.time_axis], steps[self.time_axis] = first, step
        end[self.time_axis] = first + (count - 1) * step + 1
        return self.net.strided_slice(x, begin, end, steps)

    def times(self, x: Handle, count: int) -> Handle:
        """The newest columns, a multiple of `count` of them."""
        frames = self.frames(x)
        if frames < count:
            return self.net.pad(x, self.pads(x, count - frames))
        return self.cut(x, frames % count, frames - frames % count) if frames % count else x

    def at_most(self, x: Handle, frames: int) -> Handle:
        return x if self.frames(x) <= frames else self.cut(x, self.frames(x) - frames, frames)

    def conv(
        self,
        x: Handle,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "SAME",
        activation: str | None = None,
        across: int = 1,
        multiplier: int = 0,
        groups: int = 1,
    ) -> Handle:
        """A convolution; depthwise if there is a `multiplier`."""
        common: dict[str, Any] = {"activation": activation, "bias": self.choose((True, True, False))}
        if len(x.shape) == 3:
            sizes, unit = (kernel, stride, dilation, padding), self.choose(_UNITS)
            if multiplier:
                return self.net.depthwise1d(x, multiplier, *sizes, **common, unit=unit)
            return self.net.conv1d(x, channels, *sizes, **common, unit=unit)
        if padding == "CAUSAL":
            reach, padding = (kernel - 1) * dilation, "VALID"
            x = self.net.pad(x, self.pads(x, reach)) if reach else x
        pairs = self.pair(kernel, across), self.pair(stride), self.pair(dilation)
        if multiplier:
            return self.net.depthwise(x, multiplier, *pairs, padding, **common)
        return self.net.conv2d(x, channels, *pairs, padding, **common, groups=groups)

    def same(self, x: Handle) -> Handle:
        """Another stream of the same shape."""
        kernel, padding = self.choose((3, 1, 2)), self.choose(("SAME", "CAUSAL"))
        return self.conv(x, x.shape[-1], kernel, padding=padding)

    def positive(self, x: Handle) -> Handle:
        """Nothing below 0.4, whatever the operand is."""
        return self.net.add(self.net.relu(x), np.full(x.shape[-1], 0.4), "relu")
