"""``gammaml completion``."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell):
    """Print what makes a shell complete verbs, options and file names.

    For bash: put ``eval "$(gammaml completion bash)"`` into ~/.bashrc; for zsh the same with its name; for fish
    ``gammaml completion fish | source`` into its config.fish.
    """
    main = click.get_current_context().parent.command
    click.echo(get_completion_class(shell)(main, {}, "gammaml", "_GAMMAML_COMPLETE").source())
