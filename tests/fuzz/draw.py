"""Drawn networks, and drawn cases: a network, a hop and the options to plan it with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.finish import TYPES, finish
from tests.fuzz.blocks import BLOCKS, ENDS, drawable
from tests.fuzz.choices import Choices, Choose, replayed, seeded
from tests.fuzz.drawing import Drawing
from tests.fuzz.states import STATEFUL_OPS, STATEFUL_TYPES, draw_stateful
from tests.ladder import Case
from tests.netbuilder import Handle, Net

HOPS = range(1, 8)
_MOST_CHANNELS, _MOST_FEATURES, _MOST_FRAMES = 12, 8, 100


@dataclass(frozen=True)
class Wish:
    """What is drawn from: number types, and operators of which every network gets some (all, if none is named)."""

    types: tuple[str, ...] = tuple(TYPES)
    ops: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Drawn:
    """A case, its number type, and how its hop relates to its window."""

    case: Case
    type: str
    hop_kind: str = "drawn"

    @property
    def model(self) -> bytes:
        return self.case.model

    @property
    def hop(self) -> int:
        return self.case.hop

    def __repr__(self) -> str:  # what hypothesis prints for a falsifying example
        return f"<{self.case}>"


PLAIN = Wish(("float32", "int8", "int8_floatio"))


def draw_network(choose: Choose, wish: Wish = PLAIN) -> Drawn:
    """A network of windows with a short hop and no options."""
    drawn, _ = _network(choose, wish)
    return replace(drawn, case=replace(drawn.case, hop=choose(HOPS)))


def random_network(seed: int, wish: Wish = PLAIN) -> Drawn:
    return draw_network(seeded(seed), wish)


def draw_case(choose: Choose, wish: Wish = Wish()) -> Drawn:
    """Any network, any hop, any options."""
    if _stateful(wish) and choose((False, True) if wish.ops else (False,) * 11 + (True,)):
        case, kind = draw_stateful(choose, wish.types)
        return Drawn(case, kind, "a call's")
    drawn, drawing = _network(choose, wish)
    shape, case = drawing.net.input_shapes[0], drawn.case
    frames = shape[drawing.time_axis] if len(shape) > 2 else drawing.window
    if choose((False, False, False, True)):
        case, frames = _with_time(choose, case, drawing.net.input_shapes, frames)
    hop_kind, hop = choose(
        [("short", choose(HOPS))] * 4
        + [("the window", frames), ("half the window", max(frames // 2, 1)), ("beyond the window", frames + 3)]
        + [("the window but one", max(frames - 1, 1)), ("long", choose(range(8, 61)))]
    )
    options: dict[str, Any] = {
        "hop": hop,
        "seed": choose(range(4)),
        "outputs": choose((8, 8, 16)) if hop > 7 else 12,
        "streamed": choose((False, False, False, False, True)),
        "curve": choose((None, None, None, 0, 1, 2)),
    }
    if drawing.answers_per_frame:
        options["newest"] = choose(("all", "all", "all", "last", "seen"))
    if drawing.recurrent and hop_kind == "short":
        options["carried"] = choose((False, False, True))
    if drawn.type != "float32":
        options["reference"] = choose((None, None, None, "litert", "tflm"))
    return Drawn(replace(case, **options), drawn.type, hop_kind)


def random_case(seed: int, wish: Wish = Wish()) -> tuple[Drawn, list[int]]:
    """A case, and the choices that it is made of."""
    return _recorded(seeded(seed), wish)


def case_of(numbers: Sequence[int], wish: Wish = Wish()) -> tuple[Drawn, list[int]]:
    """The case that these choices make, and those that it was made of."""
    return _recorded(replayed(numbers), wish)


def _recorded(choices: Choices, wish: Wish) -> tuple[Drawn, list[int]]:
    drawn = draw_case(choices, wish)
    return drawn, choices.taken


def _stateful(wish: Wish) -> bool:
    return any(kind in STATEFUL_TYPES for kind in wish.types) and (not wish.ops or bool(wish.ops & STATEFUL_OPS))


def _with_time(choose: Choose, case: Case, shapes: Sequence[tuple[int, ...]], frames: int) -> tuple[Case, int]:
    """Time where it is, said so; or elsewhere: every axis of a window is one that frames can be cut along."""
    shape = min(shapes, key=len)
    if len(shape) == 2:
        size = math.gcd(*(math.prod(s) for s in shapes))
        count = choose([n for n in (frames, frames * 2, 1, shape[1]) if size % n == 0])
        return replace(case, frames=count), count
    axis = choose(range(1, len(shape)))
    return replace(case, time_axis=axis), shape[axis]


def _network(choose: Choose, wish: Wish) -> tuple[Drawn, Drawing]:
    kind = choose(wish.types)
    net = Net("random", np.random.default_rng(choose(range(10_000))))
    drawing = Drawing(net, choose, TYPES[kind].lacks, wish.ops)
    x = _inputs(drawing)
    for number in range(4):
        wanted = bool(wish.ops) and number == 0
        if not wanted and not choose((False, *(True,) * (8 if number == 0 else 2))):
            break
        x = _kept_small(drawing, choose(drawable(BLOCKS, drawing, wanted))(drawing, x))
        if choose((False,) * 9 + (True,)):
            net.output(x)
            drawing.answers_per_frame = True
    for _ in range(choose((1, 1, 1, 2))):
        drawing.whole_numbers = False
        y = choose(drawable(ENDS, drawing))(drawing, x)
        last = None if drawing.whole_numbers else choose((None, None, net.softmax, net.logistic))
        net.output(drawing.say("out", y if last is None else last(y)))
    return Drawn(Case(f"{kind} {' > '.join(drawing.steps)}", finish(net, kind)), kind), drawing


def _inputs(d: Drawing) -> Handle:
    x = d.input(d.window)
    if d.choose((False, False, False, False, True)):
        other = d.input(d.window)
        if d.choose(("add", "concat")) == "add":
            return d.say("add inputs", d.net.add(x, d.conv(other, x.shape[-1], 3)))
        return d.say("concat inputs", d.net.concat([x, other], -1))
    return x


def _kept_small(d: Drawing, x: Handle) -> Handle:
    """The next block shall not take long."""
    x = d.at_most(x, _MOST_FRAMES)
    if d.planar and x.shape[2] > _MOST_FEATURES:
        x = d.net.max_pool(x, (1, 2))
    return d.conv(x, 4) if x.shape[-1] > _MOST_CHANNELS else x
