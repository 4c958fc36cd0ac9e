"""ONNX's comparisons, and what they choose: Greater, Less, Equal, And, Or, Not, Where, Cast.

A condition is held as a number and means that it is above zero: `a > b` is `a - b`, whose sign is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeshift.importers.onnx.elementwise import binary, scalar, unary
from edgeshift.importers.onnx.moves import same
from edgeshift.importers.onnx.select import places_to
from edgeshift.importers.onnx.values import Builder, Condition, Value

Layer = Callable[[Builder], "Value | Condition"]
_FLOAT, _BOOL = 1, 9  # of TensorProto


def _compared(first: int, negated: bool) -> Layer:
    """Operand `first` above the other one, or not."""

    def build(b: Builder) -> Condition:
        return Condition(binary(b, "SUB", b.value(first), b.value(1 - first)), negated)

    return build


def equal(b: Builder) -> Condition:
    """That the distance is not above zero."""
    return Condition(unary(b, "ABS", binary(b, "SUB", b.value(0), b.value(1))), True)


def not_(b: Builder) -> Condition:
    condition = _condition(b, 0)
    return replace(condition, negated=not condition.negated)


def _both(op: str) -> Layer:
    """And as the smaller, Or as the larger of ones and zeros."""

    def build(b: Builder) -> Condition:
        return Condition(binary(b, op, *(mask(b, _condition(b, place)) for place in (0, 1))), False)

    return build


def _condition(b: Builder, place: int) -> Condition:
    """A condition that is computed, or a constant."""
    found = b.conditions.get(b.source.inputs[place])
    if found is not None:
        return found
    given = b.constant(place, "its condition").astype(np.float32)
    return Condition(b.keep(given, f"{b.source.name}_mask"), False)


def mask(b: Builder, condition: Condition) -> Value:
    """1 where a condition holds, else 0."""
    return _kept(b, scalar(b, 1.0), condition, True)


def _kept(b: Builder, x: Value, condition: Condition, where: bool) -> Value:
    """`x` where the condition holds (or does not, `where`), else 0."""
    positive = where != condition.negated
    values, chosen = (b.tensors[v.id].data for v in (x, condition.value))
    if values is not None and chosen is not None:
        done = np.where((chosen > 0) == positive, values, np.float32(0)).astype(np.float32)
        return b.keep(done, f"{b.source.name}_constant")
    return binary(b, "KEEP_POSITIVE" if positive else "KEEP_OTHERS", x, condition.value)


def where(b: Builder) -> Value:
    condition = _condition(b, 0)
    first, second = _kept(b, b.value(1), condition, True), _kept(b, b.value(2), condition, False)
    for made, other in ((first, second), (second, first)):
        data = b.tensors[made.id].data
        if data is not None and not data.any() and np.broadcast_shapes(made.shape, other.shape) == other.shape:
            return other
    return binary(b, "ADD", first, second)


def cast(b: Builder) -> Value | Condition:
    """Of a condition: ones and zeros. Of a number: to float32 only."""
    condition, kind = b.conditions.get(b.source.inputs[0]), int(b.source["to"])
    if condition is None and b.tensors[b.value().id].dtype == np.int32:
        return places_to(b, kind)
    if condition is None:
        return same(b)
    if kind == _BOOL:
        return condition
    if kind != _FLOAT:
        raise b.source.refuse("it casts a condition to another type than float32")
    return mask(b, condition)


WHERE: dict[str, Layer] = {
    "Greater": _compared(0, False),
    "Less": _compared(1, False),
    "GreaterOrEqual": _compared(1, True),
    "LessOrEqual": _compared(0, True),
    "Equal": equal,
    "Not": not_,
    "And": _both("MINIMUM"),
    "Or": _both("MAXIMUM"),
    "Where": where,
    "Cast": cast,
}
