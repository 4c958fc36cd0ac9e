"""What the fit check estimates with: instructions of layers, code and stack, fitted to counts of many small networks.

    python -m benchmarks.calibrate --counts FOLDER [--only TABLE]

Counts on the emulators, into FOLDER/TABLE.json, what is not there yet; then fits all that is there, writes
edgeshift/device/costs.toml and prints how far off the estimates are on the networks that they were fitted to.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import edgeshift
from benchmarks.networks import file_of
from edgeshift.device.bench import measure
from edgeshift.device.estimate import COSTS, code_length, kernel_key, work_of
from edgeshift.host.recording import gather_frames
from tests.zoo import build

# Each table's instruction set and the board that counts.
TABLES = {
    "portable": ("portable", "mps2-an385"),
    "portable_fpu": ("portable", "mps2-an386"),
    "armv6m": ("armv6m", "raspberry-pi-pico"),
    "armv7em": ("armv7em", "mps2-an386"),
    "mve": ("mve", "mps3-an547"),
    "neon": ("neon", "raspberry-pi-4"),
    "dotprod": ("dotprod", "raspberry-pi-5"),
}
FILES = (
    "mlperf_sww_int8", "mlperf_kws_dscnn_int8", "random_fcn_c9_w128_int8", "random_tcresnet8_w98_int8",
    "arm_dscnn_s_int16x8", "tflm_mnist_lstm_int8",
)  # fmt: skip
ZOO = (
    "tcn_global_average", "wavenet", "inception", "two_inputs_add", "squeeze_excite_2d", "frame_wise_mlp",
    "time_concat", "activations", "whole_window_pool", "fcn_same", "tc_resnet", "ds_cnn", "conv_pool_flatten",
    "pools_odd_strides", "avg_pool_padded", "strides_beyond_kernels", "depthwise_multiplied", "frames_stacked",
)  # fmt: skip
OUTPUTS = 4  # pushes that are counted
MOST = {"rp2040js": 2_000_000}  # multiply-accumulates of a hop beyond which an emulator takes too long
FEW = 50  # instructions below which an error does not matter

HEAD = """\
# Made by benchmarks/calibrate.py: do not edit. `hop`: instructions of a push besides its layers. `kernels`: those of a
# layer for each multiply-accumulate (element read, where there are none), output element and output column.
# `code_bytes`: for each character of code, and in any case. `stack_bytes`: the deepest below a call of push.
"""


def networks(folder: Path) -> dict[str, edgeshift.Network]:
    """The networks, by name."""
    found = {name: edgeshift.load(file_of(name)) for name in FILES}
    for name, dtype in itertools.product(ZOO, ("int8", "float32")):
        file = folder / f"{name}_{dtype}.tflite"
        file.write_bytes(build(name, 1, dtype))
        found[file.stem] = edgeshift.load(file)
    return found


def count(plans: dict[str, edgeshift.Plan], board: edgeshift.Board) -> dict[str, Any]:
    """By network: instructions of its layers, of the rest and of all, bytes of code and stack."""
    counted = {}
    assert board.emulator is not None
    for name, plan in plans.items():
        if plan.schedule.macs_per_hop > MOST.get(board.emulator.kind, np.inf):
            continue
        frames, _, pushes = gather_frames(plan.schedule, OUTPUTS, 0, None)
        cost = measure(plan, board, frames, pushes)
        *layers, rest = (layer.instructions for layer in cost.layers)
        counted[name] = {
            "layers": layers,
            "rest": rest,
            "instructions": cost.instructions_per_hop,
            "cycles": cost.cycles_per_hop,
            "code_bytes": cost.code_bytes,
            "stack_bytes": cost.stack_bytes,
        }
        print(board.name, plan.isa, name, round(cost.instructions_per_hop), flush=True)
    return counted


def fit(plans: dict[str, edgeshift.Plan], counted: dict[str, Any]) -> dict[str, Any]:
    """One table of costs.toml."""
    rows = defaultdict(list)
    for name, c in counted.items():
        plan = plans[name]
        for step, instructions in zip(plan.schedule.steps, c["layers"], strict=True):
            rows[kernel_key(plan, step)].append((*work_of(plan, step), instructions))
    code = np.array([[code_length(plans[name]), c["code_bytes"]] for name, c in counted.items()], float)
    return {
        "hop": round(float(np.mean([c["rest"] for c in counted.values()]))),
        "stack_bytes": max(c["stack_bytes"] for c in counted.values()),
        "code_bytes": [round(float(x), 4) for x in np.polyfit(code[:, 0], code[:, 1], 1)],
        "kernels": {key: _least_squares(np.array(found, float)) for key, found in sorted(rows.items())},
    }


def _least_squares(rows: np.ndarray) -> list[float]:
    """What each kind of work costs, at least 0, for the smallest relative errors; of equals the fewest kinds."""
    work, instructions = rows[:, :3], rows[:, 3]
    weights = 1 / np.maximum(instructions, FEW)
    best, least = np.zeros(3), np.inf
    for kinds in (k for n in (1, 2, 3) for k in itertools.combinations(range(3), n)):
        part = work[:, kinds]
        solution = np.linalg.lstsq(part * weights[:, None], instructions * weights, rcond=None)[0]
        error = float(np.mean(((part @ solution - instructions) * weights) ** 2))
        if (solution >= 0).all() and error < 0.95 * least:
            best, least = np.zeros(3), error
            best[list(kinds)] = solution
    return [round(float(x), 2) for x in best]


def report(table: str, plans: dict[str, edgeshift.Plan], counted: dict[str, Any], made: dict[str, Any]) -> None:
    """How far off the estimates are."""
    errors = {}
    for name, c in counted.items():
        plan, steps = plans[name], plans[name].schedule.steps
        estimate = made["hop"] + sum(np.dot(made["kernels"][kernel_key(plan, s)], work_of(plan, s)) for s in steps)
        errors[name] = estimate / c["instructions"] - 1
    worst = sorted(errors, key=errors.__getitem__)
    print(f"{table}: rms {np.sqrt(np.mean(np.square(list(errors.values())))):.0%}, from", end=" ")
    print(f"{errors[worst[0]]:+.0%} ({worst[0]}) to {errors[worst[-1]]:+.0%} ({worst[-1]})", end="; ")
    print(", ".join(f"{name} {errors[name]:+.0%}" for name in FILES if name in errors))
    ratios = [c["cycles"] / c["instructions"] for c in counted.values() if c["cycles"]]
    if ratios:
        print(f"  cycles per instruction {min(ratios):.2f} to {max(ratios):.2f}")


def _toml(table: str, made: dict[str, Any]) -> str:
    lines = [f"[{table}]", *(f"{key} = {made[key]}" for key in ("hop", "stack_bytes", "code_bytes"))]
    lines += ["", f"[{table}.kernels]", *(f'"{key}" = {cost}' for key, cost in made["kernels"].items()), ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", choices=TABLES, metavar="TABLE")
    given = parser.parse_args(arguments)
    given.counts.mkdir(exist_ok=True)
    texts = [HEAD]
    with tempfile.TemporaryDirectory() as scratch:
        found = networks(Path(scratch))
        for table, (isa, board) in TABLES.items():
            file = given.counts / f"{table}.json"
            plans = {name: edgeshift.plan(network, isa=isa) for name, network in found.items()}
            counted = json.loads(file.read_text(encoding="ascii")) if file.exists() else {}
            if given.only in (None, table):
                new = {name: plan for name, plan in plans.items() if name not in counted}
                counted |= count(new, edgeshift.load_board(board))
                file.write_text(json.dumps(counted, indent=1), encoding="ascii")
            if counted:
                made = fit(plans, counted)
                report(table, plans, counted, made)
                texts.append(_toml(table, made))
    COSTS.write_text("\n".join(texts), encoding="ascii")


if __name__ == "__main__":
    main()
