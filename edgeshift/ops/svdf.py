"""SVDF: a projection of every frame, and a filter over the last of them. It keeps its own state, and streams already.

Source: TFLite `reference_ops::EvalFloatSVDF` and `EvalIntegerSVDF`.

Types: float32, int8.
Shift: a call is a hop; what a frame is projected to is a column of a stream that earlier calls have begun, kept in a
    ring as int16 or float32, and the output reads as many columns as the filters are long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgeshift.ir import Layout, Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel, operator
from edgeshift.ops.common import activation, clamp, clamp_scalars, ordered_sum, quantised, refuse
from edgeshift.ops.conv import check_weights
from edgeshift.ops.history import History
from edgeshift.ops.project import Project
from edgeshift.reference.arithmetic import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering


class Filters(ColumnOp):
    """`weights` `[units, rank, memory]` over the newest `memory` columns `[units, rank]`, summed over rank and time.

    In int8 columns are int16 and the accumulator is rescaled by `scale`.
    """

    def __init__(
        self,
        node: Node,
        x: Stream,
        output: Stream,
        weights: np.ndarray,
        bias: np.ndarray,
        act: str,
        scale: tuple[int, int] | None,
    ) -> None:
        super().__init__(node, [x], output, [Window(kernel=x.columns)])
        self.weights, self.bias, self.act, self.scale = weights, bias, act, scale

    @property
    def macs_per_column(self) -> int:
        return self.weights.size

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        units, rank, memory = self.weights.shape
        x = taps[0].reshape(len(columns), memory, units, rank).transpose(0, 2, 3, 1)
        if self.scale is None:
            parts = ordered_sum(x, self.weights)
            return clamp(np.add.accumulate(parts, axis=2)[..., -1] + self.bias, self.output, self.act)
        acc = (x.astype(np.int64) * self.weights).sum(axis=(2, 3)) + self.bias
        scaled = multiply_by_quantized_multiplier(wrap_int32(acc), *self.scale).astype(np.int64)
        return np.clip(wrap_int32(scaled + quantised(self.output)[1]), -128, 127).astype(np.int8)

    def kernel(self) -> Kernel:
        units, rank, memory = self.weights.shape
        shape = {"units": units, "rank": rank, "memory": memory}
        tables = {"weights": self.weights, "bias": self.bias}
        if self.scale is None:
            return Kernel("svdf", "taps", shape, tables, clamp_scalars(self.output, self.act), ("float_math",))
        numbers = {
            "multiplier": self.scale[0],
            "shift": self.scale[1],
            "output_offset": quantised(self.output)[1],
        }
        scalars = {name: ("int32_t", value) for name, value in numbers.items()}
        return Kernel("svdf", "taps", shape, tables, scalars, ("requantize",))


@operator("SVDF")
def lower_svdf(node: Node, low: Lowering) -> None:
    given, out = low.tensor(node.inputs[0]), low.tensor(node.outputs[0])
    features, times = low.constant(node.inputs[1]), low.constant(node.inputs[2])
    if len(given.shape) != 2 or given.shape[0] != 1:
        raise refuse(node, f"input shape {list(given.shape)} is not one frame", "use a batch of one")
    if features is None or times is None:
        raise refuse(node, "its weights are not constants", "export the model with frozen weights")
    x = low.whole(node.inputs[0])
    if x.dtype not in (np.float32, np.int8):
        raise refuse(node, f"{x.dtype} activations: the reference kernel has none", "quantise the model to int8")
    check_weights(node, features.dtype, x)
    if not low.tensor(node.inputs[4]).variable:
        raise refuse(node, "its state is computed", "export the model with the state as a variable")
    rank, act = int(node.attrs["rank"]), activation(node)
    filters, memory = times.shape
    integer = x.dtype == np.int8
    if integer and act != "RELU":
        raise refuse(node, f"activation {act}: the reference kernel has only RELU in int8", "use RELU")
    like = replace(x, dtype=np.dtype(np.int16 if integer else np.float32), quant=None)
    new = low.new(f"{out.name}_features", (1, filters), Layout(1, 1, filters), like)
    bias = low.constant(node.inputs[3]) if len(node.inputs) > 3 and node.inputs[3] is not None else None
    offsets = np.zeros(filters, np.int32 if integer else np.float32)
    scales, scale = None, None
    if integer:
        scales, scale, zero = _scales(node, low)
        offsets -= np.int32(zero) * features.astype(np.int32).sum(axis=1, dtype=np.int32)
    low.emit(Project(replace(node, op="SVDF_FEATURES"), x, new, features, offsets, scales))
    if memory > 1:
        kept = low.new(f"{out.name}_memory", (1, memory, filters), Layout(1, memory, filters), like)
        low.history[kept.id] = np.zeros((memory - 1, filters), like.dtype)
        low.emit(History(node, new, kept))
        new = kept
    units = filters // rank
    if bias is None:
        bias = np.zeros(units, offsets.dtype)
    output = low.output(node, Layout(1, 1, units))
    low.emit(Filters(node, new, output, times.reshape(units, rank, memory), bias, act, scale))


def _scales(node: Node, low: Lowering) -> tuple[tuple[np.ndarray, np.ndarray], tuple[int, int], int]:
    """The rescaling of a projection and of the output, formed in float32, and the operand's zero point."""
    (x, zero), (features, _), (times, _), (state, _) = (quantised(low.tensor(node.inputs[i])) for i in (0, 1, 2, 4))
    out, _ = quantised(low.tensor(node.outputs[0]))
    first = quantize_multiplier(float(x * features / state))
    multiplier, shift = (np.array([value], np.int32) for value in first)
    return (multiplier, shift), quantize_multiplier(float(state * times / out)), zero
