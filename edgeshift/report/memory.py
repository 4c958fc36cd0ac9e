"""The RAM, byte by byte: the members of the state's struct, and what shares the scratch over the steps of a hop."""

from __future__ import annotations

from typing import Any

from edgeshift.memory.plan import moments_of, work_bytes
from edgeshift.pipeline import Plan


def memory_data(plan: Plan) -> dict[str, Any]:
    """Bytes from the start of the struct, and from the start of the scratch.

    `moments` name the steps of a hop in order; a block of scratch lives from the one that writes it to the last one
    that reads it, both included.
    """
    return {
        "struct_bytes": plan.memory.struct_bytes,
        "members": [
            {
                "kind": m.kind,
                "name": m.name,
                "type": m.type if m.count is None or not m.type else f"{m.type}[{m.count}]",
                "offset": m.offset,
                "bytes": m.bytes,
                "holds": m.comment,
                "of": m.keeps,
            }
            for m in plan.sources.members
        ],
        "moments": moment_names(plan),
        "scratch_bytes": plan.memory.scratch_bytes,
        "scratch": scratch_blocks(plan),
    }


def moment_names(plan: Plan) -> list[str]:
    """Taking the input, the steps for the window, taking the output, the steps for the window to come."""
    moments, output_taken = moments_of(plan.schedule)
    numbers = {op: n for n, op in enumerate(plan.schedule.ops, 1)}
    names = {-1: "input", output_taken: "output"}
    for step, moment in moments.items():
        names[moment] = f"{numbers[step.op]} {step.op.op}" + (" early" if step.early else "")
    return [names[moment] for moment in sorted(names)]


def scratch_blocks(plan: Plan) -> list[dict[str, Any]]:
    """What lies in the scratch, by its first moment and its offset; `from` and `to` number the moments from 0."""
    moments, _ = moments_of(plan.schedule)
    blocks = []
    for placed, early in ((plan.memory.blocks, ""), (plan.memory.early_blocks, ", early")):
        for i, of_stream in placed.items():
            name = plan.schedule.streams[i].stream.name
            for b in of_stream:
                columns = b.block.columns
                step = f" by {columns.step}" if len(columns) > 1 and columns.step > 1 else ""
                which = f"{columns[0]}" if len(columns) == 1 else f"{columns[0]} to {columns[-1]}{step}"
                holds = f"column {which}" if len(columns) == 1 else f"columns {which}"
                blocks.append(_block("columns", name, holds + early, b.offset, b.bytes, b.born + 1, b.dies + 1))
    for worker, offset in plan.memory.work.items():
        size, moment = work_bytes(plan.schedule, plan.kernels, worker), moments[worker] + 1
        blocks.append(_block("patches", worker.op.output.name, "the kernel's own", offset, size, moment, moment))
    return sorted(blocks, key=lambda b: (b["from"], b["offset"]))


def _block(kind: str, name: str, holds: str, offset: int, size: int, first: int, last: int) -> dict[str, Any]:
    return {"kind": kind, "name": name, "holds": holds, "offset": offset, "bytes": size, "from": first, "to": last}
