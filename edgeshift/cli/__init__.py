"""The command line: one file per verb, each of which calls the API; the options they share; how errors are told."""

from __future__ import annotations

import io
import os
import sys

import click

from edgeshift.cli.bench import bench
from edgeshift.cli.build import build
from edgeshift.cli.compile import compile
from edgeshift.cli.completion import completion
from edgeshift.cli.convert import convert
from edgeshift.cli.doctor import doctor
from edgeshift.cli.export import export
from edgeshift.cli.flash import flash
from edgeshift.cli.inspect import inspect
from edgeshift.cli.lists import boards, ops
from edgeshift.cli.report import report
from edgeshift.cli.run import run
from edgeshift.cli.verify import verify
from edgeshift.errors import EdgeShiftError, OutputError

__all__ = ["cli", "main"]

VERBS = (convert, inspect, compile, export, verify, run, bench, report, build, flash, boards, ops, doctor, completion)


class _InOrder(click.Group):
    """Lists the verbs in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edgeshift", prog_name="edgeshift")
def cli() -> None:
    """Turn a trained time-series network into fixed-memory C that computes only what is new.

    \b
    edgeshift inspect kws.tflite --hop 2
    edgeshift verify  kws.tflite --hop 2 --board mps2-an386
    edgeshift compile kws.tflite --hop 2 -o out
    """


for _verb in VERBS:
    cli.add_command(_verb)


def main() -> None:
    """Run the command line: one line `error: ...` and status 1 for what EdgeShift refuses, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # models name tensors as they like
    try:
        status = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except EdgeShiftError as error:
        click.echo(f"error: {' '.join(str(error).split())}", err=True)
        status = 1
    except MemoryError:
        click.echo("error: not enough memory; is a shape of the model, the hop or the recording that large?", err=True)
        status = 1
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("error: interrupted", err=True)
        status = 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except OSError as error:
        click.echo(f"error: {OutputError(error.strerror or error)}", err=True)
        status = 1
    sys.exit(status)
