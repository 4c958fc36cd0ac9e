"""The benchmark: what `edgeshift bench` counts, as ratios to what the peers cost on the same work.

    python -m benchmarks.run [--only TEXT]      or: make bench

Rows are rows.toml, peers are peers.toml; both explain themselves. Counts are executed instructions, not cycles, unless
a row says cycles, and the same every time. Writes results.json, which the README quotes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import edgeshift
from benchmarks.networks import TWIN, file_of, network
from edgeshift.device.toolchain import find_toolchain

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
HOPS = 50  # outputs that are counted; of whole windows WINDOWS
WINDOWS = 3
HEADINGS = ("network", "hop", "edges", "EdgeShift", "worst/mean", "peer", "times fewer", "must", "stretch", "reached")


@dataclass(frozen=True)
class Job:
    """One run of `edgeshift bench`; several rows may quote it."""

    model: str
    board: str
    hop: int
    edges: str


@dataclass(frozen=True)
class Row:
    """One figure and its peer. `must` and `stretch` are the most that it may be, `None` where nothing was set."""

    model: str
    board: str
    isa: str
    hop: int
    edges: str
    macs_per_hop: int
    value: float
    worst: float | None
    peer_label: str
    peer: int
    ratio: float
    must: int | None
    stretch: int | None

    @property
    def verdict(self) -> str:
        """`stretch`, `must`, `NOT reached`, or nothing where no target was set."""
        if self.must is None:
            return ""
        if self.value > self.must:
            return "NOT reached"
        return "stretch" if self.stretch is not None and self.value <= self.stretch else "must"


def read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Instructions, cycles and bytes against the recorded peers.")
    parser.add_argument("--only", metavar="TEXT", default="", help="tables whose title holds this; nothing is written")
    parser.add_argument("--jobs", type=int, default=2, help="emulators at once [2]")
    options = parser.parse_args()
    tables = [t for t in read_toml("rows.toml")["table"] if options.only in t["title"]]
    peers = read_toml("peers.toml")
    for name in {row["model"] for table in tables for row in table["rows"]} - {TWIN}:
        file_of(name)
    measured = measure_all({job_of(t, row) for t in tables for row in t["rows"]}, options.jobs)
    answer = {
        "peers": {"date": str(peers["date"]), **peers["versions"]},
        "tools": tools({t["board"] for t in tables}),
        "tables": [
            {"title": t["title"], "measure": t["measure"], "rows": [r | {"verdict": v} for r, v in made]}
            for t in tables
            for made in [[(asdict(r), r.verdict) for r in rows_of(t, peers, measured)]]
        ],
    }
    show(answer)
    if not options.only:
        RESULTS.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")


def job_of(table: Mapping[str, Any], row: Mapping[str, Any]) -> Job:
    return Job(row["model"], table["board"], row["hop"], row.get("edges", "exact"))


def measure_all(jobs: Iterable[Job], at_once: int) -> dict[Job, edgeshift.BenchResult]:
    """Run every job, as many at once as asked for; each says on standard error that it is done."""
    ordered = sorted(jobs, key=lambda j: (j.board, j.model, j.hop, j.edges))
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(at_once) as pool:
        folder = Path(name)
        network(TWIN, folder)

        def measure(job: Job) -> edgeshift.BenchResult:
            net = network(job.model, folder)
            hop, hops = (job.hop, HOPS) if job.hop else (net.graph.window_frames, WINDOWS)
            result = edgeshift.bench(net, job.board, hop, hops, edges=job.edges)  # type: ignore[arg-type]
            print(f"{job.model}, {job.board}, hop {hop}, {job.edges}: done", file=sys.stderr)
            return result

        return dict(zip(ordered, pool.map(measure, ordered), strict=True))


def rows_of(
    table: Mapping[str, Any], peers: Mapping[str, Any], measured: Mapping[Job, edgeshift.BenchResult]
) -> Iterator[Row]:
    measure = table["measure"]
    for row in table["rows"]:
        job = job_of(table, row)
        result = measured[job]
        data = result.as_dict()
        label, peer = peer_of(table, job.model, peers)
        must = int(peer / table["must_ratio"]) if "must_ratio" in table else row.get("must")
        value = data[measure]
        yield Row(
            job.model, job.board, result.isa, result.hop, job.edges, result.macs_per_hop, value,
            data.get(f"{measure}_max"), label, peer, round(peer / value, 3), must, row.get("stretch"),
        )  # fmt: skip


def peer_of(table: Mapping[str, Any], model: str, peers: Mapping[str, Any]) -> tuple[str, int]:
    """The peer's name and its figure for the same work."""
    if table["peer"] == "file":
        return "the model's file", file_of(model).stat().st_size
    return peers[table["peer"]]["label"], peers[table["peer"]][model][table["figure"]]


def tools(boards: Iterable[str]) -> dict[str, str]:
    """The versions that built and counted."""
    found = {}
    for board in sorted(map(edgeshift.load_board, boards), key=lambda b: b.name):
        assert board.emulator is not None
        for program in (str(find_toolchain(board).gcc), board.emulator.program):
            found[Path(program).name] = version_of(program)
    return found


@cache
def version_of(program: str) -> str:
    made = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"\d+\.\d+\.\d+", made)
    return version[0] if version else made.splitlines()[0]


def show(answer: Mapping[str, Any]) -> None:
    """The tables for people: every figure beside its peer's on the same work."""
    console = Console(highlight=False, width=120)
    for table in answer["tables"]:
        shown = Table(title=f"\n{table['title']}", title_justify="left", box=None, pad_edge=False)
        for heading in HEADINGS:
            left = heading in ("network", "edges", "reached")
            shown.add_column(heading, justify="left" if left else "right", no_wrap=True)
        for row in table["rows"]:
            whole = (f"{row[key]:,}" if row[key] is not None else "" for key in ("must", "stretch"))
            shown.add_row(
                row["model"], str(row["hop"]), row["edges"], f"{row['value']:,.0f}",
                f"{row['worst'] / row['value']:.2f}" if row["worst"] else "", f"{row['peer']:,}",
                f"{row['ratio']:.1f}", *whole, row["verdict"],
            )  # fmt: skip
        console.print(shown, soft_wrap=True)
        console.print(f"peer: {'; '.join(dict.fromkeys(r['peer_label'] for r in table['rows']))}")
    missed = [r for t in answer["tables"] for r in t["rows"] if r["verdict"] == "NOT reached"]
    console.print(f"\n{len(missed)} targets not reached" if missed else "\nevery target reached")


if __name__ == "__main__":
    main()
