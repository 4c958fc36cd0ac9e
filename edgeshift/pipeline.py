"""The whole way, readable top to bottom: import -> time axis and lowering -> shift plan -> memory -> emit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from edgeshift.emit import Sources, emit
from edgeshift.errors import ModelFormatError
from edgeshift.files import write_files
from edgeshift.importers import fix_inputs, parse_model, read_model
from edgeshift.ir import ColumnGraph, Graph
from edgeshift.kernels import KernelChooser
from edgeshift.memory import Choice, ChooseKernels, MemoryPlan, choose, curve
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.passes import run_passes
from edgeshift.passes.state import Carried, carried_by, carry, state_like
from edgeshift.shift import (
    NewestOutputs,
    Outputs,
    Recurrent,
    Reference,
    Schedule,
    StreamedEdges,
    carry_recurrences,
    check_carried,
    lower,
    newest_outputs,
    stream_edges,
    use_structure,
)

Edges = Literal["exact", "stream"]


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network: its file's bytes, and its operators as columns over time.

    `reference` says whose kernels it equals: "litert", or "tflm" (TFLite-Micro, tflite-runtime 2.14), which round dense
    layers otherwise; `None` stands for LiteRT's, or for those of whatever oracle judges it.
    """

    name: str
    model: bytes
    graph: ColumnGraph
    reference: Reference | None
    imported: Graph
    time_axis: int | None
    frames: int | None
    state: tuple[Carried, ...] = ()

    def judged_as(self, reference: Reference) -> Network:
        """The same network for the kernels of `reference`."""
        graph = lower(self.imported, self.time_axis, self.frames, reference)
        return replace(self, graph=graph, reference=reference)


@dataclass(frozen=True, eq=False)
class Plan:
    """A network's shift plan for a hop, the kernels for an instruction set, and where everything lies in memory.

    It is exact unless its edges are `streamed` or recurrent state is `carried`. With `newest` it gives the newest frame
    of outputs over time.
    """

    network: Network
    schedule: Schedule
    isa: str
    kernels: Mapping[ColumnOp, Kernel]
    memory: MemoryPlan
    streamed: StreamedEdges | None = None
    newest: NewestOutputs | None = None
    carried: bool = False

    def emit(self, name: str | None = None) -> Sources:
        """The generated C, under `name` or the network's own. The same plan gives the same bytes."""
        return emit(self.schedule, self.kernels, self.memory, self.isa, name)

    def given_of(self, outputs: list[np.ndarray]) -> list[np.ndarray]:
        """What the plan gives of the trained network's outputs."""
        return outputs if self.newest is None else self.newest.of(outputs)

    @cached_property
    def sources(self) -> Sources:
        """The generated C under the network's own name."""
        return self.emit()


@dataclass(frozen=True)
class Artifacts:
    """What `compile` wrote."""

    name: str
    folder: Path
    header: Path
    source: Path
    plan: Plan
    weights_bytes: int


def load(
    path: str | Path,
    *,
    time_axis: int | None = None,
    frames: int | None = None,
    reference: Reference | None = None,
    state: Sequence[str] = (),
    fixed: Sequence[str] = (),
) -> Network:
    """Read a trained network from a `.tflite` or an `.onnx` file.

    `time_axis` is the axis of its inputs that is time, `frames` the number of frames in a window; both are guessed
    when they are not given (`Network.graph.time_axis` says how). `reference`: see `Network`. `state` are pairs "IN:OUT"
    of an input and the output that is handed in as that input at the next call, zeros at the first: the generated C
    keeps them. `fixed` are "NAME=VALUE" of ONNX inputs that are to be constants; `Network.model` has them as such.
    Raises `ModelFormatError` for a file that cannot be read, `UnsupportedOpError` for operators that are
    not built, `PlanError` for a time axis or a state that the network does not have.
    """
    path = Path(path)
    try:
        model = read_model(path)
    except OSError as error:
        raise ModelFormatError(f"cannot read '{path}': {error.strerror or error}") from error
    model = fix_inputs(model, fixed)
    parsed = parse_model(model, path.stem, frames)
    carried = tuple(carried_by(parsed, pair) for pair in state)
    imported = run_passes(carry(parsed, carried))
    graph = lower(imported, time_axis, frames, reference or "litert")
    graph = replace(graph, notes=(*state_like(imported), *graph.notes))
    return Network(path.stem, model, graph, reference, imported, time_axis, frames, carried)


def plan(
    network: Network | str | Path,
    hop: int | None = None,
    isa: str = "portable",
    *,
    ram: int | None = None,
    edges: Edges = "exact",
    outputs: Outputs = "all",
    recurrent: Recurrent = "zero",
) -> Plan:
    """The shift plan for an output every `hop` frames, with the kernels of an instruction set.

    Without `hop`: 1, or the frames of a call for a network that carries its own state, which takes no other.
    `isa` is one of `edgeshift.kernels.ISAS`; "portable" runs everywhere. `ram` is a budget in bytes for state and
    scratch: the plan with the least work that fits is taken; without it, the least RAM at the least work. With
    `edges = "stream"` padded edges follow the stream: less work, but another function than the trained one. Of outputs
    over time `outputs = "last"` gives the newest frame, "seen" the newest that no padding has reached. With `recurrent
    = "carry"` the state of recurrences flows on from hop to hop: less work, and another function again.
    Raises `PlanError` for a hop below 1, `MemoryBudgetError` when nothing fits.
    """
    task = _prepare(network, isa, edges, outputs, recurrent)
    choice = choose(task.graph, task.graph.hop(hop), task.kernels, ram)
    return task.plan(choice)


def plan_curve(
    network: Network | str | Path,
    hop: int | None = None,
    isa: str = "portable",
    edges: Edges = "exact",
    outputs: Outputs = "all",
    recurrent: Recurrent = "zero",
) -> list[Plan]:
    """All plans that no other beats in both RAM and work, the least RAM first."""
    task = _prepare(network, isa, edges, outputs, recurrent)
    return [task.plan(choice) for choice in curve(task.graph, task.graph.hop(hop), task.kernels)]


@dataclass(frozen=True)
class _Task:
    """What is to be planned: the network as the options make it, less where its weights allow, and the choice of
    kernels, which remembers."""

    network: Network
    graph: ColumnGraph
    isa: str
    kernels: ChooseKernels
    streamed: StreamedEdges | None
    newest: NewestOutputs | None
    carried: bool

    def plan(self, choice: Choice) -> Plan:
        return Plan(
            self.network,
            choice.schedule,
            self.isa,
            choice.kernels,
            choice.memory,
            self.streamed,
            self.newest,
            self.carried,
        )


def _prepare(network: Network | str | Path, isa: str, edges: Edges, outputs: Outputs, recurrent: Recurrent) -> _Task:
    if not isinstance(network, Network):
        network = load(network)
    kernels = KernelChooser(isa)
    graph = use_structure(network.graph, isa)
    carried = recurrent == "carry"
    graph = carry_recurrences(graph) if carried else graph
    newest = newest_outputs(graph, outputs) if outputs != "all" else None
    graph = newest.graph if newest is not None else graph
    streamed = stream_edges(graph) if edges == "stream" else None
    graph = streamed.graph if streamed is not None else graph
    if carried:
        check_carried(graph)
    return _Task(network, graph, isa, kernels, streamed, newest, carried)


def compile(
    network: Network | str | Path | Plan,
    folder: str | Path,
    hop: int | None = None,
    name: str | None = None,
    isa: str = "portable",
) -> Artifacts:
    """Write `<name>.h` and `<name>.c` into `folder`, which is made if need be.

    A `Plan` is written as it is, without regard to `hop` and `isa`. Raises `OutputError` when the files cannot be
    written; then nothing is left behind.
    """
    made = network if isinstance(network, Plan) else plan(network, hop, isa)
    sources = made.emit(name)
    folder = Path(folder)
    write_files(folder, {file: text.encode() for file, text in sources.files.items()})
    return Artifacts(
        sources.name,
        folder,
        folder / f"{sources.name}.h",
        folder / f"{sources.name}.c",
        made,
        sources.weights_bytes,
    )
