"""Whether a plan fits a board, before anything is compiled; and when it does not, the options with which it would."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgeshift.device import estimate
from edgeshift.device.boards import Board
from edgeshift.device.image import stack_set_aside
from edgeshift.errors import BoardError, MemoryBudgetError, PlanError, UnsupportedOpError
from edgeshift.ir import Stream
from edgeshift.pipeline import Edges, Plan, plan

# What start-up, console, printing and application take beside the model.
FIRMWARE_FLASH_BYTES = 3 * 1024
FIRMWARE_RAM_BYTES = 512


@dataclass(frozen=True)
class Sizes:
    """Bytes, and seconds. The state and scratch are exact, the constants too; stack, code and time are estimated.

    `ram` and `flash` are the board's, `None` on Linux; `stack_room` is what an image sets aside for its stack. With
    `budget`, the seconds between two hops, `share` is the part of them that a hop takes at the clock `hz`.
    """

    struct_bytes: int
    port_bytes: int
    stack_bytes: int
    stack_room: int
    weights_bytes: int
    code_bytes: int
    seconds: float
    hz: int
    ram: int | None
    flash: int | None
    budget: float | None

    @property
    def besides(self) -> int:
        """RAM of the image besides the struct and the stack."""
        return self.port_bytes + FIRMWARE_RAM_BYTES

    @property
    def ram_bytes(self) -> int:
        """RAM that is needed; the whole room of the stack only where it decides."""
        stack = self.stack_bytes if self.ram_fits else max(self.stack_bytes, self.stack_room)
        return self.struct_bytes + self.besides + stack

    @property
    def flash_bytes(self) -> int:
        return self.weights_bytes + self.code_bytes + FIRMWARE_FLASH_BYTES

    @property
    def share(self) -> float | None:
        return None if self.budget is None else self.seconds / self.budget

    @property
    def ram_fits(self) -> bool:
        return self.ram is None or self.struct_bytes <= self.struct_room

    @property
    def struct_room(self) -> int:
        """The most that state and scratch may take."""
        return (self.ram or 0) - self.besides - max(self.stack_bytes, self.stack_room)

    @property
    def flash_fits(self) -> bool:
        return self.flash is None or self.flash_bytes <= self.flash

    @property
    def in_time(self) -> bool:
        return self.share is None or self.share <= 1

    @property
    def fits(self) -> bool:
        return self.ram_fits and self.flash_fits and self.in_time

    def __str__(self) -> str:
        time = (
            f"{_milliseconds(self.seconds)} a hop"
            if self.share is None
            else f"{_percent(self.share)} of the time budget"
        )
        return f"{_of(self.ram_bytes, self.ram)} RAM, {_of(self.flash_bytes, self.flash)} flash, {time}"

    def as_dict(self) -> dict[str, Any]:
        """What tools read."""
        derived = ("ram_bytes", "flash_bytes", "share", "fits")
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in derived}}


@dataclass(frozen=True)
class Options:
    """What is asked for otherwise: a hop, edges, a budget of RAM; `None` leaves it as it is."""

    edges: Edges | None = None
    hop: int | None = None
    ram: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Those that are asked for, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def __str__(self) -> str:
        return " ".join(f"--{name} {value}" for name, value in self.given.items())


@dataclass(frozen=True)
class Advice:
    """Options with which a plan fits, and what it takes then."""

    options: Options
    sizes: Sizes


@dataclass(frozen=True, eq=False)
class Fit:
    """A plan on a board; `rate` is in frames per second."""

    plan: Plan
    board: Board
    rate: float | None = None

    @property
    def fits(self) -> bool:
        return self.sizes.fits

    @cached_property
    def sizes(self) -> Sizes:
        """What it takes, and what there is."""
        made, board = self.plan, self.board
        graph, hop = made.schedule.graph, made.schedule.hop
        inputs = sum(_bytes(s, hop if s.id in graph.temporal else s.columns) for s in graph.inputs)
        return Sizes(
            struct_bytes=made.memory.struct_bytes,
            port_bytes=inputs + sum(_bytes(s, s.columns) for s in graph.outputs),
            stack_bytes=estimate.stack_bytes(made, board),
            stack_room=stack_set_aside(board),
            weights_bytes=made.sources.weights_bytes,
            code_bytes=estimate.code_bytes(made, board),
            seconds=estimate.cycles_per_hop(made, board) / board.clock.max_hz,
            hz=board.clock.max_hz,
            ram=board.memory.ram.size if board.memory else None,
            flash=board.memory.flash.size if board.memory else None,
            budget=hop / self.rate if self.rate else None,
        )

    @cached_property
    def advice(self) -> list[Advice]:
        """With which options it fits: less RAM, a longer hop, streamed edges, and together what does not do alone.

        Each was planned. Empty when it fits, and when nothing helps: flash needs another board, or another network.
        """
        found: list[Advice] = []
        if not self.fits and self.sizes.flash_fits:
            for options in self._others():
                self._try(options, found)
        return found

    def as_dict(self) -> dict[str, Any]:
        """What tools read."""
        advice = [{"options": str(a.options), **a.sizes.as_dict()} for a in self.advice]
        return {"board": self.board.name, "rate": self.rate, **self.sizes.as_dict(), "advice": advice}

    def _try(self, options: Options, found: list[Advice]) -> None:
        """Adds options that make it fit, with a budget of RAM if they must, and without any that are not needed."""
        if any(advice.options.given.keys() <= options.given.keys() for advice in found):
            return
        tried = self._with(options) if options.given else self
        if tried is None:
            return
        if tried.fits:
            found.append(Advice(options, tried.sizes))
        elif options.ram is None and tried.sizes.struct_room > 0 and (tried is self or tried.sizes.in_time):
            # The plan itself may keep to a smaller budget than there is; of others less RAM only takes more time.
            self._try(dataclasses.replace(options, ram=tried.sizes.struct_room), found)

    def _others(self) -> Iterator[Options]:
        """Other options than those of the plan, the least change first."""
        schedule, streamed = self.plan.schedule, self.plan.streamed is not None
        longest = schedule.hop if schedule.graph.call_frames is not None else schedule.window_frames
        hops = {schedule.hop << n for n in range(1, longest.bit_length())} | {schedule.total_stride}
        for edges in (None,) if streamed else (None, "stream"):
            yield Options(edges)
            for hop in sorted(hop for hop in hops if schedule.hop < hop <= longest):
                yield Options(edges, hop)

    def _with(self, options: Options) -> Fit | None:
        """The fit with other options; `None` where the network cannot be planned so."""
        made = self.plan
        try:
            other = plan(
                made.network,
                options.hop or made.schedule.hop,
                made.isa,
                ram=options.ram,
                edges=options.edges or ("exact" if made.streamed is None else "stream"),
                outputs="all" if made.newest is None else made.newest.which,
                recurrent="carry" if made.carried else "zero",
            )
        except (MemoryBudgetError, PlanError, UnsupportedOpError):
            return None
        return dataclasses.replace(self, plan=other)


def require_fit(made: Plan, board: Board, rate: float | None = None) -> None:
    """Raises BoardError when the plan does not fit, with the figures and what would help."""
    fit = Fit(made, board, rate)
    if not fit.fits:
        raise BoardError(f"{made.network.name} does not fit {board.name}: {fit.sizes}; {helps(fit)}")


def helps(fit: Fit) -> str:
    """What would help, in words."""
    if fit.advice:
        return "it would with " + "; or with ".join(f"{a.options} ({a.sizes})" for a in fit.advice)
    what = "flash" if not fit.sizes.flash_fits else "RAM" if not fit.sizes.ram_fits else "speed"
    return f"no --hop, --ram or --edges helps: take a board with more {what} (edgeshift boards), or a smaller network"


def _bytes(stream: Stream, columns: int) -> int:
    return columns * stream.size * stream.dtype.itemsize


def _of(used: int, room: int | None) -> str:
    return f"{_kilobytes(used)} of {_kilobytes(room)} KB" if room is not None else f"{_kilobytes(used)} KB"


def _kilobytes(count: int) -> str:
    return f"{count / 1024:.1f}".removesuffix(".0") if count < 10 * 1024 else f"{count / 1024:,.0f}"


def _percent(share: float) -> str:
    return f"{share * 100:,.0f} %" if share >= 0.1 else f"{share * 100:.1f} %"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.01 else f"{seconds * 1e3:,.0f} ms"
