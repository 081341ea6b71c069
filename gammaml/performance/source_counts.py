"""A source in observed events: counts in on and off regions, and their significance."""

from typing import NamedTuple

import astropy.units as u
import numpy as np
from astropy.table import QTable
from pyirf.statistics import li_ma_significance

from gammaml.errors import InputError, SettingError
from gammaml.performance.selection import bin_index, checked_edges
from gammaml.performance.source import alpha_angle, finite, off_places, theta2

THETA2_BINS = np.linspace(0, 0.4, 21) * u.deg**2
ALPHA_BINS = np.linspace(0, 90, 19) * u.deg


class Excess(NamedTuple):
    """Counts in an on and an off region, and what they say.

    Parameters
    ----------
    n_on, n_off : float
    alpha : float
        Exposure of the on region over that of the off region.
    excess, excess_uncert : float
        n_on − alpha n_off, and the square root of n_on + alpha² n_off.
    significance : float
        Li & Ma 1983, equation 17, by pyirf; 0 where there is no excess.
    """

    n_on: float
    n_off: float
    alpha: float
    excess: float
    excess_uncert: float
    significance: float


def excess(n_on, n_off, alpha):
    """Excess and Li & Ma significance of counts.

    Parameters
    ----------
    n_on, n_off : int
        Not negative.
    alpha : float
        Exposure of the on region over that of the off region.

    Returns
    -------
    Excess

    References
    ----------
    Li & Ma 1983, ApJ 272, 317, equation 17.
    """
    if not (n_on >= 0 and n_off >= 0):
        raise InputError("excess", f"{n_on} and {n_off} events", "counts of zero or more", "count the events")
    if not alpha > 0:
        raise SettingError("alpha", f"{alpha}", "a number above zero", "give the ratio of the exposures, on over off")
    with np.errstate(divide="ignore", invalid="ignore"):  # the terms of zero counts are zero
        significance = float(np.nan_to_num(li_ma_significance(n_on, n_off, alpha)))
    uncert = float(np.sqrt(n_on + alpha**2 * n_off))
    return Excess(n_on, n_off, alpha, n_on - alpha * n_off, uncert, significance)


def theta2_counts(dl2, fov_lon, fov_lat, *, theta2_cut, n_off=1, theta2_bins=THETA2_BINS):
    """Distribution of theta² about a source and about reflected off regions, and the significance of the excess.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        reco_fov_lon, reco_fov_lat; cuts on gammaness come before.
    fov_lon, fov_lat : astropy.units.Quantity
        Place of the source, one or one a row (:func:`gammaml.performance.source_offset`).
    theta2_cut : astropy.units.Quantity
        Radius of the regions, squared.
    n_off : int
        Off regions, as far from the middle of the field of view as the source.
    theta2_bins : astropy.units.Quantity (n_bins + 1,)

    Returns
    -------
    astropy.table.QTable
        low, high (deg2), n_on, n_off (of all off regions). ``meta`` has variable, cut, and the fields of
        :class:`Excess`, whose ``alpha`` scales n_off to n_on.

    Raises
    ------
    gammaml.errors.InputError
        Where no event has a direction, or the regions overlap, as they do for a source in the middle.
    """
    edges = checked_edges(theta2_bins, u.deg**2, "theta2_bins")
    cut, places = theta2_cut.to_value(u.deg**2), off_places(fov_lon, fov_lat, theta2_cut, n_off)
    on = finite(theta2(dl2, fov_lon, fov_lat).value, "directions")
    off = np.concatenate([finite(theta2(dl2, *place).value, "directions") for place in places])
    found = excess(int((on < cut).sum()), int((off < cut).sum()), 1 / n_off)
    definition = (
        f"theta²: squared angle between the reconstructed direction and the source. Off: {n_off} place(s) as far from "
        f"the middle of the field of view. Counted below {cut:g} deg². Significance: Li & Ma 1983, equation 17."
    )
    table = _histograms(edges * u.deg**2, n_on=on, n_off=off)
    return _with_meta(table, found, definition, len(on), variable="theta2", cut=theta2_cut)


def alpha_counts(dl2, fov_lon, fov_lat, *, on=10 * u.deg, off=(20, 80) * u.deg, alpha_bins=ALPHA_BINS):
    """Distribution of the angle alpha to a source, and the significance of an excess over its flat part.

    For a source in the middle of the field of view, which leaves no place for off regions. The background is taken to
    be flat in alpha, which holds near the middle only.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        hillas_fov_lon, hillas_fov_lat, hillas_psi; cuts on gammaness come before.
    fov_lon, fov_lat : astropy.units.Quantity
        Place of the source, one or one a row (:func:`gammaml.performance.source_offset`).
    on : astropy.units.Quantity
        Largest alpha of the on region.
    off : astropy.units.Quantity (2,)
        Smallest and largest alpha of the off region.
    alpha_bins : astropy.units.Quantity (n_bins + 1,)

    Returns
    -------
    astropy.table.QTable
        low, high (deg), n_on. ``meta`` has variable, cut, off, and the fields of :class:`Excess`.

    Raises
    ------
    gammaml.errors.InputError
        Where no event has an image axis.
    """
    edges = checked_edges(alpha_bins, u.deg, "alpha_bins")
    limit, (low, high) = on.to_value(u.deg), off.to_value(u.deg)
    if not 0 < limit <= low < high <= 90:
        got = f"on below {limit:g} deg and off from {low:g} to {high:g} deg"
        raise SettingError("alpha_counts", got, "an off region above the on region", "choose other limits")
    angles = finite(alpha_angle(dl2, fov_lon, fov_lat).value, "image axes")
    n_off = int(((angles >= low) & (angles < high)).sum())
    found = excess(int((angles < limit).sum()), n_off, limit / (high - low))
    definition = (
        f"alpha: angle between image axis and the line to the source. On below {limit:g} deg, off from {low:g} to "
        f"{high:g} deg, taken to be flat. Significance: Li & Ma 1983, equation 17."
    )
    table = _histograms(edges * u.deg, n_on=angles)
    return _with_meta(table, found, definition, len(angles), variable="alpha", cut=on, off=off)


def _histograms(edges, **values):
    """low, high and the counts of each of `values` (arrays in the unit of the edges)."""
    table, bare_edges = QTable({"low": edges[:-1], "high": edges[1:]}), edges.value
    for name, numbers in values.items():
        index = bin_index(numbers, bare_edges)
        inside = index[(index >= 0) & (index < len(table))]
        table[name] = np.bincount(inside, minlength=len(table))
    return table


def _with_meta(table, found, definition, n_events, **more):
    text = (
        f"{n_events:,} events; on {found.n_on:,}, off {found.n_off:,} × {found.alpha:.3g}, excess {found.excess:.1f} ± "
        f"{found.excess_uncert:.1f}, significance {found.significance:.1f} sigma"
    )
    table.meta = {"definition": definition, "counts": text, **more, **found._asdict()}
    return table
