"""The inputs of an ONNX model: lengths that it leaves open, integers, and values that are fixed before it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgeshift.errors import ModelFormatError, PlanError

Shape = tuple[int, ...]


def shapes_of(inputs: Sequence[Any], frames: int | None) -> list[tuple[Shape, int | None]]:
    """The shape of every input, and its axis whose length was open: that is `frames`; an open batch is one.

    A length is the batch when it is an input's first, or has its name. Raises `ModelFormatError`.
    """
    given = [_lengths(i) for i in inputs]
    batch = {lengths[0] for lengths in given if lengths and isinstance(lengths[0], str)}
    given = [[1 if d in batch and (d or place == 0) else d for place, d in enumerate(lengths)] for lengths in given]
    names = {d for lengths in given for d in lengths if isinstance(d, str)}
    shapes: list[tuple[Shape, int | None]] = []
    for port, lengths in zip(inputs, given, strict=True):
        unknown = [axis for axis, d in enumerate(lengths) if isinstance(d, str)]
        told = f"input '{port.name}' has an open length {[d if d != '' else '?' for d in lengths]}"
        if any(isinstance(d, int) and d < 1 for d in lengths) or len(unknown) > 1 or (unknown and len(names) > 1):
            raise ModelFormatError(f"{told}, and it is not the only one; export the model with static shapes")
        if unknown and frames is None:
            raise ModelFormatError(
                f"{told}; say how many frames its window has (--frames N), or export the model with that length fixed"
            )
        shape = tuple(d if isinstance(d, int) else int(frames or 0) for d in lengths)
        shapes.append((shape, unknown[0] if unknown else None))
    return shapes


def _lengths(given: Any) -> list[int | str]:
    """The lengths of an input, names or "" for those that are open."""
    kind = given.type.tensor_type
    if not kind.HasField("shape"):
        raise ModelFormatError(f"input '{given.name}' has no shape; export the model with static shapes")
    return [d.dim_value if d.HasField("dim_value") else d.dim_param for d in kind.shape.dim]


def fix_inputs(onnx: Any, model: Any, values: Mapping[str, float]) -> None:
    """Make inputs constants, open lengths of theirs 1.

    Raises `PlanError` for a name that is none, and for a value that the input cannot take.
    """
    graph = model.graph
    for name, value in values.items():
        found = next((i for i in graph.input if i.name == name), None)
        if found is None:
            raise PlanError(f"--set {name}: the inputs are {', '.join(repr(i.name) for i in graph.input)}")
        dtype = onnx.helper.tensor_dtype_to_np_dtype(found.type.tensor_type.elem_type)
        with np.errstate(all="ignore"):
            fixed = np.asarray(value).astype(dtype)
        if fixed != value if dtype.kind in "biu" else not np.isfinite(fixed):
            raise PlanError(f"--set {name}: the input takes {dtype}, and {value:g} is none")
        shape = [d if isinstance(d, int) else 1 for d in _lengths(found)]
        graph.initializer.append(onnx.numpy_helper.from_array(np.full(shape, fixed), name))
        graph.input.remove(found)
