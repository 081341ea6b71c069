"""``gammaml info``."""

import click

from gammaml.cli import options
from gammaml.cli.show import picture_name, write_picture

FIRST = 100  # array events to choose the brightest of


@click.command("info")
@options.files
@click.option("--plot", type=options.FILE, callback=picture_name, metavar="X.png", help="Draw the brightest event.")
@options.overwrite
def command(files, plot, overwrite):
    """Say what is in any file that gammaml reads: DL1, DL2, sim_telarray, other formats of images, trained networks.

    With --plot also draw the brightest of the first events of a file of images; `gammaml show` draws any other.
    """
    from gammaml.io.describe import describe

    if plot is not None and len(files) > 1:
        raise click.UsageError("give one file with --plot")

    for path in files:
        described = describe(path)
        width = max(map(len, described))
        click.echo(path)
        for name, value in described.items():
            click.echo(f"  {name.ljust(width)}  {value}")
    if plot is not None:
        _draw(files[0], plot, overwrite)


def _draw(file, output, overwrite):
    from gammaml import event_view, io, plots
    from gammaml.io.write_tables import check_output

    check_output(output, overwrite)
    events = event_view.select_event(io.read_cameras(file, io.Selection(max_events=FIRST)))
    write_picture(plots.plot_event(event_view.view_event(events)), output, overwrite)
