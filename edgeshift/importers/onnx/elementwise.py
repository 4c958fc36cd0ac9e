"""ONNX operators of one element: arithmetic with broadcasting, activations, softmax."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from edgeshift.importers.onnx.qdq import clip_integers
from edgeshift.importers.onnx.values import Axis, Builder, Value

Layer = Callable[[Builder], Value]


def binary(b: Builder, op: str, x: Value, y: Value) -> Value:
    """Broadcast as numpy does; the larger operand says how the result is stored."""
    if op in ("ADD", "MUL") and b.tensors[x.id].data is not None:
        x, y = y, x
    shape = np.broadcast_shapes(x.shape, y.shape)
    lead = max((x, y), key=lambda v: (b.tensors[v.id].data is None, math.prod(v.shape)))
    order, rank = lead.order, len(shape)
    if lead.rank < rank:
        order = tuple(range(rank))
    operands = [_aligned(b, v, rank, order).id for v in (x, y)]
    attrs = {"fused_activation_function": 0} if op in ("ADD", "SUB", "MUL", "DIV") else {}
    made = b.emit(op, operands, [shape[a] for a in order], **attrs)
    roots: list[Axis | None] = [None] * rank
    for v in (x, y):
        for a, (root, size) in enumerate(zip(v.roots, v.shape, strict=True)):
            at = a + rank - v.rank
            roots[at] = roots[at] or (root if size == shape[at] else None)
    return Value(made, shape, order, tuple(roots))


def _aligned(b: Builder, x: Value, rank: int, order: Sequence[int]) -> Value:
    """The operand with axes of length 1 in front, stored in `order`; scalars and constants for nothing."""
    data = b.tensors[x.id].data
    if data is not None:
        full = data.transpose([x.place(a) for a in range(x.rank)])
        full = full.reshape((1,) * (rank - x.rank) + x.shape).transpose(order)
        return b.keep(full if full.size > 1 else full.reshape(()), b.tensors[x.id].name)
    return b.reordered(b.reshaped(x, (1,) * (rank - x.rank) + x.shape), order)


def scalar(b: Builder, value: float) -> Value:
    return b.keep(np.array(value, np.float32), f"{b.source.name}_constant")


def unary(b: Builder, op: str, x: Value, **attrs: object) -> Value:
    return b.like(b.emit(op, [x.id], x.stored, **attrs), x)


def _unary(op: str) -> Layer:
    return lambda b: unary(b, op, b.value())


def _binary(op: str) -> Layer:
    return lambda b: binary(b, op, b.value(0), b.value(1))


def _divide(b: Builder) -> Value:
    if b.is_constant(1):
        divisor = b.constant(1).astype(np.float64)
        if not divisor.all():
            raise b.source.refuse("it divides by zero", "export the model again")
        return binary(b, "MUL", b.value(0), b.keep(1 / divisor, f"{b.source.name}_factor"))
    return binary(b, "DIV", b.value(0), b.value(1))


def _folded(op: str) -> Layer:
    """Of several operands, two at a time."""

    def build(b: Builder) -> Value:
        made = b.value(0)
        for place in range(1, len(b.source.inputs)):
            made = binary(b, op, made, b.value(place))
        return made

    return build


def clamp(b: Builder, x: Value, low: float, high: float) -> Value:
    known = {(0.0, math.inf): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1"}
    if high > 3e38:
        high = math.inf
    if (low, high) in known:
        return unary(b, known[low, high], x)
    if low > -3e38:
        x = unary(b, "RELU", x) if low == 0.0 else binary(b, "MAXIMUM", x, scalar(b, low))
    return x if high == math.inf else binary(b, "MINIMUM", x, scalar(b, high))


def _clip(b: Builder) -> Value:
    if b.tensors[b.value().id].dtype == np.int8:
        return clip_integers(b)
    bounds = [b.source.get("min", -math.inf), b.source.get("max", math.inf)]
    for place in (1, 2):
        if b.has(place):
            bounds[place - 1] = float(b.constant(place, "its bound").reshape(()))
    return clamp(b, b.value(), *bounds)


def _leaky(b: Builder) -> Value:
    return unary(b, "LEAKY_RELU", b.value(), alpha=np.float32(b.source.get("alpha", 0.01)))


def _prelu(b: Builder) -> Value:
    slope = b.constant(1, "its slope").astype(np.float32)
    return binary(b, "PRELU", b.value(), b.keep(slope, f"{b.source.name}_slope"))


def _hard_sigmoid(b: Builder) -> Value:
    """clip(alpha x + beta, 0, 1) by way of RELU6."""
    alpha, beta = float(b.source.get("alpha", 0.2)), float(b.source.get("beta", 0.5))
    x = binary(b, "ADD", binary(b, "MUL", b.value(), scalar(b, 6 * alpha)), scalar(b, 6 * beta))
    return binary(b, "MUL", unary(b, "RELU6", x), scalar(b, 1 / 6))


def _gelu(b: Builder) -> Value:
    return unary(b, "GELU", b.value(), approximate=b.source.get("approximate", "none") == "tanh")


def _reciprocal(b: Builder) -> Value:
    return binary(b, "DIV", scalar(b, 1.0), b.value())


def _softmax(b: Builder) -> Value:
    x = b.value()
    modern = b.source.opset >= 13
    axis = b.axis(int(b.source.get("axis", -1 if modern else 1)), x.rank)
    if not modern and any(d > 1 for d in x.shape[axis + 1 :]):  # over all axes from `axis` on
        flat = b.reshaped(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))
        return b.reshaped(unary(b, "SOFTMAX", b.last(flat, 1), beta=1.0), x.shape)
    return unary(b, "SOFTMAX", b.last(x, axis), beta=1.0)


ELEMENTWISE: dict[str, Layer] = {
    "Relu": _unary("RELU"),
    "Sigmoid": _unary("LOGISTIC"),
    "Tanh": _unary("TANH"),
    "Erf": _unary("ERF"),
    "Exp": _unary("EXP"),
    "Log": _unary("LOG"),
    "Sqrt": _unary("SQRT"),
    "Abs": _unary("ABS"),
    "Neg": _unary("NEG"),
    "Reciprocal": _reciprocal,
    "Add": _binary("ADD"),
    "Sub": _binary("SUB"),
    "Mul": _binary("MUL"),
    "Div": _divide,
    "Sum": _folded("ADD"),
    "Max": _folded("MAXIMUM"),
    "Min": _folded("MINIMUM"),
    "Clip": _clip,
    "LeakyRelu": _leaky,
    "PRelu": _prelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _unary("HARD_SWISH"),
    "Gelu": _gelu,
    "Softmax": _softmax,
}
