"""CONV_2D int8: inputs widened to 16 bit once per output position, several positions share each weight."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.base import Patches
from edgeshift.ops.conv import Conv
from edgeshift.shift import StreamPlan

BATCH = 2


@variant("armv7em", Conv)
def conv(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Conv)
    if not op.integer or op.groups != 1:
        return None
    base = op.kernel()
    size = op.windows[0].kernel * op.features.kernel * op.in_channels
    patches = Patches("int16_t", size, BATCH, op.features.out_size, op.out_channels)
    shape = {**op.features.shape, "taps": op.windows[0].kernel, "in_channels": op.in_channels, "size": size, "out_channels": op.out_channels}
    folded = op.bias.astype(np.int64) - op.zero_point * op.weights.astype(np.int64).reshape(op.out_channels, -1).sum(axis=1)
    tables = {**base.tables, "bias": folded.astype(np.int32)}
    scalars = {k: v for k, v in base.scalars.items() if k != "input_offset"}
    shape["fill"] = op.zero_point
    return Kernel("armv7em/conv", "patches", shape, tables, scalars, ("requantize",), patches=patches)
