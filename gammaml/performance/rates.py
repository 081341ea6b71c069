"""How much background is left, at the weight of the sky."""

import warnings
from typing import NamedTuple

import astropy.units as u
import numpy as np
from astropy.table import QTable
from pyirf.binning import bin_center
from pyirf.utils import cone_solid_angle

from gammaml.columns import GAMMA_PRIMARY
from gammaml.errors import InputError, StatisticsWarning
from gammaml.performance.areas import FULL_ENCLOSURE
from gammaml.performance.irf_cuts import gammaness_cuts, passes_gammaness, thrown_energy_bins
from gammaml.performance.irf_events import ELECTRONS, OBSERVED, PROTONS, background, require_array_events, sample
from gammaml.performance.selection import WHERE, bin_index
from gammaml.performance.spectra import BACKGROUND_TEXT
from gammaml.performance.uncertainty import MIN_EVENTS, weighted_counts

MAX_OFFSET = 1 * u.deg  # from the pointing, as pyirf's default for background


def background_rate(dl2, settings=FULL_ENCLOSURE, max_offset=MAX_OFFSET):
    """Rate of protons and electrons by reconstructed energy near the pointing, after the cut in gammaness.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        Array events; see :func:`gammaml.performance.build_irfs`.
    settings : IrfSettings
        Its cut in gammaness and bins of energy count; there is no cut in theta.
    max_offset : astropy.units.Quantity
        Reconstructed directions count up to this angle from the pointing, or up to the end of the thrown cone.

    Returns
    -------
    astropy.table.QTable
        reco_energy_low, reco_energy_high, reco_energy_center, n_events, n_proton, n_electron (simulated ones that
        pass), n_effective (the number of equally weighted showers with the same relative uncertainty), rate
        (1/(s TeV sr)), rate_uncert, proton_rate, electron_rate, rate_in_bin (1/(s sr), of the whole bin),
        rate_in_bin_uncert. The uncertainty is that of one event at least, and NaN where none is reconstructed.

    Raises
    ------
    gammaml.errors.InputError
        Where gammas, protons, a column or the thrown showers are missing.

    Warns
    -----
    gammaml.errors.StatisticsWarning
        Where few showers are left, with their number in each such bin.
    gammaml.errors.SimulationWarning
        Where gammas and background do not fit each other.
    """
    require_array_events(dl2)
    gammas = sample(dl2, (GAMMA_PRIMARY,), "gammas")
    hadrons = background(dl2, gammas)
    radius, edges = background_radius(hadrons, max_offset), thrown_energy_bins(gammas, settings)
    events = near_pointing(hadrons, radius)
    passed = passes_gammaness(events, gammaness_cuts(gammas.events, edges, settings.gamma_efficiency))
    both = weigh(events, passed, edges)
    kinds = {
        name: weigh(events, passed & np.isin(events["primary"], primaries), edges)
        for name, primaries in (("proton", PROTONS), ("electron", ELECTRONS))
    }
    exposure = OBSERVED.to(u.s) * cone_solid_angle(radius).to(u.sr)
    result = energy_columns(edges)
    result["n_events"] = both.n
    for name, kind in kinds.items():
        result[f"n_{name}"] = kind.n
    result["n_effective"] = both.n_effective
    result["rate"], result["rate_uncert"] = (
        both.total / exposure / np.diff(edges),
        both.uncert / exposure / np.diff(edges),
    )
    for name, kind in kinds.items():
        result[f"{name}_rate"] = kind.total / exposure / np.diff(edges)
    result["rate_in_bin"], result["rate_in_bin_uncert"] = both.total / exposure, both.uncert / exposure
    warn_of_few_showers(result)
    result.meta = {
        "definition": (
            f"Background rate up to {radius:g} from the pointing, after a cut in gammaness that keeps "
            f"{settings.gamma_efficiency:.0%} of the gammas by reconstructed energy: {background_text(hadrons)}. "
            f"Uncertainty: Poisson, by shower; open: fewer than {MIN_EVENTS} effective showers."
        ),
        "counts": f"{hadrons.counts}; after the cuts {both.n.sum():,}",
    }
    return result


def background_radius(hadrons, max_offset):
    """Angle from the pointing within which background counts: `max_offset`, or the cone where that is smaller."""
    return min(max_offset.to(u.deg), hadrons.cone * u.deg)


def near_pointing(hadrons, radius):
    """The background reconstructed closer to the pointing than `radius`.

    Raises
    ------
    gammaml.errors.InputError
        Where there is none.
    """
    events = hadrons.events[hadrons.events["reco_source_fov_offset"] < radius]
    if len(events) == 0:
        got = f"no {' or '.join(hadrons.kinds)} reconstructed within {radius:g} of the pointing"
        raise InputError(WHERE, got, "background there", "add protons, or take a larger angle")
    return events


def background_text(hadrons):
    """Which spectra the background has, and what is missing."""
    return BACKGROUND_TEXT if "electrons" in hadrons.kinds else f"{BACKGROUND_TEXT}; no electrons among the events"


class Weighed(NamedTuple):
    """Weighted events in bins of reconstructed energy.

    Parameters
    ----------
    n : array of int (n_bins,)
    total, uncert : array (n_bins,)
        Weight and its uncertainty, that of one event at least; NaN where no event is reconstructed.
    n_effective : array (n_bins,)
        Number of equally weighted showers with the same relative uncertainty.
    """

    n: np.ndarray
    total: np.ndarray
    uncert: np.ndarray
    n_effective: np.ndarray


def weigh(events, passed, edges):
    """Weight of the events that pass.

    Parameters
    ----------
    events : astropy.table.QTable
        reco_energy, weight, shower.
    passed : array of bool (n_events,)
    edges : astropy.units.Quantity (n_bins + 1,)

    Returns
    -------
    Weighed
    """
    n_bins, index = len(edges) - 1, bin_index(events["reco_energy"].to_value(u.TeV), edges.to_value(u.TeV))
    weights, showers = np.asarray(events["weight"]), np.asarray(events["shower"])
    inside = (index >= 0) & (index < n_bins)
    counted = inside & passed
    n, total, variance = weighted_counts(index[counted], weights[counted], showers[counted], n_bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_one = np.bincount(index[inside], weights[inside], n_bins) / np.bincount(index[inside], minlength=n_bins)
        n_effective = np.nan_to_num(total**2 / variance)
    return Weighed(n, total, np.sqrt(np.maximum(variance, of_one**2)), n_effective)


def energy_columns(edges):
    """A table with the columns reco_energy_low, reco_energy_high and reco_energy_center, as pyirf's."""
    names = ("reco_energy_low", "reco_energy_high", "reco_energy_center")
    return QTable(dict(zip(names, (edges[:-1], edges[1:], bin_center(edges)), strict=True)))


def warn_of_few_showers(table):
    """Warn of the bins of a table whose column n_effective is below ten, with the number in each."""
    few = table[table["n_effective"] < MIN_EVENTS]
    if len(few):
        bins = zip(few["reco_energy_low"].value, few["reco_energy_high"].value, few["n_effective"], strict=True)
        each = ", ".join(f"{low:.3g}-{high:.3g} TeV: {n:.3g}" for low, high, n in bins)
        text = f"fewer than {MIN_EVENTS} effective background showers pass the cuts in {len(few)} of {len(table)} bins"
        warnings.warn(f"{text} ({each}); add protons, or take wider bins", StatisticsWarning, stacklevel=3)
