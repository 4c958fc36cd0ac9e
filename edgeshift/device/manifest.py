"""What a folder of `edgeshift build` holds: for which board, whether it was verified, and the hash of every file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeshift.errors import InputError

MANIFEST = "build.json"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Verified:
    """A verification that was made: the hops that were compared and those that differed, with what, and where
    the C ran (a board's emulator, or "this computer")."""

    hops: int
    mismatched_hops: int
    oracle: str
    where: str

    @property
    def exact(self) -> bool:
        return self.hops > 0 and self.mismatched_hops == 0


@dataclasses.dataclass(frozen=True)
class Manifest:
    """`files` are names in the folder and the SHA-256 of what is in them; `verified` is `None` when it was skipped.
    `options` are those of the build, and the SHA-256 of the model's file."""

    model: str
    board: str
    hop: int
    verified: Verified | None
    files: dict[str, str]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(
        model: str,
        board: str,
        hop: int,
        verified: Verified | None,
        files: Mapping[str, bytes],
        options: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """That of the contents `files`."""
        hashes = {name: sha256(data) for name, data in sorted(files.items())}
        return Manifest(model, board, hop, verified, hashes, dict(options or {}))

    def as_json(self) -> bytes:
        """The file's contents."""
        return (json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n").encode()


def sha256(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder. Raises InputError when it has none that can be read."""
    try:
        table: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if table.pop("format") != FORMAT:
            raise ValueError("another version of EdgeShift wrote it")
        verified = table.pop("verified")
        return Manifest(verified=None if verified is None else Verified(**verified), **table)
    except FileNotFoundError as error:
        raise InputError(f"'{folder}' has no {MANIFEST}: `edgeshift build` writes one") from error
    except OSError as error:
        raise InputError(f"cannot read '{folder / MANIFEST}': {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"'{folder / MANIFEST}' is damaged ({error}): build again") from error
