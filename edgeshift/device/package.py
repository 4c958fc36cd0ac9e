"""The files of an image, in every format that flash runners take; on Linux a program, a library and a service."""

from __future__ import annotations

from pathlib import Path

from edgeshift.device.boards import Board
from edgeshift.device.firmware import render
from edgeshift.device.image import MODEL_OBJECT, Image
from edgeshift.device.toolchain import find_toolchain


def image_files(board: Board, image: Image) -> dict[str, bytes]:
    """ELF, HEX, map, BIN and, where the chip's ROM takes it, UF2, by their names.

    There is no BIN of an image in two places far apart. Raises ToolchainError.
    """
    toolchain, elf, name = find_toolchain(board), image.elf, image.model.name
    made = {".elf": elf, ".map": elf.with_name(f"{elf.name}.map"), ".hex": elf.with_suffix(".hex")}
    toolchain.copy(elf, "--output-target=ihex", elf.name, made[".hex"].name)
    if board.memory is None or board.memory.vectors is None:
        made[".bin"] = elf.with_suffix(".bin")
        toolchain.copy(elf, "--output-target=binary", elf.name, made[".bin"].name)
    uf2 = elf.with_suffix(".uf2")
    if uf2.exists():
        made[".uf2"] = uf2
    return {f"{name}{suffix}": file.read_bytes() for suffix, file in made.items()}


def linux_files(board: Board, image: Image, app: str) -> dict[str, bytes]:
    """The program, the model as a shared library with its header and, for the app "pipe", a systemd unit.

    Raises ToolchainError.
    """
    toolchain, model, folder = find_toolchain(board), image.model, image.elf.parent
    shared = folder / f"lib{model.name}.so"
    source = model.source_dir / f"{model.name}.c"
    toolchain.compile(source, folder / MODEL_OBJECT, [model.source_dir], ["-fPIC"])
    toolchain.link_shared(folder / MODEL_OBJECT, shared)
    files = {
        model.name: image.elf.read_bytes(),
        shared.name: shared.read_bytes(),
        f"{model.name}.h": (model.source_dir / f"{model.name}.h").read_bytes(),
        f"{model.name}.map": Path(f"{image.elf}.map").read_bytes(),
    }
    if app == "pipe":
        files[f"{model.name}.service"] = render("firmware/service.j2", {"name": model.name}).encode()
    return files
