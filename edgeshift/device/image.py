"""Builds an image for a board: generated model, adapter, recording; hand-written start-up, console, app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeshift.device import protocol
from edgeshift.device.boards import Board
from edgeshift.device.firmware import Firmware
from edgeshift.errors import BoardError, InputError, OutputError
from edgeshift.resources import resource

Array = npt.NDArray[Any]

MAX_STACK_BYTES = 16 * 1024
LINUX_STACK_BYTES = 64 * 1024  # of the system's megabytes those that are watched
MODEL_OBJECT = "model.o"


@dataclass(frozen=True)
class Port:
    """One input or output of a model: its C type, its elements and its bytes per push."""

    type: str
    size: int
    bytes: int


@dataclass(frozen=True)
class DeviceModel:
    """A generated model: `<name>.c` and `<name>.h` in `source_dir`; sizes are elements per push."""

    name: str
    source_dir: Path
    input_dtypes: tuple[np.dtype[Any], ...]
    input_sizes: tuple[int, ...]
    output_dtypes: tuple[np.dtype[Any], ...]
    output_sizes: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The inputs, in the network's order."""
        return _ports(f"{self.name}_input", self.input_dtypes, self.input_sizes)

    @property
    def request_bytes(self) -> int:
        """The longest request of the app `stream`, a push (edgeshift/device/protocol.py)."""
        return protocol.HEADER_BYTES + protocol.padded([port.bytes for port in self.inputs]) + protocol.CHECKSUM_BYTES

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The outputs, in the network's order."""
        return _ports(f"{self.name}_output", self.output_dtypes, self.output_sizes)


@dataclass(frozen=True)
class Image:
    """A linked image, and what it takes in bytes.

    `text_bytes` are code and constants (the model's weights too), without the recording; `data_bytes` take
    flash and RAM; `stack_bytes` are what is set aside for the stack.
    """

    elf: Path
    model: DeviceModel
    hops: int
    text_bytes: int
    recording_bytes: int
    data_bytes: int
    bss_bytes: int
    stack_bytes: int

    @property
    def flash_bytes(self) -> int:
        """Flash that the image takes, with its recording."""
        return self.text_bytes + self.recording_bytes + self.data_bytes

    @property
    def ram_bytes(self) -> int:
        """RAM that the image takes, with the whole stack."""
        return self.data_bytes + self.bss_bytes + self.stack_bytes


def build_image(
    board: Board, model: DeviceModel, recording: Sequence[Array] | None, build_dir: Path, app: str = "replay"
) -> Image:
    """Builds `<build_dir>/<app>.elf`: the firmware app with `model` and `recording` (per input
    [hops, elements]; `None` for the app "stream", which gets its frames from the console).

    Raises InputError when the recording is not the model's, BoardError when the image does not fit the board,
    ToolchainError when the compiler is missing or fails, OutputError when `build_dir` cannot be written.
    """
    return _Build(board, model, recording, build_dir, app).link(app, [])


def build_bench(
    board: Board, model: DeviceModel, recording: Sequence[Array], build_dir: Path, layers: int
) -> tuple[Image, Image]:
    """Builds the app "bench" twice: as it is, and with a mark before each of the model's `layers` layers.

    Raises as `build_image`.
    """
    build = _Build(board, model, recording, build_dir, "bench", layers)
    # Traced first: the object of the model that stays is the plain one.
    traced = build.link("traced", ["-include", "marks.h"])
    return build.link("bench", []), traced


class _Build:
    """All of an image but the model, compiled; `link` compiles the model and links."""

    def __init__(
        self,
        board: Board,
        model: DeviceModel,
        recording: Sequence[Array] | None,
        folder: Path,
        app: str,
        layers: int = 0,
    ) -> None:
        self.model, self.folder = model, folder
        self.hops = 0 if recording is None else _check_recording(model, recording)
        if app == "stream" and not board.console.receives:
            raise BoardError(
                f"the app stream wants a console that receives, that of {board.name} is {board.console.kind}: "
                "name a serial port in the board's file"
            )
        _check_fit(board, model, self.hops)
        firmware = resource("firmware")
        if model.name in {"marks", *(header.stem for header in firmware.glob("*.h"))}:
            raise BoardError(f"the firmware has a header {model.name}.h already: give the model another name")
        self.stack_bytes = stack_set_aside(board)
        self.firmware = Firmware(board, folder, self.stack_bytes)
        sources = {"app.o": firmware / "apps" / f"{app}.c", "adapter.o": folder / "adapter.c"}
        generated: dict[str, dict[str, Any]] = {
            "adapter.c": {
                "name": model.name,
                "macro": model.name.upper(),
                "inputs": model.inputs,
                "outputs": model.outputs,
                "request_bytes": model.request_bytes,
            }
        }
        flags = []
        if recording is not None:
            files = [f"recording{i}.bin" for i in range(len(recording))]
            generated["recording.c"] = {"hops": self.hops, "files": files}
            sources |= {"recording.o": folder / "recording.c", "replay.o": firmware / "replay.c"}
        if app == "bench":
            context = {"macro": model.name.upper(), "layers": layers}
            generated |= {"marks.h": context, "marks.c": context}
            sources["marks.o"] = folder / "marks.c"
            flags.append("-DEDGESHIFT_MEASURE")
        self.firmware.generate(generated)
        _write(recording or (), folder)
        self.firmware.compile(sources, [model.source_dir], flags)

    def link(self, name: str, model_flags: Sequence[str]) -> Image:
        """`<name>.elf` with the model, compiled with further flags."""
        model, toolchain = self.model, self.firmware.toolchain
        source, target = model.source_dir / f"{model.name}.c", self.folder / MODEL_OBJECT
        toolchain.compile(source, target, [model.source_dir], model_flags)
        elf = self.firmware.link(name, [target])
        sizes = toolchain.section_sizes(elf)
        return Image(
            elf=elf,
            model=model,
            hops=self.hops,
            text_bytes=sum(sizes.get(name, 0) for name in (".boot", ".vectors", ".text", ".rodata", ".ARM.exidx")),
            recording_bytes=sizes.get(".recording", 0),
            data_bytes=sizes.get(".data", 0),
            bss_bytes=sizes.get(".bss", 0),
            stack_bytes=self.stack_bytes,
        )


def _write(recording: Sequence[Array], folder: Path) -> None:
    """One file of raw little-endian frames per input."""
    try:
        for i, frames in enumerate(recording):
            little_endian = frames.astype(frames.dtype.newbyteorder("<"), order="C", copy=False)
            little_endian.tofile(folder / f"recording{i}.bin")
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from error


def stack_set_aside(board: Board) -> int:
    """Bytes of RAM that an image keeps for its stack."""
    return min(MAX_STACK_BYTES, board.memory.ram.size // 4) // 8 * 8 if board.memory else LINUX_STACK_BYTES


def _ports(name: str, dtypes: Sequence[np.dtype[Any]], sizes: Sequence[int]) -> tuple[Port, ...]:
    """`<name>_t` is the type of a single one, `<name>0_t`, `<name>1_t`... of several."""
    types = [f"{name}_t"] if len(sizes) == 1 else [f"{name}{i}_t" for i in range(len(sizes))]
    return tuple(
        Port(c_type, size, dtype.itemsize * size) for c_type, dtype, size in zip(types, dtypes, sizes, strict=True)
    )


def _check_recording(model: DeviceModel, recording: Sequence[Array]) -> int:
    """The number of hops. Raises InputError when the arrays are not one push of the model per row."""
    if len(recording) != len(model.input_sizes):
        raise InputError(f"the recording has {len(recording)} inputs, {model.name} takes {len(model.input_sizes)}")
    for i, (frames, dtype, size) in enumerate(zip(recording, model.input_dtypes, model.input_sizes, strict=True)):
        if frames.dtype != dtype or frames.ndim != 2 or frames.shape[1] != size:
            raise InputError(
                f"input {i} of the recording is {frames.dtype} {list(frames.shape)}, "
                f"{model.name} takes {dtype} [hops, {size}]"
            )
    hops = {len(frames) for frames in recording}
    if len(hops) != 1 or 0 in hops:
        raise InputError(f"every input must have the same number of hops, at least 1, not {sorted(hops)}")
    return hops.pop()


def _check_fit(board: Board, model: DeviceModel, hops: int) -> None:
    """Raises BoardError when the recording alone overfills the flash; the linker counts the rest."""
    per_hop = sum(port.bytes for port in model.inputs)
    room = board.memory.flash.size if board.memory else hops * per_hop
    if hops * per_hop > room:
        raise BoardError(
            f"the recording takes {hops * per_hop:,} bytes ({hops:,} hops of {per_hop:,}), "
            f"the flash of {board.name} has {room:,}: "
            f"use at most {room // per_hop:,} hops, less the code's share"
        )
