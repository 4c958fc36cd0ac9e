"""The hand-written part of an image, whatever its program: start-up, console and printing; and how all is linked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeshift.device import uf2
from edgeshift.device.boards import BOOTS, Board
from edgeshift.device.boot import with_checksum
from edgeshift.device.toolchain import find_toolchain
from edgeshift.errors import OutputError
from edgeshift.resources import environment, resource

STARTUP = {"bare-metal": "cortex_m.c", "linux": "linux.c"}


class Firmware:
    """A board's firmware in a build folder, to which objects are added and which is then linked.

    Raises ToolchainError when the compiler is missing or fails, OutputError when `folder` cannot be written.
    """

    def __init__(self, board: Board, folder: Path, stack_bytes: int) -> None:
        self.board, self.folder, self.root = board, folder, resource("firmware")
        self.toolchain = find_toolchain(board)
        self.flags = [f"-DSTACK_BYTES={stack_bytes}u", *board.defines]
        self.objects: list[Path] = []
        sources = {
            "startup.o": self.root / "startup" / STARTUP[board.image],
            "console.o": board.console.source,
            "print.o": self.root / "print.c",
        }
        context = {"board": board, "stack_bytes": stack_bytes}
        self.generate({"link.ld": context, "setup.c": context} if board.memory else {})
        if board.memory:
            sources["setup.o"] = folder / "setup.c"
        if board.boot:
            sources["boot.o"] = self.root / "boot" / f"{board.boot}.c"
        self.compile(sources)

    def generate(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes files of templates/firmware, by their name, rendered with their context."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for file, context in files.items():
                (self.folder / file).write_text(render(f"firmware/{file}.j2", context), encoding="ascii")
        except OSError as error:
            raise OutputError(f"cannot write into {self.folder}: {error.strerror}") from error

    def compile(self, sources: Mapping[str, Path], include: Sequence[Path] = (), flags: Sequence[str] = ()) -> None:
        """Compiles sources into objects of the build folder, by the object's name."""
        for target, source in sources.items():
            path = self.folder / target
            self.toolchain.compile(source, path, [self.root, *include, self.folder], [*self.flags, *flags])
            self.objects.append(path)

    def link(self, name: str, objects: Sequence[Path] = ()) -> Path:
        """`<name>.elf`, and `<name>.uf2` where the board's ROM takes that; further `objects` are of this image alone.

        Raises BoardError when the image is too big for the board.
        """
        elf = self.folder / f"{name}.elf"
        self.toolchain.link([*self.objects, *objects], self.folder / "link.ld" if self.board.memory else None, elf)
        if self.board.boot == "rp2040":
            self._check(elf)
        family = BOOTS[self.board.boot] if self.board.boot else None
        if family is not None and self.board.memory:
            elf.with_suffix(".uf2").write_bytes(uf2.pack(self.binary(elf), self.board.memory.flash.origin, family))
        return elf

    def _check(self, elf: Path) -> None:
        """Puts the checksum into the second stage."""
        stage = self.binary(elf, "--only-section=.boot")
        part = elf.with_suffix(".boot")
        part.write_bytes(with_checksum(stage))
        self.toolchain.copy(elf, "--update-section", f".boot={part.name}", elf.name)

    def binary(self, elf: Path, *which: str) -> bytes:
        """The bytes of an image, or of some of its sections, as they lie in memory."""
        target = elf.with_suffix(".bin")
        self.toolchain.copy(elf, "--output-target=binary", *which, elf.name, target.name)
        return target.read_bytes()


def render(template: str, context: Mapping[str, Any]) -> str:
    """A template with its context."""
    return environment().get_template(template).render(context)
