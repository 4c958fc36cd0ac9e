"""Attention masks: minus infinity that goes into a softmax alone is any number far below all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_LOWEST = np.float32(-3e38)
_MASKING = ("Add", "Where")


def masked(nodes: Sequence[Any], outputs: set[str]) -> set[str]:
    """The sums and choices that nothing but a softmax reads, directly or through others of them."""
    users: dict[str, list[Any]] = {}
    for node in nodes:
        for name in node.input:
            users.setdefault(name, []).append(node)
    found: set[str] = set()
    for node in reversed(nodes):
        if node.op_type in _MASKING and node.output[0] not in outputs:
            readers = users.get(node.output[0], [])
            if readers and all(r.op_type == "Softmax" or r.output[0] in found for r in readers):
                found.add(node.output[0])
    return found


def bounded(name: str, constants: dict[str, np.ndarray]) -> str:
    """The name of the constant without minus infinity; `name` itself where there is none."""
    data = constants.get(name)
    if data is None or data.dtype.kind != "f" or not np.isneginf(data).any():
        return name
    constants[f"{name} bounded"] = np.maximum(data, _LOWEST).astype(np.float32)
    return f"{name} bounded"
