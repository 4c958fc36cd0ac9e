"""Random convolutional networks, quantised in a random form: what `test_onnx_quantised` draws by seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.importers.quantised_networks import Form
from tests.onnxbuilder import OnnxNet

_HOPS = (1, 2, 3, 5)


def random_case(seed: int) -> tuple[str, bytes, int]:
    """What it is called, the model and a hop."""
    drawn = _Drawing(np.random.default_rng([seed, 0]), seed)
    model = drawn.network()
    rng = np.random.default_rng([seed, 1])
    qoperator, unsigned, per_channel, symmetric = (bool(b) for b in rng.random(4) < (0.5, 0.5, 0.5, 0.3))
    form = Form(qoperator, unsigned, per_channel, symmetric)
    return f"seed {seed}: {' > '.join(drawn.steps)}, {form}", form.of(model, seed), int(rng.choice(_HOPS))


@dataclass
class _Value:
    """`[1, channels, frames]`, or with features behind."""

    name: str
    channels: int
    frames: int
    features: int | None


class _Drawing:
    def __init__(self, rng: np.random.Generator, seed: int) -> None:
        self.rng, self.net = rng, OnnxNet(seed, opset=int(rng.choice([13, 14, 17, 18])))
        self.steps: list[str] = []

    def network(self) -> bytes:
        rng, net = self.rng, self.net
        channels, frames = int(rng.integers(1, 6)), int(rng.integers(14, 30))
        features = int(rng.integers(4, 9)) if rng.random() < 0.35 else None
        shape = [1, channels, frames, *([features] if features else [])]
        x = _Value(net.input(shape), channels, frames, features)
        blocks: list[Callable[[_Value], _Value]] = [
            self.conv, self.conv, self.depthwise, self.grouped, self.residual, self.gate, self.concat, self.max_pool,
            self.average_pool, self.affine, self.split,
        ]  # fmt: skip
        for _ in range(int(rng.integers(2, 6))):
            block = blocks[int(rng.integers(len(blocks)))]
            self.steps.append(block.__name__)
            x = block(x)
        self.end(x)
        return net.build()

    # -- blocks

    def conv(self, x: _Value) -> _Value:
        return self.activated(self.convolved(x, int(self.rng.integers(2, 10)), stride=int(self.rng.choice([1, 1, 2]))))

    def depthwise(self, x: _Value) -> _Value:
        return self.activated(self.convolved(x, x.channels, groups=x.channels))

    def grouped(self, x: _Value) -> _Value:
        groups = 2 if x.channels % 2 == 0 else 1
        return self.activated(self.convolved(x, groups * int(self.rng.integers(1, 5)), groups=groups))

    def residual(self, x: _Value) -> _Value:
        y = self.convolved(self.activated(self.convolved(x, x.channels, same=True)), x.channels, same=True)
        op = str(self.rng.choice(["Add", "Add", "Mul", "Sub"]))
        return self.activated(self.like(x, self.net.node(op, x.name, y.name)))

    def gate(self, x: _Value) -> _Value:
        channels = int(self.rng.integers(2, 10))
        a, b = (self.convolved(x, channels, same=True) for _ in range(2))
        gate = self.net.node("Sigmoid", b.name)
        return self.like(a, self.net.node("Mul", self.activated(a).name, gate))

    def concat(self, x: _Value) -> _Value:
        y = self.activated(self.convolved(x, int(self.rng.integers(1, 6)), same=True))
        name = self.net.node("Concat", x.name, y.name, axis=1)
        return _Value(name, x.channels + y.channels, x.frames, x.features)

    def max_pool(self, x: _Value) -> _Value:
        return self.pooled("MaxPool", x)

    def average_pool(self, x: _Value) -> _Value:
        return self.pooled("AveragePool", x)

    def pooled(self, op: str, x: _Value) -> _Value:
        if x.frames < 5:
            return x
        size = [2] if x.features is None else [2, 1]
        return _Value(self.net.node(op, x.name, kernel_shape=size, strides=size), x.channels, x.frames // 2, x.features)

    def affine(self, x: _Value) -> _Value:
        shape = [x.channels, 1] if x.features is None else [x.channels, 1, 1]
        constant = self.net.constant(self.rng.normal(0, 1, shape if self.rng.random() < 0.5 else ()))
        return self.like(x, self.net.node(str(self.rng.choice(["Add", "Mul"])), x.name, constant))

    def split(self, x: _Value) -> _Value:
        if x.channels < 3:
            return x
        a, b = self.net.node("Split", x.name, self.net.ints([1, x.channels - 1]), outputs=2, axis=1)
        b = self.activated(_Value(b, x.channels - 1, x.frames, x.features)).name
        return self.like(x, self.net.node("Concat", b, a, axis=1))

    def end(self, x: _Value) -> None:
        net, kind = self.net, str(self.rng.choice(["mean", "maximum", "flat", "frames"]))
        self.steps.append(kind)
        if kind == "frames":
            net.output(self.convolved(x, 2).name)
            return
        pool = {"mean": "GlobalAveragePool", "maximum": "GlobalMaxPool"}.get(kind)
        flat = net.node("Flatten", x.name if pool is None else net.node(pool, x.name))
        size = x.channels * (x.frames * (x.features or 1) if pool is None else 1)
        net.output(net.gemm(flat, size, 3))

    # -- pieces

    def like(self, x: _Value, name: str) -> _Value:
        return _Value(name, x.channels, x.frames, x.features)

    def convolved(self, x: _Value, channels: int, same: bool | None = None, stride: int = 1, groups: int = 1) -> _Value:
        """Without `same` padded or not; padding to either side is drawn too."""
        rng = self.rng
        same = bool(rng.random() < 0.6) if same is None else same
        kernel = min(int(rng.integers(1, 5)), x.frames)
        dilation = 2 if rng.random() < 0.3 and (kernel - 1) * 2 < x.frames else 1
        reach = (kernel - 1) * dilation
        before = int(rng.integers(0, reach + 1))
        pads, sizes, steps, features = [before, reach - before], [kernel], {"dilations": [dilation]}, x.features
        if features is not None:
            wide = min(int(rng.integers(1, 4)), features)
            pads = [before, (wide - 1) // 2, reach - before, wide - 1 - (wide - 1) // 2]
            sizes, steps = [kernel, wide], {"dilations": [dilation, 1]}
            features -= 0 if same else wide - 1
        steps["strides"] = [stride, *([1] if features is not None else [])]
        name = self.net.conv(
            x.name, (x.channels, channels), sizes, pads if same else None, groups, bool(rng.random() < 0.8), **steps
        )
        frames = (x.frames + (reach if same else 0) - reach - 1) // stride + 1
        return _Value(name, channels, frames, features)

    def activated(self, x: _Value) -> _Value:
        net, rng = self.net, self.rng
        op = str(rng.choice(["none", "Relu", "Clip", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish"]))
        if op == "none" or (op == "HardSwish" and net.opset < 14):
            return x
        if op == "Clip":
            low, high = float(rng.choice([0.0, -0.5])), float(rng.choice([0.4, 1.0, 6.0]))
            return self.like(x, net.node(op, x.name, net.constant(low), net.constant(high)))
        attrs = {"alpha": float(rng.uniform(0.01, 0.4))} if op == "LeakyRelu" else {}
        return self.like(x, net.node(op, x.name, **attrs))
