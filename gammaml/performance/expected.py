"""How many events a power law gives in a time, for each simulated one."""

import astropy.units as u
from astropy.table import QTable
from pyirf.spectral import PowerLaw

from gammaml import sky
from gammaml.errors import InputError
from gammaml.performance.irf_events import Sample
from gammaml.performance.selection import bare
from gammaml.performance.simulated import simulated_runs
from gammaml.performance.spectra import diffuse_weights, source_weights


def expected_events(dl2, flux, index, time):
    """Events that a power law gives in a time, for each simulated one: flux × time × area of thrown cores over thrown.

    Parameters
    ----------
    dl2 : astropy.table.QTable (n_events,)
        Simulated gammas, or simulated hadrons: true_shower_primary_id, true_energy, true_alt, true_az, pointing_alt,
        pointing_az, ``meta["simulation"]``.
    flux : astropy.units.Quantity
        At 1 TeV: 1/(cm2 s TeV) of a point source of gammas, 1/(cm2 s sr TeV) of hadrons from all over the sky.
    index : float
    time : astropy.units.Quantity

    Returns
    -------
    array (n_events,)
        Their sum is the number of array events expected.

    Raises
    ------
    gammaml.errors.InputError
        Where the thrown showers are not known, or gammas come from more than one direction, or hadrons from one.
    """
    spectrum, is_point = PowerLaw(flux, index, 1 * u.TeV), flux.unit.is_equivalent("cm-2 s-1 TeV-1")
    runs = [(*run, None) for run in simulated_runs(dl2, gammas=is_point)]
    if is_point and (cone := max(info.viewcone_max for info, *_ in runs)) > 0 * u.deg:
        got, do = f"gammas from a cone of {cone:g}", "simulate them without a view cone"
        raise InputError("simulated runs", got, "gammas from one direction", do)
    events = QTable({"true_energy": bare(dl2, "true_energy") * u.TeV})
    angles = [bare(dl2, name) for name in ("true_alt", "true_az", "pointing_alt", "pointing_az")]
    events["true_source_fov_offset"] = sky.angular_separation(*angles) * u.deg
    thrown = Sample(events, runs, "")
    return source_weights(thrown, spectrum, time, 0 * u.deg) if is_point else diffuse_weights(thrown, spectrum, time)
