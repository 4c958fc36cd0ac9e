"""`build`: a network as an image for a board, in a folder that says what it holds."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgeshift.device import Board, load_board
from edgeshift.device.deploy import device_model, rows_of
from edgeshift.device.fit import require_fit
from edgeshift.device.image import DeviceModel, Image, build_image
from edgeshift.device.manifest import MANIFEST, Manifest, Verified
from edgeshift.device.package import image_files, linux_files
from edgeshift.errors import BoardError, VerificationError
from edgeshift.files import write_files
from edgeshift.host.recording import DEFAULT_HOPS, gather_frames
from edgeshift.host.verify import Progress, VerifyReport, verify
from edgeshift.pipeline import Edges, Network, Plan, compile, load, plan
from edgeshift.shift import Outputs, Recurrent

App = Literal["replay", "stream", "bench", "pipe"]
APPS: tuple[App, ...] = ("replay", "stream", "bench", "pipe")


@dataclass(frozen=True, eq=False)
class BuildResult:
    """What `build` wrote: the bytes of each file, by its name in `folder`; sizes of the image and, `None` on Linux, of
    the board's memories, in bytes. `hops` are those of the recording in the image, warming up included."""

    model: str
    board: str
    app: str
    hop: int
    hops: int
    folder: Path
    files: dict[str, int]
    flash_bytes: int
    recording_bytes: int
    flash_size: int | None
    ram_bytes: int
    ram_size: int | None
    verified: VerifyReport | None

    def as_dict(self) -> dict[str, Any]:
        verified = None if self.verified is None else self.verified.as_dict()
        return {**vars(self), "folder": str(self.folder), "verified": verified}


def build(
    network: Network | str | Path,
    board: str | Board,
    folder: str | Path,
    hop: int | None = None,
    hops: int | None = None,
    seed: int = 0,
    recording: str | Path | None = None,
    app: App | None = None,
    verified: bool = True,
    progress: Progress | None = None,
    rate: float | None = None,
    *,
    ram: int | None = None,
    edges: Edges = "exact",
    outputs: Outputs = "all",
    recurrent: Recurrent = "zero",
) -> BuildResult:
    """Write the image of an app into `folder`, all of it or nothing, after the network was verified on this computer.

    The apps: "replay" prints the outputs of a recording that is in the image, "bench" also what they cost, "stream"
    gets frames from the console, "pipe", on Linux only, from standard input. Without `app`: "replay", on Linux "pipe".
    `hops` outputs are verified, and recorded in the image: without it 200, fewer where the flash has no room for them,
    or all that `recording` holds. With `verified = False` nothing is verified, and the folder says so. `rate` is in
    frames per second: what is estimated to be slower than that does not fit.
    Raises `VerificationError` when an output is not the reference's, `BoardError` when the image does not fit,
    `ToolchainError` when it cannot be built, `InputError` for a bad recording, `OutputError`.
    """
    if not isinstance(network, Network):
        network = load(network)
    board = load_board(board) if isinstance(board, str) else board
    app = app or ("pipe" if board.image == "linux" else "replay")
    if app == "pipe" and board.image != "linux":
        raise BoardError(f"the app pipe is for Linux, {board.name} is not: use --app stream")
    made = plan(network, hop, board.isa, ram=ram, edges=edges, outputs=outputs, recurrent=recurrent)
    require_fit(made, board, rate)
    with tempfile.TemporaryDirectory(prefix="edgeshift-") as name:
        artifacts = compile(made, Path(name) / "model")
        model = device_model(made, artifacts.name, artifacts.folder)
        rows = None
        if app in ("replay", "bench"):
            shown = _hops_that_fit(made, board, model, artifacts.weights_bytes, hops, recording)
            frames, _, pushes = gather_frames(made.schedule, shown, seed, recording)
            rows = rows_of(made, frames, pushes)
        image = build_image(board, model, rows, Path(name) / "build", app)
        options: dict[str, Any] = {"ram": ram, "edges": edges, "outputs": outputs, "recurrent": recurrent}
        report = None
        if verified:
            report = verify(network, hop, hops, seed, recording, progress=progress, **options)
            _require_exact(report, drift=recording is None)
        files = linux_files(board, image, app) if board.image == "linux" else image_files(board, image)
    return _write(made, board, app, image, files, report, options, Path(folder))


def _write(
    made: Plan,
    board: Board,
    app: str,
    image: Image,
    files: dict[str, bytes],
    report: VerifyReport | None,
    options: dict[str, Any],
    folder: Path,
) -> BuildResult:
    """Writes the files and what they are."""
    network, proof = made.network, None
    if report is not None:
        proof = Verified(report.hops_compared, report.mismatched_hops, report.oracle, "this computer")
    options = {"app": app, "model_sha256": made.schedule.graph.sha256, **options}
    manifest = Manifest.of(network.name, board.name, made.schedule.hop, proof, files, options)
    files = {**files, MANIFEST: manifest.as_json()}
    write_files(folder, files)
    if board.image == "linux":
        (folder / image.model.name).chmod(0o755)
    return BuildResult(
        model=network.name,
        board=board.name,
        app=app,
        hop=made.schedule.hop,
        hops=image.hops,
        folder=folder,
        files={name: len(data) for name, data in files.items()},
        flash_bytes=image.flash_bytes,
        recording_bytes=image.recording_bytes,
        flash_size=board.memory.flash.size if board.memory else None,
        ram_bytes=image.ram_bytes,
        ram_size=board.memory.ram.size if board.memory else None,
        verified=report,
    )


def _require_exact(report: VerifyReport, drift: bool) -> None:
    """Raises `VerificationError`; a float network that fails on the drift is to be judged by a recording."""
    if not report.exact:
        differ = f"{report.mismatched_hops} of {report.hops_compared} hops differ from {report.oracle}"
        loud = "; the drift is louder than most signals, so judge it by a recording (--input)"
        told = loud if drift and report.matches_window_run else ""
        raise VerificationError(f"{differ}: nothing was written{told}")


def _hops_that_fit(
    made: Plan, board: Board, model: DeviceModel, weights_bytes: int, hops: int | None, recording: str | Path | None
) -> int | None:
    """Outputs to record in the image: those that were asked for, else at most what half of the free flash holds."""
    if hops is not None or recording is not None or board.memory is None:
        return hops
    pushes = (board.memory.flash.size - weights_bytes) // 2 // sum(port.bytes for port in model.inputs)
    return max(1, min(DEFAULT_HOPS, pushes - made.schedule.warmup_hops + 1))
