"""Whether predicted uncertainties are as large as the errors are: pulls and coverage, of gammas."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from scipy import stats

from gammaml.errors import SettingError
from gammaml.performance.regression import theta
from gammaml.performance.selection import (
    DIRECTION,
    bare,
    bin_index,
    checked_edges,
    cluster_name,
    cluster_number,
    described,
    reconstructed_gammas,
)
from gammaml.performance.uncertainty import ONE_SIGMA, bootstrap_in_bins, fraction_interval, weighted_quantile

LEVELS = tuple(np.linspace(0.1, 0.95, 18).round(2))


@dataclass(frozen=True)
class _Quantity:
    """The columns a pull needs, what it is, how it is distributed, and its absolute value, if sigma is right."""

    columns: tuple[str, ...]
    pull: Callable
    expected: stats.rv_continuous
    expected_size: stats.rv_continuous
    bins: tuple[float, ...]
    pull_text: str
    region_text: str


def _energy_pull(events):
    """log10(E_reco / E_true) over its sigma, which is E_uncert / (E_reco ln 10): the ln 10 cancel."""
    reco = bare(events, "reco_energy")
    return np.log(reco / bare(events, "true_energy")) * reco / bare(events, "reco_energy_uncert")


def _direction_pull(events):
    return theta(events) / bare(events, "ang_distance_uncert")


QUANTITIES = {
    "energy": _Quantity(
        ("true_energy", "reco_energy", "reco_energy_uncert"),
        _energy_pull,
        stats.norm,
        stats.halfnorm,
        tuple(np.linspace(-5, 5, 41)),
        "Pull of the energy: log10(E_reco / E_true) over its predicted sigma; dotted: the standard normal distribution",
        "central interval of log10(E)",
    ),
    "direction": _Quantity(
        (*DIRECTION, "ang_distance_uncert"),
        _direction_pull,
        stats.rayleigh,
        stats.rayleigh,
        tuple(np.linspace(0, 6, 31)),
        "Pull of the direction: angle from the true one over the predicted sigma of each of its two components; "
        "dotted: the Rayleigh distribution",
        "circle around the direction",
    ),
}


def pulls(dl2, quantity="energy", *, pull_bins=None, n_bootstrap=200, seed=0):
    """Distribution of the errors of gammas, each divided by its predicted uncertainty.

    The pull of the energy is log10(E_reco / E_true) / sigma with sigma = reco_energy_uncert / (reco_energy ln 10). If
    sigma is right it follows the standard normal distribution. The pull of the direction is theta /
    ang_distance_uncert. If each of the two components of the offset is normal with that sigma, it follows the Rayleigh
    distribution; so it does of the distribution of Fisher 1953, where sigma is small.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    quantity : str
        "energy" or "direction".
    pull_bins : array (n_bins + 1,), optional
        From -5 to 5, and from 0 to 6, where not given.
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        low, high, n_events, density (share of all gammas per unit of the pull), density_uncert, expected_density.
        ``meta`` has quantity, n_events (of all gammas, also those beyond the bins), shift (median less that of the
        expected distribution, 0 if all is right) and width (from 15.87 to 84.13 %, over that of the expected
        distribution, 1 if sigma is right), both with ``_uncert``, NaN below ten events.

    References
    ----------
    Demortier & Lyons 2008, Everything you always wanted to know about pulls, CDF/ANAL/PUBLIC/5776; Fisher 1953,
    Proc. R. Soc. A 217, 295.
    """
    kind = _kind(quantity)
    edges = checked_edges(kind.bins if pull_bins is None else pull_bins, None, "pull_bins")
    events = reconstructed_gammas(dl2, *kind.columns)
    values, clusters = kind.pull(events), cluster_number(events)
    index, width = bin_index(values, edges), np.diff(edges)
    inside = [index == i for i in range(len(width))]
    intervals = np.array([fraction_interval(rows, clusters) for rows in inside])
    result = QTable({"low": edges[:-1], "high": edges[1:], "n_events": [rows.sum() for rows in inside]})
    result["density"] = result["n_events"] / len(values) / width
    result["density_uncert"] = (intervals[:, 1] - intervals[:, 0]) / 2 / width
    result["expected_density"] = np.diff(kind.expected.cdf(edges)) / width
    definition = (
        f"{kind.pull_text}, as it would be if sigma were right. Gammas, no cut in gammaness. Shift: median less the "
        "expected one. Width: from 16 to 84 %, over the expected one. Uncertainties: binomial (Wilson) and bootstrap, "
        f"by {cluster_name(events)}."
    )
    described(result, definition, events)
    result.meta |= {"quantity": quantity, "n_events": len(values)}
    result.meta |= _shift_and_width(values, clusters, kind.expected, n_bootstrap, seed)
    return result


def _shift_and_width(values, clusters, expected, n_bootstrap, seed):
    found = weighted_quantile(np.sort(values), ONE_SIGMA, np.ones(len(values)))
    everything = [np.ones(len(values), bool)]
    drawn = bootstrap_in_bins(values, ONE_SIGMA, everything, clusters=clusters, n_bootstrap=n_bootstrap, seed=seed)[0]
    expected_low, expected_median, expected_high = expected.ppf(ONE_SIGMA)
    low, median, high = np.vstack([found, drawn]).T  # the found value first
    measures = {"shift": median - expected_median, "width": (high - low) / (expected_high - expected_low)}
    values = {name: float(measure[0]) for name, measure in measures.items()}
    return values | {f"{name}_uncert": float(measure[1:].std()) for name, measure in measures.items()}


def coverage(dl2, quantity="energy", levels=LEVELS):
    """Share of the gammas whose truth lies within the predicted region of each nominal level.

    The region is the central interval of log10(E), or a circle around the reconstructed direction, in which the truth
    lies with that probability if sigma is right.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    quantity : str
        "energy" or "direction".
    levels : array (n_levels,)
        Between 0 and 1.

    Returns
    -------
    astropy.table.QTable
        nominal, n_events (within), observed (share of the gammas), observed_low, observed_high (68.27 %, Wilson).
        ``meta`` has quantity and n_events (of all gammas).

    References
    ----------
    Kuleshov, Fenner & Ermon 2018, ICML, section 3 (calibrated regression).
    """
    kind, levels = _kind(quantity), _checked_levels(levels)
    events = reconstructed_gammas(dl2, *kind.columns)
    sizes, clusters = np.abs(kind.pull(events)), cluster_number(events)
    within = [sizes <= limit for limit in kind.expected_size.ppf(levels)]
    result = QTable({"nominal": levels, "n_events": [rows.sum() for rows in within]})
    result["observed"] = result["n_events"] / len(sizes)
    result["observed_low"], result["observed_high"] = np.transpose([fraction_interval(w, clusters) for w in within])
    definition = (
        f"Share of the gammas whose truth lies within the predicted {kind.region_text} of each nominal level, no cut "
        f"in gammaness; 68.27 % binomial interval (Wilson), by {cluster_name(events)}. Below the diagonal: predicted "
        "uncertainties are too small."
    )
    described(result, definition, events)
    result.meta |= {"quantity": quantity, "n_events": len(sizes)}
    return result


def _kind(quantity):
    if quantity not in QUANTITIES:
        raise SettingError("quantity", repr(quantity), " or ".join(QUANTITIES), "choose one")
    return QUANTITIES[quantity]


def _checked_levels(levels):
    levels = np.asarray(levels, np.float64)
    if levels.ndim != 1 or len(levels) == 0 or not np.all((levels > 0) & (levels < 1)):
        raise SettingError("levels", str(levels.tolist()), "a list of numbers between 0 and 1", "choose such levels")
    return levels
