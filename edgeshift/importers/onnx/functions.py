"""ONNX functions that are made of several of our operators: softplus, ELU's kin, norms, logarithms of sums, powers."""

from __future__ import annotations

from collections.abc import Callable

from edgeshift.importers.onnx.elementwise import binary, scalar, unary
from edgeshift.importers.onnx.layers import reduced
from edgeshift.importers.onnx.moves import reduce_axes
from edgeshift.importers.onnx.values import Builder, Value

Layer = Callable[[Builder], Value]
_POWERS = {2.0: "SQUARE", 0.5: "SQRT", -0.5: "RSQRT"}


def _softplus(b: Builder, x: Value) -> Value:
    """max(x, 0) + log(1 + exp(-|x|)), which neither overflows nor loses small values of x."""
    small = unary(b, "EXP", unary(b, "NEG", unary(b, "ABS", x)))
    return binary(b, "ADD", unary(b, "RELU", x), unary(b, "LOG", binary(b, "ADD", small, scalar(b, 1.0))))


def softplus(b: Builder) -> Value:
    return _softplus(b, b.value())


def mish(b: Builder) -> Value:
    x = b.value()
    return binary(b, "MUL", x, unary(b, "TANH", _softplus(b, x)))


def softsign(b: Builder) -> Value:
    x = b.value()
    return binary(b, "DIV", x, binary(b, "ADD", unary(b, "ABS", x), scalar(b, 1.0)))


def _elu(b: Builder, x: Value, alpha: float) -> Value:
    if alpha == 1.0:
        return unary(b, "ELU", x)
    below = unary(b, "ELU", binary(b, "MINIMUM", x, scalar(b, 0.0)))
    return binary(b, "ADD", unary(b, "RELU", x), binary(b, "MUL", below, scalar(b, alpha)))


def elu(b: Builder) -> Value:
    return _elu(b, b.value(), float(b.source.get("alpha", 1.0)))


def selu(b: Builder) -> Value:
    alpha, gamma = (
        float(b.source.get(k, v)) for k, v in (("alpha", 1.6732632423543772), ("gamma", 1.0507009873554805))
    )
    return binary(b, "MUL", _elu(b, b.value(), alpha), scalar(b, gamma))


def celu(b: Builder) -> Value:
    alpha = float(b.source.get("alpha", 1.0))
    if alpha == 1.0:
        return unary(b, "ELU", b.value())
    inner = binary(b, "MUL", b.value(), scalar(b, 1 / alpha))
    return binary(b, "MUL", unary(b, "ELU", inner), scalar(b, alpha))


def sign(b: Builder) -> Value:
    """1 where x > 0, less 1 where -x > 0."""
    x, one = b.value(), scalar(b, 1.0)
    above = binary(b, "KEEP_POSITIVE", one, x)
    return binary(b, "SUB", above, binary(b, "KEEP_POSITIVE", one, unary(b, "NEG", x)))


def power(b: Builder) -> Value:
    """Whole powers by squaring; others of what is positive, as exp(p log x)."""
    given, x = b.constant(1, "its exponent"), b.value()
    exponent = float(given.reshape(-1)[0]) if given.size else 1.0
    if (given != exponent).any():
        raise b.source.refuse("its exponents differ", "use one power for all elements")
    if exponent in _POWERS:
        return unary(b, _POWERS[exponent], x)
    if exponent != int(exponent) or abs(exponent) > 16:
        return unary(b, "EXP", binary(b, "MUL", unary(b, "LOG", x), scalar(b, exponent)))
    made = _whole_power(b, x, abs(int(exponent)))
    return made if exponent > 0 else binary(b, "DIV", scalar(b, 1.0), made)


def _whole_power(b: Builder, x: Value, exponent: int) -> Value:
    if exponent < 2:
        return x if exponent else binary(b, "ADD", binary(b, "MUL", x, scalar(b, 0.0)), scalar(b, 1.0))
    half = _whole_power(b, x, exponent // 2)
    made = unary(b, "SQUARE", half)
    return binary(b, "MUL", made, x) if exponent % 2 else made


def log_softmax(b: Builder) -> Value:
    x = b.value()
    modern = b.source.opset >= 13
    axis = b.axis(int(b.source.get("axis", -1 if modern else 1)), x.rank)
    axes = [axis] if modern else list(range(axis, x.rank))
    shifted = binary(b, "SUB", x, reduced(b, x, axes, "REDUCE_MAX", keep=True))
    return binary(b, "SUB", shifted, unary(b, "LOG", reduced(b, unary(b, "EXP", shifted), axes, "SUM", keep=True)))


def log_sum_exp(b: Builder) -> Value:
    axes, keep = reduce_axes(b)
    x = b.value()
    most = reduced(b, x, axes, "REDUCE_MAX", keep=True)
    total = reduced(b, unary(b, "EXP", binary(b, "SUB", x, most)), axes, "SUM", keep=keep)
    most = most if keep else reduced(b, x, axes, "REDUCE_MAX", keep=False)
    return binary(b, "ADD", unary(b, "LOG", total), most)


def _summed(before: str, behind: str | None) -> Layer:
    """A function of the sum of a function."""

    def build(b: Builder) -> Value:
        axes, keep = reduce_axes(b)
        made = reduced(b, unary(b, before, b.value()), axes, "SUM", keep)
        return made if behind is None else unary(b, behind, made)

    return build


def lp_normalization(b: Builder) -> Value:
    x, p = b.value(), int(b.source.get("p", 2))
    axes = [b.axis(int(b.source.get("axis", -1)), x.rank)]
    total = reduced(b, unary(b, "ABS" if p == 1 else "SQUARE", x), axes, "SUM", keep=True)
    return binary(b, "DIV", x, total if p == 1 else unary(b, "SQRT", total))


FUNCTIONS: dict[str, Layer] = {
    "Softplus": softplus,
    "Mish": mish,
    "Softsign": softsign,
    "Elu": elu,
    "Selu": selu,
    "Celu": celu,
    "Sign": sign,
    "Pow": power,
    "LogSoftmax": log_softmax,
    "LpNormalization": lp_normalization,
    "ReduceL1": _summed("ABS", None),
    "ReduceL2": _summed("SQUARE", "SQRT"),
    "ReduceSumSquare": _summed("SQUARE", None),
    "ReduceLogSumExp": log_sum_exp,
}
