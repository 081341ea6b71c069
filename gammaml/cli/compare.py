"""``gammaml compare``."""

import click

from gammaml.cli import options
from gammaml.cli.voice import done


@click.command("compare")
@click.argument("reports", nargs=-1, required=True, type=options.FILE)
@click.option("-o", "--output", required=True, type=options.FILE, metavar="DIR", help="Folder of the comparison.")
@options.references
@options.style
@options.overwrite
def command(reports, output, references, style, overwrite):
    """Lay the figures of several reports over each other, and tell how their summaries differ from the first.

    Needs what gammaml evaluate has saved in its folders, no DL2 file.
    """
    from gammaml.report import difference_text, write_comparison

    differences = write_comparison(
        reports, output, overwrite=overwrite, references=references, style=style, command=options.command_line()
    )
    click.echo(difference_text(differences))
    done(f"comparison: {output / 'index.html'}")
