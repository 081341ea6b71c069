"""``gammaml info``."""

import click

from gammaml.cli import options


@click.command("info")
@options.files
def command(files):
    """Say what is in any file that gammaml reads: DL1, DL2, sim_telarray, other formats of images, trained networks."""
    from gammaml.io.describe import describe

    for path in files:
        described = describe(path)
        width = max(map(len, described))
        click.echo(path)
        for name, value in described.items():
            click.echo(f"  {name.ljust(width)}  {value}")
