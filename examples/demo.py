"""`make demo`: the whole road on a real network and a real recording, summed up at the end.

The network names what the wearer of a watch does (examples/activity); the recording is its test split, ten
frames a second, played in one go. All is done by the command line that a user has, but for the accuracy: that
comes from the generated C through the Python API.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import edgeshift

ACTIVITY = Path(__file__).resolve().parent / "activity"
sys.path.insert(0, str(ACTIVITY))
import evaluate  # noqa: E402

HOP = 1
BOARD = "mps2-an386"
BOARD_HOPS = 400
NAME = "activity"

console = Console(highlight=False)


def command(*arguments: str | Path) -> str:
    """Run `edgeshift` and return what it printed; when it fails without an answer its own line says why."""
    shown = " ".join(a.name if isinstance(a, Path) else a for a in arguments)
    console.print(f"\n[bold]$ edgeshift {shown}[/]", soft_wrap=True)
    program = Path(sys.executable).with_name("edgeshift")
    result = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True)
    if result.returncode and not result.stdout:
        raise SystemExit(result.returncode)
    return result.stdout


def answer(*arguments: str | Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(command(*arguments, "--json"))
    return result


def input_quantisation(header: str) -> tuple[float, int]:
    """Scale and zero point of the input, from the generated header."""
    scale, zero_point = (
        re.search(rf"#define {NAME.upper()}_INPUT_{what}\s+\(?(-?[\d.e+-]+)", header)
        for what in ("SCALE", "ZERO_POINT")
    )
    assert scale and zero_point
    return float(scale[1]), int(zero_point[1])


def streamed_accuracy(header: str) -> evaluate.Accuracy:
    """Push the whole recording through the generated C, hop by hop, and judge its outputs."""
    recording, labels = evaluate.load_stream()
    frames = evaluate.quantise(recording, *input_quantisation(header))
    model = edgeshift.StreamingModel(edgeshift.load(evaluate.MODEL), hop=HOP)
    outputs = [model.push(frames[i : i + HOP]) for i in range(0, len(frames) - HOP + 1, HOP)]
    return evaluate.stream_accuracy(np.array([o for o in outputs if o is not None]), labels, hop=HOP)


def agreement(report: dict[str, Any]) -> str:
    compared, wrong = report["hops_compared"], report["mismatched_hops"]
    return (
        f"[{'green' if report['exact'] else 'red'}]{compared - wrong:,} of {compared:,} hops bit for bit[/]"
    )


def main() -> None:
    hop = ("--hop", str(HOP))
    console.print(command("inspect", evaluate.MODEL, *hop), end="", markup=False)
    plan = answer("inspect", evaluate.MODEL, *hop)

    with tempfile.TemporaryDirectory() as folder:
        console.print(
            command("compile", evaluate.MODEL, "-o", Path(folder), *hop, "--name", NAME), end="", markup=False
        )
        header = (Path(folder) / f"{NAME}.h").read_text()

    recording = ("--input", evaluate.RECORDING)
    windows = len(evaluate.window_ends(len(np.load(evaluate.RECORDING)), plan["window_frames"], HOP))
    host = answer("verify", evaluate.MODEL, *hop, "--hops", str(windows), *recording)
    board = answer("verify", evaluate.MODEL, *hop, "--hops", str(BOARD_HOPS), *recording, "--board", BOARD)
    accuracy = streamed_accuracy(header)

    table = Table(
        title=f"\n{evaluate.MODEL.name}: windows of {plan['window_frames']} frames, a hop of {plan['hop']}"
    )
    table.add_column("", style="bold")
    table.add_column("")
    ratio = plan["macs_window"] / plan["macs_per_hop"]
    table.add_row("work per window", f"{plan['macs_window']:,} multiply-accumulates")
    table.add_row(
        "work per hop", f"{plan['macs_per_hop']:,.0f} multiply-accumulates, {ratio:.1f} times fewer"
    )
    table.add_row("RAM", f"{plan['state_bytes']:,} bytes of state ({plan['scratch_bytes']:,} scratch)")
    table.add_row("flash", f"{plan['weights_bytes']:,} bytes of weights")
    table.add_row(f"against {host['oracle']}", agreement(host))
    table.add_row(f"on {BOARD}, emulated", agreement(board))
    table.add_row("accuracy, test recordings", str(accuracy))
    console.print(table)
    if not (host["exact"] and board["exact"]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
