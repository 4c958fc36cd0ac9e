"""What tools read: plain dicts whose keys are part of the interface."""

from __future__ import annotations

from typing import Any

from edgeshift.errors import PlanError
from edgeshift.pipeline import Edges, Network, Plan, plan_curve
from edgeshift.shift import Outputs, Recurrent

LONGER_HOPS = (2, 4, 8, 16, 32, 64)


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan: sizes in bytes, work in multiply-accumulates (MACs)."""
    schedule, memory, graph = plan.schedule, plan.memory, plan.schedule.graph
    return {
        "model": plan.network.name,
        "edges": "exact" if plan.streamed is None else "stream",
        "recurrent": "carry" if plan.carried else "zero",
        "outputs_given": "all" if plan.newest is None else plan.newest.which,
        "latency_frames": 0 if plan.newest is None else plan.newest.latency,
        "isa": plan.isa,
        "sha256": graph.sha256,
        "time_axis": graph.time_axis,
        "window_frames": schedule.window_frames,
        "hop": schedule.hop,
        "warmup_hops": schedule.warmup_hops,
        "carries_state": graph.call_frames is not None,
        "total_stride": schedule.total_stride,
        "phases": max((s.phases for s in schedule.streams.values() if s.stream.columns > 1), default=1),
        "lead_hops": schedule.lead,
        "macs_window": schedule.macs_window,
        "macs_per_hop": schedule.macs_per_hop,
        "macs_per_hop_max": schedule.macs_per_hop,
        "state_bytes": memory.state_bytes,
        "scratch_bytes": memory.scratch_bytes,
        "struct_bytes": memory.struct_bytes,
        "weights_bytes": plan.sources.weights_bytes,
        "inputs": [_port(s, s.id in graph.temporal) for s in graph.inputs],
        "outputs": [_port(s, None) for s in graph.outputs],
        "notes": list(graph.notes),
        "layers": [_layer(plan, op) for op in schedule.ops],
    }


def curve_data(
    network: Network, hop: int | None, isa: str, edges: Edges, outputs: Outputs, recurrent: Recurrent
) -> dict[str, Any]:
    """RAM against work for a hop and longer ones: bytes of state and scratch, MACs per hop and per frame."""
    first, longest = network.graph.hop(hop), network.graph.window_frames
    hops = [first, *(h for h in LONGER_HOPS if first < h <= longest and network.graph.call_frames is None)]
    points = []
    for h in hops:
        try:
            plans = plan_curve(network, h, isa, edges, outputs, recurrent)
        except PlanError:
            if h == first:
                raise
            continue  # too long a hop for a state that is carried
        points += [
            {
                "hop": h,
                "ram_bytes": plan.memory.struct_bytes,
                "macs_per_hop": plan.schedule.macs_per_hop,
                "macs_per_frame": plan.schedule.macs_per_hop / h,
            }
            for plan in plans
        ]
    return {"model": network.name, "isa": isa, "edges": edges, "curve": points}


def _port(stream: Any, temporal: bool | None) -> dict[str, Any]:
    port = {"name": stream.name, "shape": list(stream.shape), "dtype": str(stream.dtype)}
    if stream.quant is not None and not stream.quant.per_channel:
        port |= {"scale": float(stream.quant.scale[0]), "zero_point": int(stream.quant.zero_point[0])}
    return port if temporal is None else port | {"temporal": temporal}


def _layer(plan: Plan, op: Any) -> dict[str, Any]:
    made = plan.schedule.streams[op.output.id]
    interior, sums = made.shift.interior, plan.memory.sums.get(op)
    ring = made.ring
    return {
        "op": op.op,
        "output": op.output.name,
        "shape": list(op.output.shape),
        "columns": op.output.columns,
        "column_size": op.output.size,
        "stride": made.shift.stride,
        "phases": made.phases,
        "interior": [interior.start, interior.stop],
        "columns_per_hop": made.columns_per_hop,
        "edge_columns_per_hop": sum(j not in interior for j in made.computed) + len(made.early),
        "early_columns_per_hop": len(made.early),
        "ring_columns": ring.length if ring else 0,
        "ring_bytes": plan.memory.rings.get(op.output.id, 0),
        "queue_bytes": plan.memory.queues.get(op.output.id, 0),
        "sum_bytes": sums.running_bytes + sums.waiting_bytes if sums else 0,
        "macs_window": op.trained_macs_per_column * len(plan.schedule.graph.fresh(op.output)),
        "macs_per_hop": op.macs_per_column * made.columns_per_hop,
    }
