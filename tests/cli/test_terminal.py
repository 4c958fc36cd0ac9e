"""On a terminal: colours and progress. `NO_COLOR` takes the colours; a pipe gets neither."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


def on_terminal(*arguments: str | Path, **environment: str) -> str:
    """What a terminal of 80 columns gets: standard output and standard error."""
    control, terminal = pty.openpty()
    command = [sys.executable, "-m", "edgeshift", *map(str, arguments)]
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "CI")}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env={**kept, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
    )
    os.close(terminal)
    pieces = []
    try:
        while piece := os.read(control, 4096):
            pieces.append(piece)
    except OSError:  # Linux's way to say that the other end is closed
        pass
    finally:
        os.close(control)
    assert process.wait() == 0
    return b"".join(pieces).decode()


def piped(*arguments: str | Path) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "edgeshift", *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(("verb", "shown"), [("verify", "comparing"), ("run", "building and running")])
def test_progress(verb: str, shown: str, kws: Path) -> None:
    arguments = (verb, kws, "--hops", "3", "--board", "raspberry-pi-zero")
    assert shown in on_terminal(*arguments)


def test_no_progress_beside_json(kws: Path) -> None:
    assert json.loads(on_terminal("verify", kws, "--hops", "3", "--json"))["exact"]


def test_colours(kws: Path) -> None:
    arguments = ("inspect", kws, "--board", "raspberry-pi-pico")
    plain, errors = piped(*arguments)
    assert "\x1b" not in plain and errors == ""
    assert COLOUR.search(on_terminal(*arguments))
    without = on_terminal(*arguments, NO_COLOR="1")
    assert not COLOUR.search(without)
    assert re.sub(r"\x1b\[[0-9;]*m", "", without).split() == plain.split()
