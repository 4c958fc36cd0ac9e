"""The cross compiler: finding it, compiling, linking, and the sizes of what came out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeshift.device.boards import Board
from edgeshift.errors import BoardError, ToolchainError

# -ffp-contract=off: a fused multiply-add rounds once where the host rounds twice.
COMPILE_FLAGS = (
    "-std=c99",
    "-O2",
    "-Wall",
    "-Wextra",
    "-ffp-contract=off",
    "-ffunction-sections",
    "-fdata-sections",
)
LINK_FLAGS = {"bare-metal": ("-nostartfiles", "-Wl,--gc-sections"), "linux": ("-static", "-Wl,--gc-sections")}
LIBRARIES = ("-lm", "-lc", "-lgcc")


@dataclass(frozen=True)
class Symbol:
    """`kind` is nm's letter in lower case ("t" code, "r" constants); `size` is in bytes, 0 where unknown."""

    name: str
    kind: str
    address: int
    size: int


@dataclass(frozen=True)
class Toolchain:
    """The programs that build for one board; `target_flags` choose the core and its FPU."""

    board: Board
    gcc: Path
    size: Path
    target_flags: tuple[str, ...]

    def compile(
        self,
        source: Path,
        target: Path,
        include: Sequence[Path] = (),
        flags: Sequence[str] = (),
    ) -> None:
        """Compiles one C file into the object `target`, working in the target's folder.

        `flags` come last, so they may overrule. Raises ToolchainError with the compiler's first error.
        """
        paths = [f"-I{folder.resolve()}" for folder in include]
        self._run(
            [
                self.gcc,
                *self.target_flags,
                *COMPILE_FLAGS,
                *paths,
                *flags,
                "-c",
                source.resolve(),
                "-o",
                target.name,
            ],
            target.parent,
        )

    def link(self, objects: Sequence[Path], script: Path | None, elf: Path) -> None:
        """Links objects into `elf`, and leaves the linker's map beside it (`<elf>.map`).

        Without `script` by that of the system.
        Raises BoardError when the image is too big for the board, ToolchainError for everything else.
        """
        self._run(
            [
                self.gcc,
                *self.target_flags,
                *LINK_FLAGS[self.board.image],
                f"-Wl,-Map={elf.name}.map",
                *([f"-Wl,-T,{script.name}"] if script else []),
                *(os.path.relpath(file, elf.parent) for file in objects),  # the map tells no folder of this computer
                *LIBRARIES,
                "-o",
                elf.name,
            ],
            elf.parent,
        )

    def link_alone(self, object_file: Path, roots: Sequence[str]) -> Path:
        """One object with all that it needs of the compiler's libraries, to see its sizes: it cannot run.

        On Linux the object as it is: there the library is the system's.
        """
        if self.board.image == "linux":
            return object_file
        elf = object_file.with_name(f"{object_file.stem}-alone.elf")
        keep = [f"-Wl,-e,{roots[0]}", *(f"-Wl,-u,{root}" for root in roots)]
        flags = [*self.target_flags, *LINK_FLAGS[self.board.image], *keep]
        self._run([self.gcc, *flags, object_file.name, *LIBRARIES, "-o", elf.name], elf.parent)
        return elf

    def link_shared(self, object_file: Path, library: Path) -> None:
        """A shared library of one object, for Linux."""
        flags = [*self.target_flags, "-shared", f"-Wl,-soname,{library.name}"]
        self._run([self.gcc, *flags, object_file.name, "-o", library.name], library.parent)

    def section_sizes(self, elf: Path) -> dict[str, int]:
        """Bytes of each section that takes memory on the board, by name (".text")."""
        output = self._run([self.size, "-A", elf.name], elf.parent)
        sections = re.findall(r"^(\.\S+)\s+(\d+)\s+\d+$", output, re.MULTILINE)
        return {name: int(size) for name, size in sections if not name.startswith((".ARM.attr", ".debug"))}

    def copy(self, elf: Path, *arguments: str | Path) -> None:
        """Runs objcopy on an image: into another format, or to change a section of it."""
        objcopy = find_program(self.board.toolchain.prefix + "objcopy", self.board.toolchain.packages)
        self._run([objcopy, *arguments], elf.parent)

    def symbols(self, elf: Path) -> list[Symbol]:
        """What an image or an object defines, by address."""
        nm = find_program(self.board.toolchain.prefix + "nm", self.board.toolchain.packages)
        lines = self._run([nm, "-n", "-S", "--defined-only", elf.name], elf.parent).splitlines()
        found = [re.fullmatch(r"([0-9a-f]+)(?: ([0-9a-f]+))? (\w) (\S+)", line) for line in lines]
        return [Symbol(f[4], f[3].lower(), int(f[1], 16), int(f[2] or "0", 16)) for f in found if f]

    def _run(self, command: Sequence[str | Path], folder: Path) -> str:
        run = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if run.returncode != 0:
            raise self._failure(run.stderr)
        return run.stdout

    def _failure(self, stderr: str) -> BoardError | ToolchainError:
        """The tool's message as one line; memory that is too small is the board's matter."""
        overflow = re.search(r"region [`'](\w+)' overflowed by (\d+) bytes", stderr)
        if overflow:
            region = overflow[1].lower()
            size = getattr(self.board.memory, region).size if self.board.memory else 0
            return BoardError(
                f"the image does not fit {self.board.name}: its {region} has {size:,} bytes, "
                f"{int(overflow[2]):,} bytes too few"
            )
        lines = [line.strip() for line in stderr.splitlines() if line.strip()]
        errors = [line for line in lines if re.search(r"\berror\b|undefined reference", line)]
        message = (errors or lines or ["no message"])[0]
        return ToolchainError(f"{self.gcc.name} failed for {self.board.name}: {message}")


def find_toolchain(board: Board) -> Toolchain:
    """The board's toolchain, from PATH. Raises ToolchainError that names the packages to install."""
    spec = board.toolchain
    flags = [f"-mcpu={spec.cpu}"]
    if board.image == "bare-metal":
        flags.append("-mthumb")
    if spec.float_abi:
        flags.append(f"-mfloat-abi={spec.float_abi}")
    if spec.fpu:
        flags.append(f"-mfpu={spec.fpu}")
    toolchain = Toolchain(
        board=board,
        gcc=find_program(spec.prefix + "gcc", spec.packages),
        size=find_program(spec.prefix + "size", spec.packages),
        target_flags=tuple(flags),
    )
    libc = subprocess.run(
        [toolchain.gcc, *flags, "-print-file-name=libc.a"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not Path(libc).is_absolute():  # gcc gives the bare name back when there is no such file
        raise ToolchainError(f"{toolchain.gcc.name} has no C library: apt-get install {' '.join(spec.packages)}")
    return toolchain


def find_program(name: str, packages: Sequence[str]) -> Path:
    """The program `name` from PATH. Raises ToolchainError that names the Debian packages to install."""
    found = shutil.which(name)
    if found is None:
        raise ToolchainError(f"{name} is not installed: apt-get install {' '.join(packages)}")
    return Path(found)
