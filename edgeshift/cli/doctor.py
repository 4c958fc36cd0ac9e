from __future__ import annotations

import textwrap
from collections.abc import Iterable

import click
from rich.console import Console

import edgeshift
from edgeshift.cli.answer import answer
from edgeshift.cli.options import JSON
from edgeshift.host.doctor import GROUPS, Finding


@click.command()
@JSON
def doctor(as_json: bool) -> None:
    """Look for compilers, emulators and tools that flash, and say how to get what is missing.

    Status 0 when networks can be compiled and verified on this computer; the rest is for boards.

    \b
    edgeshift doctor
    edgeshift doctor --json
    """
    findings = edgeshift.examine()
    works = not any(finding.needed and finding.missing for finding in findings)
    made = {"works": works, "tools": [vars(finding) for finding in findings]}
    answer(as_json, made, lambda out: _show(out, findings))
    if not works:
        click.echo("error: networks cannot be verified on this computer: install what is missing above", err=True)
        raise click.exceptions.Exit(1)


def _show(out: Console, findings: Iterable[Finding]) -> None:
    for group in GROUPS:
        out.print(group, style="bold")
        for finding in findings:
            if finding.group == group:
                mark, style = ("missing", "red" if finding.needed else "yellow") if finding.missing else ("ok", "green")
                out.print(f"  {mark:8}", style=style, end="")
                lines = textwrap.wrap(finding.detail, 46, break_long_words=False, break_on_hyphens=False)
                out.print(f"{finding.name:23} " + f"\n{'':34}".join(lines))
