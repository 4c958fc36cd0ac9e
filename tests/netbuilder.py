"""Small TFLite networks without TensorFlow.

    net = Net("fcn", np.random.default_rng(0))
    x = net.input((1, 32, 4))
    x = net.conv1d(x, 8, 3, activation="relu")
    net.output(net.softmax(net.dense(net.mean(x, 1), 3)))
    model = net.build()  # float32; net.quantize(windows) for full-integer int8

Every method appends one operator (a few for the 1-D conveniences) and returns a handle that knows its shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests import sequence_lstm
from tests.graphbuilder import ACTIVATIONS, GraphBuilder, Handle
from tests.tflite_writer import Op

__all__ = ["Handle", "Net", "Unit1d"]

Pair = int | tuple[int, int]

_PADDINGS = {"SAME": 0, "VALID": 1}


@dataclass(frozen=True)
class Unit1d:
    """How a 1-D operator on [1, T, C] is dressed as a 2-D one: where the unit axis goes, and how."""

    axis: int = 1  # 1: [1, 1, T, C], as converters write it; 2: [1, T, 1, C]
    by: str = "expand"  # "expand": EXPAND_DIMS and SQUEEZE; "reshape": RESHAPE both ways

    def pair(self, along: int, across: int = 1) -> tuple[int, int]:
        return (across, along) if self.axis == 1 else (along, across)


class Net(GraphBuilder):
    # -- layers with weights

    def conv2d(
        self,
        x: Handle,
        out_channels: int,
        kernel: Pair,
        stride: Pair = 1,
        dilation: Pair = 1,
        padding: str = "SAME",
        activation: str | None = None,
        bias: bool = True,
        groups: int = 1,
    ) -> Handle:
        (kh, kw), (sh, sw), (dh, dw) = _pair(kernel), _pair(stride), _pair(dilation)
        channels = x.shape[3] // groups
        weights = self._weights((out_channels, kh, kw, channels), fan_in=kh * kw * channels, axis=0)
        options = schema.Conv2DOptionsT(_PADDINGS[padding], sw, sh, ACTIVATIONS[activation], dw, dh)
        shape = (1, *_windowed(x, (kh, kw), (sh, sw), (dh, dw), padding), out_channels)
        # CONV_2D is refused without a bias: its absence is a row of zeros, as converters write it.
        offsets = self._bias(out_channels, bias) or [self.constant([0] * out_channels, name="bias")]
        return self._op("CONV_2D", [x, weights, *offsets], shape, options)

    def depthwise(
        self,
        x: Handle,
        multiplier: int = 1,
        kernel: Pair = 3,
        stride: Pair = 1,
        dilation: Pair = 1,
        padding: str = "SAME",
        activation: str | None = None,
        bias: bool = True,
    ) -> Handle:
        (kh, kw), (sh, sw), (dh, dw) = _pair(kernel), _pair(stride), _pair(dilation)
        channels = x.shape[3] * multiplier
        weights = self._weights((1, kh, kw, channels), fan_in=kh * kw, axis=3)
        act = ACTIVATIONS[activation]
        options = schema.DepthwiseConv2DOptionsT(_PADDINGS[padding], sw, sh, multiplier, act, dw, dh)
        shape = (1, *_windowed(x, (kh, kw), (sh, sw), (dh, dw), padding), channels)
        return self._op("DEPTHWISE_CONV_2D", [x, weights, *self._bias(channels, bias)], shape, options)

    def transpose_conv(
        self,
        x: Handle,
        out_channels: int,
        kernel: Pair,
        stride: Pair = 1,
        padding: str = "SAME",
        activation: str | None = None,
        bias: bool = True,
    ) -> Handle:
        (kh, kw), (sh, sw) = _pair(kernel), _pair(stride)
        weights = self._weights((out_channels, kh, kw, x.shape[3]), fan_in=kh * kw * x.shape[3], axis=0)
        same = padding == "SAME"
        sizes = [d * s if same else (d - 1) * s + k for d, s, k in zip(x.shape[1:3], (sh, sw), (kh, kw), strict=True)]
        shape = (1, *sizes, out_channels)
        options = schema.TransposeConvOptionsT(_PADDINGS[padding], sw, sh, ACTIVATIONS[activation])
        operands = [self.constant(shape, "int32", "shape"), weights, x, *self._bias(out_channels, bias)]
        return self._op("TRANSPOSE_CONV", operands, shape, options)

    def dense(
        self,
        x: Handle,
        units: int,
        activation: str | None = None,
        bias: bool = True,
        keep_num_dims: bool = False,
        whole: bool = False,
    ) -> Handle:
        """FULLY_CONNECTED over the last axis; with `whole` over everything, flattened by itself."""
        size = math.prod(x.shape)
        depth = size if whole else x.shape[-1]
        weights = self._weights((units, depth), fan_in=depth, axis=0)
        options = schema.FullyConnectedOptionsT(ACTIVATIONS[activation], 0, keep_num_dims)
        shape = (*x.shape[:-1], units) if keep_num_dims else (size // depth, units)
        absent: list[Handle | None] = [None]  # written as tensor -1, which a convolution would refuse
        operands = [x, weights, *(self._bias(units, bias) or absent)]
        return self._op("FULLY_CONNECTED", operands, shape, options)

    def dense_by(self, x: Handle, values: np.ndarray) -> Handle:
        """A dense layer of given weights `[units, depth]`, without a bias."""
        absent: list[Handle | None] = [None]
        operands = [x, self.constant(values, name="weights"), *absent]
        return self._op("FULLY_CONNECTED", operands, (x.shape[0], len(values)), schema.FullyConnectedOptionsT())

    def lstm(self, x: Handle, units: int, time_major: bool = False, clip: float = 10.0) -> Handle:
        """Keras' LSTM with `return_sequences`."""
        drawn = sequence_lstm.constants(self.rng, x.shape[2], units)
        made = {i: self.constant(values, name="lstm").index for i, values in drawn.items()}
        states = [self._tensor(f"lstm{len(self._tensors)}", (1, units)).index for _ in range(2)]
        for index in states:
            self._tensors[index] = replace(self._tensors[index], variable=True)
        output = self._tensor(f"lstm{len(self._ops)}", (*x.shape[:2], units))
        operands = sequence_lstm.operands(x.index, made, *states)
        self._ops.append(Op(sequence_lstm.CODE, operands, output.index, sequence_lstm.options(time_major, clip)))
        return output

    def svdf(
        self, x: Handle, units: int, rank: int, memory: int, activation: str | None = "relu", bias: bool = True
    ) -> Handle:
        """A frame `[1, depth]`; its state is a variable."""
        filters, depth = units * rank, x.shape[1]
        features = self._weights((filters, depth), fan_in=depth, axis=0)
        times = self._weights((filters, memory), fan_in=memory * rank, axis=0)
        absent: list[Handle | None] = [None]
        state = self._tensor(f"state{len(self._tensors)}", (1, memory * filters))
        self._tensors[state.index] = replace(self._tensors[state.index], variable=True)
        operands = [x, features, times, *(self._bias(units, bias) or absent), state]
        return self._op("SVDF", operands, (1, units), schema.SVDFOptionsT(rank, ACTIVATIONS[activation]))

    # -- the same on [1, T, C], dressed as 2-D

    def conv1d(
        self,
        x: Handle,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "SAME",
        activation: str | None = None,
        bias: bool = True,
        unit: Unit1d = Unit1d(),
    ) -> Handle:
        x, padding = self._causal(x, padding, (kernel - 1) * dilation)
        k, s, d = unit.pair(kernel), unit.pair(stride), unit.pair(dilation)
        return self._undress(self.conv2d(self._dress(x, unit), out_channels, k, s, d, padding, activation, bias), unit)

    def depthwise1d(
        self,
        x: Handle,
        multiplier: int = 1,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "SAME",
        activation: str | None = None,
        bias: bool = True,
        unit: Unit1d = Unit1d(),
    ) -> Handle:
        x, padding = self._causal(x, padding, (kernel - 1) * dilation)
        # DEPTHWISE_CONV_2D has one stride for both axes in TensorFlow; the unit axis does not mind.
        k, s, d = unit.pair(kernel), unit.pair(stride, stride), unit.pair(dilation)
        return self._undress(self.depthwise(self._dress(x, unit), multiplier, k, s, d, padding, activation, bias), unit)

    def max_pool1d(
        self, x: Handle, kernel: int, stride: int, padding: str = "VALID", unit: Unit1d = Unit1d()
    ) -> Handle:
        k, s = unit.pair(kernel), unit.pair(stride)
        return self._undress(self.max_pool(self._dress(x, unit), k, s, padding), unit)

    def avg_pool1d(
        self, x: Handle, kernel: int, stride: int, padding: str = "VALID", unit: Unit1d = Unit1d()
    ) -> Handle:
        k, s = unit.pair(kernel), unit.pair(stride)
        return self._undress(self.avg_pool(self._dress(x, unit), k, s, padding), unit)

    def _causal(self, x: Handle, padding: str, amount: int) -> tuple[Handle, str]:
        if padding != "CAUSAL":
            return x, padding
        return (self.pad(x, [(0, 0), (amount, 0), (0, 0)]) if amount else x), "VALID"

    def _dress(self, x: Handle, unit: Unit1d) -> Handle:
        shape = (*x.shape[: unit.axis], 1, *x.shape[unit.axis :])
        return self.expand_dims(x, unit.axis) if unit.by == "expand" else self.reshape(x, shape)

    def _undress(self, x: Handle, unit: Unit1d) -> Handle:
        shape = (*x.shape[: unit.axis], *x.shape[unit.axis + 1 :])
        return self.squeeze(x, [unit.axis]) if unit.by == "expand" else self.reshape(x, shape)

    # -- windows without weights

    def max_pool(
        self,
        x: Handle,
        kernel: Pair,
        stride: Pair | None = None,
        padding: str = "VALID",
        activation: str | None = None,
    ) -> Handle:
        return self._pool("MAX_POOL_2D", x, kernel, stride, padding, activation)

    def avg_pool(
        self,
        x: Handle,
        kernel: Pair,
        stride: Pair | None = None,
        padding: str = "VALID",
        activation: str | None = None,
    ) -> Handle:
        return self._pool("AVERAGE_POOL_2D", x, kernel, stride, padding, activation)

    def _pool(
        self, code: str, x: Handle, kernel: Pair, stride: Pair | None, padding: str, activation: str | None
    ) -> Handle:
        (kh, kw), (sh, sw) = _pair(kernel), _pair(kernel if stride is None else stride)
        options = schema.Pool2DOptionsT(_PADDINGS[padding], sw, sh, kw, kh, ACTIVATIONS[activation])
        shape = (1, *_windowed(x, (kh, kw), (sh, sw), (1, 1), padding), x.shape[3])
        return self._op(code, [x], shape, options)

    # -- the parts

    def _weights(self, shape: tuple[int, ...], fan_in: int, axis: int) -> Handle:
        """He-scaled, with output channels of clearly different size so that per-channel scales matter."""
        spread = [size if i == axis else 1 for i, size in enumerate(shape)]
        gain = self.rng.uniform(0.6, 1.4, spread) * math.sqrt(2 / fan_in)
        return self.constant(self.rng.standard_normal(shape) * gain, name="weights")

    def _bias(self, size: int, wanted: bool) -> list[Handle]:
        return [self.constant(self.rng.normal(0, 0.2, size), name="bias")] if wanted else []


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _windowed(
    x: Handle, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], padding: str
) -> list[int]:
    sizes = []
    for size, k, s, d in zip(x.shape[1:3], kernel, stride, dilation, strict=True):
        sizes.append(-(-size // s) if padding == "SAME" else (size - (k - 1) * d - 1) // s + 1)
    return sizes
