"""Scores over time: the outputs of the generated C as a stream goes by, above the signal and its labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgeshift.errors import InputError
from edgeshift.host import StreamingModel
from edgeshift.host.deviation import window_label
from edgeshift.host.recording import hop_of
from edgeshift.ir import Stream
from edgeshift.pipeline import Plan

MOST_POINTS = 4096  # in time, for every curve
MOST_VALUES = 120_000  # in all; beyond either every so many-th hop is drawn

Progress = Callable[[int, int], None]


def stream_data(
    plan: Plan,
    frames: Sequence[np.ndarray],
    pushes: int,
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Outputs of `pushes` hops of `frames`, and the frames themselves, as real values, on one axis of frames.

    Of an output over time its newest column is taken. `labels` are one class a frame, `classes` the names of the
    outputs. Raises `InputError` for names that are not as many as the outputs.
    """
    graph, hop, warmup = plan.schedule.graph, plan.schedule.hop, plan.schedule.warmup_hops
    names = _output_names(graph.outputs, classes)
    model, outputs = StreamingModel(plan), []
    for i in range(pushes):
        made = model.push_raw(hop_of(graph, frames, hop, i))
        if made is not None:
            newest = [_real(s, s.layout.to_columns(o)[-1]) for s, o in zip(graph.outputs, made, strict=True)]
            outputs.append(np.concatenate(newest))
        if progress is not None:
            progress(i + 1, pushes)
    scores = np.array(outputs)
    lead = next((k for k, s in enumerate(graph.inputs) if s.id in graph.temporal), 0)
    signal = _real(graph.inputs[lead], frames[lead])[: pushes * hop]
    hops_step, frames_step = _step(scores), _step(signal)
    ends = (warmup + np.arange(len(scores))) * hop
    data: dict[str, Any] = {
        "frames": pushes * hop,
        "hop": hop,
        "window_frames": plan.schedule.window_frames,
        "every_hop": hops_step,
        "every_frame": frames_step,
        "ends": ends[::hops_step].tolist(),
        "outputs": [{"name": n, "values": _rounded(scores[::hops_step, k])} for k, n in enumerate(names)],
        "input": graph.inputs[lead].name,
        "channels": [_rounded(signal[::frames_step, c]) for c in range(signal.shape[1])],
        "other_inputs": [s.name for k, s in enumerate(graph.inputs) if k != lead],
        "labels": None,
        "judged": None,
    }
    if labels is not None:
        data["labels"] = _label_runs(labels[: pushes * hop], classes)
        data["judged"] = _judged(plan, scores, ends, labels)
    return data


def _output_names(outputs: Sequence[Stream], classes: Sequence[str]) -> list[str]:
    count = sum(s.size for s in outputs)
    if classes and len(classes) != count:
        raise InputError(f"{len(classes)} names of classes were given, the outputs have {count} values")
    if classes:
        return list(classes)
    if len(outputs) == 1:
        return [outputs[0].name] if count == 1 else [f"output {k}" for k in range(count)]
    return [s.name if s.size == 1 else f"{s.name} {k}" for s in outputs for k in range(s.size)]


def _real(stream: Stream, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f" or stream.quant is None or stream.quant.per_channel:
        return values.astype(np.float64)
    return (values.astype(np.float64) - int(stream.quant.zero_point[0])) * float(stream.quant.scale[0])


def _step(values: np.ndarray) -> int:
    points = max(2, min(MOST_POINTS, MOST_VALUES // max(1, values.shape[1])))
    return -(-len(values) // points)


def _rounded(values: np.ndarray) -> list[float | None]:
    """Four digits, `None` for what is not finite."""
    return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values.tolist()]


def _label_runs(labels: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Stretches of frames of one label; those of none (below 0) are left out."""
    starts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist()]
    stops = [*starts[1:], len(labels)]
    runs = [(start, stop, int(labels[start])) for start, stop in zip(starts, stops, strict=True)]
    return [
        {"from": start, "to": stop, "class": label, "name": classes[label] if label < len(classes) else str(label)}
        for start, stop, label in runs
        if label >= 0
    ]


def _judged(plan: Plan, scores: np.ndarray, ends: np.ndarray, labels: np.ndarray) -> dict[str, int] | None:
    """How many windows of a single label have it on top, for a network with one output of several classes."""
    graph = plan.schedule.graph
    if len(graph.outputs) != 1 or scores.shape[1] < 2:
        return None
    after = plan.streamed.after if plan.streamed is not None else 0
    length = plan.streamed.trained_frames if plan.streamed is not None else plan.schedule.window_frames
    right = judged = 0
    for end, values in zip(ends.tolist(), scores, strict=True):
        label = window_label(labels, end - after, length)
        judged += label >= 0
        right += int(values.argmax()) == label
    return {"windows": judged, "right": right}
