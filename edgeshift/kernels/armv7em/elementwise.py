"""ADD, SUB, MUL int8: every constant of the layer in its code, the roundings as in `requantize.py`."""

from __future__ import annotations

import numpy as np

from edgeshift.kernels import variant
from edgeshift.kernels.armv7em.requantize import finish
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.elementwise import Elementwise
from edgeshift.reference.elementwise import LEFT_SHIFT, MulParams
from edgeshift.shift import StreamPlan

LARGEST_SUM = 1 << 29  # of two operands below 2^28
LARGEST_PRODUCT = 256 * 256


@variant("armv7em", Elementwise)
def elementwise(op: ColumnOp, plan: StreamPlan) -> Kernel | None:
    assert isinstance(op, Elementwise)
    if op.output.dtype != "int8":
        return None
    base, params = op.kernel(), op.params
    largest = LARGEST_PRODUCT if op.op == "MUL" else LARGEST_SUM
    ending = finish(
        np.array([-largest]),
        np.array([largest]),
        np.array([params.output_multiplier]),
        np.array([params.output_shift]),
        params.output_offset,
    )
    if ending is None:
        return None
    scales: tuple[tuple[int, int, int, int], ...] = ()
    if not isinstance(params, MulParams):
        scales = (_scale(params.a_multiplier, params.a_shift), _scale(params.b_multiplier, params.b_shift))
    bounds = params.activation_min, params.activation_max
    shape = {
        **base.shape,
        "offsets": (params.a_offset, params.b_offset),
        "ending": (int(ending.multiplier[0]), int(ending.centre[0]), int(ending.shift[0])),
        "clamp": None if bounds == (-128, 127) else bounds,
        "scales": scales,
    }
    return Kernel("armv7em/elementwise", "column", shape, base.tables, {}, ("armv7em",), base.position)


def _scale(multiplier: int, shift: int) -> tuple[int, int, int, int]:
    """Bits to the left, multiplier, centre, bits to the right of an operand (`es_rounded`).

    The multiplier is 0 where a shift to the left does it all.
    """
    if multiplier == 1 << 30 and shift == 0:
        return LEFT_SHIFT - 1, 0, 0, 0
    return LEFT_SHIFT + 1, multiplier, (1 << (-shift - 1)) if shift else 0, -shift
