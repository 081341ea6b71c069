"""Statistical uncertainties that hold when one shower gives several rows."""

import numpy as np

MIN_EVENTS, MIN_CLUSTERS = 10, 5  # below these a bootstrap of quantiles at 16 or 84 % says nothing
ONE_SIGMA = (0.15865525393145707, 0.5, 0.8413447460685429)  # normal distribution at -1, 0, +1 standard deviations
CONTAINMENT_68 = 0.6826894921370859


def weighted_quantile(values, quantiles, weights):
    """Quantiles of weighted values, each value at the middle of its weight (Hazen's rule where weights are equal).

    Parameters
    ----------
    values : array (n,)
        In increasing order.
    quantiles : array (n_quantiles,)
    weights : array (n,)

    Returns
    -------
    array (n_quantiles,)
    """
    cumulative = np.cumsum(weights)
    return np.interp(np.asarray(quantiles) * cumulative[-1], cumulative - weights / 2, values)


def resamplings(clusters, n_bootstrap, rng):
    """Draw whole clusters, as many as there are, with replacement.

    Parameters
    ----------
    clusters : array of int (n,)
    n_bootstrap : int
    rng : numpy.random.Generator

    Yields
    ------
    array of int (n,)
        How often each row is drawn, `n_bootstrap` times.
    """
    members = np.unique(clusters, return_inverse=True)[1]
    n_clusters = members.max() + 1
    for _ in range(n_bootstrap):
        yield np.bincount(rng.integers(n_clusters, size=n_clusters), minlength=n_clusters)[members]


def bootstrap_quantiles(values, quantiles, *, clusters, weights=1.0, n_bootstrap, rng):
    """Quantiles of `values`, and of resamplings in which whole clusters (showers, events) are drawn.

    Parameters
    ----------
    values : array (n,)
    quantiles : array (n_quantiles,)
    clusters : array of int (n,)
        Rows with the same number are drawn together.
    weights : array (n,) or float
    n_bootstrap : int
    rng : numpy.random.Generator

    Returns
    -------
    found : array (n_quantiles,)
    resampled : array (n_bootstrap, n_quantiles)

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 6.
    """
    order = np.argsort(values, kind="stable")
    values, weights = values[order], np.broadcast_to(weights, values.shape)[order]
    resampled = np.empty((n_bootstrap, len(quantiles)))
    for row, draws in zip(resampled, resamplings(clusters[order], n_bootstrap, rng), strict=True):
        drawn = draws * weights
        row[:] = weighted_quantile(values[drawn > 0], quantiles, drawn[drawn > 0])
    return weighted_quantile(values, quantiles, weights), resampled


def bootstrap_in_bins(values, quantiles, index, *, clusters, n_bootstrap, seed):
    """:func:`bootstrap_quantiles` in bins.

    Parameters
    ----------
    values : array (n,)
    quantiles : array (n_quantiles,)
    index : list of array of bool
        The rows of each bin.
    clusters : array of int (n,)
    n_bootstrap : int
    seed : int

    Returns
    -------
    array (n_bins, n_bootstrap, n_quantiles)
        NaN in bins with less than `MIN_EVENTS` rows or `MIN_CLUSTERS` clusters.
    """
    rng = np.random.default_rng(seed)
    result = np.full((len(index), n_bootstrap, len(quantiles)), np.nan)
    for samples, rows in zip(result, index, strict=True):
        if rows.sum() >= MIN_EVENTS and len(np.unique(clusters[rows])) >= MIN_CLUSTERS:
            settings = {"clusters": clusters[rows], "n_bootstrap": n_bootstrap, "rng": rng}
            samples[:] = bootstrap_quantiles(values[rows], quantiles, **settings)[1]
    return result


def weight_below(values, others, weights):
    """Sum of the weights of `others` below each of `values`; equal ones count half.

    Parameters
    ----------
    values : array (n,)
    others, weights : array (n_others,)

    Returns
    -------
    array (n,)
    """
    order = np.argsort(others)
    others, cumulative = others[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    below, up_to = np.searchsorted(others, values, "left"), np.searchsorted(others, values, "right")
    return (cumulative[below] + cumulative[up_to]) / 2


def mean_variance(values, weights, clusters):
    """Variance of the weighted mean of rows that come in clusters.

    Parameters
    ----------
    values, weights : array (n,)
    clusters : array of int (n,)

    Returns
    -------
    float
        NaN for less than two clusters. With a cluster a row and equal weights it is the usual s^2 / n.
    """
    n_clusters = np.count_nonzero(np.bincount(clusters))
    if n_clusters < 2:
        return np.nan
    residuals = np.bincount(clusters, weights * (values - np.average(values, weights=weights)))
    return n_clusters / (n_clusters - 1) * np.sum(residuals**2) / np.sum(weights) ** 2


def wilson_interval(k, n):
    """68.27 % interval of the fraction k / n of a binomial count; NaN where n is 0.

    Wilson 1927, J. Am. Stat. Assoc. 22, 209. Unlike sqrt(p (1 - p) / n) it is not zero at k = 0 and k = n.

    Parameters
    ----------
    k, n : array of float

    Returns
    -------
    low, high : array of float
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.clip(k / n, 0, 1)
        middle = (fraction + 0.5 / n) / (1 + 1 / n)
        half = np.sqrt(fraction * (1 - fraction) / n + 0.25 / n**2) / (1 + 1 / n)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def fraction_interval(passed, clusters):
    """68.27 % interval of the share of rows that pass, for rows that come in clusters.

    Wilson's interval of the effective number of rows, that is their number over the design effect (Kish 1965, Survey
    Sampling, section 8.2).

    Parameters
    ----------
    passed : array of bool (n,)
    clusters : array of int (n,)

    Returns
    -------
    low, high : float
        NaN without rows.
    """
    n, n_clusters = len(passed), np.count_nonzero(np.bincount(clusters)) if len(passed) else 0
    share = np.mean(passed) if n else np.nan
    variance = mean_variance(passed, np.ones(n), clusters) if n_clusters > 1 else 0
    n_effective = n_clusters  # where all or none pass
    if variance > 0:
        n_effective = min(share * (1 - share) / variance * n_clusters / (n_clusters - 1), n)
    return wilson_interval(share * n_effective, n_effective)


def weighted_counts(index, weights, clusters, n_bins):
    """Weighted rows in bins, where rows of one cluster (a shower used many times) come or stay away together.

    How many showers are thrown into a bin is known only on average, so their number is Poisson, and the variance of
    such a compound Poisson sum is the sum of the squared weights of the clusters (Bohm & Zech 2014, NIM A 748, 1).

    Parameters
    ----------
    index : array of int (n,)
        Bin of each row, from 0 to `n_bins` - 1.
    weights : array (n,)
    clusters : array of int (n,)
    n_bins : int

    Returns
    -------
    n, total, variance : array (n_bins,)
        Rows, their weight, and its variance; 0 in a bin without rows.
    """
    cells, cell = np.unique(np.stack([index, clusters]), axis=1, return_inverse=True)
    of_cluster = np.bincount(cell.ravel(), weights, minlength=cells.shape[1])
    total, variance = (np.bincount(cells[0], values, minlength=n_bins) for values in (of_cluster, of_cluster**2))
    return np.bincount(index, minlength=n_bins), total, variance
