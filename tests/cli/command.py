"""The command line, called as its user calls it but in this process: what it prints, and its status."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from edgeshift.cli import main


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object that standard output must be."""
        assert self.status == 0, self.err
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def error(self) -> str:
        """What is wrong: one line on standard error, nothing on standard output, status 1."""
        assert self.status == 1, (self.status, self.out[:500], self.err)
        assert self.out == ""
        assert self.err.startswith("error: ") and self.err.count("\n") == 1 and self.err.endswith("\n"), self.err
        assert "Traceback" not in self.err and len(self.err) > 20
        return self.err.removeprefix("error: ").strip()

    @property
    def usage(self) -> str:
        """How it should have been called: status 2."""
        assert self.status == 2, (self.status, self.out[:500], self.err)
        assert self.out == "" and "Usage: " in self.err
        return self.err


def edgeshift(*arguments: str | Path, seconds: float = 60) -> Result:
    """Run the command. An exception that leaves it fails the test, and so does one that takes too long."""
    out, err = _Text(), _Text()
    argv, sys.argv = sys.argv, ["edgeshift", *map(str, arguments)]
    try:
        with _limit(seconds), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):  # noqa: SIM117
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)  # it would be printed beside the one line
                warnings.simplefilter("error", UserWarning)
                main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
        return Result(status, out.text, err.text)
    finally:
        sys.argv = argv
    raise AssertionError("main() returned")


class _Text(io.TextIOWrapper):
    """A stream of text that is kept, with bytes below it as click wants them."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "utf-8", newline="")

    @property
    def text(self) -> str:
        self.flush()
        kept = self.buffer
        assert isinstance(kept, io.BytesIO)
        return kept.getvalue().decode()


class TooLong(BaseException):
    """Not an `Exception`: nothing on the way may catch it."""


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
