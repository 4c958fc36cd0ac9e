"""TRANSPOSE_CONV, with time on either spatial axis.

Source: TFLite `reference_ops::TransposeConv`, `reference_integer_ops::TransposeConv`.

Types: float32, int8, int16 with int8 weights (per tensor or per channel).
Shift: one column holds the `stride` columns of the tensor that begin at the same operand column, and reads the
columns whose taps reach it. An operator behind it that needs them one by one is bound to the window, where the stride
over time is more than 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.accumulate import Sums, ending, sums_of
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import (
    activation,
    clamp,
    integer,
    ordered_sum,
    quantised,
    refuse,
    same_padding,
)
from edgeshift.ops.conv import bias_of, check_weights, filter_scales
from edgeshift.reference.arithmetic import conv_multipliers

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class TransposeConv(ColumnOp):
    """A column holds `group` columns of the tensor; `weights` are `[out_channels, time taps, feature taps, channels]`.

    Tap `t` of the window is operand column `t - before` from the one that the column starts at. Strides, paddings and
    sizes of the axis that is not time are `features = (stride, pad, operand positions, positions)`.
    """

    def __init__(
        self,
        node: Node,
        x: Stream,
        output: Stream,
        window: Window,
        weights: np.ndarray,
        bias: np.ndarray,
        scales: np.ndarray | None,
        act: str,
        time: tuple[int, int, int],
        features: tuple[int, int, int, int],
        group_last: bool,
    ) -> None:
        super().__init__(node, [x], output, [window])
        self.weights, self.bias, self.act = weights, bias, act
        self.stride, self.pad, self.group = time
        self.before = window.pad
        self.features, self.group_last = features, group_last
        self.out_channels, self.channels = weights.shape[0], weights.shape[3]
        if scales is not None:
            (in_scale, self.zero_point), (out_scale, self.output_offset) = quantised(x), quantised(output)
            pairs = conv_multipliers(float(in_scale), scales, float(out_scale))
            self.multiplier, self.shift = (np.broadcast_to(p, bias.shape).copy() for p in pairs)

    @property
    def integer(self) -> bool:
        return integer(self.output)

    @property
    def sums(self) -> Sums:
        return sums_of(self.inputs[0], self.weights, self.bias)

    @property
    def macs_per_column(self) -> int:
        return sum(len(self._terms(f, r)) for f in range(self.features[3]) for r in range(self.group)) * (
            self.out_channels * self.channels
        )

    def _terms(self, position: int, place: int) -> list[tuple[int, int, int, int]]:
        """(tap, operand position, time tap, feature tap) of what adds to a position of the column's column `place`."""
        stride, pad, given, _ = self.features
        _, taps, feature_taps, _ = self.weights.shape
        terms = []
        for tap in range(self.windows[0].kernel):
            k = place + self.pad - self.stride * (tap - self.before)
            for at in range(given):
                m = position + pad - stride * at
                if 0 <= k < taps and 0 <= m < feature_taps:
                    terms.append((tap, at, k, m))
        return terms

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        n, positions = len(columns), self.features[3]
        x = taps[0].reshape(n, -1, self.features[2], self.channels)
        x = x.astype(np.float64) - self.zero_point if self.integer else x
        x = np.where(inside[0][:, :, None, None], x, 0)
        acc = np.zeros((n, positions, self.group, self.out_channels), x.dtype)
        for position in range(positions):
            for place in range(self.group):
                terms = self._terms(position, place)
                if not terms:
                    continue
                t, at, k, m = (np.array(v) for v in zip(*terms, strict=True))
                values, weights = x[:, t, at].reshape(n, 1, -1), self.weights[:, k, m].reshape(self.out_channels, -1)
                if self.integer:
                    acc[:, position, place] = values[:, 0] @ weights.astype(np.float64).T
                else:
                    acc[:, position, place] = ordered_sum(values, weights)
        if not self.group_last:
            acc = np.swapaxes(acc, 1, 2)
        if not self.integer:
            return clamp(acc + self.bias, self.output, self.act).reshape(n, -1)
        total = acc.astype(np.int64) + self.bias
        return self.sums.finish(total, self.multiplier, self.shift, self.output, self.act).reshape(n, -1)

    def kernel(self) -> Kernel:
        sums = self.sums
        arguments = sums.arguments(self.multiplier, self.shift) if self.integer else None
        end = ending(sums, self.inputs[0], self.output, self.act, self.bias, sums.rescale, arguments)
        stride, pad, given, positions = self.features
        shape = {
            "stride": self.stride,
            "first": self.pad + self.stride * self.before,
            "group": self.group,
            "taps": self.weights.shape[1],
            "in_features": given,
            "out_features": positions,
            "feature_kernel": self.weights.shape[2],
            "feature_stride": stride,
            "feature_pad": pad,
            "in_channels": self.channels,
            "out_channels": self.out_channels,
            "group_last": self.group_last,
            **end.shape,
        }
        tables = {"weights": self.weights, **end.tables}
        return Kernel("transpose_conv", "taps", shape, tables, end.scalars, end.runtime)


@operator("TRANSPOSE_CONV")
def lower_transpose_conv(node: Node, low: Lowering) -> None:
    weights, out = low.constant(node.inputs[1]), low.tensor(node.outputs[0])
    x, axis = low.along(node.inputs[2], (1, 2))
    if weights is None or weights.ndim != 4 or len(x.shape) != 4 or len(out.shape) != 4 or x.shape[0] != 1:
        raise refuse(node, "its filter is not a constant, or its batch is not one", "export the model again")
    check_weights(node, weights.dtype, x)
    if weights.shape[3] != x.shape[3] or weights.shape[0] != out.shape[3]:
        raise refuse(node, f"its filter {list(weights.shape)} does not fit {list(x.shape)}", "export it again")
    kernel, same = weights.shape[:3], int(node.attrs["padding"]) == 0
    strides = (int(node.attrs["stride_h"]), int(node.attrs["stride_w"]))
    explicit = node.attrs.get("explicit_padding", ((0, 0), (0, 0)))

    def padding(a: int) -> int:
        stride, length = strides[a - 1], out.shape[a]
        return same_padding(length, -(-length // stride), kernel[a], stride, 1) if same else int(explicit[a - 1][0])

    other, stride = 3 - axis, strides[axis - 1]
    features = (strides[other - 1], padding(other), x.shape[other], out.shape[other])
    pad, taps, length = padding(axis), weights.shape[axis], out.shape[axis]
    group = stride if length == stride * x.columns else length
    if group == stride:
        first, last = -((taps - 1 - pad) // stride), (stride - 1 + pad) // stride
        window = Window(last - first + 1, 1, 1, -first)
    else:
        window = Window(x.columns)
    outer, inner = Layout.along(out.shape, axis).outer, Layout.along(out.shape, axis).inner
    output = low.output(node, Layout(outer, length // group, inner * group))
    if axis == 2:
        weights = weights.transpose(0, 2, 1, 3)
    low.emit(
        TransposeConv(
            node,
            x,
            output,
            window,
            np.ascontiguousarray(weights),
            bias_of(node, low, weights.shape[0], output, 3),
            filter_scales(node, low.tensor(node.inputs[1]), x, 0),
            activation(node),
            (stride, pad, group),
            features,
            axis == 2,
        )
    )
