"""Tables for people: they fit 80 columns, and pipe without colour."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from edgeshift.device import Fit
from edgeshift.device.fit import helps
from edgeshift.report.data import plan_data
from edgeshift.report.reasons import counted
from edgeshift.report.table import print_table, table


def console() -> Console:
    """Standard output; rich honours `NO_COLOR` and drops colours where it is not a terminal."""
    return Console(highlight=False, soft_wrap=True, markup=False)


def print_plan(out: Console, plan: Any, fit: Fit | None = None) -> None:
    """The shift plan as a table, and whether it fits a board."""
    data = plan_data(plan)
    taken = f"windows of {data['window_frames']} frames, a hop of {data['hop']}"
    if data["carries_state"]:
        taken = f"carries its own state, {data['hop']} frames a call"
    out.print(f"{data['model']}: {taken}", style="bold")
    out.print(f"time axis: {data['time_axis']}")
    for note in data["notes"]:
        out.print(f"note: {note}")
    out.print()
    made = table("#", "operator", "columns", "interior", "S", "new", "ring", "MACs/win", "MACs/hop", right=range(2, 9))
    for number, layer in enumerate(data["layers"], 1):
        first, stop = layer["interior"]
        ring = f"{layer['ring_columns']}" + (f"x{layer['phases']}" if layer["phases"] > 1 else "")
        made.add_row(
            str(number),
            layer["op"],
            f"{layer['columns']}x{layer['column_size']}",
            f"{first}:{stop}" if stop > first else "-",
            str(layer["stride"]),
            str(layer["columns_per_hop"]),
            ring if layer["ring_columns"] else "-",
            f"{layer['macs_window']:,}",
            f"{layer['macs_per_hop']:,}",
        )
    print_table(out, made)
    ratio = data["macs_window"] / data["macs_per_hop"] if data["macs_per_hop"] else 1.0
    out.print()
    out.print(
        f"work     {data['macs_per_hop']:,} MACs per hop (every hop the same), "
        f"{data['macs_window']:,} per {'call' if data['carries_state'] else 'window'}: {ratio:.1f} times fewer"
    )
    out.print(
        f"RAM      {data['struct_bytes']:,} bytes: {data['state_bytes']:,} state, {data['scratch_bytes']:,} scratch"
    )
    out.print(f"flash    {data['weights_bytes']:,} bytes of constants, and the code")
    out.print(
        f"warm-up  {counted(data['warmup_hops'], 'hop')} to the first output; total stride {data['total_stride']}, "
        f"{counted(data['phases'], 'phase')}"
    )
    if fit is not None:
        print_fit(out, fit)


def print_fit(out: Console, fit: Fit) -> None:
    """Whether a plan fits a board, and what would help."""
    sizes = fit.sizes
    label = "fits" if fit.fits else "too slow" if sizes.ram_fits and sizes.flash_fits else "too big"
    out.print(f"{label:8} {sizes}", style="green" if fit.fits else "red")
    out.print(f"{'':8} on {fit.board.name}; estimated: stack, code, time at {sizes.hz / 1e6:g} MHz")
    if not fit.fits and not fit.advice:
        out.print(f"{'':8} {helps(fit)}")
    for advice in fit.advice:
        out.print(f"try      {advice.options}")
        out.print(f"{'':8} {advice.sizes}")


def print_curve(out: Console, line: dict[str, Any]) -> None:
    """RAM against work, a line for every plan that no other beats."""
    made = table("hop", "RAM, bytes", "MACs per hop", "MACs per frame", right=range(4))
    for point in line["curve"]:
        made.add_row(
            str(point["hop"]),
            f"{point['ram_bytes']:,}",
            f"{point['macs_per_hop']:,}",
            f"{point['macs_per_frame']:,.0f}",
        )
    print_table(out, made)
    out.print("any of them: --hop HOP --ram BYTES")


def print_report(out: Console, report: Any) -> None:
    """A verification in a few lines."""
    where = f"on {report.board} (emulated)" if report.board else "on this computer"
    where = f"on the board at {report.port}" if report.port else where
    agreed = report.hops_compared - report.mismatched_hops
    out.print(f"{report.model}, a hop of {report.hop}, {where}", style="bold")
    out.print(f"input    {report.input}")
    out.print(f"oracle   {report.oracle}")
    out.print(f"agreed   {agreed:,} of {report.hops_compared:,} hops", style="green" if report.exact else "red")
    if report.matches_window_run is None:
        out.print(f"largest difference {report.max_abs_diff:g}")
    else:
        own = "bit-identical to" if report.matches_window_run else "DIFFER from"
        out.print(
            f"largest difference {report.max_abs_diff:.3g} ({report.max_ulp:.0f} ulp), allowed {report.tolerance:.3g}"
        )
        over = "the stream, window by window" if report.recurrent == "carry" else "each whole window"
        out.print(f"streamed outputs {own} our own run over {over}")
    if report.deviation is not None:
        d = report.deviation
        out.print(f"against the trained network ({d['trained_oracle']}), {d['frames_later']} frames later:")
        out.print(
            f"  differs by {d['mean_abs_diff']:.3g} in the mean, {d['max_abs_diff']:g} at worst; "
            f"top class changed in {d['changed_top1']:.1%} of hops"
        )
        if "accuracy_trained" in d:
            out.print(
                f"  accuracy {d['accuracy_streamed']:.1%}, trained {d['accuracy_trained']:.1%} "
                f"({d['labelled_hops']} labelled hops)"
            )
    if report.stack_bytes is not None:
        out.print(f"stack    {report.stack_bytes:,} bytes, the application's included")
    if report.ticks_per_hop is not None:
        milliseconds = report.ticks_per_hop / report.ticks_hz * 1000
        out.print(f"a hop    {report.ticks_per_hop:,.0f} ticks, {milliseconds:.3g} ms")
    out.print("exact" if report.exact else "NOT exact", style="bold green" if report.exact else "bold red")


def print_build(out: Console, result: Any) -> None:
    """What was written, and how much of the board it takes."""
    out.print(f"{result.model}, a hop of {result.hop}, for {result.board}: {result.app}", style="bold")
    if result.verified is None:
        out.print("not verified: it is flashed only with --force", style="red")
    else:
        report = result.verified
        out.print(f"verified {report.hops_compared:,} hops on this computer, exact ({report.oracle})", style="green")
    recorded = f", {result.recording_bytes:,} of them a recording of {result.hops:,} hops" if result.hops else ""
    flash, ram = (f" of {size:,}" if size else "" for size in (result.flash_size, result.ram_size))
    out.print(f"{'flash  ' if flash else 'program'}  {result.flash_bytes:,}{flash} bytes{recorded}")
    out.print(f"RAM      {result.ram_bytes:,}{ram} bytes, the stack included")
    for name, size in result.files.items():
        out.print(f"wrote    {result.folder / name} ({size:,} bytes)")


def print_bench(out: Console, result: Any) -> None:
    """What each layer of a hop costs, and the bytes."""
    data = result.as_dict()
    out.print(
        f"{data['model']}, a hop of {data['hop']}, on {data['board']} (emulated), {data['isa']} kernels", style="bold"
    )
    out.print(f"input    {data['input']}, {data['hops']} hops")
    out.print()
    cycles = data["cycles_per_hop"] is not None
    headings = ["#", "operator", "MACs", "instructions", "per MAC", *(["cycles"] if cycles else []), "output"]
    made = table(*headings, right=(0, *range(2, len(headings) - 1)))
    room = 10 if cycles else 22
    for layer in data["layers"]:
        per_mac = layer["instructions_per_mac"]
        made.add_row(
            str(layer["index"] or ""),
            layer["op"],
            f"{layer['macs']:,}",
            f"{layer['instructions']:,.0f}",
            f"{per_mac:.2f}" if per_mac is not None else "-",
            *([f"{layer['cycles']:,.0f}"] if cycles else []),
            layer["output"] if len(layer["output"]) <= room else layer["output"][: room - 2] + "..",
        )
    print_table(out, made)
    per_mac = data["instructions_per_hop"] / data["macs_per_hop"] if data["macs_per_hop"] else 0.0
    out.print()
    out.print(
        f"work     {data['instructions_per_hop']:,.0f} instructions per hop "
        f"(worst {data['instructions_per_hop_max']:,}), "
        f"{per_mac:.2f} per MAC"
    )
    if cycles:
        out.print(f"cycles   {data['cycles_per_hop']:,.0f} per hop (worst {data['cycles_per_hop_max']:,})")
    out.print(
        f"RAM      {data['ram_bytes']:,} bytes: {data['state_bytes']:,} state, {data['scratch_bytes']:,} scratch, "
        f"{data['stack_bytes']:,} stack"
    )
    out.print(f"flash    {data['code_bytes']:,} bytes of code, {data['weights_bytes']:,} of constants")
