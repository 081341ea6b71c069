"""Effective areas in bins of energy and offset, and what cuts leave of them."""

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack
from pyirf.irf import effective_area as pyirf_effective_area

from gammaml.columns import GAMMA_PRIMARY
from gammaml.errors import SettingError
from gammaml.performance.irf_cuts import (
    IrfSettings,
    cuts_text,
    fov_offset_bins,
    gammaness_cuts,
    passes_gammaness,
    theta_cuts,
    thrown_energy_bins,
    within_theta,
)
from gammaml.performance.irf_events import require_array_events, sample
from gammaml.performance.selection import bin_index
from gammaml.performance.simulated import thrown_per_energy
from gammaml.performance.uncertainty import weighted_counts

POINT_LIKE = IrfSettings(theta_containment=0.68)
FULL_ENCLOSURE = IrfSettings()


def effective_area_by_cut(dl2, settings=POINT_LIKE):
    """Effective area of all offsets together: reconstructed gammas, after the cut in gammaness, and in theta besides.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        Array events; see :func:`gammaml.performance.build_irfs`. No background is needed.
    settings : IrfSettings
        Cuts and bins. Without a cut in theta the last rows are missing.

    Returns
    -------
    astropy.table.QTable
        A row a cut and bin of true energy: cut ("none", "gammaness", "gammaness, theta"), true_energy_low,
        true_energy_high, n_events, n_simulated, effective_area (m2), effective_area_uncert. 0 where nothing passes, NaN
        where nothing was thrown.

    Raises
    ------
    gammaml.errors.InputError
        Where gammas, a column or the thrown showers are missing.
    """
    gammas, bins = _gammas(dl2, settings)
    cuts = gammaness_cuts(gammas.events, bins[0], settings.gamma_efficiency)
    passed = gammas.events[passes_gammaness(gammas.events, cuts)]
    stages = {"none": gammas.events, "gammaness": passed}
    if settings.is_point_like:
        stages["gammaness, theta"] = passed[within_theta(passed, theta_cuts(passed, bins, settings), bins)]
    everywhere = bins[0], bins[1][[0, -1]]
    parts = [_rows(area_in_bins(events, gammas, everywhere), everywhere) for events in stages.values()]
    result = vstack(parts)
    result.remove_columns(["fov_offset_low", "fov_offset_high"])
    result.add_column(np.repeat(list(stages), len(bins[0]) - 1), name="cut", index=0)
    return _described(result, gammas, bins, settings)


def effective_area_by_offset(dl2, settings=FULL_ENCLOSURE):
    """Effective area in bins of the angle from the pointing, after the cuts.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        As of :func:`effective_area_by_cut`. Gammas of one direction give one bin of offset.
    settings : IrfSettings

    Returns
    -------
    astropy.table.QTable
        A row a bin of offset and true energy, energy running fastest: fov_offset_low, fov_offset_high, and the columns
        of :func:`effective_area_by_cut` from true_energy_low on.

    Raises
    ------
    gammaml.errors.InputError, gammaml.errors.SettingError
        As :func:`gammaml.performance.build_irfs`.
    """
    gammas, bins = _gammas(dl2, settings)
    cuts = gammaness_cuts(gammas.events, bins[0], settings.gamma_efficiency)
    passed = gammas.events[passes_gammaness(gammas.events, cuts)]
    if settings.is_point_like:
        passed = passed[within_theta(passed, theta_cuts(passed, bins, settings), bins)]
    return _described(_rows(area_in_bins(passed, gammas, bins), bins), gammas, bins, settings)


def _gammas(dl2, settings):
    require_array_events(dl2)
    gammas = sample(dl2, (GAMMA_PRIMARY,), "gammas")
    return gammas, (thrown_energy_bins(gammas, settings), fov_offset_bins(gammas, settings))


def _rows(areas, bins):
    """The arrays (n_energy, n_offset) of `area_in_bins` as rows, energy running fastest."""
    n_energy, n_offset = (len(edges) - 1 for edges in bins)
    result = QTable()
    result["fov_offset_low"], result["fov_offset_high"] = (
        np.repeat(edges, n_energy) for edges in (bins[1][:-1], bins[1][1:])
    )
    result["true_energy_low"], result["true_energy_high"] = (
        np.tile(edges, n_offset) for edges in (bins[0][:-1], bins[0][1:])
    )
    for name, values in zip(("n_events", "n_simulated", "effective_area", "effective_area_uncert"), areas, strict=True):
        result[name] = values.T.ravel()
    return result


def _described(result, gammas, bins, settings):
    low, high = bins[1][[0, -1]].value
    one = all(info.viewcone_max <= info.viewcone_min for info, *_ in gammas.runs)
    where = "gammas of one direction" if one else f"gammas {low:g} to {high:g} deg from the pointing"
    definition = (
        f"Effective area (pyirf): gammas that pass / thrown x area of thrown cores; {where}. "
        f"{cuts_text(settings)} Uncertainty: Poisson, by shower."
    )
    result.meta = {"definition": definition, "counts": gammas.counts}
    return result


def area_in_bins(selected, gammas, bins):
    """Effective area of the `selected` of the gammas of a sample.

    Parameters
    ----------
    selected : astropy.table.QTable
        Rows of ``gammas.events``.
    gammas : gammaml.performance.irf_events.Sample
    bins : tuple of astropy.units.Quantity
        Edges of true energy (n_energy + 1,) and of the angle from the pointing (n_offset + 1,).

    Returns
    -------
    n_events, n_simulated : array (n_energy, n_offset)
    area, area_uncert : astropy.units.Quantity (n_energy, n_offset)
        m2, the uncertainty that of one event at least; NaN where nothing was thrown.

    Raises
    ------
    gammaml.errors.SettingError
        Where bins lie where nothing was thrown.
    """
    thrown = [_thrown(run, gammas.events, bins) for run in gammas.runs]
    n_simulated = np.sum(thrown, axis=0)
    _require_thrown(n_simulated, bins)
    density = sum(n / area for n, (_, area, _) in zip(thrown, gammas.runs, strict=True))
    n_events, scatter = _events_and_scatter(selected, bins)
    with np.errstate(divide="ignore", invalid="ignore"):
        area = n_simulated / density
        found = [pyirf_effective_area(n, n_simulated, area).to(u.m**2) for n in (n_events, scatter)]
    return n_events, n_simulated, *found


def _thrown(run, events, bins):
    """Showers of a run expected in each bin (n_energy, n_offset); gammas of one direction are where its events are."""
    info, _, obs_id = run
    if info.viewcone_max > info.viewcone_min:
        share = np.asarray(info.calculate_n_showers_per_fov(bins[1])) / info.n_showers
    else:
        own = events["true_source_fov_offset"][events["obs_id"] == obs_id]
        share = np.histogram(own.to_value(u.deg), bins[1].to_value(u.deg))[0] / max(len(own), 1)
    return thrown_per_energy(info, bins[0])[:, np.newaxis] * share


def _require_thrown(n_simulated, bins):
    for axis, name in enumerate(("energy_range", "fov_offset_bins")):
        empty = ~(n_simulated > 0).any(axis=1 - axis)
        if empty.all() if name == "energy_range" else empty.any():
            first = np.flatnonzero(empty)[0]
            got = f"a bin of {bins[axis][first].value:g} to {bins[axis][first + 1]:g}, where no gamma was thrown"
            raise SettingError(name, got, "bins that the simulation covers", "change them")


def _events_and_scatter(selected, bins):
    """Events in each bin, and the standard deviation of that number, at least one event."""
    values = selected["true_energy"].to_value(u.TeV), selected["true_source_fov_offset"].to_value(u.deg)
    edges = bins[0].to_value(u.TeV), bins[1].to_value(u.deg)
    row, column = (bin_index(found, ends) for found, ends in zip(values, edges, strict=True))
    shape = len(edges[0]) - 1, len(edges[1]) - 1
    known = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    cell, showers = (row * shape[1] + column)[known], np.asarray(selected["shower"])[known]
    n, _, variance = weighted_counts(cell, np.ones(len(cell)), showers, shape[0] * shape[1])
    return n.reshape(shape), np.sqrt(np.maximum(variance, 1)).reshape(shape)
