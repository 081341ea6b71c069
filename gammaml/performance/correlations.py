"""What gammaness, and the errors of energy and direction, depend on: correlations and profiles that show biases."""

from itertools import pairwise

import numpy as np
from astropy.table import QTable

from gammaml.columns import require
from gammaml.errors import InputError
from gammaml.performance.quantities import columns_of, has, unit_of, values
from gammaml.performance.selection import (
    WHERE,
    bin_index,
    cluster_name,
    cluster_number,
    described,
    is_gamma,
    reconstructed,
)
from gammaml.performance.uncertainty import (
    MIN_CLUSTERS,
    MIN_EVENTS,
    ONE_SIGMA,
    fraction_interval,
    mean_variance,
)

TARGETS = ("gammaness", "energy_error", "direction_error")
PARAMETERS = (
    "true_energy",
    "reco_energy",
    "true_offset",
    "zenith",
    "true_impact",
    "multiplicity",
    "true_h_max",
    "reco_h_max",
    "hillas_intensity",
    "hillas_length",
    "hillas_width",
    "hillas_r",
    "hillas_skewness",
    "hillas_kurtosis",
    "leakage_intensity_width_2",
    "concentration_cog",
    "morphology_n_pixels",
    "morphology_n_islands",
    "timing_slope",
    "timing_deviation",
)


def correlations(dl2, parameters=None):
    """Spearman rank correlations of gammaness, energy and direction error with parameters of the events.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    parameters : list of str, optional
        Columns, or of :data:`gammaml.performance.QUANTITIES`; those of :data:`PARAMETERS` that the table has and that
        vary where not given.

    Returns
    -------
    astropy.table.QTable
        A row a particle ("gamma", "hadron"; only those in the table), a target ("gammaness", "energy_error", which is
        log10(E_reco / E_true), "direction_error", which is the angle from the true direction) and a parameter:
        n_events (with both), correlation, correlation_uncert; NaN below ten events or five showers, and where one is
        constant.

    References
    ----------
    Spearman 1904, Am. J. Psychol. 15, 72. Uncertainty: Hoeffding 1948, Ann. Math. Stat. 19, 293, section 9e;
    rows of one shower as a cluster.
    """
    events = reconstructed(dl2, "gammaness")
    targets = {name: values(events, name) for name in TARGETS if has(events, name)}
    clusters, rows = cluster_number(events), []
    for particle, members, name, parameter in _classes(events, parameters):
        for target, of in targets.items():
            n, correlation, uncertainty = _spearman(of[members], parameter[members], clusters[members])
            rows.append((particle, target, name, n, correlation, uncertainty))
    names = ("particle", "target", "parameter", "n_events", "correlation", "correlation_uncert")
    definition = (
        "Spearman's rank correlation of gammaness, energy error log10(E_reco / E_true) and direction error (angle "
        "from the true direction) with parameters of the events, gammas and hadrons apart, events as simulated. "
        f"Uncertainty: Hoeffding 1948, by {cluster_name(events)}."
    )
    return described(QTable(rows=rows, names=names), definition, events)


def _classes(events, parameters):
    """Each class in the table and each parameter: name of the class, its rows, name and values of the parameter."""
    names = _chosen(events) if parameters is None else parameters
    require(events, *(column for name in names for column in columns_of(name)), where=WHERE)
    known = {name: values(events, name) for name in names}
    if not known:
        raise InputError(WHERE, "no parameter that varies", f"one of {', '.join(PARAMETERS)}", "name the columns")
    gammas = is_gamma(events)
    for particle, members in (("gamma", gammas), ("hadron", ~gammas)):
        if members.any():
            yield from ((particle, members, name, parameter) for name, parameter in known.items())


def _chosen(events):
    """The `PARAMETERS` of a table that have more than one value."""
    return [name for name in PARAMETERS if has(events, name) and _varies(values(events, name))]


def _varies(numbers):
    finite = numbers[np.isfinite(numbers)]
    return len(finite) > 0 and np.ptp(finite) > 0


def _spearman(first, second, clusters):
    """Number of rows with both, rank correlation and its standard deviation."""
    good = np.isfinite(first) & np.isfinite(second)
    n, clusters = int(good.sum()), clusters[good]
    if n < MIN_EVENTS or len(np.unique(clusters)) < MIN_CLUSTERS:
        return n, np.nan, np.nan
    (x, x_group), (y, y_group) = _ranks(first[good]), _ranks(second[good])
    scale = x.std() * y.std()
    if scale == 0:
        return n, np.nan, np.nan
    # What a row adds to the mean of x y: by its own ranks, and as one of those that make the ranks of others.
    influence = x * y + _mean_above(x_group, y) + _mean_above(y_group, x)
    return n, float(np.mean(x * y) / scale), float(np.sqrt(mean_variance(influence, np.ones(n), clusters)) / scale)


def _ranks(numbers):
    """Ranks as a share of all rows, less one half, equal ones in the middle; and the number of each distinct value."""
    _, group, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return ((np.cumsum(counts) - counts / 2) / len(numbers) - 0.5)[group], group


def _mean_above(group, others):
    """Sum of `others` over the rows of higher groups, and half of that of the same, over the number of rows."""
    sums = np.bincount(group, others)
    return (sums.sum() - np.cumsum(sums) + sums / 2)[group] / len(others)


def gammaness_profile(dl2, parameters=None, *, n_bins=10):
    """Median and 16 to 84 % of gammaness in bins of each parameter, gammas and hadrons apart.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    parameters : list of str, optional
        As in :func:`correlations`.
    n_bins : int
        At most, with equal numbers of events of both classes together, at least twenty; a parameter of fewer distinct
        values has a bin for each, one without values none.

    Returns
    -------
    astropy.table.QTable
        A row a particle ("gamma", "hadron"), a parameter and a bin: low, high, center (median of the parameter), unit
        (of the parameter), n_events, gammaness_16, gammaness_50 (the median), gammaness_84, and gammaness_50_uncert,
        NaN below ten events.

    References
    ----------
    Uncertainty of the median: Woodruff 1952, J. Am. Stat. Assoc. 47, 635.
    """
    events = reconstructed(dl2, "gammaness")
    score, clusters, rows = values(events, "gammaness"), cluster_number(events), []
    for particle, members, name, parameter in _classes(events, parameters):
        if not np.isfinite(parameter).any():
            continue
        edges = _quantile_edges(parameter, n_bins)
        index, unit = np.where(members, bin_index(parameter, edges), -1), unit_of(events, name)
        for i, (low, high) in enumerate(pairwise(edges)):
            inside = index == i
            center = np.median(parameter[inside]) if inside.any() else np.nan
            band = _band(score[inside], clusters[inside])
            rows.append((particle, name, low, high, center, str(unit or ""), int(inside.sum()), *band))
    names = ("particle", "parameter", "low", "high", "center", "unit", "n_events")
    stated = ("gammaness_16", "gammaness_50", "gammaness_84", "gammaness_50_uncert")
    definition = (
        "Gammaness against parameters of the events: median (uncertainty: Woodruff 1952, by "
        f"{cluster_name(events)}) and 16 to 84 % of gammas and of hadrons in bins of equal numbers of events, as "
        f"simulated. Bins with fewer than {MIN_EVENTS} events of a class are not drawn."
    )
    return described(QTable(rows=rows, names=(*names, *stated)), definition, events)


def _quantile_edges(parameter, n_bins):
    parameter = parameter[np.isfinite(parameter)]
    distinct, n_bins = np.unique(parameter), min(n_bins, max(len(parameter) // (2 * MIN_EVENTS), 1))
    if len(distinct) <= n_bins:
        middle = (distinct[1:] + distinct[:-1]) / 2
        return np.array([distinct[0] - 0.5, *middle, distinct[-1] + 0.5])
    return np.unique(np.quantile(parameter, np.linspace(0, 1, n_bins + 1)))


def _band(scores, clusters):
    """16, 50 and 84 % quantiles, and the median's uncertainty: the binomial interval of 50 %, as quantiles."""
    if len(scores) == 0:
        return (np.nan,) * 4
    low, middle, high = np.quantile(scores, ONE_SIGMA)
    if len(scores) < MIN_EVENTS:
        return low, middle, high, np.nan
    ends = np.quantile(scores, fraction_interval(scores <= middle, clusters))
    return low, middle, high, (ends[1] - ends[0]) / 2
