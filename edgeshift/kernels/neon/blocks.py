"""What the AArch64 kernels share: passes over blocks of output channels, two output positions at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgeshift.kernels.layout import endings, finish_table, folded_bias, in_order, padded, patch_shape
from edgeshift.ops import Kernel
from edgeshift.ops.base import Patches
from edgeshift.ops.conv import Conv
from edgeshift.ops.dense import Dense
from edgeshift.shift import StreamPlan

POSITIONS = 2  # that share each load of the weights
LANES = 4  # accumulators in a vector

Arrange = Callable[[np.ndarray, int], np.ndarray]


def matrix(op: Conv | Dense) -> np.ndarray:
    """The weights as `[out channel, input of a patch]`."""
    return op.weights.reshape(len(op.weights), -1)


def in_blocks(weights: np.ndarray, channels: int, arrange: Arrange) -> np.ndarray:
    """Weights `[out, in]` in blocks of `channels` rows and one of the rest, each `arrange(rows, count)`d."""
    rows = padded(weights, 0, LANES)
    full = len(rows) // channels * channels
    blocks = [rows[at : at + channels] for at in range(0, full, channels)] + [rows[full:]]
    return np.concatenate([arrange(block, len(block)).reshape(-1) for block in blocks if len(block)])


def block_shape(op: Conv | Dense, plan: StreamPlan, channels: int) -> dict[str, Any]:
    """For `macros/neon.j2`: how many blocks of `vectors` are full, and how many vectors hold the rest."""
    full, rest = divmod(len(op.weights), channels)
    return {
        **patch_shape(op, plan),
        "size": matrix(op).shape[1],
        "blocks": full,
        "vectors": channels // LANES,
        "rest": -(-rest // LANES),
    }


def patches_of(op: Conv | Dense, plan: StreamPlan, kind: str, multiple: int, size: int) -> Patches:
    """Patches filled up to a multiple of a vector; as many as the kernel takes at a time."""
    positions = op.features.out_size if isinstance(op, Conv) else op.rows
    batch = min(POSITIONS, positions * max(len(plan.computed), len(plan.early)))
    return Patches(kind, -(-size // multiple) * multiple, max(batch, 1), positions, len(op.weights))


def int8_kernel(
    op: Conv | Dense, plan: StreamPlan, template: str, channels: int, arrange: Arrange, **shape: Any
) -> Kernel:
    """An int8 kernel with its weights arranged; a dense layer's accumulators are finished one by one."""
    weights = matrix(op)
    base = op.kernel()
    blocks = block_shape(op, plan, channels)
    tables: dict[str, np.ndarray] = {"weights": in_blocks(weights, channels, arrange)}
    bias = folded_bias(op)
    if isinstance(op, Conv):
        *constants, name = endings(op, floats=True)
        tables["finish"] = finish_table(LANES, in_order, bias, *constants)
        finish = {"rounding": name, "rescale": ""}
    else:
        tables |= {"bias": padded(bias, 0, LANES), **{n: base.tables[n] for n in ("multiplier", "shift")}}
        finish = {"rounding": "", "rescale": base.shape["rescale"]}
    scalars = {k: v for k, v in base.scalars.items() if k != "input_offset"}
    patches = patches_of(op, plan, "int8_t", 16, weights.shape[1])
    return Kernel(
        template,
        "patches",
        {**blocks, **finish, **shape},
        tables,
        scalars,
        ("requantize", "neon"),
        patches=patches,
    )
