"""Functions of one element that take or give int16: rescaling, tables with straight lines between their entries.

Lowered by `unary.py`. Source: `reference/functions_int16.py` and the integer kernels that `unary.py` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from edgeshift.ir import Node, Stream, Window
from edgeshift.ops.base import ColumnOp, Kernel
from edgeshift.ops.common import clamp_bounds, quantised, refuse
from edgeshift.reference import functions_int16 as functions
from edgeshift.reference.arithmetic import clamp_to, multiply_by_quantized_multiplier, quantize_multiplier

Compute = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Form:
    """A function in numpy and in C (`function` of the template), and what the C needs."""

    compute: Compute
    function: str
    scalars: Mapping[str, int | np.float32] = field(default_factory=dict)
    tables: Mapping[str, np.ndarray] = field(default_factory=dict)
    runtime: tuple[str, ...] = ("requantize",)


class WideFunction(ColumnOp):
    def __init__(self, node: Node, x: Stream, output: Stream) -> None:
        super().__init__(node, [x], output, [Window()])
        self.form = _form(node, x, output)

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        return self.form.compute(taps[0][:, 0])

    def kernel(self) -> Kernel:
        form, shape = self.form, {"count": self.output.size, "function": self.form.function}
        kinds = {name: "int32_t" if isinstance(value, int) else "float" for name, value in form.scalars.items()}
        scalars: dict[str, tuple[str, Any]] = {name: (kinds[name], value) for name, value in form.scalars.items()}
        return Kernel("unary", "column", shape, form.tables, scalars, form.runtime)


def _form(node: Node, x: Stream, output: Stream) -> Form:
    in_scale, out_scale = (float(quantised(s)[0]) for s in (x, output))
    if node.op in ("QUANTIZE", "RELU", "RELU6"):
        return _rescaled(node, x, output)
    if node.op in ("LOGISTIC", "TANH"):
        steps = functions.steps_of(in_scale, out_scale, node.op)
        function = functions.logistic if node.op == "LOGISTIC" else functions.tanh
        tables = {"sigmoid_lut": functions.sigmoid_table()}
        name, runtime = f"{node.op.lower()}_lut", ("functions_s16",)
        return Form(lambda q: function(q, steps), name, asdict(steps), tables, runtime)
    if node.op in _TABLES or node.op == "GELU":
        approximate = bool(node.attrs.get("approximate", False))
        table = (
            functions.gelu_table(in_scale, out_scale, approximate)
            if node.op == "GELU"
            else _TABLES[node.op](in_scale, out_scale)
        )
        return Form(
            lambda q: functions.looked_up(q, table).astype(np.int16), "lookup", {}, {"lut": table}, ("functions_s16",)
        )
    if node.op == "LEAKY_RELU":
        return _leaky(node, in_scale, out_scale)
    if node.op == "ABS":
        pair = quantize_multiplier(float(np.float32(in_scale) / np.float32(out_scale)))
        return Form(
            lambda q: clamp_to(_scaled(np.abs(q.astype(np.int64)), pair), -32768, 32767, np.int16),
            "abs_s16",
            {"multiplier": pair[0], "shift": pair[1]},
        )
    if node.op == "NEG":  # the reference kernel lets -32768 wrap, whatever the scales are
        return Form(lambda q: (-q.astype(np.int64)).astype(np.int16), "neg_s16", {}, {}, ())
    if node.op == "SQRT":
        return _root(np.float32(in_scale), np.float32(out_scale))
    raise refuse(node, "its int16 form is not built", "keep it in float32 or int8")


_TABLES = {"EXP": functions.exp_table, "LOG": functions.log_table, "RSQRT": functions.rsqrt_table}


def _scaled(values: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    return multiply_by_quantized_multiplier(values, *pair).astype(np.int64)


def _rescaled(node: Node, x: Stream, output: Stream) -> Form:
    """RELU, RELU6 and QUANTIZE between integers; QUANTIZE has its quotient in double, the others in float32."""
    (in_scale, in_zero), (out_scale, out_zero) = quantised(x), quantised(output)
    quotient = in_scale / out_scale if node.op != "QUANTIZE" else float(in_scale) / float(out_scale)
    pair = quantize_multiplier(float(quotient))
    low, high = clamp_bounds(output, "NONE" if node.op == "QUANTIZE" else node.op)
    scalars = {
        **{"input_offset": -in_zero, "multiplier": pair[0], "shift": pair[1], "output_offset": out_zero},
        **{"activation_min": low, "activation_max": high},
    }
    kind = output.dtype.type

    def compute(q: np.ndarray) -> np.ndarray:
        return clamp_to(_scaled(q.astype(np.int64) - in_zero, pair) + out_zero, low, high, kind)

    return Form(compute, "rescale", scalars)


def _leaky(node: Node, in_scale: float, out_scale: float) -> Form:
    alpha = float(np.float32(in_scale) * np.float32(node.attrs["alpha"]) / np.float32(out_scale))
    if alpha < 0:
        raise refuse(node, "its slope is negative", "use 0 or more")
    identity = quantize_multiplier(float(np.float32(in_scale) / np.float32(out_scale)))
    slope = quantize_multiplier(alpha)

    def compute(q: np.ndarray) -> np.ndarray:
        q = q.astype(np.int64)
        return clamp_to(np.where(q >= 0, _scaled(q, identity), _scaled(q, slope)), -32768, 32767, np.int16)

    names = ("identity_multiplier", "identity_shift", "slope_multiplier", "slope_shift")
    return Form(compute, "leaky_relu_s16", dict(zip(names, (*identity, *slope), strict=True)))


def _root(in_scale: np.float32, out_scale: np.float32) -> Form:
    """In float32, the quotient truncated. A negative value stops the interpreter; here it gives what 0 gives."""

    def compute(q: np.ndarray) -> np.ndarray:
        quotient = np.sqrt(in_scale * np.maximum(q, 0).astype(np.float32)) / out_scale
        return np.trunc(np.minimum(quotient, np.float32(32767))).astype(np.int16)

    scalars = {"in_scale": in_scale, "out_scale": out_scale}
    return Form(compute, "sqrt_s16", scalars, {}, ("float_math", "float_functions"))
