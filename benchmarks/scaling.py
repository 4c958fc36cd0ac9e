"""The scaling law of shifting: work per hop over growing windows and depths, a full window against its shift.

    python -m benchmarks.scaling      or: make scaling

One family of int8 networks: `depth` convolutions of 3 taps and 8 channels, hop 1, with VALID padding (mean over the
window), SAME padding (mean over the window), or causal padding (the last step is read). For each: the theory, the
multiply-accumulates (MACs) of the plan, which must be the theory's, and the instructions that a Cortex-M4 executes
(mps2-an386), counted by QEMU. Writes docs/scaling.csv and docs/scaling.svg; the same bytes every time.

An interpreter computes every column of a causal network, whichever is read. Its full window is therefore measured
on a twin that takes the mean of all columns.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import edgeshift
from tests.netbuilder import Net

DOCS = Path(__file__).resolve().parents[1] / "docs"
BOARD = "mps2-an386"
CHANNELS, TAPS, CLASSES = 8, 3, 4
PADDINGS = ("VALID", "CAUSAL", "SAME")
WINDOWS = (16, 32, 64, 128, 256, 512)
DEPTHS = (1, 2, 3, 4, 5, 6, 7, 8)
DEPTH, WINDOW = 4, 128  # what stands still while the other grows


@dataclass(frozen=True)
class Case:
    padding: str
    window: int
    depth: int


@dataclass(frozen=True)
class Point:
    """One network: MACs and instructions of a full window, and of a hop of one frame."""

    padding: str
    window: int
    depth: int
    macs_full: int
    macs_shifted: int
    instructions_full: int
    instructions_shifted: int

    @property
    def ratio_macs(self) -> float:
        return self.macs_full / self.macs_shifted

    @property
    def ratio_instructions(self) -> float:
        return self.instructions_full / self.instructions_shifted


def columns(case: Case) -> tuple[int, int]:
    """The theory: columns that all convolutions compute for a full window, and for a hop of one frame.

    Without padding layer `l` has `W - l (k - 1)` columns, one of them new. A causal layer has `W`; its last step asks
    for one. Under SAME padding `l (k - 1) / 2` columns at either end depend on the window's own edges: all are new.
    """
    layers = range(1, case.depth + 1)
    shrink = {"VALID": TAPS - 1, "CAUSAL": 0, "SAME": 0}[case.padding]
    edges = TAPS - 1 if case.padding == "SAME" else 0
    return (
        sum(case.window - layer * shrink for layer in layers),
        sum(min(case.window, 1 + layer * edges) for layer in layers),
    )


def theory(case: Case) -> tuple[int, int]:
    """The same in MACs, the dense layer included."""
    full, shifted = columns(case)
    per_column, head = CHANNELS * CHANNELS * TAPS, CHANNELS * CLASSES
    return full * per_column + head, shifted * per_column + head


def build(case: Case, every_column: bool = False) -> bytes:
    """The network; a causal one reads its last step, or with `every_column` the mean of all."""
    rng = np.random.default_rng(0)
    net = Net(f"{case.padding.lower()}_w{case.window}_d{case.depth}", rng)
    x = net.input((1, case.window, CHANNELS))
    for _ in range(case.depth):
        x = net.conv1d(x, CHANNELS, TAPS, padding=case.padding, activation="relu")
    if case.padding == "CAUSAL" and not every_column:
        last = net.strided_slice(x, [0, case.window - 1, 0], [1, case.window, CHANNELS])
        x = net.reshape(last, (1, CHANNELS))
    else:
        x = net.mean(x, 1)
    net.output(net.dense(x, CLASSES))
    return net.quantize([[rng.standard_normal((1, case.window, CHANNELS)).astype(np.float32)] for _ in range(4)])


def measure(case: Case) -> Point:
    """Count both on the emulator. Ends when the plan's MACs are not the theory's."""
    with tempfile.TemporaryDirectory() as name:
        file, twin = Path(name) / "network.tflite", Path(name) / "twin.tflite"
        file.write_bytes(build(case))
        twin.write_bytes(build(case, every_column=True))
        schedule = edgeshift.plan(file).schedule
        planned = schedule.macs_window, schedule.macs_per_hop
        if planned != theory(case):
            raise SystemExit(f"error: {case} plans {planned}, the theory says {theory(case)}")
        full = edgeshift.bench(twin, BOARD, case.window, hops=2).cost
        shifted = edgeshift.bench(file, BOARD, hops=16).cost
    print(f"{case.padding}, {case.window} frames, depth {case.depth}: done", file=sys.stderr)
    return Point(
        case.padding, case.window, case.depth, schedule.macs_window, schedule.macs_per_hop,
        round(full.instructions_per_hop), round(shifted.instructions_per_hop),
    )  # fmt: skip


def cases() -> list[Case]:
    return [
        Case(padding, window, depth)
        for padding in PADDINGS
        for window, depth in [*((w, DEPTH) for w in WINDOWS), *((WINDOW, d) for d in DEPTHS if d != DEPTH)]
    ]


def show(points: Iterable[Point]) -> None:
    table = Table(box=None, pad_edge=False)
    headings = ("padding", "window", "depth", "MACs full", "shifted", "ratio", "instructions full", "shifted", "ratio")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "padding" else "right", no_wrap=True)
    for p in points:
        table.add_row(
            p.padding, str(p.window), str(p.depth), f"{p.macs_full:,}", f"{p.macs_shifted:,}", f"{p.ratio_macs:.1f}",
            f"{p.instructions_full:,}", f"{p.instructions_shifted:,}", f"{p.ratio_instructions:.1f}",
        )  # fmt: skip
    Console(highlight=False, width=110).print(table)


def write_csv(points: Iterable[Point], file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.DictWriter(out, [f.name for f in fields(Point)], lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(p) for p in points)


def plot(points: list[Point], file: Path) -> None:
    """Instructions as points, the theory as lines in units of each series' first point."""
    try:
        import matplotlib
    except ImportError as error:
        raise SystemExit("error: the plot needs matplotlib: pip install -e '.[bench]'") from error
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "edgeshift", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.2), sharey=True)
    colours = dict(zip(PADDINGS, ("tab:green", "tab:blue", "tab:red"), strict=True))
    for axis, along, still in zip(axes, ("window", "depth"), ("depth", "window"), strict=True):
        fixed = DEPTH if still == "depth" else WINDOW
        for padding in PADDINGS:
            line = sorted(
                (p for p in points if p.padding == padding and getattr(p, still) == fixed),
                key=lambda p: getattr(p, along),
            )
            at = [getattr(p, along) for p in line]
            for kind, marker, name in (("full", "s", "full window"), ("shifted", "o", "shifted")):
                measured = [getattr(p, f"instructions_{kind}") for p in line]
                macs = [getattr(p, f"macs_{kind}") for p in line]
                scale = measured[-1] / macs[-1]
                filled = {} if kind == "shifted" else {"markerfacecolor": "none"}
                axis.plot(at, measured, marker, color=colours[padding], label=f"{padding}, {name}", **filled)
                axis.plot(at, [m * scale for m in macs], "-", color=colours[padding], linewidth=0.8, alpha=0.7)
        axis.set(xlabel="window, frames" if along == "window" else "depth, layers", yscale="log")
        if along == "window":
            axis.set_xscale("log", base=2)
            axis.set_xticks(WINDOWS, [str(w) for w in WINDOWS])
        axis.set_title(f"{still} {fixed}", fontsize=9)
        axis.grid(True, which="major", linewidth=0.3)
    axes[0].set_ylabel("instructions per hop, Cortex-M4")
    axes[0].legend(fontsize=7, loc="upper left")
    axes[0].set_ylim(top=3e6)
    note = "points: executed instructions; lines: the theory's MACs, scaled to the last point"
    figure.text(0.01, 0.01, note, fontsize=7)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    file.write_text("\n".join(line.rstrip() for line in file.read_text().splitlines()) + "\n")


def main() -> None:
    with ThreadPoolExecutor(2) as pool:
        points = list(pool.map(measure, cases()))
    show(points)
    write_csv(points, DOCS / "scaling.csv")
    plot(points, DOCS / "scaling.svg")


if __name__ == "__main__":
    main()
