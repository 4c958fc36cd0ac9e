"""Drawn networks that already stream: their state in variables, or handed in and out by the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.finish import TYPES
from tests.fuzz.choices import Choose
from tests.ladder import Case
from tests.netbuilder import Handle
from tests.stateful import VARIABLE_OPS, Stateful, with_variables

STATEFUL_TYPES = tuple(name for name in TYPES if not name.endswith("io"))  # a state has no other type outside
STATEFUL_OPS = frozenset((*VARIABLE_OPS, "SVDF"))

Layer = Callable[[Stateful, Choose, Handle], Handle]


def draw_stateful(choose: Choose, types: Sequence[str]) -> tuple[Case, str]:
    """A network that takes a few frames at a call, and its number type."""
    kind = choose([name for name in types if name in STATEFUL_TYPES])
    made = Stateful((1, choose((1, 2, 3, 4)), 1, choose((1, 3, 4))), seed=choose(range(10_000)))
    x, steps = made.frames, [f"{kind} calls of {list(made.frames.shape)}"]
    for number in range(4):
        if not choose((False, *(True,) * (8 if number == 0 else 2))):
            break
        layer = choose(_those_that(LAYERS, kind))
        x = layer(made, choose, x)
        steps.append(f"{layer.__name__} {list(x.shape)}")
    end = choose(_those_that(ENDS, kind))
    y = end(made, choose, x)
    steps.append(f"{end.__name__} {list(y.shape)}")
    model, states = made.finish(y, dtype=kind)
    pairs: tuple[str, ...] = ()
    if states and choose((True, False)):
        model = with_variables(model, states)
    else:
        pairs = tuple(f"{state.input}:{state.output}" for state in states)
    label = f"{' > '.join(steps)}, {len(states)} states"
    frames, outputs, seed = made.frames.shape[1], choose((12, 24)), choose(range(4))
    return Case(label, model, frames, time_axis=1, outputs=outputs, seed=seed, state=pairs), kind


def convolution(made: Stateful, choose: Choose, x: Handle) -> Handle:
    """As much history as a convolution reads beyond the new columns, and perhaps more."""
    taps, stride = choose((3, 2, 5, 1)), choose((1, 1, 2, 3))
    dilation = choose((1, 1, 2)) if stride == 1 else 1
    reach = (taps - 1) * dilation
    x = _with_history(made, x, max(reach + 1 - stride, reach + 1 - x.shape[1]) + choose((0, 0, 0, 1)))
    if choose((False, True)):
        return made.net.depthwise(x, 1, (taps, 1), (stride, 1), (dilation, 1), "VALID", "relu")
    return made.net.conv2d(x, choose((3, 4)), (taps, 1), (stride, 1), (dilation, 1), "VALID", "relu")


def pool(made: Stateful, choose: Choose, x: Handle) -> Handle:
    size = choose((2, 3))
    slide = choose((made.net.max_pool, made.net.avg_pool))
    return slide(_with_history(made, x, size - 1), (size, 1), (1, 1))


def delayed(made: Stateful, choose: Choose, x: Handle) -> Handle:
    """The columns of earlier calls beside the new ones."""
    late, shape = choose((1, 3)), x.shape
    older = made.net.strided_slice(_with_history(made, x, late), (0, 0, 0, 0), shape)
    return made.net.concat([older, x], 3) if choose((False, True)) else made.net.add(older, x)


def function(made: Stateful, choose: Choose, x: Handle) -> Handle:
    return choose((made.net.relu, made.net.tanh, made.net.logistic))(x)


def dense(made: Stateful, choose: Choose, x: Handle) -> Handle:
    return made.net.dense(x, choose((3, 4)), choose(("relu", None)), keep_num_dims=True)


def whole(made: Stateful, choose: Choose, x: Handle) -> Handle:
    """Dense over a history."""
    return made.net.dense(_with_history(made, x, choose((3, 1, 0))), 3, whole=True)


def mean(made: Stateful, choose: Choose, x: Handle) -> Handle:
    return made.net.mean(_with_history(made, x, choose((4, 2))), 1)


def recurrent(made: Stateful, choose: Choose, x: Handle) -> Handle:
    return made.cell(made.net.reshape(x, (1, -1)), choose((3, 4)))


def svdf(made: Stateful, choose: Choose, x: Handle) -> Handle:
    """All that a call brings is a frame of it."""
    flat = made.net.reshape(x, (1, -1))
    y = made.net.svdf(flat, choose((3, 2)), choose((1, 2)), choose((4, 2, 7)))
    return made.net.reshape(y, (1, 1, 1, y.shape[1]))


def per_frame(made: Stateful, choose: Choose, x: Handle) -> Handle:
    return made.net.softmax(x)


LAYERS: tuple[Layer, ...] = (convolution, convolution, pool, delayed, function, dense, svdf)
ENDS: tuple[Layer, ...] = (whole, per_frame, mean, recurrent, svdf)


def _those_that(layers: Sequence[Layer], kind: str) -> list[Layer]:
    """The layers that a number type has."""
    return [layer for layer in layers if layer is not svdf or "SVDF" not in TYPES[kind].lacks]


def _with_history(made: Stateful, x: Handle, columns: int) -> Handle:
    return made.history(x, columns) if columns > 0 else x
