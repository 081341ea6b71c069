"""A source in an observation: figures, and the numbers behind them, in one folder."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import astropy.units as u
from astropy.coordinates import EarthLocation

from gammaml import performance, plots
from gammaml.columns import require
from gammaml.errors import InputError, SettingError
from gammaml.report.figures import Figure
from gammaml.report.folder import check_target, publish, write_figures


@dataclass(frozen=True)
class SourceSettings:
    """Where and how events of a source are counted.

    Parameters
    ----------
    theta_cut : astropy.units.Quantity
        Radius of the on region and of the off regions.
    n_off : int
        Off regions, as far from the middle of the field of view as the source.
    time_bin : astropy.units.Quantity
        Of the light curve.
    """

    theta_cut: u.Quantity = 0.15 * u.deg
    n_off: int = 3
    time_bin: u.Quantity = 1 * u.min

    def __post_init__(self):
        if not 0 * u.deg < self.theta_cut < 5 * u.deg:
            raise SettingError("theta_cut", f"{self.theta_cut:g}", "more than 0, less than 5 deg", "change it")
        if not 1 <= self.n_off <= 100:
            raise SettingError("n_off", f"{self.n_off}", "1 to 100", "change it")


def write_source(dl2, source, output_dir, *, selected, settings=SourceSettings(), gammas=None, overwrite=False):
    """Theta², sky maps, light curve and gammaness of a source.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        Array events of observations, with time, pointing, direction and gammaness.
    source : astropy.coordinates.SkyCoord
    output_dir : path
        Appears when whole, or not at all: each figure as PDF and PNG, its numbers as ECSV.
    selected : array of bool (n_events,)
        The events that pass the cut in gammaness.
    settings : SourceSettings
    gammas : astropy.table.QTable, optional
        DL2 of simulated gammas, for the figure of gammaness.
    overwrite : bool
        Whether an earlier folder may be replaced.

    Returns
    -------
    astropy.table.QTable
        Of :func:`gammaml.performance.theta2_counts`; its ``meta`` has counts, excess and significance.

    Raises
    ------
    gammaml.errors.InputError
        Where what is needed is missing, or the source stands so near the pointing that off regions would overlap.
    gammaml.errors.OutputError
        Where `output_dir` exists, or cannot be written.
    """
    target = Path(output_dir).absolute()
    check_target(target, overwrite)
    require(dl2, "obs_id", "time", "reco_fov_lon", "reco_fov_lat", "gammaness", where="observation")
    if not selected.any():
        raise InputError("observation", "no event that passes the cut in gammaness", "at least one", "loosen the cut")
    figures = _figures(dl2, source, selected, settings, gammas)
    publish(target, partial(write_figures, figures=figures, style={}))
    return figures[0].tables[""]


def _figures(dl2, source, selected, settings, gammas):
    location = EarthLocation.from_geocentric(*dl2.meta["subarray"].reference_location, unit=u.m)
    offset = u.Quantity(performance.source_offset(dl2, source, location))
    regions = {"theta2_cut": settings.theta_cut**2, "n_off": settings.n_off}
    events, place = dl2[selected], offset[:, selected]
    counts = performance.theta2_counts(events, *place, **regions)
    sky = performance.sky_map(events, source, location, radius=settings.theta_cut, excluded=2 * settings.theta_cut)
    times = {"triggers": dl2["time"], "time_bin": settings.time_bin}
    rates = performance.light_curve(events, *place, **times, **regions)
    scores = performance.source_gammaness(dl2, *offset, gammas=gammas, **regions)
    maps = {"counts": "n_on", "excess": "excess", "significance": "significance"}
    return [
        _figure("theta2", "Theta squared", plots.plot_theta2, counts),
        *(_figure(f"sky_{name}", f"Sky map, {name}", partial(plots.plot_sky_map, column=column), sky)
          for name, column in maps.items()),
        _figure("light_curve", "Light curve", plots.plot_light_curve, rates),
        _figure("gammaness", "Gammaness", plots.plot_source_gammaness, scores),
    ]  # fmt: skip


def _figure(name, title, plot, table):
    return Figure(name, title, plot, {"": table}, labelled=True)
