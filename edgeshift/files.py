"""Files: folders written whole or not at all, and numpy's files read."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from edgeshift.errors import OutputError


def read_arrays(path: Path) -> list[np.ndarray]:
    """The array of a `.npy` file, or those of an `.npz` file. Raises `OSError`, and `ValueError` for damage."""
    try:
        read = np.load(path, allow_pickle=False)
        return [read[name] for name in read.files] if isinstance(read, np.lib.npyio.NpzFile) else [read]
    except (EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise ValueError(error) from error
    except ValueError as error:  # of whatever is not its own, numpy says that it may be unsafe to load
        raise ValueError("it is not numpy's, or holds objects" if "pickle" in str(error) else error) from error


def read_array(path: Path) -> np.ndarray:
    """The one array of a file. Raises as `read_arrays`."""
    arrays = read_arrays(path)
    if len(arrays) != 1:
        raise ValueError(f"it holds {len(arrays)} arrays, not one")
    return arrays[0]


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files into `folder`, or none: they are written beside it first and then moved into place.

    Names are relative paths; folders are made where they are missing. Raises `OutputError`.
    """
    folder = Path(os.path.abspath(folder))
    made: list[Path] = []
    staging = None
    try:
        _make(folder, made)
        staging = Path(tempfile.mkdtemp(prefix=".edgeshift-", dir=folder))
        for name, data in files.items():
            _make((staging / "new" / name).parent, [])
            (staging / "new" / name).write_bytes(data)
        for name in files:
            _make((folder / name).parent, made)
        _move(files, staging, folder)
    except OSError as error:
        for path in reversed(made):
            shutil.rmtree(path, ignore_errors=True)
        raise OutputError(f"cannot write into '{folder}': {error.strerror or error}") from error
    finally:
        if staging is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(staging)


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those that it lies in; each that was not there is added to `made`."""
    for parent in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        parent.mkdir()
        made.append(parent)


def _move(names: Iterable[str], staging: Path, folder: Path) -> None:
    """Move files from `staging` into `folder`; where one cannot go, all that was there before comes back."""
    tried: list[str] = []
    try:
        for name in names:
            tried.append(name)
            if (folder / name).is_file():
                _make((staging / "old" / name).parent, [])
                os.replace(folder / name, staging / "old" / name)
            os.replace(staging / "new" / name, folder / name)
    except OSError:
        for name in tried:
            if not (staging / "new" / name).exists():
                (folder / name).unlink()
            if (staging / "old" / name).exists():
                os.replace(staging / "old" / name, folder / name)
        raise
