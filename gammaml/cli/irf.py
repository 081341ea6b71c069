"""``gammaml irf``."""

import click

from gammaml.cli import options
from gammaml.cli.voice import done


class _Numbers(click.ParamType):
    """Numbers with commas between."""

    name = "NUMBERS"

    def __init__(self, least, most=None):
        self.least, self.most = least, most

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not numbers with commas between, such as 0.5,50", param, ctx)
        if len(numbers) < self.least or (self.most is not None and len(numbers) > self.most):
            self.fail(f"{value!r} is not {self.least}{' numbers' if self.most else ' numbers or more'}", param, ctx)
        return numbers


def _settings(gamma_efficiency, theta_containment, theta_cut, bins_per_decade, energy, offsets):
    import astropy.units as u

    from gammaml.performance import IrfSettings

    return IrfSettings(
        gamma_efficiency=gamma_efficiency,
        theta_containment=theta_containment,
        theta_cut=None if theta_cut is None else theta_cut * u.deg,
        bins_per_decade=bins_per_decade,
        energy_range=None if energy is None else energy * u.TeV,
        fov_offset_bins=None if offsets is None else offsets * u.deg,
    )


settings = options.packed(
    "settings",
    _settings,
    click.option(
        "--gamma-efficiency",
        type=float,
        default=0.7,
        show_default=True,
        metavar="SHARE",
        help="Share of the gammas of each energy that the cut in gammaness keeps.",
    ),
    click.option(
        "--theta-containment",
        type=float,
        metavar="SHARE",
        help="Point-like IRFs: a cut in theta that keeps this share of those, by energy and offset.",
    ),
    click.option("--theta-cut", type=float, metavar="DEG", help="Point-like IRFs: one cut in theta for all energies."),
    click.option("--bins-per-decade", type=int, default=5, show_default=True, metavar="N", help="Of energy."),
    click.option("--energy", type=_Numbers(2, 2), metavar="MIN,MAX", help="In TeV; by default those of the gammas."),
    click.option(
        "--offsets", type=_Numbers(2), metavar="EDGES", help="From the pointing in degrees: 0,1,2; by default 1 wide."
    ),
)


@click.command("irf")
@options.files
@click.option("-o", "--output", required=True, type=options.FILE, metavar="FILE", help="FITS file: irf.fits.gz.")
@settings
@options.reconstructor
@options.overwrite
def command(files, output, settings, reconstructor, overwrite):
    """Make instrument response functions (GADF FITS) from DL2 files of simulated gammas, protons and electrons.

    Without a cut in theta they are full-enclosure, with a PSF. Showers that took part in the training do not count.
    """
    from gammaml.io.dl2 import read_dl2
    from gammaml.io.irf_file import write_irfs
    from gammaml.io.tables import file_source
    from gammaml.io.write_tables import check_output
    from gammaml.performance import build_irfs, combine

    check_output(output, overwrite)
    irfs = build_irfs(combine([read_dl2(path, reconstructor=reconstructor) for path in files]), settings)
    write_irfs(irfs, output, inputs=[file_source(path) for path in files], overwrite=overwrite)
    click.echo(irfs.meta["definition"])
    done(f"{output}: {irfs.meta['counts']}")
