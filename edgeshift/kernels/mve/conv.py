"""CONV_2D int8: four output channels share each vector of 16 inputs, accumulated across the vector."""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.kernels.layout import (
    endings,
    even_odd,
    finish_table,
    folded_bias,
    interleave,
    padded,
    patch_shape,
)
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.base import Patches
from edgeshift.ops.conv import Conv, EvenConv
from edgeshift.shift import StreamPlan

LANES = 16
CHANNELS = 4


@variant("mve", Conv, EvenConv)
def conv(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Conv)
    if not op.integer or op.groups != 1:
        return None
    weights = padded(op.weights.reshape(op.out_channels, -1), 0, 2 * CHANNELS)
    chunks = -(-weights.shape[1] // LANES)
    patches = Patches("int8_t", chunks * LANES, 1, op.features.out_size, op.out_channels)
    *constants, name = endings(op)
    shape = {**patch_shape(op, plan), "chunks": chunks, "rounding": name}
    tables = {
        "weights": interleave(even_odd(weights), CHANNELS, LANES),
        "finish": finish_table(2 * CHANNELS, even_odd, folded_bias(op), *constants),
    }
    scalars = {k: v for k, v in op.kernel().scalars.items() if k != "input_offset"}
    return Kernel("mve/conv", "patches", shape, tables, scalars, ("requantize", "mve"), patches=patches)
