"""Build generated C into a shared library with the host's compiler, and call it through cffi."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import cffi
import numpy as np

from edgeshift.emit import Sources
from edgeshift.errors import ToolchainError

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror")
FLAGS = ("-O2", "-ffp-contract=off", "-fPIC", "-shared")
SANITIZE = ("-g", "-fsanitize=undefined", "-fno-sanitize-recover=all")


def find_compiler() -> str:
    """The host's C compiler, `$CC` first. Raises `ToolchainError` when there is none."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise ToolchainError("no C compiler for this computer was found; run: apt-get install gcc libc6-dev")


def build_library(sources: Sources, folder: Path, extra: Sequence[str] = ()) -> Path:
    """Compile the sources in `folder` to `<name>.so`. Raises `ToolchainError` when that fails."""
    compiler = find_compiler()
    for name, text in sources.files.items():
        (folder / name).write_text(text)
    library = folder / f"{sources.name}.so"
    command = [compiler, *WARNINGS, *FLAGS, *extra, str(folder / f"{sources.name}.c"), "-o", str(library)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        lines = result.stderr.strip().splitlines()
        lines.sort(key=lambda line: "error" not in line)
        first = next(iter(lines), f"status {result.returncode}")
        raise ToolchainError(f"{Path(compiler).name} cannot compile the generated C: {first}")
    return library


class Library:
    """Generated C, loaded: its state is opaque memory, its frames and outputs are numpy arrays."""

    def __init__(self, sources: Sources, state_bytes: int, ports: int, extra: Sequence[str] = ()) -> None:
        folder = tempfile.TemporaryDirectory(prefix="edgeshift-")
        self._cleanup = weakref.finalize(self, folder.cleanup)
        library = build_library(sources, Path(folder.name), extra)
        self._ffi = cffi.FFI()
        pointers = ", ".join(["void *"] * (1 + ports))
        self._ffi.cdef(f"void {sources.name}_init(void *); int {sources.name}_push({pointers});")
        try:
            self._library = self._ffi.dlopen(str(library))
        except OSError as error:
            raise ToolchainError(f"the compiled network cannot be loaded: {error}") from error
        self._init = getattr(self._library, f"{sources.name}_init")
        self._push = getattr(self._library, f"{sources.name}_push")
        self._state_bytes = state_bytes

    def new_state(self) -> np.ndarray:
        """Memory for one instance, initialised. Filled with garbage first: `init` must not rely on zeros."""
        state = np.full(-(-self._state_bytes // 8) or 1, 0xA5A5A5A5A5A5A5A5, np.uint64)
        self._init(self._pointer(state))
        return state

    def init(self, state: np.ndarray) -> None:
        self._init(self._pointer(state))

    def push(self, state: np.ndarray, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> bool:
        """Whether the outputs were written."""
        return bool(self._push(self._pointer(state), *(self._pointer(a) for a in (*inputs, *outputs))))

    def _pointer(self, array: np.ndarray) -> object:
        return self._ffi.cast("void *", array.ctypes.data)
