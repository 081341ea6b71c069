"""``gammaml evaluate``."""

import click

from gammaml.cli import options
from gammaml.cli.voice import done

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
@options.references
@options.style
@options.overwrite
def command(files, output, level, reconstructors, references, style, overwrite):
    """Judge DL2 files of simulated gammas and hadrons: tables, figures for print, and index.html.

    Events of showers that took part in the training do not count.
    """
    from gammaml.io.tables import file_source

    tables = read(files, reconstructors, level or _level(files[0]))
    dataset = {path.name: f"DL2, SHA-256 {file_source(path)['sha256']}" for path in files}
    report(tables, output, overwrite=overwrite, dataset=dataset, references=references, style=style)


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


def report(tables, output, *, overwrite, dataset, **details):
    """Write the report and print its summary."""
    import numpy as np

    from gammaml.report import Remarks, summary_text, write_report

    remarks = Remarks(dataset=dataset, command=options.command_line())
    summary = write_report(tables, output, overwrite=overwrite, remarks=remarks, **details)
    click.echo(summary_text(summary))
    first = next(iter(tables.values()))
    if "in_training" in first.colnames:
        noun = "images" if "tel_id" in first.colnames else "showers"
        click.echo(f"left out: {np.sum(first['in_training']):,} of {len(first):,} {noun}, seen in training")
    done(f"report: {output / 'index.html'}")
