"""``gammaml check``."""

import click

from gammaml.cli import options
from gammaml.cli.quiet import quietly

FIGURE, NUMBERS = ("conditions.pdf", "conditions.png"), "conditions.ecsv"


@click.command("check")
@options.files
@click.option("--bundle", required=True, type=options.FILE, metavar="X.gammaml", help="The trained network.")
@click.option("-o", "--output", type=options.FILE, metavar="DIR", help="Folder for the table and a figure.")
@options.selection
@options.overwrite
def command(files, bundle, output, selection, overwrite):
    """Compare an observation with the simulated events that a network was trained on.

    Tells of pixel noise, pedestal, broken pixels, zenith, images that survive the cleaning, intensities and telescopes
    an event: observed, in training, the difference, and whether it is ok, a caution or a mismatch. Writes the table and
    the distributions (conditions.ecsv, .pdf and .png) where a folder is given.
    """
    with quietly():
        from gammaml import conditions
        from gammaml.bundle import load
    from gammaml.events import by_camera

    if output is not None:
        _check_products(output, overwrite)
    bundles = {"network": load(bundle)}
    cameras = by_camera([events for file in files for events in _known(file, selection, bundles)])
    table = conditions.compare(cameras, bundles["network"])
    click.echo("\n".join(_shown(table)))
    click.echo(f"conditions: {conditions.verdict(table)}")
    if output is not None:
        _save(table, output, overwrite)


def _known(file, selection, bundles):
    """Yields events of a file whose cameras the network can take."""
    from gammaml import reconstruct

    for cameras in reconstruct.read(file, bundles, reconstruct.Choice(selection)):
        yield from reconstruct.known_cameras(file, cameras, bundles)


def _check_products(output, overwrite):
    from gammaml.errors import OutputError
    from gammaml.io.write_tables import check_output

    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(output, error.strerror.lower(), "a folder that can be written", "choose another") from error
    for name in (*FIGURE, NUMBERS):
        check_output(output / name, overwrite)


def _shown(table):
    """The table as lines of text."""
    shown = table.copy()
    for name in ("observed", "training", "difference", "uncertainty"):
        shown[name].info.format = ".3g"
    shown["difference"].info.format = "+.3g"
    return shown.pformat(max_lines=-1, max_width=-1, show_unit=False, align=["<"] * len(shown.colnames))


def _save(table, output, overwrite):
    from gammaml import plots
    from gammaml.io.write_tables import whole_file

    with plots.print_style():
        figure = plots.plot_conditions(table)
        for name in FIGURE:
            with whole_file(output / name, overwrite) as temporary:
                figure.savefig(temporary)
    numbers = table.copy()
    numbers.meta = {}
    with whole_file(output / NUMBERS, overwrite) as temporary:
        numbers.write(temporary, format="ascii.ecsv", overwrite=True)
