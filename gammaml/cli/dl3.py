"""``gammaml dl3``."""

import click

from gammaml.cli import options
from gammaml.cli.voice import done


@click.command("dl3")
@options.files
@click.option("--irf", required=True, type=options.FILE, metavar="FILE", help="Made with gammaml irf.")
@click.option("-o", "--output", required=True, type=options.FILE, metavar="DIR", help="Folder; its index is kept.")
@click.option(
    "--live-fraction",
    type=float,
    default=1.0,
    show_default=True,
    metavar="SHARE",
    help="Of the time from the first to the last trigger, without pauses; the data acquisition knows it.",
)
@options.reconstructor
@options.overwrite
def command(files, irf, output, live_fraction, reconstructor, overwrite):
    """Put the events of DL2 files of observations on the sky (DL3, GADF FITS), for gammapy.

    Writes a file a run, with its events, good times, pointing and IRFs, and the index of the folder.
    """
    from gammaml.io.dl2 import read_dl2
    from gammaml.io.dl3 import write_dl3

    table = read_dl2(files, reconstructor=reconstructor)
    written = write_dl3(table, irf, output, live_fraction=live_fraction, overwrite=overwrite)
    for path in written:
        done(f"{path}: {_said(path)}")


def _said(path):
    from astropy.io import fits

    header = fits.getheader(path, "EVENTS")
    events = f"{header['NAXIS2']:,} events of {header['NTRIGGER']:,}"
    return f"{events} in {header['LIVETIME'] / 60:.1f} minutes, {header['OBS_MODE'].lower()}"
