"""What a cut in gammaness does: precision and recall, and the quality factor."""

import warnings

import numpy as np
from astropy.table import QTable
from sklearn import metrics

from gammaml.errors import SettingError, StatisticsWarning
from gammaml.performance.classification import thinned
from gammaml.performance.selection import (
    bare,
    classified_events,
    cluster_name,
    cluster_number,
    described,
    is_gamma,
)
from gammaml.performance.uncertainty import MIN_CLUSTERS, MIN_EVENTS, fraction_interval, resamplings

MAX_POINTS = 100
MIN_PASSING = MIN_EVENTS  # hadrons that have to pass a cut for a quality factor
GAMMA_EFFICIENCIES = np.linspace(1, 0.01, 100)  # of the default cuts


def precision_recall(dl2, *, hadron_share=None, n_bootstrap=100, seed=0):
    """Share of gammas among what passes each cut in gammaness, against the share of the gammas that passes.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    hadron_share : float, optional
        Share of hadrons among all events before the cut, to which hadrons are weighted; that of the table by default.
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        From the hardest cut to the softest, at most 100 rows: gammaness_min, n_gamma, n_hadron (that pass), recall
        (gamma efficiency), precision with precision_low and precision_high (68.27 %, Wilson). ``meta`` has
        average_precision (sum of precision x step in recall, as scikit-learn's), average_precision_uncert (NaN below
        ten events or five showers of a class) and hadron_share.

    Raises
    ------
    gammaml.errors.SettingError
        Where `hadron_share` is not between 0 and 1.

    References
    ----------
    Davis & Goadrich 2006, ICML, doi:10.1145/1143844.1143874.
    """
    events = classified_events(dl2)
    gammas, scores, clusters = is_gamma(events), bare(events, "gammaness"), cluster_number(events)
    in_sample = float(np.mean(~gammas))
    share = in_sample if hadron_share is None else _checked_share(hadron_share)
    hadron, gamma, threshold = (values[1:] for values in metrics.roc_curve(gammas, scores, drop_intermediate=False))
    rows = thinned(gamma + hadron, MAX_POINTS)
    result = QTable({"gammaness_min": threshold[rows]})
    for name, efficiency, members in (("gamma", gamma, gammas), ("hadron", hadron, ~gammas)):
        result[f"n_{name}"] = np.rint(efficiency[rows] * members.sum()).astype(int)
    result["recall"], result["precision"] = gamma[rows], _precision(gamma[rows], hadron[rows], share)
    odds = share / (1 - share) * (1 - in_sample) / in_sample  # what a hadron counts, beside a gamma
    passing = (scores >= cut for cut in threshold[rows])
    intervals = np.transpose([fraction_interval(gammas[mask], clusters[mask]) for mask in passing])
    result["precision_low"], result["precision_high"] = intervals / (intervals + odds * (1 - intervals))
    origin = "as in the sample" if hadron_share is None else "to which they are weighted"
    definition = (
        "Precision: share of gammas among the events above a cut in gammaness; recall: share of the gammas above it. "
        f"Before the cut {share:.3g} of the events are hadrons, {origin}; spectra as simulated. Average precision "
        "(AP): sum of precision x step in recall. 68.27 % binomial interval (Wilson) and bootstrap, by "
        f"{cluster_name(events)}."
    )
    described(result, definition, events)
    result.meta |= {"hadron_share": share} | _average_precision(scores, gammas, clusters, share, n_bootstrap, seed)
    return result


def _checked_share(share):
    if not 0 < share < 1:
        raise SettingError("hadron_share", f"{share:g}", "a number between 0 and 1", "choose another share")
    return float(share)


def _precision(gamma, hadron, share):
    return gamma * (1 - share) / (gamma * (1 - share) + hadron * share)


def _average_precision(scores, gammas, clusters, share, n_bootstrap, seed):
    order = np.argsort(-scores, kind="stable")
    scores, gammas, clusters = scores[order], gammas[order], clusters[order]
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))  # equal scores pass together

    def area(weights):
        passing, gamma = np.cumsum(weights)[ends], np.cumsum(np.where(gammas, weights, 0))[ends]
        first = np.searchsorted(passing, 0, "right")  # a resampling may lack the highest scores
        passing, gamma = passing[first:], gamma[first:]
        hadron = (passing - gamma) / (passing[-1] - gamma[-1])
        return np.diff(gamma / gamma[-1], prepend=0) @ _precision(gamma / gamma[-1], hadron, share)

    uncertainty = np.nan
    if not _few(gammas, clusters):
        uncertainty = float(np.std([area(weights) for weights in _draws(gammas, clusters, n_bootstrap, seed)]))
    return {"average_precision": float(area(np.ones(len(scores)))), "average_precision_uncert": uncertainty}


def _draws(gammas, clusters, n_bootstrap, seed):
    """How often each row is drawn, `n_bootstrap` times; gammas and hadrons apart, so that neither is ever missing."""
    rng = np.random.default_rng(seed)
    drawn = (resamplings(clusters[members], n_bootstrap, rng) for members in (gammas, ~gammas))
    for of_gammas, of_hadrons in zip(*drawn, strict=True):
        weights = np.empty(len(gammas), int)
        weights[gammas], weights[~gammas] = of_gammas, of_hadrons
        yield weights


def _few(gammas, clusters):
    """Whether a class has too few events, or showers, for a bootstrap."""
    members = (gammas, ~gammas)
    return any(rows.sum() < MIN_EVENTS or len(np.unique(clusters[rows])) < MIN_CLUSTERS for rows in members)


def quality_factor(dl2, gammaness_cuts=None, *, min_hadrons=MIN_PASSING, n_bootstrap=100, seed=0):
    """Gamma efficiency over the square root of the hadron efficiency, for cuts in gammaness.

    By this factor a cut raises the significance of a weak source over a background of hadrons.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    gammaness_cuts : array (n_cuts,), optional
        Smallest gammaness that passes; 0, and what 1, 2, … 100 % of the gammas pass, where not given.
    min_hadrons : int
        Fewest hadrons that have to pass; a harder cut has no quality factor.
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        A row a cut, rising: gammaness_min, n_gamma, n_hadron (that pass), gamma_efficiency, hadron_efficiency,
        quality_factor, each with ``_uncert``; NaN below `min_hadrons`. ``meta`` has best_cut, best_quality_factor,
        both with ``_uncert``, min_hadrons, n_hadron_best, the hadrons that pass the best cut, and warning, a text or
        "". The best factor is the largest of many, so it tends to lie too high by up to its uncertainty.

    Raises
    ------
    gammaml.errors.SettingError
        Where the cuts are not between 0 and 1.

    Warns
    -----
    gammaml.errors.StatisticsWarning
        Where the best cut is the hardest that `min_hadrons` allows, or none is.

    References
    ----------
    Krawczynski et al. 2006, Astropart. Phys. 25, 380 (arXiv:astro-ph/0604508), whose quality factor it is.
    """
    events = classified_events(dl2)
    gammas, scores, clusters = is_gamma(events), bare(events, "gammaness"), cluster_number(events)
    if gammaness_cuts is None:
        cuts = np.unique([0, *np.quantile(scores[gammas], 1 - GAMMA_EFFICIENCIES, method="higher")])
    else:
        cuts = _checked_cuts(gammaness_cuts)
    result = QTable({"gammaness_min": cuts})
    for name, members in (("gamma", gammas), ("hadron", ~gammas)):
        passing = [scores[members] >= cut for cut in cuts]
        low, high = np.transpose([fraction_interval(mask, clusters[members]) for mask in passing])
        result[f"n_{name}"] = [mask.sum() for mask in passing]
        result[f"{name}_efficiency"] = result[f"n_{name}"] / members.sum()
        result[f"{name}_efficiency_uncert"] = (high - low) / 2
    gamma, hadron = result["gamma_efficiency"], result["hadron_efficiency"]
    result["quality_factor"] = _quality(gamma, hadron, result["n_hadron"] >= min_hadrons)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = result["gamma_efficiency_uncert"] / gamma, result["hadron_efficiency_uncert"] / hadron / 2
        result["quality_factor_uncert"] = result["quality_factor"] * np.hypot(*parts)
    definition = (
        "Quality factor: gamma efficiency / sqrt(hadron efficiency) of events above a cut in gammaness, events as "
        f"simulated, for cuts that at least {min_hadrons} hadrons pass. Uncertainty: binomial (Wilson); of the best "
        f"cut: bootstrap, by {cluster_name(events)}."
    )
    described(result, definition, events).meta["min_hadrons"] = min_hadrons
    result.meta |= _best(result)
    if result.meta["warning"]:
        warnings.warn(result.meta["warning"], StatisticsWarning, stacklevel=2)
    draws = _draws(gammas, clusters, n_bootstrap, seed)
    result.meta["best_cut_uncert"] = np.nan if _few(gammas, clusters) else _cut_scatter(result, scores, gammas, draws)
    return result


def _checked_cuts(cuts):
    cuts = np.unique(np.asarray(cuts, np.float64))
    if cuts.ndim != 1 or len(cuts) == 0 or not np.all((cuts >= 0) & (cuts <= 1)):
        raise SettingError("gammaness_cuts", str(cuts.tolist()), "a list of numbers from 0 to 1", "choose such cuts")
    return cuts


def _quality(gamma, hadron, allowed):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(allowed, np.asarray(gamma) / np.sqrt(hadron), np.nan)


def _best(result):
    """The largest quality factor, and what makes it doubtful."""
    quality, least = np.asarray(result["quality_factor"]), result.meta["min_hadrons"]
    names = ("best_cut", "best_quality_factor", "best_quality_factor_uncert")
    if not np.isfinite(quality).any():
        text = f"quality factor: got {result['n_hadron'].max()} hadrons, expected at least {least}; add hadrons"
        return dict.fromkeys(names, np.nan) | {"n_hadron_best": 0, "warning": text}
    best, text = int(np.nanargmax(quality)), ""
    if best < len(quality) - 1 and np.isnan(quality[best + 1]):
        text = f"quality factor: the best cut is the hardest that {least} hadrons pass; add hadrons to try harder ones"
    row = result["gammaness_min", "quality_factor", "quality_factor_uncert"][best]
    found = dict(zip(names, map(float, row), strict=True))
    return found | {"n_hadron_best": int(result["n_hadron"][best]), "warning": text}


def _cut_scatter(result, scores, gammas, draws):
    """Standard deviation of the best cut over resamplings, NaN where they have none."""
    cuts, least = np.asarray(result["gammaness_min"]), result.meta["min_hadrons"]
    passed, best = np.searchsorted(cuts, scores, "right"), []  # how many of the cuts an event passes
    for weights in draws:
        gamma, hadron = (
            np.bincount(passed, weights * rows, len(cuts) + 1)[:0:-1].cumsum() for rows in (gammas, ~gammas)
        )
        quality = _quality(gamma, hadron, hadron >= least)
        if np.isfinite(quality).any():
            best.append(cuts[::-1][np.nanargmax(quality)])
    return float(np.std(best)) if best else np.nan
