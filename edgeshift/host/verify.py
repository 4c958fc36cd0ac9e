"""Proof: every output of the generated C against the reference interpreter's for that window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeshift.device import Board, load_board
from edgeshift.device.deploy import run_on_board
from edgeshift.device.live import BAUD, run_on_port
from edgeshift.errors import VerificationError
from edgeshift.host.carried import CarriedJudge
from edgeshift.host.deviation import Deviation, read_labels
from edgeshift.host.model import StreamingModel
from edgeshift.host.oracle import Oracle, make_oracle
from edgeshift.host.recording import gather_frames, hop_of, pushed_window, reference_inputs, window_of
from edgeshift.pipeline import Edges, Network, Plan, load, plan
from edgeshift.reference.calls import CallExecutor
from edgeshift.reference.window import run_window
from edgeshift.shift import Outputs, Recurrent

FLOAT_TOLERANCE = 1e-5  # of the range of the reference's outputs

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class VerifyReport:
    """What was compared and how far it agreed.

    Integer networks are `exact` when every output of every hop has the reference's bits. Float networks are when every
    output lies within `FLOAT_TOLERANCE` of the range of the reference's outputs, and the streamed outputs have the bits
    of our own run over each whole window (`matches_window_run`). `max_abs_diff` and `tolerance` are those of the output
    that comes nearest to its tolerance, or is furthest beyond. `max_ulp` is the largest distance in units in the last
    place, 0 for integer outputs that agree.
    """

    model: str
    hop: int
    exact: bool
    hops_compared: int
    mismatched_hops: int
    max_abs_diff: float
    max_ulp: float
    oracle: str
    tolerance: float
    matches_window_run: bool | None
    input: str
    edges: str = "exact"
    outputs: str = "all"
    recurrent: str = "zero"
    board: str | None = None
    stack_bytes: int | None = None
    port: str | None = None
    ticks_per_hop: float | None = None
    ticks_hz: int | None = None
    deviation: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verify(
    network: Network | str | Path,
    hop: int | None = None,
    hops: int | None = None,
    seed: int = 0,
    recording: str | Path | None = None,
    board: str | Board | None = None,
    progress: Progress | None = None,
    *,
    ram: int | None = None,
    edges: Edges = "exact",
    outputs: Outputs = "all",
    recurrent: Recurrent = "zero",
    labels: str | Path | None = None,
    port: str | None = None,
    baud: int | None = None,
) -> VerifyReport:
    """Stream a recording, or a seeded drift, through the generated C and compare `hops` outputs with the oracle.

    Without `hops`: 200, or all that a recording holds. A network that carries its own state is compared call by call,
    from the first on. With `board` the outputs come from the board's emulator. `ram`, `edges`, `outputs` and
    `recurrent` are those of `plan`. With streamed edges the judge is our own run over each longer window in numpy, with
    carried state our own run over the stream, or LiteRT where it can go on from window to window; the report tells how
    far that strays from the trained network (`labels`: a `.npy` of one class per frame, -1 for none). Raises
    `VerificationError` when the oracle cannot run the network, `InputError` for a bad recording, `BoardError` and
    `ToolchainError` when the C cannot be built or run. With `port` the outputs come from a real board there, which runs
    the app `stream` (`build`), and `ticks_per_hop` are what it counted, of `ticks_hz` a second; `baud` is the port's
    speed, else the board's. Raises `DeviceError` when it does not answer or has another model.
    """
    if not isinstance(network, Network):
        network = load(network)
    oracle = make_oracle(network.model, network.state, streams=network.graph.call_frames is not None)
    network = _judged_by(network, oracle)
    board = load_board(board) if isinstance(board, str) else board
    isa = board.isa if board is not None else "portable"
    made = plan(network, hop, isa, ram=ram, edges=edges, outputs=outputs, recurrent=recurrent)
    graph, hop, warmup = made.schedule.graph, made.schedule.hop, made.schedule.warmup_hops
    frames, source, pushes = gather_frames(made.schedule, hops, seed, recording)
    stack = live = None
    if port is not None:
        live = run_on_port(made, frames, pushes, port, baud or (board and board.console.baud) or BAUD)
        answers = live.outputs
    elif board is not None:
        ran = run_on_board(made, frames, pushes, board)
        answers, stack = ran.outputs, ran.stack_bytes
    else:
        model = StreamingModel(made)
        answers = [model.push_raw(hop_of(graph, frames, hop, i)) for i in range(pushes)]
    floating = _has_float_arithmetic(made)
    own_run = _OwnRun(network, made) if floating and not made.carried else None
    carried = CarriedJudge(network, made, frames) if made.carried else None
    tally = _Tally(floating, edges == "exact")
    later = made.streamed.after if made.streamed is not None else 0
    deviation = None
    if made.streamed is not None or made.carried:
        deviation = Deviation(network.graph.window_frames, later, read_labels(labels, frames))
    for i in range(pushes):
        ours = answers[i]
        if ours is None:
            continue
        end = (i + 1) * hop
        own = None if own_run is None else own_run.outputs(frames, i)
        if deviation is not None:
            trained = made.given_of(oracle.run(window_of(network.graph, frames, end - later)))
            deviation.add(ours, trained, end - later)
        if carried is not None:
            theirs, own = carried.outputs(i)
        elif made.streamed is not None:
            theirs = run_window(graph, window_of(graph, frames, end))
        else:
            theirs = made.given_of(oracle.run(reference_inputs(network.graph, frames, hop, i)))
        tally.add(ours, theirs, own)
        if progress is not None:
            progress(i + 2 - warmup, pushes + 1 - warmup)
    judge = oracle.name if made.streamed is None else "our own run over each window with streamed edges, in numpy"
    return tally.report(
        model=network.name,
        hop=hop,
        edges=edges,
        outputs=outputs,
        recurrent=recurrent,
        oracle=judge if carried is None else carried.name,
        input=source,
        board=board.name if board is not None else None,
        stack_bytes=stack,
        port=port,
        ticks_per_hop=live.ticks if live is not None else None,
        ticks_hz=live.ticks_hz if live is not None else None,
        deviation=deviation.as_dict(oracle.name) if deviation is not None else None,
    )


class _OwnRun:
    """Our own answers without anything kept: the C over each whole window, or, for a network that carries its own
    state, whole calls in numpy."""

    def __init__(self, network: Network, made: Plan) -> None:
        self._graph, self._hop = made.schedule.graph, made.schedule.hop
        self._calls = self._windows = None
        if self._graph.call_frames is not None:
            self._calls = CallExecutor(self._graph)
        else:
            edges: Edges = "exact" if made.streamed is None else "stream"
            outputs: Outputs = "all" if made.newest is None else made.newest.which
            self._windows = StreamingModel(plan(network, self._graph.window_frames, edges=edges, outputs=outputs))

    def outputs(self, frames: list[np.ndarray], index: int) -> list[np.ndarray] | None:
        """For push number `index`; calls must come in order."""
        if self._calls is not None:
            return self._calls.push(hop_of(self._graph, frames, self._hop, index))
        assert self._windows is not None
        return self._windows.push_raw(pushed_window(self._graph, frames, (index + 1) * self._hop))


def _judged_by(network: Network, oracle: Oracle) -> Network:
    """The network with the arithmetic of the oracle's kernels; one that was asked for must be the oracle's."""
    if oracle.reference is None:
        return network
    if network.reference is None:
        return network.judged_as(oracle.reference)
    if network.reference != oracle.reference:
        raise VerificationError(
            f"the network was read for the kernels of '{network.reference}', the oracle is {oracle.name}: "
            "install ai-edge-litert for 'litert', tflite-runtime for 'tflm'"
        )
    return network


def _has_float_arithmetic(made: Plan) -> bool:
    """Whether rounding could depend on the order of sums: conversions at the ends do not count."""
    return any(
        op.output.dtype.kind == "f" and op.op not in ("DEQUANTIZE", "RELAYOUT", "CONSTANT") for op in made.schedule.ops
    )


class _Tally:
    """Compares outputs hop by hop."""

    def __init__(self, floating: bool, tolerant: bool) -> None:
        self.floating = floating
        self.tolerant = floating and tolerant
        self.pairs: list[tuple[list[np.ndarray], list[np.ndarray]]] = []
        self.own_differs = 0

    def add(self, ours: list[np.ndarray], theirs: list[np.ndarray], own: list[np.ndarray] | None) -> None:
        self.pairs.append((ours, theirs))
        if own is not None and any(a.tobytes() != b.tobytes() for a, b in zip(ours, own, strict=True)):
            self.own_differs += 1

    def report(self, **known: Any) -> VerifyReport:
        count = len(self.pairs[0][0])
        tolerances = [self._tolerance([theirs[k] for _, theirs in self.pairs]) for k in range(count)]
        mismatched, worst, ulp = 0, [0.0] * count, 0.0
        for ours, theirs in self.pairs:
            wrong = False
            for k, (a, b, tolerance) in enumerate(zip(ours, theirs, tolerances, strict=True)):
                difference = np.abs(a.astype(np.float64) - b.astype(np.float64))
                same = (a == b) | (np.isnan(a.astype(np.float64)) & np.isnan(b.astype(np.float64)))
                difference = np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))
                worst[k] = max(worst[k], float(difference.max(initial=0)))
                ulp = max(ulp, _ulps(a, b))
                wrong |= bool((difference > tolerance).any())
            mismatched += wrong
        over = [(w > t, w / t if t else w, t) for w, t in zip(worst, tolerances, strict=True)]
        told = over.index(max(over))
        return VerifyReport(
            exact=mismatched == 0 and self.own_differs == 0,
            hops_compared=len(self.pairs),
            mismatched_hops=max(mismatched, self.own_differs),
            max_abs_diff=worst[told],
            max_ulp=ulp,
            tolerance=tolerances[told],
            matches_window_run=self.own_differs == 0 if self.floating else None,
            **known,
        )

    def _tolerance(self, outputs: list[np.ndarray]) -> float:
        if not self.tolerant or outputs[0].dtype.kind != "f":
            return 0.0
        values = np.stack(outputs).astype(np.float64)
        values = values[np.isfinite(values)]
        span = max(values.max(initial=0) - values.min(initial=0), 0.0) if values.size else 0.0
        return FLOAT_TOLERANCE * float(span)


def _ulps(a: np.ndarray, b: np.ndarray) -> float:
    """The largest distance in units in the last place of float32, 0 for other types."""
    if a.dtype != np.float32:
        return 0.0

    def ordered(x: np.ndarray) -> np.ndarray:
        bits = x.view(np.int32).astype(np.int64)
        return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)

    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    finite = np.isfinite(a) & np.isfinite(b)
    distance = np.abs(ordered(a) - ordered(b))[finite]
    return float(distance.max(initial=0))
