"""The ladder: LiteRT == numpy over windows == numpy over the stream == the generated C; each rung against the next.

ONNX networks have ONNX Runtime on the first rung.

Integer networks must agree bit for bit on every rung. Float networks lie within `FLOAT_TOLERANCE` of the range of
LiteRT's outputs, and bit for bit from the second rung on; their C must also equal itself run over whole windows.
The C of all the networks is one library (`tests.ladder_c`), so that hundreds of them stay cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from edgeshift.errors import EdgeShiftError
from edgeshift.host.oracle import make_oracle
from edgeshift.host.recording import drift
from edgeshift.importers import is_onnx, parse_model
from edgeshift.ir import ColumnGraph, Stream
from edgeshift.passes import run_passes
from edgeshift.passes.state import carried_by, carry
from edgeshift.pipeline import Edges, Network, Plan, plan, plan_curve
from edgeshift.reference.calls import CallExecutor
from edgeshift.reference.carried import CarriedExecutor
from edgeshift.reference.stream import StreamExecutor
from edgeshift.reference.window import run_window
from edgeshift.shift import Outputs as Which
from edgeshift.shift import Reference, lower
from tests.ladder_c import Program, memory_checked, shared_library
from tests.litert import interpreter, invoke

FLOAT_TOLERANCE = 1e-5
_MOVES_FLOATS = ("DEQUANTIZE", "RELAYOUT", "CONSTANT", "STRIDED_SLICE")

Outputs = list[list[np.ndarray]]


def network(
    model: bytes,
    name: str = "net",
    time_axis: int | None = None,
    frames: int | None = None,
    reference: Reference | None = None,
    state: Sequence[str] = (),
) -> Network:
    """What `edgeshift.load` gives, from bytes."""
    parsed = parse_model(model, name)
    carried = tuple(carried_by(parsed, pair) for pair in state)
    imported = run_passes(carry(parsed, carried))
    graph = lower(imported, time_axis, frames, reference or "litert")
    return Network(name, model, graph, reference, imported, time_axis, frames, carried)


@dataclass(frozen=True)
class Case:
    """A network, the hop to stream it at and how many outputs to compare.

    `curve` takes that plan of those that trade RAM for work (0 has the least RAM) in place of the default. With
    `streamed` the edges follow the stream, with `carried` the state of recurrences: other functions, so the ladder
    begins with numpy over windows. So it does with `reference` "tflm", whose interpreter is another. `newest` is the
    option `--outputs`, `state` is `--state`.
    """

    label: str
    model: bytes
    hop: int = 1
    time_axis: int | None = None
    frames: int | None = None
    outputs: int = 16
    seed: int = 0
    curve: int | None = None
    streamed: bool = False
    carried: bool = False
    newest: Which = "all"
    reference: Reference | None = None
    state: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """What differs from the default, beside the hop."""
        fields = ("time_axis", "frames", "curve", "streamed", "carried", "newest", "reference", "state")
        return {name: getattr(self, name) for name in fields if getattr(self, name) != getattr(Case, name)}

    def __str__(self) -> str:
        return ", ".join([f"{self.label} at hop {self.hop}", *(f"{k} {v}" for k, v in self.options.items())])


@dataclass(frozen=True, eq=False)
class Climber:
    """A case on the ladder: its plan, and what is pushed into it (one array a push, for every input)."""

    case: Case
    plan: Plan

    @property
    def graph(self) -> ColumnGraph:
        return self.plan.schedule.graph

    @property
    def pushes(self) -> int:
        return self.plan.schedule.warmup_hops - 1 + self.case.outputs

    @cached_property
    def recording(self) -> list[np.ndarray]:
        """Per input `[pushes, columns of a push, size]`. Inputs without time are others at every push."""
        return [self._signal(i, s) for i, s in enumerate(self.graph.inputs)]

    def _signal(self, index: int, stream: Stream) -> np.ndarray:
        rng = np.random.default_rng([self.case.seed, index])
        columns = self.plan.schedule.hop if stream.id in self.graph.temporal else stream.columns
        shape = (self.pushes, columns, stream.size)
        if stream.id in self.graph.temporal and self.case.seed % 2 == 0:
            return drift(self.graph, self.pushes * columns, self.case.seed)[index].reshape(shape)
        if stream.dtype.kind != "f":
            info = np.iinfo(stream.dtype)
            return rng.integers(info.min, info.max + 1, shape, stream.dtype)
        return rng.normal(0, 1.5, shape).astype(np.float32)

    def pushed(self, push: int) -> list[np.ndarray]:
        return [values[push] for values in self.recording]

    def window(self, push: int) -> list[np.ndarray]:
        """Every input as the window that ends with `push` has it, columns first."""
        end, frames = (push + 1) * self.case.hop, self.plan.schedule.window_frames
        return [
            values.reshape(-1, s.size)[end - frames : end] if s.id in self.graph.temporal else values[push]
            for s, values in zip(self.graph.inputs, self.recording, strict=True)
        ]

    @property
    def ready(self) -> range:
        """The pushes that give an output."""
        return range(self.plan.schedule.warmup_hops - 1, self.pushes)

    @cached_property
    def windows(self) -> list[list[np.ndarray]]:
        """What the network takes for each output, in its tensors' shapes: a window, or a call's frames."""
        if self.graph.call_frames is not None:
            return [
                [
                    replace(s.layout, columns=len(v)).from_columns(v, s.shape)
                    for s, v in zip(self.graph.inputs, self.pushed(p), strict=True)
                ]
                for p in self.ready
            ]
        return [
            [s.layout.from_columns(v, s.shape) for s, v in zip(self.graph.inputs, self.window(p), strict=True)]
            for p in self.ready
        ]

    @property
    def floating(self) -> bool:
        return any(op.output.dtype.kind == "f" and op.op not in _MOVES_FLOATS for op in self.plan.schedule.ops)

    @property
    def by_window(self) -> bool:
        """Whether its C is to be compared with C over each window."""
        return self.floating and not self.case.carried and self.graph.call_frames is None

    # -- the rungs

    def oracle(self) -> Outputs | None:
        """What the reference interpreter gives, `None` where none is at hand for the function that is planned."""
        if self.case.streamed or self.case.carried or self.case.reference == "tflm":
            return None
        streams = self.graph.call_frames is not None
        if is_onnx(self.case.model) or streams:
            judge = make_oracle(self.case.model, self.plan.network.state, streams)
            return [self.plan.given_of(judge.run(window)) for window in self.windows]
        made = interpreter(self.case.model)
        return [self.plan.given_of([np.array(o) for o in invoke(made, window)]) for window in self.windows]

    def numpy_windows(self) -> Outputs:
        if self.graph.call_frames is not None:
            calls = CallExecutor(self.graph)
            return [calls.push(self.pushed(p)) for p in self.ready]
        run = CarriedExecutor(self.graph, self.case.hop).run if self.case.carried else None
        return [run(window) if run else run_window(self.graph, window) for window in self.windows]

    def numpy_stream(self) -> Outputs:
        executor = StreamExecutor(self.plan.schedule)
        answers = [executor.push(self.pushed(p)) for p in range(self.pushes)]
        assert all(a is None for a in answers[: self.ready.start]), f"{self.case} answers while warming up"
        return [a for a in answers[self.ready.start :] if a is not None]

    def program(self) -> Program:
        """What the C rung runs."""
        return Program(self.plan, [self.pushed(p) for p in range(self.pushes)])

    def window_program(self) -> Program:
        """The same network made for a hop of its whole window, fed window by window."""
        case = replace(self.case, hop=self.plan.schedule.window_frames, curve=None)
        made = prepare(case, f"{self.plan.network.name}w").plan
        return Program(made, [self.window(p) for p in self.ready])


def prepare(case: Case, name: str = "net") -> Climber:
    made = network(case.model, name, case.time_axis, case.frames, case.reference, case.state)
    edges: Edges = "stream" if case.streamed else "exact"
    budget, recurrent = None, "carry" if case.carried else "zero"
    options: dict[str, Any] = {"edges": edges, "outputs": case.newest, "recurrent": recurrent}
    if case.curve is not None:
        curve = plan_curve(made, case.hop, **options)
        budget = curve[case.curve % len(curve)].memory.struct_bytes
    return Climber(case, plan(made, case.hop, ram=budget, **options))


def climb(cases: Sequence[Case], memory: bool = False) -> list[str]:
    """Run the ladder for every case; what went wrong, a line each. `memory` adds the run under ASan."""
    found: list[str] = []
    climbers = {}
    for number, case in enumerate(cases):
        try:
            climbers[f"n{number}"] = prepare(case, f"n{number}")
        except EdgeShiftError as error:
            found.append(f"{case}: refused: {error}")
    programs = [climber.program() for climber in climbers.values()]
    whole = [climber.window_program() for climber in climbers.values() if climber.by_window]
    streamed = shared_library([*programs, *whole])
    checked = memory_checked(programs) if memory else {}
    for name, climber in climbers.items():
        found += climb_numpy(climber)
        found += difference(climber, "numpy stream", climber.numpy_stream(), "C", streamed[name])
        if climber.by_window:
            found += difference(climber, "C", streamed[name], "C over windows", streamed[f"{name}w"])
        if memory:
            found += difference(climber, "C", streamed[name], "C under ASan", checked[name])
    return found


def check(cases: Sequence[Case], memory: bool = False) -> None:
    """Fail with a line for every case that does not climb."""
    found = climb(cases, memory)
    assert not found, "\n".join([f"{len(found)} failures among {len(cases)} cases", *found])


def climb_numpy(climber: Climber) -> list[str]:
    """The rungs that need no compiler."""
    ours, oracle = climber.numpy_windows(), climber.oracle()
    found = difference(climber, "numpy windows", ours, "numpy stream", climber.numpy_stream())
    if oracle is not None:
        found = difference(climber, "LiteRT", oracle, "numpy windows", ours, climber.floating) + found
    return found


def difference(climber: Climber, left: str, a: Outputs, right: str, b: Outputs, tolerant: bool = False) -> list[str]:
    """A line when two rungs disagree, nothing when they agree."""
    if len(a) != len(b) or len(a) != climber.case.outputs:
        return [f"{climber.case}: {left} gave {len(a)} outputs, {right} {len(b)}"]
    for port in range(len(climber.graph.outputs)):
        x, y = (np.stack([o[port] for o in outputs]) for outputs in (a, b))
        if x.shape != y.shape or x.dtype != y.dtype:
            return [f"{climber.case}: output {port}: {left} {x.shape} {x.dtype}, {right} {y.shape} {y.dtype}"]
        if tolerant and x.dtype.kind == "f":
            allowed = FLOAT_TOLERANCE * (float(x.max()) - float(x.min()))
            wrong = ~(np.abs(x.astype(np.float64) - y) <= allowed)
        else:
            wrong = x.view(f"u{x.itemsize}") != y.view(f"u{y.itemsize}")
        if wrong.any():
            first = tuple(int(i) for i in np.argwhere(wrong)[0])
            return [
                f"{climber.case}: output {port}: {left} != {right} in {int(wrong.sum())} of {wrong.size}, "
                f"first at {first}: {x[first]!r}, {y[first]!r}"
            ]
    return []


def at_hops(label: str, model: bytes, hops: Sequence[int], **known: int) -> list[Case]:
    """One case for each hop."""
    case = Case(label, model)
    return [replace(case, hop=hop, seed=hop, **known) for hop in hops]  # type: ignore[arg-type]
