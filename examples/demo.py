"""`make demo`: the whole road on a real network and a real recording, summed up at the end.

    make demo                                                 the activity example
    make demo MODEL=kws.tflite INPUT=recording.npy HOP=2      your own network and recording
    make demo MODEL=kws.tflite                                your own network on a made-up drift

The example's network names what the wearer of a watch does (examples/activity); its recording is the test split, ten
frames a second, played in one go. All is done by the command line that a user has, but for the accuracy: that
comes from the generated C through the Python API. Labels are a .npy of one class per frame, -1 for none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import edgeshift

ACTIVITY = Path(__file__).resolve().parent / "activity"
BOARD = "mps2-an386"
BOARD_HOPS = 200
DRIFT_HOPS = 200

console = Console(highlight=False, soft_wrap=True, markup=False)


@dataclass(frozen=True)
class Road:
    """What to take down the road; without a recording, a seeded drift."""

    model: Path
    recording: Path | None
    labels: Path | None
    hop: int
    board: str

    @property
    def input(self) -> list[str | Path]:
        return ["--hop", str(self.hop), *(["--input", self.recording] if self.recording else [])]


def command(*arguments: str | Path) -> str:
    """Run `edgeshift` and return what it printed; when it fails without an answer its own line says why."""
    shown = " ".join(a.name if isinstance(a, Path) else a for a in arguments)
    console.print(f"\n$ edgeshift {shown}", style="bold")
    program = Path(sys.executable).with_name("edgeshift")
    result = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True)
    if result.returncode and not result.stdout:
        raise SystemExit(result.returncode)
    return result.stdout


def answer(*arguments: str | Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(command(*arguments, "--json"))
    return result


def streamed_accuracy(road: Road) -> str:
    """Push the whole recording through the generated C; judge the windows whose frames share one label."""
    if road.recording is None or road.labels is None:
        return "no labels were given"
    from edgeshift.host.recording import hop_of, read_recording

    network = edgeshift.load(road.model)
    frames, labels = read_recording(network.graph, road.recording), np.load(road.labels)
    model = edgeshift.StreamingModel(network, road.hop)
    correct = counted = 0
    for index in range(len(labels) // road.hop):
        outputs = model.push_raw(hop_of(network.graph, frames, road.hop, index))
        end = (index + 1) * road.hop
        window = labels[max(0, end - model.window_frames) : end]
        if outputs is not None and window[0] >= 0 and (window == window[0]).all():
            counted += 1
            correct += int(outputs[0].argmax()) == window[0]
    if not counted:
        return "no window lies within one label"
    return f"{100 * correct / counted:.1f} % ({correct:,} of {counted:,} windows of one label)"


def agreement(report: dict[str, Any]) -> str:
    compared = report["hops_compared"]
    how = "bit for bit" if report["matches_window_run"] is None else f"within {report['tolerance']:.1g}"
    return f"{compared - report['mismatched_hops']:,} of {compared:,} hops {how}"


def walk(road: Road) -> bool:
    """Inspect, compile, verify here and on the board, count; print a summary. Whether all of it was exact."""
    hop, board = ["--hop", str(road.hop)], ["--board", road.board]
    console.print(command("inspect", road.model, *hop, *board), end="")
    with tempfile.TemporaryDirectory() as folder:
        plan = answer("compile", road.model, "-o", Path(folder) / "out", *hop, *board)
        for file in map(Path, plan["files"]):
            console.print(f"wrote {file.name}: {file.stat().st_size:,} bytes")
    hops = [] if road.recording else ["--hops", str(DRIFT_HOPS)]
    host = answer("verify", road.model, *road.input, *hops)
    emulated = answer("verify", road.model, *road.input, "--hops", str(board_hops(road, host)), *board)
    bench = answer("bench", road.model, *road.input, "--hops", "50", *board)

    ratio = plan["macs_window"] / plan["macs_per_hop"] if plan["macs_per_hop"] else 1.0
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for row in (
        ("work per window", f"{plan['macs_window']:,} multiply-accumulates"),
        ("work per hop", f"{plan['macs_per_hop']:,} multiply-accumulates, {ratio:.1f} times fewer"),
        ("", f"{bench['instructions_per_hop']:,.0f} instructions on {road.board}, emulated; not cycles"),
        ("RAM", f"{bench['ram_bytes']:,} bytes: state {bench['state_bytes']:,}, scratch {bench['scratch_bytes']:,}, "
                f"stack {bench['stack_bytes']:,}"),
        ("flash", f"{bench['code_bytes'] + bench['weights_bytes']:,} bytes: code {bench['code_bytes']:,}, "
                  f"constants {bench['weights_bytes']:,}"),
        ("agreement", f"{agreement(host)}, with {host['oracle']}"),
        ("", f"{agreement(emulated)}, on {road.board}, emulated"),
        ("accuracy", streamed_accuracy(road)),
    ):  # fmt: skip
        table.add_row(*row)
    source = road.recording.name if road.recording else "a seeded drift"
    console.print(
        f"\n{road.model.name}: windows of {plan['window_frames']} frames, a hop of {plan['hop']}, on {source}",
        style="bold",
    )
    Console(highlight=False, width=max(100, console.width)).print(table)
    return bool(host["exact"] and emulated["exact"])


def board_hops(road: Road, host: dict[str, Any]) -> int:
    return min(BOARD_HOPS, int(host["hops_compared"]))


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole road on the activity example, or on a network of yours.")
    parser.add_argument("model", type=Path, nargs="?", help="a .tflite file [examples/activity]")
    parser.add_argument("--input", type=Path, metavar="FILE", help="its recording: .npy, .csv or .wav")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="a .npy of one class per frame, -1 for none")
    parser.add_argument("--hop", type=int, default=1, metavar="N")
    parser.add_argument("--board", default=BOARD)
    options = parser.parse_args()
    if options.model is None:
        model, recording, labels = (ACTIVITY / n for n in ("activity.tflite", "test_recording.npy", "test_labels.npy"))
    else:
        model, recording, labels = options.model, options.input, options.labels
    if not walk(Road(model, recording, labels, options.hop, options.board)):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
