"""A source in time and in gammaness: counts in the on region and in reflected off regions."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml.columns import require
from gammaml.errors import SettingError
from gammaml.io.dl3 import EPOCH, good_times
from gammaml.performance.regression import theta
from gammaml.performance.selection import WHERE, bare, bin_index, checked_edges, test_events
from gammaml.performance.simulated import GAMMA_INDEX, event_weights
from gammaml.performance.source import on_off

GAMMANESS_BINS = np.linspace(0, 1, 21)


def light_curve(dl2, fov_lon, fov_lat, *, triggers, theta2_cut, n_off=1, time_bin=1 * u.min):
    """Excess of a source by time.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        time, reco_fov_lon, reco_fov_lat; cuts on gammaness come before.
    fov_lon, fov_lat : astropy.units.Quantity
        Place of the source, one or one a row (:func:`source_offset`).
    triggers : astropy.time.Time
        Of all events, also those that a cut removed: they tell when the telescopes observed.
    theta2_cut : astropy.units.Quantity
        Radius of the regions, squared.
    n_off : int
        Off regions, as far from the middle of the field of view as the source.
    time_bin : astropy.units.Quantity
        Width of the bins, from the first trigger on.

    Returns
    -------
    astropy.table.QTable
        low, high (min after the first trigger), exposure (min, without pauses), n_on, n_off, excess, rate (excess a
        min), both with ``_uncert``. Bins without exposure are left out. ``meta`` has alpha and start (MJD, TT).

    Raises
    ------
    gammaml.errors.InputError
        Where no event has a direction, or the regions overlap.
    """
    require(dl2, "time", where=WHERE)
    if not time_bin > 0 * u.min:
        raise SettingError("time_bin", f"{time_bin:g}", "more than 0", "change it")
    seen = np.sort((triggers - EPOCH).to_value(u.min))
    edges = time_bin.to_value(u.min) * np.arange(np.floor((seen[-1] - seen[0]) / time_bin.to_value(u.min)) + 2)
    exposure = _exposure(good_times(seen - seen[0]), edges)
    masks = on_off(dl2, fov_lon, fov_lat, theta2_cut=theta2_cut, n_off=n_off)
    place = bin_index((dl2["time"] - EPOCH).to_value(u.min) - seen[0], edges)
    table = QTable({"low": edges[:-1] * u.min, "high": edges[1:] * u.min, "exposure": exposure * u.min})
    _add_counts(table, *(np.bincount(place[mask], minlength=len(table)) for mask in masks), n_off)
    table = table[exposure > 0]
    for end in ("", "_uncert"):
        table[f"rate{end}"] = table[f"excess{end}"] / table["exposure"]
    start = (EPOCH + seen[0] * u.min).mjd
    definition = (
        f"Excess in bins of time, MJD {start:.5f} (TT) at zero: events below theta² of {theta2_cut:g} less those of "
        f"{n_off} reflected region(s); rates by the time without pauses. Poisson."
    )
    table.meta = {"definition": definition, "counts": _text(table), "alpha": 1 / n_off, "start": float(start)}
    return table


def _exposure(good, edges):
    """Good time in each bin."""
    start, stop = (values[:, None] for values in good)
    return np.clip(np.minimum(stop, edges[1:]) - np.maximum(start, edges[:-1]), 0, None).sum(axis=0)


def source_gammaness(dl2, fov_lon, fov_lat, *, theta2_cut, n_off=1, gammaness_bins=GAMMANESS_BINS, gammas=None):
    """Gammaness of the events from a source, from off regions, and of simulated gammas.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        gammaness, reco_fov_lon, reco_fov_lat, without a cut in gammaness.
    fov_lon, fov_lat : astropy.units.Quantity
        Place of the source, one or one a row (:func:`source_offset`).
    theta2_cut : astropy.units.Quantity
        Radius of the regions, squared.
    n_off : int
    gammaness_bins : array (n_bins + 1,)
    gammas : astropy.table.QTable, optional
        DL2 of simulated gammas; those of the training do not count.

    Returns
    -------
    astropy.table.QTable
        low, high, n_on, n_off, excess, excess_uncert; with `gammas` n_gamma, the simulated ones within the region about
        where they come from, and expected, those weighted to a power law of -2.5 and scaled to the whole excess, with
        ``_uncert``. ``meta`` has alpha.

    Raises
    ------
    gammaml.errors.InputError
        Where no event has a direction, or the regions overlap.
    """
    edges = checked_edges(gammaness_bins, None, "gammaness_bins")
    place = bin_index(bare(dl2, "gammaness"), edges)
    masks = on_off(dl2, fov_lon, fov_lat, theta2_cut=theta2_cut, n_off=n_off)
    table = QTable({"low": edges[:-1], "high": edges[1:]})
    inside = (place >= 0) & (place < len(table))
    _add_counts(table, *(np.bincount(place[mask & inside], minlength=len(table)) for mask in masks), n_off)
    definition = f"Gammaness below theta² of {theta2_cut:g}; off: {n_off} reflected region(s), scaled; Poisson."
    if gammas is not None:
        _add_expected(table, test_events(gammas), theta2_cut, edges)
        definition += f" Simulated gammas: weighted to E^{GAMMA_INDEX:g}, scaled to the excess."
    table.meta = {"definition": definition, "counts": _text(table), "alpha": 1 / n_off}
    return table


def _add_expected(table, gammas, theta2_cut, edges):
    gammas = gammas[theta(gammas) ** 2 < theta2_cut.to_value(u.deg**2)]
    score, weights = bare(gammas, "gammaness"), event_weights(gammas)
    table["n_gamma"] = np.histogram(score, edges)[0]
    scale = table["excess"].sum() / weights.sum()
    table["expected"] = scale * np.histogram(score, edges, weights=weights)[0]
    table["expected_uncert"] = abs(scale) * np.sqrt(np.histogram(score, edges, weights=weights**2)[0])


def _add_counts(table, on, off, n_off):
    table["n_on"], table["n_off"] = on, off
    table["excess"], table["excess_uncert"] = on - off / n_off, np.sqrt(on + off / n_off**2)


def _text(table):
    return f"on {table['n_on'].sum():,}, off {table['n_off'].sum():,} events"
