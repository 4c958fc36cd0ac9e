"""The page: `report_data` as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from markupsafe import Markup

from edgeshift.report import drawing
from edgeshift.report.network import KINDS
from edgeshift.resources import environment, resource

SCRIPTS = ("data.js", "network.js", "stream.js")
WIDE = 260  # frames; beyond that a cell is too narrow to be seen without a line around it
MOMENTS_NAMED = 28  # of a hop, below the scratch; with more every so many-th
ROWS_OF_LINES = 12  # outputs or channels that get a curve each; more are drawn as a heat map
MEMBERS = {
    "ring": "ring: columns kept",
    "queue": "queue: left edges that wait",
    "sum": "kept sum",
    "recurrence": "state of a recurrence",
    "scratch": "scratch: meaningless between hops",
    "counter": "heads, phases and counts",
    "count": "heads, phases and counts",
}


def report_page(data: dict[str, Any]) -> str:
    """The page for what `report_data` gives. The same data gives the same bytes."""
    folder = resource("templates") / "report"
    page = environment("report", autoescape=True)
    page.filters.update(
        n=grouped,
        short=short_name,
        size=size,
        share=drawing.percent,
        percent=percent,
        time=time_of,
        verdict=board_verdict,
    )
    script = "".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return page.get_template("page.html.j2").render(
        data,
        style=Markup((folder / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        json=Markup(json_text(data).replace("<", "\\u003c")),
        figures=_figures(data),
        network=_network(data),
        work=_work(data),
        map=_map(data["memory"]),
        scratch=_scratch(data["memory"]),
        tracks=_tracks(data["stream"]),
        member_kinds=MEMBERS,
    )


def json_text(data: dict[str, Any]) -> str:
    """The data as JSON, without spaces."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def grouped(value: float) -> str:
    """A whole number for people: `-1,848` with a true minus."""
    return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")


def short_name(name: str) -> str:
    """The telling part of a tensor's name: of the first of several that were fused, the last two words of its path."""
    return "/".join(name.split(";")[0].split("/")[-2:])


def size(count: int) -> str:
    """Bytes for people: `1,848 B`, `264 KB`, `4 MB`."""
    for unit, name in ((1 << 20, "MB"), (1 << 10, "KB")):
        if count >= 10 * unit:
            return f"{count / unit:,.0f} {name}"
    return f"{count:,} B"


def percent(share: float) -> str:
    """A share for people: `0.7 %`, `168 %`."""
    return "below 0.1 %" if 0 < share < 0.0005 else f"{100 * share:,.{0 if share >= 0.1 else 1}f} %"


def time_of(seconds: float) -> str:
    """A time for people: `12 µs`, `3.4 ms`, `1.2 s`."""
    for unit, name in ((1, "s"), (1e-3, "ms")):
        if seconds >= unit:
            return f"{seconds / unit:.2g} {name}" if seconds < 10 * unit else f"{seconds / unit:,.0f} {name}"
    return f"{seconds * 1e6:,.0f} µs"


def board_verdict(board: dict[str, Any]) -> str:
    """Whether it fits, or the first reason why not."""
    if board["fits"]:
        return "fits"
    in_time = board["share"] is None or board["share"] <= 1
    large = any(board[room] is not None and board[f"{room}_bytes"] > board[room] for room in ("ram", "flash"))
    return "too large" if large or in_time else "too slow"


def _figures(data: dict[str, Any]) -> dict[str, Any]:
    """What the headline computes from the data."""
    plan, verdict = data["plan"], data["verification"]
    macs = plan["macs_per_hop"]
    compared, mismatched = verdict["hops_compared"] or 0, verdict["mismatched_hops"] or 0
    return {
        "saving": f"{plan['macs_window'] / macs:,.1f}" if macs else None,
        "compared": compared,
        "agreed": compared - mismatched,
        "floating": verdict["matches_window_run"] is not None,
        "unit": "call" if plan["carries_state"] else "window",
        "instructions": [m for m in data["measured"] if m["refused"] is None],
        "verdicts": _verdicts([lane["verdict"] for lane in data["lanes"] if lane["layer"]]),
    }


def _verdicts(of_layers: list[str]) -> list[str]:
    """How many layers there are of each verdict, in words."""
    words = {
        "shifts": ("shifts as a whole", "shift as a whole"),
        "state": ("carries its state", "carry their state"),
        "edges": ("has edges", "have edges"),
        "window": ("does not shift", "do not shift"),
        "single": ("gives a single column", "give a single column"),
    }
    counts = [(of_layers.count(verdict), said) for verdict, said in words.items()]
    return [f"{count} {said[count > 1]}" for count, said in counts if count]


def _network(data: dict[str, Any]) -> dict[str, Any]:
    """The lanes as paths over the axis of frames, from `left` to `right`."""
    lanes, window = data["lanes"], data["plan"]["window_frames"]
    starts = [lane["end"] - lane["cell"] for lane in lanes] if data["plan"]["carries_state"] else []
    left = min([0, *starts])
    span = window - left
    present = {kind for lane in lanes for kind in lane["counts"]}
    return {
        "left": drawing.number(left),
        "span": drawing.number(span),
        "wide": span > WIDE,
        "kinds": [(kind, words) for kind, words in KINDS.items() if kind in present],
        "ticks": [(t, drawing.percent(window + t - left, span)) for t in drawing.ticks(left - window, 0)],
        "hop": drawing.percent(min(data["plan"]["hop"], window), span),
        "lanes": [
            {
                **lane,
                "paths": drawing.lane_paths(lane, left),
                "lines": drawing.lane_lines(lane, left),
                "reach": drawing.lane_reach(lane, lanes, left) if lane["columns"] == 1 else "",
                "made": sum(lane["counts"].get(kind, 0) for kind in ("new", "again", "early")),
            }
            for lane in lanes
        ],
    }


def _work(data: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each layer, and instructions by layer where they were counted."""
    most = max([1, *(layer["macs_window"] for layer in data["plan"]["layers"])])
    rows = []
    for n, layer in enumerate(data["plan"]["layers"], 1):
        before, after = layer["macs_window"], layer["macs_per_hop"]
        counted = [
            sum(step["instructions"] for step in m["layers"] if step["index"] and step["output"] == layer["output"])
            for m in data["measured"]
            if m["refused"] is None
        ]
        rows.append(
            {
                **layer,
                "layer": n,
                "before": drawing.percent(before, most),
                "after": drawing.percent(after, most),
                "times": f"{before / after:,.1f}" if before and after else None,
                "instructions": counted,
            }
        )
    return rows


def _map(memory: dict[str, Any]) -> dict[str, Any]:
    """The struct as rows of bytes."""
    total = memory["struct_bytes"]
    width = drawing.row_bytes(total)
    rows = -(-total // width)
    members = []
    for n, member in enumerate(memory["members"], 1):
        spot = drawing.place(member["offset"], member["bytes"], width)
        members.append(
            {
                **member,
                "number": n,
                "path": drawing.stretch(member["offset"], member["bytes"], width),
                "x": drawing.percent(spot[0], width) if spot else None,
                "y": drawing.percent(spot[1], rows) if spot else None,
            }
        )
    every = -(-rows // 8)
    return {
        "row": width,
        "rows": rows,
        "members": members,
        "offsets": [(f"{r * width:#x}", drawing.percent(r, rows)) for r in range(0, rows, every)],
        "kinds": list(dict.fromkeys(MEMBERS[m["kind"]] for m in members)),
    }


def _scratch(memory: dict[str, Any]) -> dict[str, Any]:
    """The scratch over the moments of a hop: a box for every block."""
    moments, total = len(memory["moments"]), memory["scratch_bytes"]
    blocks = []
    for n, block in enumerate(memory["scratch"], 1):
        lasts = block["to"] - block["from"] + 1
        blocks.append(
            {
                **block,
                "number": n,
                "path": drawing.box(block["from"], lasts, block["offset"], block["bytes"]),
                "x": drawing.percent(block["from"] + lasts / 2, moments),
                "y": drawing.percent(block["offset"] + block["bytes"] / 2, total),
                "roomy": block["bytes"] >= total / 16 and lasts >= moments / 40,
            }
        )
    every = -(-moments // MOMENTS_NAMED)
    return {
        "moments": [
            (name.split()[0], name, drawing.percent(k + 0.5, moments))
            for k, name in list(enumerate(memory["moments"]))[::every]
        ],
        "lines": "".join(f"M{k} 0v{total}" for k in range(every, moments, every)),
        "count": moments,
        "blocks": blocks,
        "offsets": [(t, drawing.percent(t, total)) for t in drawing.ticks(0, total, 5)],
    }


def _tracks(stream: dict[str, Any]) -> dict[str, Any]:
    """How outputs, labels and channels are drawn over the frames of the stream."""
    frames, labels = stream["frames"], stream["labels"] or []
    classes = sorted({run["class"] for run in labels})
    return {
        "output_lines": len(stream["outputs"]) <= ROWS_OF_LINES,
        "channel_lines": len(stream["channels"]) <= ROWS_OF_LINES,
        "labels": [
            (c, "".join(drawing.box(r["from"], r["to"] - r["from"]) for r in labels if r["class"] == c))
            for c in classes
        ],
        "names": list(dict.fromkeys((r["class"], r["name"]) for r in sorted(labels, key=lambda r: r["class"]))),
        "ticks": [(t, drawing.percent(t, frames)) for t in drawing.ticks(0, frames, 6)],
        "warmup": drawing.percent(stream["ends"][0], frames),
    }
