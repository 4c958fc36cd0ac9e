"""AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, REDUCE_MAX int8: four channels at a time.

What adds up and compares is in `firmware/runtime/armv7em_pool.h`.
"""

from __future__ import annotations

from edgeshift.kernels import variant
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.pool import Pool
from edgeshift.ops.reduce import Reduce
from edgeshift.shift import StreamPlan


@variant("armv7em", Pool)
def pool(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Pool)
    features = op.features
    if op.output.dtype != "int8" or op.channels < 4 or (features.dilation != 1 and features.kernel > 1):
        return None
    base = op.kernel()
    whole = features.out_size == 1 and features.pad == 0 and features.kernel == features.in_size
    bounds = tuple(int(base.scalars[k][1]) for k in ("activation_min", "activation_max"))
    shape = {**base.shape, "whole": whole, "clamp": None if bounds == (-128, 127) else bounds}
    runtime = ("requantize", "reduce_s8", "armv7em", "armv7em_pool")
    return Kernel("armv7em/pool", "runs", shape, {}, {}, runtime)


@variant("armv7em", Reduce)
def reduce(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    """Where a column is rows of the channels that are kept, all of which are reduced."""
    assert isinstance(op, Reduce)
    if op.output.dtype != "int8" or op.op not in ("MEAN", "REDUCE_MAX"):
        return None
    base = op.kernel()
    kept, reduced, channels = base.shape["kept_loops"], base.shape["reduced_loops"], op.output.size
    rows = base.shape["column"] // channels
    if channels < 4 or kept != ((channels, 1),) or rows * channels != base.shape["column"]:
        return None
    if reduced != (((rows, channels),) if rows > 1 else ((1, 0),)):
        return None
    shape = {"channels": channels, "rows": rows, "average": op.op == "MEAN"}
    runtime = (*base.runtime, "armv7em", "armv7em_pool")
    return Kernel("armv7em/reduce", "runs", shape, {}, base.scalars, runtime)
