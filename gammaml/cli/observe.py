"""``gammaml observe``."""

import click

from gammaml.cli import options
from gammaml.cli.voice import done


@click.command("observe")
@click.argument("gammas", type=options.FILE)
@click.argument("protons", type=options.FILE)
@click.option("-o", "--output", type=options.FILE, required=True, metavar="FILE", help="DL1 file to write.")
@click.option("--minutes", type=float, metavar="MIN", help="Length of the run, 20 by default.")
@click.option("--gamma-flux", type=float, metavar="FLUX", help="Of the source at 1 TeV, 1/(cm2 s TeV); 2.83e-11, Crab.")
@click.option("--gamma-index", type=float, metavar="INDEX", help="Of the source's power law, -2.62 by default.")
@click.option("--proton-flux", type=float, metavar="FLUX", help="At 1 TeV, 1/(cm2 s sr TeV); 9.8e-6 by default.")
@click.option("--proton-index", type=float, metavar="INDEX", help="Of the protons' power law, -2.62 by default.")
@click.option("--ra", type=float, metavar="DEG", help="Of the source, 83.633 by default.")
@click.option("--dec", type=float, metavar="DEG", help="Of the source, 22.014 by default.")
@click.option("--start", type=float, metavar="MJD", help="When the run starts, 60000 by default.")
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same events.")
@click.option("--obs-id", type=int, metavar="N", help="Number of the run, 1 by default.")
@options.overwrite
def command(gammas, protons, output, overwrite, **settings):
    """Mix simulated GAMMAS and PROTONS, as their fluxes ask for, into a file like an observation: times, no truth.

    The truth goes to another file, named after the first with .truth.ecsv at its end.
    """
    from gammaml import production

    given = {name: value for name, value in settings.items() if value is not None}
    observation = production.Observation(**given)
    truth = production.observe(gammas, protons, output, observation, overwrite=overwrite)
    n_gammas = int((truth["true_shower_primary_id"] == 0).sum())
    said = f"{len(truth)} events in {observation.minutes:g} minutes, {n_gammas} of them gammas"
    said = f"{said}, from RA {observation.ra:g}, Dec {observation.dec:g}"
    done(f"{output}: {said}; truth in {production.truth_path(output)}")
