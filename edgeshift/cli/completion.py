from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete verbs, options and boards.

    \b
    edgeshift completion bash >> ~/.bash_completion
    edgeshift completion zsh > ~/.zfunc/_edgeshift      (a folder of your fpath)
    edgeshift completion fish > ~/.config/fish/completions/edgeshift.fish
    """
    complete = get_completion_class(shell)
    assert complete is not None  # click has all three
    click.echo(complete(context.find_root().command, {}, "edgeshift", "_EDGESHIFT_COMPLETE").source())
