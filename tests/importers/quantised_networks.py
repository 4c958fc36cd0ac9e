"""Quantised networks for `test_onnx_quantised`, as ONNX Runtime's quantiser writes them and as exporters do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from onnxruntime import quantization

from tests.importers import onnx_networks
from tests.onnxbuilder import OnnxNet

T, C = onnx_networks.T, onnx_networks.C


@dataclass(frozen=True)
class Form:
    """How a float network is quantised."""

    qoperator: bool = False
    unsigned: bool = False
    per_channel: bool = False
    symmetric: bool = False
    asymmetric_weights: bool = False

    def of(self, model: bytes, seed: int = 0) -> bytes:
        """The network as `quantize_static` writes it, calibrated on noise."""
        formats, types = quantization.QuantFormat, quantization.QuantType
        extra = {"ActivationSymmetric": self.symmetric, "WeightSymmetric": not self.asymmetric_weights}
        with tempfile.TemporaryDirectory(prefix="quantise-") as folder:
            before, after = Path(folder) / "float.onnx", Path(folder) / "quantised.onnx"
            before.write_bytes(model)
            quantization.quantize_static(
                before,
                after,
                _Calibration(model, seed),
                quant_format=formats.QOperator if self.qoperator else formats.QDQ,
                activation_type=types.QUInt8 if self.unsigned else types.QInt8,
                weight_type=types.QUInt8 if self.asymmetric_weights else types.QInt8,
                per_channel=self.per_channel,
                extra_options=extra,
            )
            return after.read_bytes()


class _Calibration(quantization.CalibrationDataReader):
    def __init__(self, model: bytes, seed: int) -> None:
        rng = np.random.default_rng(seed)
        inputs = onnx.load_from_string(model).graph.input
        shapes = {i.name: [d.dim_value or 1 for d in i.type.tensor_type.shape.dim] for i in inputs}
        draws = ({name: rng.normal(size=s).astype(np.float32) for name, s in shapes.items()} for _ in range(6))
        self._next = draws

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._next, None)


QDQ, CHANNELS = Form(), Form(per_channel=True)
BYTES, SYMMETRIC = Form(unsigned=True), Form(per_channel=True, symmetric=True)
QOPERATOR, QOPERATOR_BYTES = Form(qoperator=True, per_channel=True), Form(qoperator=True, unsigned=True)


# --- float networks beside those of `onnx_networks` ------------------------------------------------


def ds_cnn() -> bytes:
    """2-D, depthwise separable, as keyword spotters are."""
    net = OnnxNet(31)
    x = net.input([1, 1, T, 10])
    x = net.node("Relu", net.conv(x, (1, 8), [5, 4], [2, 1, 2, 2], strides=[2, 2]))
    for _ in range(2):
        x = net.node("Relu", net.conv(x, (8, 8), [3, 3], [1, 1, 1, 1], group=8))
        x = net.node("Relu", net.conv(x, (8, 8), [1, 1]))
    net.output(net.gemm(net.node("Flatten", net.node("GlobalAveragePool", x)), 8, 4))
    return net.build()


def residual() -> bytes:
    """Two residual blocks and a gate; every Add and Mul between two activations."""
    net = OnnxNet(32)
    x = net.node("Relu", net.conv(net.input([1, C, T]), (C, 8), [7], [3, 3], strides=[2]))
    for d in (1, 2):
        y = net.node("Relu", net.conv(x, (8, 8), [3], [d, d], dilations=[d]))
        x = net.node("Relu", net.node("Add", x, net.conv(y, (8, 8), [3], [1, 1])))
    x = net.node("Mul", net.conv(x, (8, 6), [1]), net.node("Sigmoid", net.conv(x, (8, 6), [1])))
    net.output(net.conv(x, (6, 2), [1]))
    return net.build()


def wide() -> bytes:
    """Channels enough for vectors, and some over: every kind of convolution, two dense layers."""
    net = OnnxNet(37)
    x = net.node("Relu", net.conv(net.input([1, C, T]), (C, 22), [5], [2, 2]))
    x = net.node("Relu", net.conv(x, (22, 22), [3], [1, 1], group=22))
    x = net.node("Relu", net.conv(x, (22, 36), [1]))
    x = net.conv(x, (36, 7), [3], strides=[2])
    x = net.node("LeakyRelu", net.conv(x, (7, 7), [3], group=7), alpha=0.1)
    x = net.node("Relu", net.gemm(net.node("Flatten", x), 63, 21))
    net.output(net.gemm(x, 21, 5))
    return net.build()


def dense_over_time() -> bytes:
    net = OnnxNet(33)
    x = net.input([1, T, C])
    for c, d in ((C, 8), (8, 6)):
        x = net.node(
            "Relu", net.node("Add", net.node("MatMul", x, net.weights(c, d)), net.constant(net.rng.normal(0, 0.2, d)))
        )
    x = net.node("ReduceMean", x, axes=[1], keepdims=0)
    net.output(net.gemm(x, 6, 3))
    return net.build()


def functions() -> bytes:
    """Tanh, LeakyRelu, HardSwish, Clip, a pad, a split, a slice and a concatenation of what is quantised otherwise."""
    net = OnnxNet(34)
    x = net.node("LeakyRelu", net.conv(net.input([1, C, T]), (C, 8), [3], [2, 0]), alpha=0.2)
    a, b = net.node("Split", net.conv(x, (8, 8), [1]), net.ints([4, 4]), outputs=2, axis=1)
    a = net.node("Tanh", a)
    b = net.node("Clip", net.node("HardSwish", b), net.constant(-0.2), net.constant(0.7))
    x = net.conv(net.node("Concat", a, b, axis=1), (8, 6), [1])
    x = net.node("Pad", x, net.ints([0, 0, 2, 0, 0, 0]))
    x = net.node("MaxPool", x, kernel_shape=[2], strides=[2])
    net.output(net.conv(x, (6, 3), [2]))
    return net.build()


# --- written as exporters do -----------------------------------------------------------------------


class _Exported(OnnxNet):
    """Quantised by hand."""

    def grid(self, scale: float, zero: int, kind: str = "int8") -> list[str]:
        return [self.constant(scale), self.constant(zero, kind)]

    def through(self, x: str, scale: float, zero: int = 0, kind: str = "int8") -> str:
        """What is left of a value behind a QuantizeLinear and a DequantizeLinear."""
        grid = self.grid(scale, zero, kind)
        return str(self.node("DequantizeLinear", self.node("QuantizeLinear", x, *grid), *grid))

    def filters(self, *shape: int) -> str:
        """Float weights that the graph quantises, per channel."""
        rng, channels = self.rng, shape[0]
        scales = [self.constant(rng.uniform(0.01, 0.02, channels)), self.constant(np.zeros(channels), "int8")]
        made = self.node("QuantizeLinear", self.weights(*shape), *scales, axis=0)
        return str(self.node("DequantizeLinear", made, *scales, axis=0))


def fake_quantised() -> bytes:
    """Weights quantised in the graph, float biases, Relus that quantisation does not make redundant; an Add whose
    scales are so round that sums lie near ties everywhere; weights that the graph transposes."""
    net = _Exported(35)
    x = net.through(net.input([1, C, T]), 0.03)
    x = net.node("Conv", x, net.filters(8, C, 3), net.constant(net.rng.normal(0, 0.2, 8)), pads=[1, 1])
    x = net.through(net.node("Relu", x), 0.006)
    y = net.node("Conv", x, net.filters(8, 1, 3), net.constant(net.rng.normal(0, 0.2, 8)), group=8, pads=[1, 1])
    y = net.through(net.node("Clip", y, net.constant(0.0), net.constant(0.8)), 0.007, -20)
    x = net.through(net.node("Relu", net.node("Add", x, y)), 0.01, -128)
    x = net.node("Transpose", net.node("MaxPool", x, kernel_shape=[4], strides=[4]), perm=[0, 2, 1])
    x = net.node("MatMul", net.through(x, 0.01, -128), net.node("Transpose", net.filters(3, 8), perm=[1, 0]))
    net.output(net.through(x, 0.05, 7))
    return net.build()


def pools() -> bytes:
    """A pool between a convolution and its QuantizeLinear, one over all there is, and one over two frames in float."""
    net = _Exported(38)
    x = net.through(net.input([1, C, T]), 0.03)
    x = net.node("Relu", net.node("Conv", x, net.filters(6, C, 3), pads=[1, 1]))
    x = net.through(net.node("MaxPool", x, kernel_shape=[2], strides=[2]), 0.0171, -128)
    x = net.through(net.node("AveragePool", x, kernel_shape=[2], strides=[1]), 0.0163, -128)
    x = net.through(net.node("AveragePool", x, kernel_shape=[11]), 0.0097, -128)
    x = net.node("Gemm", net.node("Flatten", x), net.filters(3, 6), transB=1)
    net.output(net.through(x, 0.021, 7))
    return net.build()


def causal() -> bytes:
    """Padded, sliced, rectified and joined between a DequantizeLinear and the layer that reads it."""
    net = _Exported(40)
    x = net.through(net.input([1, C, T]), 0.03)
    for c, d in ((C, 1), (6, 2)):
        y = net.node("Pad", x, net.ints([0, 0, 2 * d, 0, 0, 0]))
        y = net.node("Conv", y, net.filters(6, c, 3), net.constant(net.rng.normal(0, 0.2, 6)), dilations=[d])
        x = net.through(y, 0.023, 11)
        x = net.node("Relu", x)
    x = net.node("Concat", x, net.node("Relu", net.through(y, 0.023, 11)), axis=1)
    x = net.node("Slice", x, net.ints([-1]), net.ints([2**31]), net.ints([2]))
    x = net.node("Gemm", net.node("Flatten", x), net.filters(3, 12), transB=1)
    net.output(net.through(x, 0.021, 7))
    return net.build()


def few_bits() -> bytes:
    """4 bits, clipped between their quantisation and its inverse."""
    net = _Exported(39, opset=14)
    low, high, zero = net.constant(-8, "int8"), net.constant(7, "int8"), net.constant(0, "int8")

    def through(x: str, scale: float) -> str:
        grid = [net.constant(scale), zero]
        q = net.node("Clip", net.node("QuantizeLinear", x, *grid), low, high)
        return str(net.node("DequantizeLinear", q, *grid))

    x = through(net.input([1, C, T]), 0.4)
    x = net.node("Conv", x, through(net.weights(8, C, 3), 0.09), net.constant(net.rng.normal(0, 0.2, 8)))
    x = through(net.node("Relu", x), 0.21)
    net.output(through(net.node("Conv", x, through(net.weights(3, 8, 3), 0.07)), 0.31))
    return net.build()


def integer_ends() -> bytes:
    """uint8 in and out, one layer whose result is never quantised."""
    net = _Exported(36)
    grid = net.grid(0.02, 131, "uint8")
    x = net.node("DequantizeLinear", net.input([1, C, T], TensorProto.UINT8), *grid)
    x = net.through(net.node("Conv", x, net.filters(6, C, 3), pads=[1, 1]), 0.04, 120, "uint8")
    y = net.node("Conv", x, net.filters(2, 6, 1))
    net.output(net.node("QuantizeLinear", net.node("Tanh", net.through(y, 0.02)), *net.grid(1 / 128, 128, "uint8")))
    net.output(net.node("Conv", x, net.filters(3, 6, 1)))
    return net.build(outputs=[TensorProto.UINT8, TensorProto.FLOAT])


GROUPS: dict[str, list[tuple[Callable[[], bytes], Form | None]]] = {
    "layers": [(ds_cnn, CHANNELS), (ds_cnn, QOPERATOR_BYTES), (onnx_networks.raw_audio, BYTES)],
    "branches": [(residual, QDQ), (residual, QOPERATOR), (onnx_networks.inception, SYMMETRIC)],
    "functions": [(functions, CHANNELS), (functions, QOPERATOR_BYTES), (onnx_networks.unet, BYTES)],
    "dense": [(dense_over_time, QDQ), (dense_over_time, QOPERATOR_BYTES), (onnx_networks.attention, SYMMETRIC)],
    "exported": [
        (fake_quantised, None),
        (integer_ends, None),
        (pools, None),
        (few_bits, None),
        (causal, None),
        (onnx_networks.conv_valid, QOPERATOR),
    ],
}


def made(build: Callable[[], bytes], form: Form | None) -> bytes:
    """A network in one of its forms, `None` for one that is written quantised."""
    return build() if form is None else form.of(build())
