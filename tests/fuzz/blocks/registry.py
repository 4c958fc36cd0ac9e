"""Where blocks are entered: functions that draw a few operators behind a stream, or the end of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.drawing import Drawing
from tests.netbuilder import Handle

Draw = Callable[[Drawing, Handle], Handle]


@dataclass(frozen=True)
class Block:
    """`makes` are the operators that it is entered for, `chooses` if it draws one of them; `weight` is how often it
    is drawn."""

    draw: Draw
    makes: frozenset[str]
    chooses: bool
    weight: int

    def drawable(self, lacks: frozenset[str]) -> bool:
        """Whether a number type has what it makes."""
        return bool(self.makes - lacks) if self.chooses else not self.makes & lacks


BLOCKS: list[Block] = []  # columns in the drawn layout -> columns in that layout
ENDS: list[Block] = []  # columns in the drawn layout -> an output


def block(*makes: str, chooses: bool = False, weight: int = 1) -> Callable[[Draw], Draw]:
    return _enter(BLOCKS, makes, chooses, weight)


def end(*makes: str, chooses: bool = False, weight: int = 1) -> Callable[[Draw], Draw]:
    return _enter(ENDS, makes, chooses, weight)


def _enter(known: list[Block], makes: tuple[str, ...], chooses: bool, weight: int) -> Callable[[Draw], Draw]:
    def enter(draw: Draw) -> Draw:
        known.append(Block(draw, frozenset(makes), chooses, weight))
        return draw

    return enter


def drawable(known: list[Block], drawing: Drawing, wanted_only: bool = False) -> list[Draw]:
    """The simplest first, each as often as it weighs; those that make what is wanted stand before as many others."""
    usable = [b for b in known if b.drawable(drawing.lacks)]
    wanted = [b.draw for b in usable if b.makes & drawing.wanted]
    if wanted and wanted_only:
        return wanted
    others = [b.draw for b in usable for _ in range(b.weight)]
    return wanted * (len(others) // len(wanted)) + others if wanted else others
