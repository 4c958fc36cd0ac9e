"""GELU as exporters write it before opset 20: x / sqrt(2), Erf, + 1, * x, * 0.5, in several orders."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

Scalar = Callable[[str], float | None]  # of a name: the constant that it is
_CLOSE = 1e-3


def join_gelus(nodes: Sequence[Any], scalar: Scalar, gelu: Callable[[str, Any], Any]) -> list[Any]:
    """The nodes with every such group as one, which `gelu(x, its last node)` makes."""
    made_by = {o: n for n in nodes for o in n.output}
    users: dict[str, list[Any]] = {}
    for n in nodes:
        for name in n.input:
            users.setdefault(name, []).append(n)

    def is_(value: float | None, wanted: float) -> bool:
        return value is not None and abs(value - wanted) < _CLOSE

    def by(node: Any, op: str, wanted: float) -> str | None:
        """The other operand of `node` if it is `op` with the constant `wanted`."""
        if node is None or node.op_type != op:
            return None
        a, b = node.input
        if is_(scalar(b), wanted):
            return str(a)
        return str(b) if op != "Div" and is_(scalar(a), wanted) else None

    def sole(name: str) -> Any:
        found = users.get(name, [])
        return found[0] if len(found) == 1 else None

    gone: set[int] = set()
    instead: dict[int, Any] = {}
    for erf in (n for n in nodes if n.op_type == "Erf"):
        inner = made_by.get(erf.input[0])
        x = by(inner, "Div", math.sqrt(2)) or by(inner, "Mul", math.sqrt(0.5))
        plus = sole(erf.output[0])
        if x is None or by(plus, "Add", 1.0) is None:
            continue
        group, missing = [erf, plus], {"x", "half"}
        while missing:
            last = sole(group[-1].output[0])
            if last is None or last.op_type != "Mul":
                break
            other = last.input[1] if last.input[0] == group[-1].output[0] else last.input[0]
            if other == x:
                found = {"x"}
            elif is_(scalar(other), 0.5):
                found = {"half"}
            else:
                found = {"x", "half"} if by(made_by.get(other), "Mul", 0.5) == x else {"neither"}
            if not found <= missing:
                break
            missing -= found
            group.append(last)
        if not missing:
            instead[id(group[-1])] = gelu(x, group[-1])
            gone.update(id(n) for n in group[:-1])
    return [instead.get(id(n), n) for n in nodes if id(n) not in gone]
