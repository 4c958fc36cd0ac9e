"""MAXIMUM, MINIMUM, DIV, SQUARED_DIFFERENCE, PRELU of two operands, broadcast; either may be a constant. KEEP_POSITIVE
and KEEP_OTHERS, of ONNX's Where: the first operand where the second is above zero, or is not, and 0 elsewhere.

Source: TFLite `reference_ops::MaximumMinimumBroadcastSlow`, `Div`, `SquaredDifference`, `Prelu`.

Types: float32, int8, int16 (DIV, KEEP_POSITIVE, KEEP_OTHERS: float32; SQUARED_DIFFERENCE: not int16; slopes of int16
    are int8).
Shift: a column reads the same column of either operand, or its only one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeshift.ir import Node, Stream
from edgeshift.ops.base import Kernel, operator
from edgeshift.ops.common import clamp_scalars, quantised, refuse
from edgeshift.ops.elementwise import Broadcast, lower_broadcast
from edgeshift.reference import binary as arithmetic
from edgeshift.reference import elementwise_int16

if TYPE_CHECKING:
    from edgeshift.shift.axis import Lowering

_PLAIN = {"MAXIMUM": arithmetic.maximum, "MINIMUM": arithmetic.minimum}  # whatever the type
_FLOAT = {
    "DIV": arithmetic.div_float,
    "SQUARED_DIFFERENCE": arithmetic.squared_difference_float,
    "PRELU": arithmetic.prelu_float,
    "KEEP_POSITIVE": arithmetic.keep_positive_float,
    "KEEP_OTHERS": arithmetic.keep_others_float,
}
_INT8 = {"SQUARED_DIFFERENCE": arithmetic.squared_difference_int8, "PRELU": arithmetic.prelu_int8}
_PARAMS = {"SQUARED_DIFFERENCE": arithmetic.squared_difference_params, "PRELU": arithmetic.prelu_params}


class Binary(Broadcast):
    """One of them; `params` are those of its int8 form, if it has any."""

    def __init__(self, node: Node, operands: Sequence[Stream], output: Stream, *rest: Any) -> None:
        super().__init__(node, operands, output, *rest)
        quants = rest[3]
        self.params: Any = None
        if output.dtype == np.int16 and node.op not in _PLAIN:
            if quantised(quants[1])[1] != 0:
                raise refuse(node, "the zero point of its slopes is not 0", "quantise the model again")
            self.params = elementwise_int16.prelu_params(*(float(quantised(q)[0]) for q in (*quants, output)))
        elif output.dtype == np.int8 and node.op not in _PLAIN:
            if node.op not in _PARAMS:
                raise refuse(node, "its int8 form is not built", "multiply by the reciprocal, or keep it in float32")
            self.params = _PARAMS[node.op](*(v for q in (*quants, output) for v in quantised(q)))  # type: ignore[arg-type]

    def compute(self, taps: Sequence[np.ndarray], inside: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
        a, b = self.operands(taps, columns)
        if self.params is not None and self.output.dtype == np.int16:
            done = elementwise_int16.prelu(a, b, self.params)
        elif self.params is not None:
            done = _INT8[self.op](a, b, self.params)  # type: ignore[operator]
        else:
            done = (_PLAIN | _FLOAT)[self.op](a, b, self.act)
        return done.reshape(len(columns), -1)

    def kernel(self) -> Kernel:
        tables = {"constant": self.constant[1]} if self.constant else {}
        scalars: dict[str, tuple[str, Any]] = {}
        runtime: tuple[str, ...] = ()
        if self.params is not None:
            scalars = {name: ("int32_t", value) for name, value in asdict(self.params).items()}
            runtime = ("requantize", "convert", "binary_s8")
            if self.output.dtype == np.int16:
                runtime = ("requantize", "elementwise_s16")
        elif self.op == "DIV":
            scalars, runtime = clamp_scalars(self.output, self.act), ("float_math",)
        shape = {**self.loops(), "parameters": tuple(scalars) if self.params is not None else ()}
        return Kernel("binary", "column", shape, tables, scalars, runtime, not self.follows_time)


@operator("MAXIMUM", "MINIMUM", "DIV", "SQUARED_DIFFERENCE", "PRELU", "KEEP_POSITIVE", "KEEP_OTHERS")
def lower_binary(node: Node, low: Lowering) -> None:
    lower_broadcast(node, low, Binary)
