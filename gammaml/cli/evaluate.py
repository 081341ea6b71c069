"""``gammaml evaluate``."""

import click

from gammaml.cli import options

RECONSTRUCTORS = ("Gammaml", "Forest")


@click.command("evaluate")
@options.files
@click.option("-o", "--output", required=True, type=options.FILE, metavar="DIR", help="Folder of the report.")
@click.option(
    "--level",
    type=click.Choice(("telescope", "subarray")),
    help="Judge single images or showers; by default images, where the files have such.",
)
@click.option(
    "--reconstructor",
    "reconstructors",
    multiple=True,
    default=RECONSTRUCTORS,
    show_default=True,
    metavar="NAME",
    help="Which reconstructions of the files to compare; may be repeated.",
)
@options.overwrite
def command(files, output, level, reconstructors, overwrite):
    """Judge DL2 files of simulated gammas and hadrons: tables, figures and report.html.

    Events of showers that took part in the training do not count.
    """
    tables = read(files, reconstructors, level or _level(files[0]))
    report(tables, output, overwrite=overwrite)


def _level(file):
    from gammaml.io.dl2 import levels

    return levels(file)[-1]


def read(files, reconstructors, level):
    """What each reconstructor made of all the files: dict of label to DL2 table."""
    from gammaml.io.dl2 import read_dl2
    from gammaml.performance import combine

    tables = {}
    for name in reconstructors:
        table = combine([read_dl2(path, reconstructor=name, level=level) for path in files])
        tables[_label(table, name)] = table
    return tables


def _label(table, reconstructor):
    """The names of the networks, where the file tells."""
    networks = {bundle["network"] for bundle in table.meta["provenance"].get("bundles", {}).values()}
    return " + ".join(sorted(networks)) or reconstructor


def report(tables, output, *, overwrite, **details):
    """Write the report and print its summary."""
    import numpy as np

    from gammaml.report import summary_text, write_report

    summary = write_report(tables, output, overwrite=overwrite, **details)
    click.echo(summary_text(summary))
    first = next(iter(tables.values()))
    if "in_training" in first.colnames:
        noun = "images" if "tel_id" in first.colnames else "showers"
        click.echo(f"left out: {np.sum(first['in_training']):,} of {len(first):,} {noun}, seen in training")
    click.echo(f"report: {output / 'report.html'}")
