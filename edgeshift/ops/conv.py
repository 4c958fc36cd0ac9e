"""CONV_2D and DEPTHWISE_CONV_2D, with time on either spatial axis.

Source: TFLite `reference_ops::Conv`, `DepthwiseConv`, `reference_integer_ops::ConvPerChannel`,
`DepthwiseConvPerChannel`; of quantised ONNX networks ONNX Runtime's `QLinearConv`.

Types: float32, int8, int16 with int8 weights (per tensor or per channel).
Shift: a column reads `kernel` columns, `dilation` apart; the stream's stride grows by the convolution's. Columns that
read padding are edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

from edgeshift.ir import Layout, Node, Stream, Tensor, Window
from edgeshift.ops.accumulate import Sums, ending, sums_of
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import (
    Features,
    activation,
    clamp,
    clamp_bounds,
    integer,
    ordered_sum,
    quantised,
    refuse,
    rounds_even,
    spatial,
)
from edgeshift.reference.arithmetic import conv_multipliers
from edgeshift.reference.even import even_int8, even_scales

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class _Convolution(ColumnOp):
    """What both convolutions share. `weights` are `[..., time taps, feature taps, ...]` as each says."""

    template: str
    channel_axis: int

    def __init__(
        self,
        node: Node,
        x: Stream,
        output: Stream,
        window: Window,
        features: Features,
        weights: np.ndarray,
        bias: np.ndarray,
        filter_scales: np.ndarray | None,
        act: str,
    ) -> None:
        super().__init__(node, [x], output, [window])
        self.features, self.weights, self.bias, self.act = features, weights, bias, act
        self.in_channels = x.size // features.in_size
        self.out_channels = output.size // features.out_size
        if filter_scales is not None:
            (in_scale, self.zero_point), (out_scale, self.output_offset) = quantised(x), quantised(output)
            pairs = self._rescale(float(in_scale), filter_scales, float(out_scale))
            self.multiplier, self.shift = (np.broadcast_to(p, bias.shape).copy() for p in pairs)

    rescale = ""  # the runtime function that finishes accumulators, where it is not `es_requantize_s8`

    def _rescale(self, *scales: Any) -> tuple[np.ndarray, np.ndarray]:
        """Multipliers and shifts of the scales of input, filters and output."""
        return conv_multipliers(*scales)

    @property
    def integer(self) -> bool:
        return integer(self.output)

    @property
    def sums(self) -> Sums:
        return sums_of(self.inputs[0], np.moveaxis(self.weights, self.channel_axis, 0), self.bias)

    def _spread(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray]) -> np.ndarray:
        """Inputs under the window with the zero point removed: `[n, out_features, taps, feature taps, channels]`."""
        x = taps[0].reshape(*taps[0].shape[:2], self.features.in_size, self.in_channels)
        x = x.astype(np.float64) - self.zero_point if self.integer else x
        spread, _ = self.features.spread(x, 0)
        spread = np.where(inside[0][:, :, None, None, None], spread, 0)
        return spread.transpose(0, 2, 1, 3, 4)

    def _finish(self, acc: np.ndarray) -> np.ndarray:
        """Bias, requantisation and activation of `[n, out_features, out_channels]`."""
        if self.integer:
            acc = acc.astype(np.int64) + self.bias
            done = self._requantised(acc)
        else:
            done = clamp(acc + self.bias, self.output, self.act)
        return done.reshape(len(acc), -1)

    def _requantised(self, acc: np.ndarray) -> np.ndarray:
        return self.sums.finish(acc, self.multiplier, self.shift, self.output, self.act)

    def kernel(self) -> Kernel:
        sums = self.sums
        arguments = sums.arguments(self.multiplier, self.shift) if self.integer else None
        rescale = self.rescale or sums.rescale
        end = ending(sums, self.inputs[0], self.output, self.act, self.bias, rescale, arguments)
        shape = {
            **self.features.shape,
            "taps": self.windows[0].kernel,
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            **end.shape,
        }
        return Kernel(self.template, "taps", shape, {"weights": self.weights, **end.tables}, end.scalars, end.runtime)


class Conv(_Convolution):
    """`weights` `[out_channels, time taps, feature taps, in_channels / groups]`."""

    template = "conv"
    channel_axis = 0

    @property
    def groups(self) -> int:
        return self.in_channels // self.weights.shape[3]

    @property
    def macs_per_column(self) -> int:
        return self.features.out_size * self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        spread = self._spread(taps, inside)
        n, f = spread.shape[:2]
        per_group = np.moveaxis(spread.reshape(*spread.shape[:4], self.groups, -1), 4, 2)
        per_group = per_group.reshape(n, f, self.groups, -1)
        weights = self.weights.reshape(self.groups, self.out_channels // self.groups, -1)
        if self.integer:
            acc = np.einsum("nfgi,goi->nfgo", per_group, weights.astype(np.float64), optimize=True)
        else:
            acc = ordered_sum(per_group[:, :, :, None, :], weights)
        return self._finish(acc.reshape(n, f, -1))

    def kernel(self) -> Kernel:
        base = super().kernel()
        return Kernel(
            base.template, base.access, {**base.shape, "groups": self.groups}, base.tables, base.scalars, base.runtime
        )


class DepthwiseConv(_Convolution):
    """`weights` `[time taps, feature taps, out_channels]`; output channel `c` reads input channel `c // multiplier`."""

    template = "depthwise"
    channel_axis = 2

    @property
    def macs_per_column(self) -> int:
        return self.features.out_size * self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        spread = np.repeat(self._spread(taps, inside), self.out_channels // self.in_channels, axis=4)
        n, f, k, kf, c = spread.shape
        moved = np.moveaxis(spread.reshape(n, f, k * kf, c), 2, 3)
        weights = self.weights.reshape(k * kf, c).T
        if self.integer:
            return self._finish((moved * weights).sum(axis=-1))
        return self._finish(ordered_sum(moved, weights))


class _Even(_Convolution):
    """Rescaled as ONNX Runtime's QLinearConv does."""

    rescale = "es_even_rescale"

    def _rescale(self, *scales: Any) -> tuple[np.ndarray, np.ndarray]:
        found = even_scales(*scales)
        self.scale = np.broadcast_to(found.scale, self.bias.shape)
        return found.multiplier, found.shift

    def _requantised(self, acc: np.ndarray) -> np.ndarray:
        return even_int8(acc, self.scale, self.output_offset, *clamp_bounds(self.output, self.act))


class EvenConv(_Even, Conv):
    """A convolution of an ONNX network."""


class EvenDepthwiseConv(_Even, DepthwiseConv):
    """A depthwise convolution of an ONNX network."""


def _lower(node: Node, low: Lowering, depthwise: bool) -> None:
    x, axis = low.along(node.inputs[0], (1, 2))
    weights, out = low.constant(node.inputs[1]), low.tensor(node.outputs[0])
    if weights is None or weights.ndim != 4:
        raise refuse(node, "its filter is not a constant of four axes", "export the model with frozen weights")
    filters = low.tensor(node.inputs[1])
    check_weights(node, weights.dtype, x)
    dilation = (int(node.attrs.get("dilation_hfactor", 1)), int(node.attrs.get("dilation_wfactor", 1)))
    window, features = spatial(node, x, axis, out.shape, weights.shape[1:3], dilation)
    out_channels = weights.shape[3] if depthwise else weights.shape[0]
    in_channels = x.shape[3]
    per_group = in_channels if depthwise else weights.shape[3]
    if (depthwise and (weights.shape[0] != 1 or out_channels % in_channels)) or in_channels % per_group:
        raise refuse(node, f"its filter {list(weights.shape)} does not fit {in_channels} channels", "export it again")
    if out_channels != out.shape[3] or out_channels % (in_channels // per_group):
        raise refuse(node, f"its filter {list(weights.shape)} does not give {list(out.shape)}", "export it again")
    if axis == 2:
        weights = weights.transpose(0, 2, 1, 3)
    output = low.output(node, Layout.along(out.shape, axis))
    build: type[_Convolution] = DepthwiseConv if depthwise else Conv
    if rounds_even(node):
        build = EvenDepthwiseConv if depthwise else EvenConv
    low.emit(
        build(
            node,
            x,
            output,
            window,
            features,
            np.ascontiguousarray(weights[0] if depthwise else weights),
            bias_of(node, low, out_channels, output),
            filter_scales(node, filters, x, 3 if depthwise else 0),
            activation(node),
        )
    )


def check_weights(node: Node, dtype: np.dtype, x: Stream) -> None:
    """Refuse weights of a type that does not go with the activations."""
    if dtype == (np.int8 if integer(x) else x.dtype):
        return
    if x.dtype == np.float32:
        raise refuse(
            node,
            f"{dtype} weights on {x.dtype} activations (dynamic-range quantisation): activations are quantised at run "
            "time, by the range of all that the operator reads, so that nothing computed before could be kept",
            "quantise the model to full-integer int8 with a representative data set, which is faster too, or export it "
            "as float32",
        )
    raise refuse(node, f"{dtype} weights on {x.dtype} activations", "quantise the weights to int8")


def filter_scales(node: Node, filters: Tensor, x: Stream, axis: int) -> np.ndarray | None:
    """The scales of an integer filter, `None` for float; its zero points must be 0, as the kernels take them."""
    if not integer(x):
        return None
    if filters.quant is None or filters.quant.zero_point.any():
        raise refuse(node, f"filter '{filters.name}' is not symmetrically quantised", "quantise the model again")
    if filters.quant.per_channel and filters.quant.axis != axis:
        raise refuse(node, f"filter '{filters.name}' is quantised along axis {filters.quant.axis}", f"use axis {axis}")
    return filters.quant.scale


def bias_of(node: Node, low: Lowering, channels: int, output: Stream, place: int = 2) -> np.ndarray:
    """The bias of `channels` outputs, operand `place`, zeros where it is absent: float32, int32, or int64 for int16."""
    wanted = {np.int8: np.int32, np.int16: np.int64}.get(output.dtype.type, np.float32)
    if output.dtype == np.int16 and int(node.attrs.get("quantized_bias_type", 0)) == tflite.TensorType.INT32:
        wanted = np.int32
    tensor_id = node.inputs[place] if len(node.inputs) > place else None
    if tensor_id is None:
        return np.zeros(channels, wanted)
    bias = low.constant(tensor_id)
    if bias is None or bias.size != channels or bias.dtype != wanted:
        kind = np.dtype(wanted)
        raise refuse(node, f"its bias is not a constant of {channels} {kind} values", "export the model again")
    return bias.reshape(-1)


@operator("CONV_2D")
def lower_conv(node: Node, low: Lowering) -> None:
    _lower(node, low, depthwise=False)


@operator("DEPTHWISE_CONV_2D")
def lower_depthwise(node: Node, low: Lowering) -> None:
    _lower(node, low, depthwise=True)
