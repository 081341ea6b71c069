"""``gammaml source``."""

import click

from gammaml.cli import options
from gammaml.cli.voice import done


def _settings(theta_cut, n_off, time_bin):
    import astropy.units as u

    from gammaml.report.source import SourceSettings

    return SourceSettings(theta_cut * u.deg, n_off, time_bin * u.min)


settings = options.packed(
    "settings",
    _settings,
    click.option("--theta-cut", type=float, default=0.15, show_default=True, metavar="DEG", help="Radius of regions."),
    click.option("--off", "n_off", type=int, default=3, show_default=True, metavar="N", help="Number of off regions."),
    click.option("--time-bin", type=float, default=1.0, show_default=True, metavar="MIN", help="Of the light curve."),
)


@click.command("source")
@options.files
@click.option("--ra", type=float, required=True, metavar="DEG", help="Of the source, ICRS.")
@click.option("--dec", type=float, required=True, metavar="DEG", help="Of the source, ICRS.")
@click.option("-o", "--output", required=True, type=options.FILE, metavar="DIR", help="Folder of the figures.")
@click.option("--irf", type=options.FILE, metavar="FILE", help="Made with gammaml irf; its cut in gammaness is taken.")
@click.option("--min-gammaness", type=float, metavar="VALUE", help="Instead, one for all energies; 0.5 by default.")
@click.option("--gammas", type=options.FILE, metavar="FILE", help="DL2 of simulated gammas, to compare gammaness with.")
@settings
@options.reconstructor
@options.overwrite
def command(files, ra, dec, output, irf, min_gammaness, gammas, settings, reconstructor, overwrite):
    """Look for a source in DL2 files of observations: theta², sky maps, light curve, gammaness, significance.

    Off regions lie as far from the pointing as the source, so that has to stand beside it.
    """
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    from gammaml.io.dl2 import read_dl2
    from gammaml.report.source import write_source

    if irf is not None and min_gammaness is not None:
        raise click.UsageError("--irf and --min-gammaness do not go together; leave one of them")
    if not (0 <= ra < 360 and -90 <= dec <= 90):
        raise click.UsageError(f"--ra {ra:g} --dec {dec:g} is no place on the sky; RA is 0 to 360, Dec -90 to 90")
    events = read_dl2(files, reconstructor=reconstructor)
    selected = _selected(events, irf, 0.5 if min_gammaness is None else min_gammaness)
    simulated = None if gammas is None else read_dl2(gammas, reconstructor=reconstructor)
    found = write_source(
        events,
        SkyCoord(ra * u.deg, dec * u.deg),
        output,
        selected=selected,
        settings=settings,
        gammas=simulated,
        overwrite=overwrite,
    )
    done(f"{output}: {found.meta['counts']}")


def _selected(events, irf, least):
    """Which events pass the cut in gammaness."""
    import numpy as np

    from gammaml.columns import require
    from gammaml.io.irf_file import GAMMANESS_CUTS, passed_cuts, read_irf_hdus

    require(events, "gammaness", "reco_energy", where="observation")
    gammaness, energy = np.asarray(events["gammaness"]), events["reco_energy"].to_value("TeV")
    return gammaness >= least if irf is None else passed_cuts(gammaness, energy, read_irf_hdus(irf)[GAMMANESS_CUTS])
