"""CONV_2D and FULLY_CONNECTED int8 by SDOT: one instruction for four output channels and four inputs."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.layout import interleave
from edgeshift.kernels.neon.blocks import LANES, int8_kernel
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.conv import Conv, EvenConv
from edgeshift.ops.dense import Dense
from edgeshift.shift import StreamPlan

CHANNELS = 32


@variant("dotprod", Conv, EvenConv, Dense)
def conv(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, (Conv, Dense))
    if not op.integer or (isinstance(op, Conv) and op.groups != 1):
        return None
    return int8_kernel(op, plan, "dotprod/conv", CHANNELS, _arrange)


def _arrange(rows: np.ndarray, count: int) -> np.ndarray:
    """`[in / 4][out / 4][4 out][4 in]`: for four inputs one vector for each four channels."""
    return interleave(rows, count, LANES)
