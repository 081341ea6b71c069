"""``gammaml simulate``."""

from dataclasses import replace

import click

from gammaml.cli import options
from gammaml.cli.voice import done, trouble

OWN = ("array", "offset", "night_sky", "vary", "seed", "obs_id")  # settings that a file of CORSIKA does not have


class _Range(click.ParamType):
    """Two numbers with a comma between."""

    name = "MIN,MAX"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            low, high = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not two numbers with a comma between, such as 0.05,50", param, ctx)
        return low, high


@click.command("simulate")
@click.argument("array", required=False)
@click.option("-o", "--output", type=options.FILE, metavar="FILE", help="DL1 file to write.")
@click.option("--card", type=options.FILE, metavar="FILE", help="TOML card; options given besides come first.")
@click.option("--from-corsika", "corsika", type=options.FILE, metavar="FILE", help="Showers that CORSIKA made (IACT).")
@click.option("--list", "show_arrays", is_flag=True, help="Show the arrays that have names.")
@click.option("--primary", metavar="NAME", help="gamma, electron, proton, helium, iron, …")
@click.option("--showers", type=int, metavar="N", help="Showers to throw.")
@click.option("--energy", type=_Range(), help="Range of energies in TeV.")
@click.option("--index", type=float, metavar="INDEX", help="Of the power law of energies, such as -2.")
@click.option("--viewcone", type=float, metavar="DEG", help="Largest angle between shower and pointing.")
@click.option("--offset", type=float, metavar="DEG", help="Of the source, or the cone's centre, from the pointing.")
@click.option("--scatter", type=float, metavar="M", help="Radius around the array in which showers fall.")
@click.option("--reuse", type=int, metavar="N", help="Places at which each shower falls.")
@click.option("--zenith", type=float, metavar="DEG", help="Of the pointing.")
@click.option("--azimuth", type=float, metavar="DEG", help="Of the pointing, from north through east.")
@click.option("--nsb", "night_sky", type=float, metavar="RATE", help="Night sky, photo-electrons a ns and pixel.")
@click.option("--vary", type=float, metavar="SHARE", help="Vary sky, optics, timing at random by up to this share.")
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same events.")
@click.option("--obs-id", type=int, metavar="N", help="Number of the run; by default from seed and primary.")
@click.option("--processes", type=click.IntRange(1), metavar="N", help="By default one a core.")
@options.scheduler
@options.overwrite
def command(output, corsika, show_arrays, processes, scheduler, overwrite, **settings):
    """Simulate showers over ARRAY (a name, or a TOML file) and write the images as DL1.

    An interrupted production goes on where it was when the same command is given again. With --from-corsika the
    showers are those of a file of photon bunches, and a telescope of ARRAY stands in each of its spheres.
    """
    if show_arrays:
        return _list()
    if output is None:
        raise click.UsageError("say with -o where to write")
    from gammaml import cluster, production

    if corsika is not None:
        return _see_corsika(corsika, output, overwrite, {**settings, "processes": processes, "scheduler": scheduler})
    card = _card(**settings)
    try:
        with cluster.connected(scheduler) as client:
            counts = production.produce(card, output, processes=processes, client=client, overwrite=overwrite)
    except KeyboardInterrupt:
        trouble("interrupted; the same command goes on from here")
        click.get_current_context().exit(130)
    _say(output, counts)


def _say(output, counts):
    done(f"{output}: {counts['events']} events, {counts['images']} images of {counts['showers']} showers")


def _see_corsika(path, output, overwrite, settings):
    """What --from-corsika does with the settings that are not the file's own."""
    given = {name for name, value in settings.items() if value is not None}
    if excess := sorted(given - set(OWN)):
        raise click.UsageError(f"--from-corsika takes {', '.join(excess)} from the file; leave it out")
    from gammaml import production

    card = _card(**{name: settings[name] for name in OWN}, card=None, energy=None)
    _say(output, production.produce_from_corsika(path, card, output, overwrite=overwrite))


def _card(card, energy, **settings):
    """The card of a file, or one of defaults, with the options given."""
    from gammaml.config import read_toml
    from gammaml.production import Card

    if energy is not None:
        settings["energy_min"], settings["energy_max"] = energy
    given = {name: value for name, value in settings.items() if value is not None}
    if card is not None:
        return replace(read_toml(Card, card), **given)
    if "array" not in given:
        raise click.UsageError("name an array, or give a --card; gammaml simulate --list shows the arrays")
    return Card(**given)


def _list():
    from gammaml.simulation import arrays

    for name in arrays.names():
        array = arrays.array(name)
        types = ", ".join(sorted({each.type.name for each in array.telescopes}))
        click.echo(f"{name:18s}{len(array.telescopes):3d} telescopes ({types}), {array.site.name}: {array.description}")
