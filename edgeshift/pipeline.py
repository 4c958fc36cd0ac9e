"""The whole way, readable top to bottom: import -> time axis and lowering -> shift plan -> memory -> emit."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from edgeshift.emit import Sources, emit
from edgeshift.errors import ModelFormatError, OutputError
from edgeshift.importers import parse_model, read_model
from edgeshift.ir import ColumnGraph, Graph
from edgeshift.kernels import KernelChooser
from edgeshift.memory import ChooseKernels, MemoryPlan, choose, curve
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.passes import run_passes
from edgeshift.shift import Reference, Schedule, StreamedEdges, lower, stream_edges, use_structure

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

    def judged_as(self, reference: Reference) -> Network:
        """The same network for the kernels of `reference`."""
        graph = lower(self.imported, self.time_axis, self.frames, reference)
        return replace(self, graph=graph, reference=reference)


@dataclass(frozen=True, eq=False)
class Plan:
    """A network's shift plan for a hop, the kernels for an instruction set, and where everything lies in memory.

    It is exact unless its edges are `streamed`.
    """

    network: Network
    schedule: Schedule
    isa: str
    kernels: Mapping[ColumnOp, Kernel]
    memory: MemoryPlan
    streamed: StreamedEdges | None = None

    def emit(self, name: str | None = None) -> Sources:
        """The generated C, under `name` or the network's own. The same plan gives the same bytes."""
        return emit(self.schedule, self.kernels, self.memory, self.isa, name)

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
) -> Network:
    """Read a trained network from a `.tflite` or an `.onnx` file.

    `time_axis` is the axis of its inputs that is time, `frames` the number of frames in a window; both are guessed when
    they are not given (`Network.graph.time_axis` says how). `reference`: see `Network`. Raises `ModelFormatError` for a
    file that cannot be read, `UnsupportedOpError` for operators that are not built, `PlanError` for a time axis that
    the inputs do not have.
    """
    path = Path(path)
    try:
        model = read_model(path)
    except OSError as error:
        raise ModelFormatError(f"cannot read '{path}': {error.strerror or error}") from error
    imported = run_passes(parse_model(model, path.stem))
    graph = lower(imported, time_axis, frames, reference or "litert")
    return Network(path.stem, model, graph, reference, imported, time_axis, frames)


def plan(
    network: Network | str | Path,
    hop: int = 1,
    isa: str = "portable",
    *,
    ram: int | None = None,
    edges: Edges = "exact",
) -> Plan:
    """The shift plan for an output every `hop` frames, with the kernels of an instruction set.

    `isa` is one of `edgeshift.kernels.ISAS`; "portable" runs everywhere. `ram` is a budget in bytes for state and
    scratch: the plan with the least work that fits is taken; without it, the least RAM at the least work. With
    `edges = "stream"` padded edges follow the stream: less work, but another function than the trained one.
    Raises `PlanError` for a hop below 1, `MemoryBudgetError` when nothing fits.
    """
    network, graph, streamed, kernels = _prepare(network, isa, edges)
    choice = choose(graph, hop, kernels, ram)
    return Plan(network, choice.schedule, isa, choice.kernels, choice.memory, streamed)


def plan_curve(
    network: Network | str | Path, hop: int = 1, isa: str = "portable", edges: Edges = "exact"
) -> list[Plan]:
    """All plans that no other beats in both RAM and work, the least RAM first."""
    network, graph, streamed, kernels = _prepare(network, isa, edges)
    return [Plan(network, c.schedule, isa, c.kernels, c.memory, streamed) for c in curve(graph, hop, kernels)]


def _prepare(
    network: Network | str | Path, isa: str, edges: Edges
) -> tuple[Network, ColumnGraph, StreamedEdges | None, ChooseKernels]:
    """The network, what is to be planned of it (less where its weights allow, with streamed edges if asked for), and
    the choice of kernels, which remembers."""
    if not isinstance(network, Network):
        network = load(network)
    kernels = KernelChooser(isa)
    graph = use_structure(network.graph, isa)
    streamed = stream_edges(graph) if edges == "stream" else None
    return network, graph if streamed is None else streamed.graph, streamed, kernels


def compile(
    network: Network | str | Path | Plan,
    folder: str | Path,
    hop: int = 1,
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


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files into `folder`, or none: they are written beside it first and then moved into place."""
    folder = Path(os.path.abspath(folder))
    made: list[Path] = []
    staging = None
    try:
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
        for parent in reversed(missing):
            parent.mkdir()
            made.append(parent)
        staging = Path(tempfile.mkdtemp(prefix=".edgeshift-", dir=folder))
        for name, data in files.items():
            (staging / name).write_bytes(data)
        for name in files:
            os.replace(staging / name, folder / name)
    except OSError as error:
        for path in reversed(made):
            shutil.rmtree(path, ignore_errors=True)
        raise OutputError(f"cannot write into '{folder}': {error.strerror or error}") from error
    finally:
        if staging is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(staging)
