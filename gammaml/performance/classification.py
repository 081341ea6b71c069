"""How well gammaness tells gammas from hadrons."""

from typing import NamedTuple

import numpy as np
from astropy.table import QTable
from sklearn import metrics

from gammaml.columns import require
from gammaml.performance.quantities import columns_of, unit_of, values, words
from gammaml.performance.selection import (
    WHERE,
    bare,
    bin_index,
    checked_edges,
    classified_events,
    cluster_name,
    cluster_number,
    described,
    is_gamma,
    too_few,
)
from gammaml.performance.simulated import event_weights
from gammaml.performance.uncertainty import (
    MIN_CLUSTERS,
    fraction_interval,
    mean_variance,
    weight_below,
    wilson_interval,
)

MAX_ROC_POINTS = 1000


class Auc(NamedTuple):
    """Area under the ROC curve, its uncertainty, and the events it comes from."""

    value: float
    uncertainty: float
    n_gamma: int
    n_hadron: int


def roc_curve(dl2):
    """Efficiencies for gammas and hadrons of each cut in gammaness, by scikit-learn.

    Parameters
    ----------
    dl2 : astropy.table.QTable

    Returns
    -------
    astropy.table.QTable
        From the hardest cut to the softest, at most 1000 rows: gammaness_min, gamma_efficiency, hadron_efficiency, each
        with ``_uncert``, n_gamma, n_hadron (events that pass). ``meta`` has auc and auc_uncert.
    """
    events = classified_events(dl2)
    gammas, area = is_gamma(events), area_under_curve(events)
    scores, clusters = bare(events, "gammaness"), cluster_number(events)
    hadron, gamma, threshold = metrics.roc_curve(gammas, scores)
    rows = thinned(gamma + hadron)
    result = QTable({"gammaness_min": threshold[rows]})
    for name, efficiency, members in (("gamma", gamma[rows], gammas), ("hadron", hadron[rows], ~gammas)):
        passed = (scores[members] >= cut for cut in threshold[rows])
        result[f"{name}_efficiency"] = efficiency
        result[f"{name}_efficiency_uncert"] = [_half_width(mask, clusters[members]) for mask in passed]
        result[f"n_{name}"] = np.rint(efficiency * members.sum()).astype(int)
    result["gammaness_min"][0] = np.nan  # what passes nothing; scikit-learn says infinity
    described(
        result,
        "ROC: share of gammas and of hadrons with a gammaness above a cut, for all cuts, events as simulated. "
        f"AUC: area under it; uncertainty of DeLong et al. 1988, by {cluster_name(events)} (Obuchowski 1997).",
        events,
    )
    result.meta |= {"auc": float(area.value), "auc_uncert": float(area.uncertainty)}
    return result


def _half_width(passed, clusters):
    low, high = fraction_interval(passed, clusters)
    return (high - low) / 2


def thinned(length, n_points=MAX_ROC_POINTS):
    """Indices of at most `n_points` points, evenly along a curve whose `length` grows, with both ends."""
    if len(length) <= n_points:
        return np.arange(len(length))
    wanted = np.linspace(length[0], length[-1], n_points)
    return np.unique(np.minimum(np.searchsorted(length, wanted), len(length) - 1))


def auc(dl2, *, weighted=False):
    """Area under the ROC curve: the chance that a gamma has a higher gammaness than a hadron.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    weighted : bool
        Whether events count as in the spectra of :func:`event_weights`, not as they were simulated.

    Returns
    -------
    Auc
        value, uncertainty, n_gamma, n_hadron.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, 837, eq. 5; rows of one shower as a cluster: Obuchowski
    1997, Biometrics 53, 567.
    """
    events = classified_events(dl2)
    return area_under_curve(events, event_weights(events) if weighted else None)


def area_under_curve(events, weights=None):
    """As :func:`auc`, of events already selected, weights (n_rows,) or none; NaN where a class is missing."""
    gammas = is_gamma(events)
    n_gamma, n_hadron = int(gammas.sum()), int((~gammas).sum())
    if n_gamma == 0 or n_hadron == 0:
        return Auc(np.nan, np.nan, n_gamma, n_hadron)
    weights = np.ones(len(events)) if weights is None else weights
    scores, clusters = bare(events, "gammaness"), cluster_number(events)
    place = np.empty(len(events))
    for rows, others in ((gammas, ~gammas), (~gammas, gammas)):
        place[rows] = weight_below(scores[rows], scores[others], weights[others]) / weights[others].sum()
    place[~gammas] = 1 - place[~gammas]
    variance = sum(mean_variance(place[rows], weights[rows], clusters[rows]) for rows in (gammas, ~gammas))
    value, uncertainty = np.average(place[gammas], weights=weights[gammas]), np.sqrt(variance)
    if uncertainty == 0:  # every gamma above every hadron, or none: the formula knows no better
        low, high = wilson_interval(value * min(n_gamma, n_hadron), min(n_gamma, n_hadron))
        uncertainty = (high - low) / 2
    return Auc(float(value), float(uncertainty), n_gamma, n_hadron)


def auc_in_bins(dl2, column, bins):
    """AUC of the events in each bin of one column.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    column : str
        For instance ``true_energy``, ``hillas_intensity`` or ``multiplicity``; or one of
        :data:`gammaml.performance.QUANTITIES`: ``true_offset``, ``true_impact``, …
    bins : array or astropy.units.Quantity (n_bins + 1,)

    Returns
    -------
    astropy.table.QTable
        low, high, n_gamma, n_hadron, auc, auc_uncert: the last two NaN where a class is missing, the last where it
        has fewer than five showers.
    """
    require(dl2, *columns_of(column), where=WHERE)
    unit = unit_of(dl2, column)
    events, edges = classified_events(dl2), checked_edges(bins, unit, "bins")
    index = bin_index(values(events, column), edges)
    found = [_area_in_bin(events[index == i]) for i in range(len(edges) - 1)]
    scale = 1 if unit is None else unit
    result = QTable({"low": edges[:-1] * scale, "high": edges[1:] * scale})
    result["n_gamma"], result["n_hadron"] = [area.n_gamma for area in found], [area.n_hadron for area in found]
    result["auc"], result["auc_uncert"] = [area.value for area in found], [area.uncertainty for area in found]
    definition = (
        f"AUC: area under the ROC curve of gammas and hadrons in the same bin of {words(column)}, events as simulated; "
        f"uncertainty of DeLong et al. 1988, by {cluster_name(events)} (Obuchowski 1997). "
        f"Bins with fewer than {too_few(events, 'of a class')} are not drawn."
    )
    described(result, definition, events).meta["column"] = column
    return result


def _area_in_bin(events):
    gammas, clusters, area = is_gamma(events), cluster_number(events), area_under_curve(events)
    fewest = min(len(np.unique(clusters[rows])) for rows in (gammas, ~gammas))
    return area if fewest >= MIN_CLUSTERS else area._replace(uncertainty=np.nan)


def gammaness_distribution(dl2, gammaness_bins):
    """Shares of gammas and of hadrons in each bin of gammaness.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    gammaness_bins : array (n_bins + 1,)

    Returns
    -------
    astropy.table.QTable
        low, high, n_gamma, n_hadron, gamma_fraction, hadron_fraction, each fraction with ``_uncert``.
    """
    events, edges = classified_events(dl2), checked_edges(gammaness_bins, None, "gammaness_bins")
    index, gammas, clusters = bin_index(bare(events, "gammaness"), edges), is_gamma(events), cluster_number(events)
    result = QTable({"low": edges[:-1], "high": edges[1:]})
    for name, rows in (("gamma", gammas), ("hadron", ~gammas)):
        inside = [index[rows] == i for i in range(len(edges) - 1)]
        result[f"n_{name}"] = [mask.sum() for mask in inside]
        result[f"{name}_fraction"] = [mask.mean() for mask in inside]
        result[f"{name}_fraction_uncert"] = [_half_width(mask, clusters[rows]) for mask in inside]
    definition = (
        "Share of each class in each bin of gammaness, events as simulated; binomial uncertainty (Wilson), "
        f"by {cluster_name(events)}."
    )
    return described(result, definition, events)


def reliability(dl2, n_bins=10):
    """Whether a gammaness of p means that a share p of such events are gammas.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    n_bins : int
        Equal bins from 0 to 1.

    Returns
    -------
    astropy.table.QTable
        low, high, n_events, n_gamma, predicted (mean gammaness), observed (share of gammas) with observed_low and
        observed_high (68.27 %, Wilson). ``meta`` has brier_score, expected_calibration_error, gamma_share.

    References
    ----------
    Brier 1950, Mon. Weather Rev. 78, 1, eq. 2 (half of it: one class); Guo et al. 2017, ICML, eq. 3.
    """
    events, edges = classified_events(dl2), np.linspace(0, 1, n_bins + 1)
    scores, gammas, clusters = bare(events, "gammaness"), is_gamma(events), cluster_number(events)
    index = bin_index(scores, edges)
    inside = [index == i for i in range(n_bins)]
    intervals = np.array([fraction_interval(gammas[rows], clusters[rows]) for rows in inside])
    result = QTable({"low": edges[:-1], "high": edges[1:], "n_events": [rows.sum() for rows in inside]})
    result["n_gamma"] = [gammas[rows].sum() for rows in inside]
    with np.errstate(invalid="ignore"):
        result["predicted"] = np.bincount(index, scores, n_bins) / result["n_events"]
        result["observed"] = result["n_gamma"] / result["n_events"]
    result["observed_low"], result["observed_high"] = intervals.T
    error = np.nansum(result["n_events"] * np.abs(result["predicted"] - result["observed"])) / len(events)
    described(
        result,
        "Share of gammas among events of like gammaness; 68.27 % binomial interval (Wilson), by "
        f"{cluster_name(events)}. It depends on the share of gammas in "
        "the sample. Brier score: mean squared error of the gammaness. ECE: expected calibration error.",
        events,
    )
    result.meta["brier_score"] = float(metrics.brier_score_loss(gammas, scores))
    result.meta["expected_calibration_error"] = float(error)
    result.meta["gamma_share"] = float(gammas.mean())
    return result
