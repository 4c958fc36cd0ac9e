"""Frames to verify with: a recording from a file, or a seeded drift."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeshift.errors import InputError
from edgeshift.files import read_array
from edgeshift.ir import ColumnGraph, Stream
from edgeshift.reference.arithmetic import quantize_float
from edgeshift.shift import Schedule

DEFAULT_HOPS = 200


def drift(graph: ColumnGraph, frames: int, seed: int) -> list[np.ndarray]:
    """A wandering signal for every input: `[frames, size]` if it is temporal, else `[columns, size]`.

    Slow drifts, noise of changing loudness, and now and then silence and clipping, over the whole range of the input.
    """
    rng = np.random.default_rng(seed)
    made = []
    for stream in graph.inputs:
        length = frames if stream.id in graph.temporal else stream.columns
        steps = rng.normal(0, 0.25, (length, stream.size)).cumsum(axis=0)
        wave_ = np.sin(steps) + rng.normal(0, 1, (length, stream.size)) * rng.uniform(0, 0.6, (length, 1))
        for _ in range(length // 40):
            start = int(rng.integers(length))
            wave_[start : start + int(rng.integers(1, 12))] *= rng.choice([0.0, 8.0])
        low, high = _range(graph, stream)
        values = (low + high) / 2 + wave_ * (high - low) / 2
        made.append(_as_input(stream, values.astype(np.float32), real=stream.dtype.kind == "f"))
    return made


def _range(graph: ColumnGraph, stream: Stream) -> tuple[float, float]:
    """The values that an input is made for: an integer's own range, that of the QUANTIZE that reads it, or [-1, 1]."""
    if stream.dtype.kind != "f":
        return float(np.iinfo(stream.dtype).min), float(np.iinfo(stream.dtype).max)
    for op in graph.ops:
        if op.op == "QUANTIZE" and op.inputs[0].id == stream.id and op.output.quant is not None:
            scale, zero = float(op.output.quant.scale[0]), int(op.output.quant.zero_point[0])
            limits = np.iinfo(op.output.dtype)
            return scale * (limits.min - zero), scale * (limits.max - zero)
    return -1.0, 1.0


def _as_input(stream: Stream, values: np.ndarray, real: bool) -> np.ndarray:
    """Values as the input's dtype: real ones are quantised by its scale, raw ones rounded."""
    if stream.dtype.kind == "f":
        return np.ascontiguousarray(values, stream.dtype)
    if real and stream.quant is not None:
        scale, zero = float(stream.quant.scale[0]), int(stream.quant.zero_point[0])
        return quantize_float(values, scale, zero, stream.dtype.type)
    info = np.iinfo(stream.dtype)
    return np.clip(np.rint(values), info.min, info.max).astype(stream.dtype)


def read_recording(graph: ColumnGraph, path: str | Path, seed: int = 0) -> list[np.ndarray]:
    """The frames of a `.npy`, `.csv` or `.wav` file for a network with one temporal input.

    `.npy`: `[frames, size]` (or any shape `[frames, ...]` of that size); integers go to an integer input as they are,
    floats are real values and are quantised. `.csv`: a frame per line, real values. `.wav`: 16-bit mono in [-1, 1),
    for networks
    that take samples. Other inputs get a seeded drift. Raises `InputError`.
    """
    path = Path(path)
    temporal = [s for s in graph.inputs if s.id in graph.temporal]
    if len(temporal) != 1:
        raise InputError(f"a recording feeds one input over time, the network has {len(temporal)}")
    stream = temporal[0]
    readers = {".npy": _read_npy, ".csv": _read_csv, ".wav": _read_wav}
    if path.suffix.lower() not in readers:
        raise InputError(f"'{path}' is not a .npy, .csv or .wav file")
    try:
        values = readers[path.suffix.lower()](path)
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
    except (ValueError, EOFError, wave.Error) as error:
        raise InputError(f"'{path}' cannot be read as {path.suffix}: {str(error) or 'it is too short'}") from error
    if not values.size:
        raise InputError(f"'{path}' holds no values")
    values = values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(-1, 1)
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
    if values.shape[1] != stream.size:
        raise InputError(f"'{path}' has {values.shape[1]} values a frame, input '{stream.name}' takes {stream.size}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"'{path}' holds NaN or infinite values")
    if len(values) < graph.window_frames:
        raise InputError(f"'{path}' has {len(values)} frames, a window has {graph.window_frames}")
    if values.dtype.kind not in "iuf":
        raise InputError(f"'{path}' holds {values.dtype}, not numbers")
    if values.dtype.kind in "iu" and stream.dtype.kind != "f":
        info = np.iinfo(stream.dtype)
        if values.min() < info.min or values.max() > info.max:
            kind = stream.dtype
            raise InputError(f"'{path}' holds integers beyond {kind}; give raw {kind}, or real values as floats")
    frames = _as_input(stream, values, real=values.dtype.kind == "f")
    others = drift(graph, len(frames), seed)
    return [frames if s is stream else other for s, other in zip(graph.inputs, others, strict=True)]


def _read_npy(path: Path) -> np.ndarray:
    return np.atleast_1d(read_array(path))


def _read_csv(path: Path) -> np.ndarray:
    lines = path.read_text().splitlines()
    start = 0 if not lines or _is_number(lines[0].replace(";", ",").split(",")[0]) else 1
    if not lines[start:]:
        return np.empty(0)
    return np.loadtxt(lines[start:], delimiter="," if "," in "".join(lines[:2]) else None, ndmin=2, dtype=np.float32)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise ValueError("only 16-bit mono is read")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return (samples / np.float32(32768)).astype(np.float32)


def window_of(graph: ColumnGraph, recording: Sequence[np.ndarray], end: int) -> list[np.ndarray]:
    """Every input, in its tensor's shape, for the window that ends before frame `end`."""
    return [
        s.layout.from_columns(r[end - graph.window_frames : end] if s.id in graph.temporal else r, s.shape)
        for s, r in zip(graph.inputs, recording, strict=True)
    ]


def reference_inputs(graph: ColumnGraph, recording: Sequence[np.ndarray], hop: int, index: int) -> list[np.ndarray]:
    """What the reference interpreter takes for push number `index`: its window, or the frames of its call."""
    if graph.call_frames is None:
        return window_of(graph, recording, (index + 1) * hop)
    return [
        replace(s.layout, columns=len(r)).from_columns(r, s.shape)
        for s, r in zip(graph.inputs, hop_of(graph, recording, hop, index), strict=True)
    ]


def pushed_window(graph: ColumnGraph, recording: Sequence[np.ndarray], end: int) -> list[np.ndarray]:
    """What a push that takes a whole window takes, for the one that ends before frame `end`."""
    return [
        r[end - graph.window_frames : end] if s.id in graph.temporal else r
        for s, r in zip(graph.inputs, recording, strict=True)
    ]


def hop_of(graph: ColumnGraph, recording: Sequence[np.ndarray], hop: int, index: int) -> list[np.ndarray]:
    """What push number `index` (from 0) takes."""
    return [
        r[index * hop : (index + 1) * hop] if s.id in graph.temporal else r
        for s, r in zip(graph.inputs, recording, strict=True)
    ]


def gather_frames(
    schedule: Schedule, hops: int | None, seed: int, recording: str | Path | None
) -> tuple[list[np.ndarray], str, int]:
    """Frames for every input, where they came from, and how many pushes give `hops` outputs (or all there are)."""
    if hops is not None and hops < 1:
        raise InputError(f"at least 1 hop must be asked for, not {hops}")
    graph, hop, warmup = schedule.graph, schedule.hop, schedule.warmup_hops
    if recording is None:
        frames = drift(graph, (warmup - 1 + (hops or DEFAULT_HOPS)) * hop, seed)
        source = f"seeded drift {seed}"
    else:
        frames = read_recording(graph, recording, seed)
        source = Path(recording).name
    length = max(len(f) for s, f in zip(graph.inputs, frames, strict=True) if s.id in graph.temporal)
    pushes = length // hop if hops is None else min(length // hop, warmup - 1 + hops)
    if pushes < warmup:
        raise InputError(f"{source} has {length} frames, the first output needs {warmup * hop}")
    return frames, source, pushes
