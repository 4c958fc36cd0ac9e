"""Forms of operators that give whole numbers: ARG_MAX, ARG_MIN, CAST."""

from __future__ import annotations

from tests.netbuilder import Net
from tests.ops.arithmetic import FRAMES, curve, planes
from tests.ops.sweeps import form


def over(code: str, axis: int, rank: int, net: Net) -> None:
    net.output(net.arg(code, curve(net, 5) if rank == 3 else planes(net), axis))


def of_a_vector(code: str, net: Net) -> None:
    net.output(net.arg(code, net.dense(net.mean(curve(net), 1), 6), 1))


def of_hidden_time(code: str, net: Net) -> None:
    net.output(net.arg(code, net.reshape(curve(net), (1, 4 * FRAMES)), 1))


def of_equals(code: str, net: Net) -> None:
    """Zeros side by side: the first of them."""
    net.output(net.arg(code, net.relu(net.add(curve(net, 6), -0.8)), 2))


def as_floats(code: str, net: Net) -> None:
    """Indices of every frame as numbers."""
    net.output(net.reshape(net.cast(net.arg(code, curve(net, 5), 2), "float32"), (FRAMES, 1)))


def as_whole_numbers(net: Net) -> None:
    net.output(net.cast(net.mul(curve(net), 9.0), "int32"))


for code in ("ARG_MAX", "ARG_MIN"):
    for axis, rank in ((1, 3), (2, 3), (1, 4), (2, 4), (3, 4)):
        form("indices", f"{code} over {axis} of {rank}", over, code, axis, rank)
    for describe in (of_a_vector, of_hidden_time, of_equals):
        form("indices", f"{code} {describe.__name__}", describe, code)
    form("indices", f"{code} as floats", as_floats, code, dtypes=("float32",))
form("indices", "cast", as_whole_numbers)
