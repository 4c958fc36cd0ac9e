"""`make screenshots`: the pictures of README.md and docs/, taken from the report on the activity example."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.browser import Browser

ROOT = Path(__file__).resolve().parents[1]
ACTIVITY = ROOT / "examples" / "activity"
IMAGES = ROOT / "docs" / "images"
FONT = "Liberation Sans"  # so that a picture does not depend on the desktop's font
SHOTS = {"report": "header", "lanes": "#network", "scores": "#stream"}
DARK = {"scores"}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        page = Path(folder) / "report.html"
        command = [sys.executable, "-m", "edgeshift", "report", str(ACTIVITY / "activity.tflite"), "-o", str(page)]
        command += ["--input", str(ACTIVITY / "test_recording.npy"), "--labels", str(ACTIVITY / "test_labels.npy")]
        command += ["--classes", "standing,walking,running,badminton", "--board", "mps2-an386"]
        subprocess.run(command, check=True)
        for name, selector in SHOTS.items():
            browser.open(page, width=1100, scale=1.5, dark=name in DARK)
            browser.run(f"document.body.style.fontFamily = {FONT!r}")
            (IMAGES / f"{name}.png").write_bytes(browser.picture(selector, margin=16))
    images = [str(IMAGES / f"{name}.png") for name in SHOTS]
    subprocess.run(["pngquant", "--force", "--ext", ".png", "--speed", "1", "--strip", *images], check=True)


if __name__ == "__main__":
    main()
