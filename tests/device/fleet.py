"""Many networks in one image: their outputs on a board's emulator, compared with the portable C's here."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeshift.device import Board, emulator
from edgeshift.device.firmware import Firmware
from edgeshift.device.toolchain import find_toolchain
from edgeshift.pipeline import Network, Plan, plan
from tests.ladder_c import Outputs, Program, shared_library

STACK_BYTES = 16 * 1024
FLAGS = ("-Wconversion", "-Werror")
OUTPUTS = 6  # pushes that give one

MAIN = """\
#include "console/console.h"
#include "print.h"
#include <string.h>

extern const uint8_t fleet_data[];
__asm__(".section .rodata\\n.balign 8\\n.global fleet_data\\n"
        "fleet_data: .incbin \\"data.bin\\"\\n.balign 8\\n.text\\n");

static uint64_t state[30000], output[8192];

static void say(const char *name, int push) {
    print_text(name);
    print_text(" ");
    print_decimal((uint32_t)push);
    print_text("\\n");
}
"""


@dataclass(frozen=True, eq=False)
class Ship:
    """A network at a hop with the kernels of `isa`; `frames` per input `[frames or columns, size]`."""

    network: Network
    hop: int
    isa: str
    frames: Sequence[np.ndarray]
    plan: Plan

    @staticmethod
    def of(network: Network, hop: int, isa: str, seed: int, ram: int | None = None) -> Ship:
        made = plan(network, hop, isa, ram=ram)
        pushes = made.schedule.warmup_hops - 1 + OUTPUTS
        return Ship(network, hop, isa, frames_of(network, pushes * hop, seed), made)

    @property
    def pushes(self) -> list[list[np.ndarray]]:
        """For each push the array of each input."""
        graph, hop = self.network.graph, self.hop
        count = self.plan.schedule.warmup_hops - 1 + OUTPUTS
        return [
            [
                f[push * hop : (push + 1) * hop] if s.id in graph.temporal else f
                for f, s in zip(self.frames, graph.inputs, strict=True)
            ]
            for push in range(count)
        ]

    @property
    def templates(self) -> set[str]:
        return {k.template for k in self.plan.kernels.values()}


def frames_of(network: Network, count: int, seed: int) -> list[np.ndarray]:
    """Noise, its extremes, noise again, then stretches of nothing but -128 or 127; floats are plain noise."""
    rng = np.random.default_rng(seed)
    made = []
    for stream in network.graph.inputs:
        shape = (count if stream.id in network.graph.temporal else stream.columns, stream.size)
        if stream.dtype != np.int8:
            made.append(rng.normal(0, 2, shape).astype(stream.dtype))
            continue
        noise = rng.integers(-128, 128, shape)
        ends = rng.choice([-128, 127], shape)
        flat = np.broadcast_to(rng.choice([-128, 127], (shape[0], 1)), shape)
        kind = (np.arange(shape[0]) * 4 // shape[0])[:, None]
        made.append(np.select([kind == 1, kind == 3], [ends, flat], noise).astype(np.int8))
    return made


def differences(ships: Sequence[Ship], board: Board, flags: Sequence[str] = FLAGS) -> list[str]:
    """ "<index> <push>" for every push whose outputs are not the portable C's; empty when all is well."""
    programs = []
    for index, ship in enumerate(ships):
        portable = plan(ship.network, ship.hop, "portable")
        portable.__dict__["sources"] = portable.emit(f"p{index}")
        programs.append(Program(portable, ship.pushes))
    answers = shared_library(programs)
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        text = _run(ships, [answers[p.name] for p in programs], board, Path(folder), flags)
    lines = text.splitlines()
    assert lines and lines[-1] == f"done {len(ships)}", text[-500:]
    return lines[:-1]


def _run(ships: Sequence[Ship], answers: Sequence[Outputs], board: Board, folder: Path, flags: Sequence[str]) -> str:
    """Build the image and run it."""
    toolchain = find_toolchain(board)
    objects, calls, text, data = [], [], MAIN, bytearray()
    for index, (ship, expected) in enumerate(zip(ships, answers, strict=True)):
        name = f"n{index}"
        for file, content in ship.plan.emit(name).files.items():
            (folder / file).write_text(content)
        toolchain.compile(folder / f"{name}.c", folder / f"{name}.o", [folder], flags)
        objects.append(folder / f"{name}.o")
        inputs = [a.nbytes for a in ship.pushes[0]]
        outputs = [s.columns * s.size * s.dtype.itemsize for s in ship.network.graph.outputs]
        warmup = ship.plan.schedule.warmup_hops - 1
        for push, arrays in enumerate(ship.pushes):
            for array in arrays:
                data += _padded(np.ascontiguousarray(array).tobytes())
            for array in expected[push - warmup] if push >= warmup else ():
                data += _padded(np.ascontiguousarray(array).tobytes())
        text += _runner(name, index, len(ship.pushes), warmup, inputs, outputs)
        calls.append(f"    at = run_{name}(at);")
    text += "\nint main(void) {\n    const uint8_t *at = fleet_data;\n" + "\n".join(calls)
    text += f'\n    say("done", {len(ships)});\n    return 0;\n}}\n'
    (folder / "main.c").write_text(text)
    (folder / "data.bin").write_bytes(data)
    made = Firmware(board, folder, STACK_BYTES)
    made.compile({"main.o": folder / "main.c"})
    elf = made.link("fleet", objects)
    return emulator.run(board, elf, 120.0)


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 8)


def _runner(name: str, index: int, pushes: int, warmup: int, inputs: list[int], outputs: list[int]) -> str:
    """Pushes every frame, and compares the outputs; scratch is overwritten in between."""
    ports, at = [], 0
    suffix = [str(i) if len(inputs) > 1 else "" for i in range(len(inputs))]
    for i, size in enumerate(inputs):
        ports.append(f"(const {name}_input{suffix[i]}_t *)(const void *)(at + {at})")
        at += -(-size // 8) * 8
    suffix = [str(i) if len(outputs) > 1 else "" for i in range(len(outputs))]
    to, checks = 0, []
    for i, size in enumerate(outputs):
        ports.append(f"({name}_output{suffix[i]}_t *)(void *)((uint8_t *)output + {to})")
        checks.append(f"memcmp((uint8_t *)output + {to}, at + {to}, {size}) != 0")
        to += -(-size // 8) * 8
    return f"""
#include "{name}.h"
static const uint8_t *run_{name}(const uint8_t *at) {{
    {name}_t *const model = ({name}_t *)(void *)state;
    _Static_assert(sizeof *model <= sizeof state && {to} <= sizeof output, "room");
    {name}_init(model);
    for (int push = 0; push < {pushes}; ++push) {{
        const int ready = {name}_push(model, {", ".join(ports)}) == {name.upper()}_READY;
        at += {at};
        if (ready != (push >= {warmup}) || (ready && ({" || ".join(checks)}))) {{
            say("{index}", push);
        }}
        at += ready ? {to} : 0;
#if {name.upper()}_SCRATCH_BYTES
        memset(&model->scratch, 0xA5, sizeof model->scratch);
#endif
    }}
    return at;
}}
"""
