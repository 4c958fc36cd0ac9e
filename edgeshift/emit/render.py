"""Render a network: collect what the templates need, and run them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jinja2
import numpy as np

from edgeshift.emit.functions import RUN_TYPES, FunctionTable, operand_names, sum_kernel
from edgeshift.emit.layers import (
    SCRATCH_MEMBERS,
    LayerView,
    StreamView,
    operand_views,
    recurrence_view,
    scratch_member,
    stream_views,
    sum_view,
)
from edgeshift.emit.literals import c_type, literal, rows
from edgeshift.emit.naming import model_name, unique_identifiers
from edgeshift.emit.state import Member, state_members
from edgeshift.ir import Stream
from edgeshift.memory import MemoryPlan, step_buffers
from edgeshift.ops import ColumnOp, Kernel
from edgeshift.ops.stepwise import Stepwise
from edgeshift.reference.calls import initial_rings
from edgeshift.resources import environment, resource
from edgeshift.shift import Schedule


@dataclass(frozen=True)
class Table:
    """A constant array of the generated source."""

    name: str
    type: str
    count: int
    rows: str
    bytes: int


@dataclass(frozen=True)
class Port:
    """One input or output of `push`: `size` elements a call, for an input `frame_size` of them a frame."""

    suffix: str
    parameter: str
    type: str
    label: str
    shape: tuple[int, ...]
    frame_size: int
    frames: int
    temporal: bool
    scale: str
    zero_point: int
    stream: StreamView
    outer: int
    columns: int
    inner: int

    @property
    def size(self) -> int:
        return self.frame_size * self.frames


@dataclass(frozen=True)
class RingStart:
    """What a ring holds before the first hop: the same byte everywhere, or a table."""

    stream: StreamView
    byte: int
    table: Table | None


@dataclass(frozen=True)
class Sources:
    """The generated files by name; their bytes of constants, members of the state's struct, and ports of `push`."""

    name: str
    files: Mapping[str, str]
    weights_bytes: int
    members: Sequence[Member]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def emit(
    schedule: Schedule,
    kernels: Mapping[ColumnOp, Kernel],
    memory: MemoryPlan,
    isa: str = "portable",
    name: str | None = None,
) -> Sources:
    """C99 header and source of a network. The same input gives the same bytes."""
    prefix = model_name(name, schedule.graph.name)
    streams = stream_views(schedule, kernels, memory, _stream_names(schedule))
    table = FunctionTable(prefix)
    layers, tables = _layers(schedule, kernels, memory, streams, table, prefix)
    starts = _ring_starts(memory, streams, initial_rings(schedule), prefix)
    tables |= {s.table.name: s.table for s in starts if s.table is not None}
    weights_bytes = sum(t.bytes for t in tables.values())
    runtime = {r for op in schedule.ops for r in kernels[op].runtime}
    runtime |= {r for op, kept in schedule.sums.items() for r in sum_kernel(op, kept).runtime}
    if any(f.access == "runs" for f in table.functions.values()):
        runtime.add("runs")
    members = state_members(schedule, memory, list(streams.values()), layers, f"{prefix.upper()}_WARMUP_HOPS")
    inputs, outputs = (
        _ports(schedule, streams, ports, kind)
        for ports, kind in ((schedule.graph.inputs, "input"), (schedule.graph.outputs, "output"))
    )
    context = {
        "name": prefix,
        "macro": prefix.upper(),
        "real": any(s.stream.dtype.kind == "f" for s in schedule.streams.values()),
        "schedule": schedule,
        "graph": schedule.graph,
        "isa": isa,
        "memory": memory,
        "streams": list(streams.values()),
        "starts": starts,
        "rings": [streams[i] for i in memory.rings],
        "members": members,
        "states": [layer.recurrence for layer in layers if layer.recurrence is not None and layer.recurrence.carried],
        "scratch_members": _scratch_members(schedule, kernels, memory),
        "phase_counts": memory.phase_counts,
        "waits": memory.waits,
        "inputs": inputs,
        "outputs": outputs,
        "layers": layers,
        "tables": list(tables.values()),
        "functions": list(table.functions.values()),
        "runtime": [_runtime_text(r) for r in (*RUNTIME_ORDER, *sorted(runtime - set(RUNTIME_ORDER))) if r in runtime],
        "weights_bytes": weights_bytes,
    }
    templates = c_environment()
    files = {
        f"{prefix}.{suffix}": templates.get_template(f"model.{suffix}.j2").render(context) for suffix in ("h", "c")
    }
    return Sources(prefix, files, weights_bytes, members, inputs, outputs)


# Headers of firmware/runtime in the order in which they need each other; those of instruction sets come last.
RUNTIME_ORDER = (
    *("runs", "requantize", "requantize_s16", "elementwise_s8", "elementwise_s16", "reduce_s8", "reduce_s16"),
    *("functions_s16", "softmax_s8", "softmax_s16", "fixed_s16", "convert", "float_math"),
)


def _stream_names(schedule: Schedule) -> dict[int, str]:
    ids = list(schedule.streams)
    return dict(zip(ids, unique_identifiers(schedule.streams[i].stream.name for i in ids), strict=True))


def _layers(
    schedule: Schedule,
    kernels: Mapping[ColumnOp, Kernel],
    memory: MemoryPlan,
    streams: Mapping[int, StreamView],
    functions: FunctionTable,
    prefix: str,
) -> tuple[list[LayerView], dict[str, Table]]:
    """A layer for every step, and the constants that they take, by name; equal ones are one, the first layer's."""
    layers: list[LayerView] = []
    tables: dict[str, Table] = {}
    known: dict[tuple[str, bytes], str] = {}
    for number, step in enumerate(schedule.steps, 1):
        op, output = step.op, streams[step.op.output.id]
        kernel = sum_kernel(op, schedule.sums[op]) if op in schedule.sums else kernels[op]
        names = {kind: f"{prefix}_{output.name}_{kind}" for kind in kernel.tables}
        for kind, values in kernel.tables.items():
            own, type_ = names[kind], c_type(values.dtype)
            names[kind] = known.setdefault((type_, values.tobytes()), own)
            if names[kind] == own:
                tables[own] = Table(own, type_, values.size, rows(values), values.nbytes)
        layers.append(
            LayerView(
                number,
                op.op,
                output,
                operand_views(step, streams),
                step.ranges,
                step.early,
                functions.get(op, kernel),
                names,
                {key: literal(value) for key, (_, value) in kernel.scalars.items()},
                0 if step.early else op.trained_macs_per_column * len(schedule.graph.fresh(op.output)),
                0 if op in schedule.sums else op.macs_per_column * len(step.columns),
                memory.work.get(step, 0),
                sum_view(schedule, memory, op, output.name),
                recurrence_view(schedule, memory, step, output.name),
            )
        )
    return layers, tables


def _ring_starts(
    memory: MemoryPlan, streams: Mapping[int, StreamView], rings: Mapping[int, np.ndarray], prefix: str
) -> list[RingStart]:
    """What `init` writes into rings beside zeros."""
    starts = []
    for i in memory.rings:
        stream, values, table = streams[i], rings[i], None
        raw = np.unique(values.reshape(-1).view(np.uint8))
        if len(raw) > 1:
            name = f"{prefix}_{stream.name}_initial"
            table = Table(name, stream.type, values.size, rows(values), values.nbytes)
        if raw.any():
            starts.append(RingStart(stream, int(raw[0]), table))
    return starts


def _ports(schedule: Schedule, streams: Mapping[int, StreamView], of: Sequence[Stream], kind: str) -> tuple[Port, ...]:
    ports = []
    for index, stream in enumerate(of):
        temporal = kind == "input" and stream.id in schedule.graph.temporal
        quant = stream.quant if stream.dtype.kind != "f" else None
        ports.append(
            Port(
                suffix=str(index) if len(of) > 1 else "",
                parameter=("frames" if kind == "input" else "output") + (str(index) if len(of) > 1 else ""),
                type=c_type(stream.dtype),
                label=stream.name,
                shape=stream.shape,
                frame_size=stream.size,
                frames=schedule.hop if temporal else stream.columns,
                temporal=temporal,
                scale=literal(np.float32(quant.scale[0]) if quant is not None else np.float32(1)),
                zero_point=int(quant.zero_point[0]) if quant is not None else 0,
                stream=streams[stream.id],
                outer=stream.layout.outer,
                columns=stream.columns,
                inner=stream.layout.inner,
            )
        )
    return tuple(ports)


def _scratch_members(
    schedule: Schedule, kernels: Mapping[ColumnOp, Kernel], memory: MemoryPlan
) -> list[tuple[str, str, int]]:
    """The C type, the name and the element count of each view of the scratch."""
    used = {
        (c_type(s.stream.dtype), scratch_member(s.stream), s.stream.dtype.itemsize)
        for i, s in schedule.streams.items()
        if memory.blocks[i] or memory.early_blocks[i]
    } | {
        (k.patches.type, SCRATCH_MEMBERS[k.patches.type], k.patches.bytes // (k.patches.size * k.patches.batch))
        for k in kernels.values()
        if k.patches is not None
    }
    for op in (op for op in schedule.ops if isinstance(op, Stepwise)):
        held = {part.name: part.dtype for part in op.state} | {"spare": op.output.dtype}
        kinds = {held[name] for name in step_buffers(op, schedule.streams[op.output.id])}
        used |= {(c_type(kind), SCRATCH_MEMBERS[c_type(kind)], kind.itemsize) for kind in kinds}
    if any(k.work for op, k in kernels.items() if op not in schedule.sums):
        used.add(("uint32_t", "u32", 4))
    return [(kind, member, memory.scratch_bytes // size) for kind, member, size in sorted(used)]


def _runtime_text(name: str) -> str:
    return (resource("firmware") / "runtime" / f"{name}.h").read_text().strip()


@functools.lru_cache(maxsize=1)
def c_environment() -> jinja2.Environment:
    """The templates, with what those of C need."""
    made = environment()
    made.filters["index"] = index_expression
    made.filters["comment"] = comment
    made.globals["operand_names"] = operand_names
    made.globals["run_types"] = RUN_TYPES
    return made


def comment(text: object) -> str:
    """What a C comment can hold of a text: printable ASCII on one line, without the marks of comments."""
    line = "".join(c if c.isprintable() and c != "\\" else " " for c in str(text))
    return line.encode("ascii", "replace").decode().replace("*/", "* /").replace("/*", "/ *")


def index_expression(loops: Sequence[Sequence[int]], array: int) -> str:
    """The element that nested loops `i0, i1, ...` are at in their array number `array`."""
    terms = [
        f"i{level}" if step == 1 else f"i{level} * {step}"
        for level, loop in enumerate(loops)
        if (step := loop[1 + array]) != 0
    ]
    return " + ".join(terms) or "0"
