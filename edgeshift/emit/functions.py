"""Kernel functions: one for every distinct shape, shared by all layers of that shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeshift.emit.literals import c_type
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.base import Patches
from edgeshift.shift import KeptSum

RUN_TYPES = {"int8_t": "es_run_s8", "int16_t": "es_run_s16", "float": "es_run_f32"}


@dataclass(frozen=True)
class Function:
    """A kernel function as its template sees it."""

    name: str
    template: str
    access: str
    operand_types: tuple[str, ...]
    output_type: str
    shape: Mapping[str, Any]
    parameters: tuple[str, ...]
    position: bool
    patches: Patches | None
    work: bool
    scalar_parameters: tuple[str, ...]

    @property
    def integer(self) -> bool:
        return self.output_type in ("int8_t", "int16_t")


@dataclass
class FunctionTable:
    """Hands out functions; asking twice for the same shape gives the same one."""

    prefix: str
    functions: dict[tuple[Any, ...], Function] = field(default_factory=dict)

    def get(self, op: ColumnOp, kernel: Kernel) -> Function:
        types = tuple(c_type(s.dtype) for s in op.inputs)
        output_type = c_type(op.output.dtype)
        table_types = tuple((name, c_type(values.dtype)) for name, values in kernel.tables.items())
        scalar_types = tuple((name, kind) for name, (kind, _) in kernel.scalars.items())
        form = (kernel.template, kernel.access, kernel.position, kernel.patches, kernel.work > 0)
        state = tuple((part.name, c_type(part.dtype)) for part in kernel.state)
        key = (*form, types, output_type, table_types, scalar_types, state, tuple(sorted(kernel.shape.items())))
        if key not in self.functions:
            number = 1 + sum(f.template == kernel.template for f in self.functions.values())
            parameters: tuple[str, ...] = (
                *_operand_parameters(kernel, types),
                *(["int32_t column"] if kernel.position else []),
                *(f"const {kind} *{name}" for name, kind in table_types),
                *(f"{kind} {name}" for name, kind in scalar_types),
                *(["uint32_t *work"] if kernel.work else []),
                *(f"{kind} *{name}" for name, kind in state),
                f"{output_type} *output" if kernel.patches is None else f"{output_type} *const *outputs",
            )
            if kernel.template == "sum":
                parameters = (*_operand_parameters(kernel, types), f"{kernel.shape['type']} *sums")
            self.functions[key] = Function(
                f"{self.prefix}_{kernel.template.replace('/', '_')}_{number}",
                kernel.template,
                kernel.access,
                types,
                output_type,
                kernel.shape,
                parameters,
                kernel.position,
                kernel.patches,
                kernel.work > 0,
                tuple(f"{kind} {name}" for name, kind in scalar_types),
            )
        return self.functions[key]


def sum_kernel(op: ColumnOp, kept: KeptSum) -> Kernel:
    """The kernel that adds columns to a kept sum, with those that take them off and that finish it."""
    rule = op.sum_rule()
    assert rule is not None
    shape = {
        "kept_loops": rule.kept,
        "reduced_loops": tuple(loop for loop in rule.reduced if loop[0] > 1),
        "column": op.inputs[0].size,
        "type": f"uint{8 * rule.dtype.itemsize}_t",
        "size": rule.size,
        "finisher": rule.finisher,
        "waits": kept.entries > 0,
    }
    return Kernel("sum", "runs", shape, {}, rule.scalars, rule.runtime)


def operand_names(count: int) -> list[str]:
    """`a`, `b`, ... for the operands of a kernel; `a0`, `a1`, ... before letters meet its counters `i` and `k`."""
    return [chr(ord("a") + i) if count <= 8 else f"a{i}" for i in range(count)]


def _operand_parameters(kernel: Kernel, types: tuple[str, ...]) -> list[str]:
    if kernel.patches is not None:
        return [f"const {kernel.patches.type} *patches", "int32_t count"]
    parameters, access = [], kernel.access
    for name, kind in zip(operand_names(len(types)), types, strict=True):
        if access == "taps":
            parameters += [f"const {kind} *const *{name}", f"int32_t {name}_first", f"int32_t {name}_last"]
        elif access == "runs":
            parameters += [f"const {RUN_TYPES[kind]} *{name}", f"int32_t {name}_count"]
        else:
            parameters += [f"const {kind} *{name}"]
    return parameters
