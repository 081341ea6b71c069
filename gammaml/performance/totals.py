"""One row that says how good a reconstruction is."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml.errors import InputError
from gammaml.performance.classification import area_under_curve
from gammaml.performance.regression import theta
from gammaml.performance.selection import (
    DIRECTION,
    bare,
    classified_events,
    cluster_name,
    cluster_number,
    described,
    is_gamma,
    reconstructed_gammas,
    test_events,
)
from gammaml.performance.simulated import GAMMA_INDEX, HADRON_INDEX, event_weights
from gammaml.performance.uncertainty import CONTAINMENT_68, MIN_EVENTS, ONE_SIGMA, bootstrap_quantiles

MEASURES = ("auc", "energy_bias", "energy_width", "angular_resolution")
COUNTS = ("n_gamma", "n_hadron", "n_energy", "n_direction")


def summary(dl2, *, n_bootstrap=200, seed=0):
    """The whole sample in one row.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        One row: n_gamma and n_hadron (with a gammaness), n_energy, n_direction (gammas with one); auc, energy_bias
        (median of E_reco / E_true - 1), energy_width (half the 68.27 % width of log10(E_reco / E_true)),
        angular_resolution (deg, holds 68.27 %). Each measure also as ``_weighted``, to the spectra of
        :func:`event_weights`, and each with ``_uncert``. NaN is what cannot be known: ``meta["missing"]`` and
        ``meta["unweighted_because"]`` say why.

    Raises
    ------
    gammaml.errors.InputError
        Where nothing can be known.
    """
    events = test_events(dl2)
    row, missing = dict.fromkeys(COUNTS, 0), []
    row |= {column: np.nan for name in MEASURES for column in _columns(name)}
    weights, reason = _weights(events)
    events["weight"] = weights
    settings = {"n_bootstrap": n_bootstrap, "seed": seed}
    for measure in (_classification, _energy, _direction):
        try:
            row |= measure(events, settings)
        except InputError as error:
            missing.append(str(error))
    if len(missing) == 3:
        raise InputError("summary", "; ".join(missing), "one task with results", "check the prediction")
    result = QTable({name: [value] for name, value in row.items()})
    for column in _columns("angular_resolution"):
        result[column] = result[column] * u.deg
    return _described(result, events, missing, reason)


def _columns(name):
    return (name, f"{name}_uncert", f"{name}_weighted", f"{name}_weighted_uncert")


def _weights(events):
    try:
        return event_weights(events), ""
    except InputError as error:
        return np.full(len(events), np.nan), str(error)


def _described(result, events, missing, reason):
    gammas = is_gamma(events)
    events.meta["counts"] = f"{gammas.sum():,} gammas + {(~gammas).sum():,} hadrons"
    events.meta["n_not_reconstructed"] = 0
    definition = (
        "AUC: area under the ROC curve (DeLong et al. 1988). Energy bias: median of E_reco / E_true - 1. Energy width: "
        "half the 68.27 % width of log10(E_reco / E_true). Angular resolution: holds 68.27 %. All energies together; "
        f"weighted: as if the spectra were power laws of index {GAMMA_INDEX} (gammas) and {HADRON_INDEX} (hadrons), "
        f"else as simulated. Uncertainties: by {cluster_name(events)}."
    )
    described(result, definition, events).meta.update(missing=missing, unweighted_because=reason)
    return result


def _classification(events, _):
    kept = classified_events(events)
    plain, weighted = area_under_curve(kept), area_under_curve(kept, np.asarray(kept["weight"]))
    values = (plain.value, plain.uncertainty, weighted.value, weighted.uncertainty)
    counts = {"n_gamma": plain.n_gamma, "n_hadron": plain.n_hadron}
    return counts | dict(zip(_columns("auc"), values, strict=True))


def _energy(events, settings):
    kept = reconstructed_gammas(events, "true_energy", "reco_energy")
    logarithm = np.log10(bare(kept, "reco_energy") / bare(kept, "true_energy"))
    row = {"n_energy": len(kept)}
    for suffix, (low, median, high) in _quantiles(logarithm, ONE_SIGMA, kept, settings).items():
        row |= _with_uncertainty(f"energy_bias{suffix}", 10**median - 1)
        row |= _with_uncertainty(f"energy_width{suffix}", (high - low) / 2)
    return row


def _direction(events, settings):
    kept = reconstructed_gammas(events, *DIRECTION)
    row = {"n_direction": len(kept)}
    for suffix, (angle,) in _quantiles(theta(kept), [CONTAINMENT_68], kept, settings).items():
        row |= _with_uncertainty(f"angular_resolution{suffix}", angle)
    return row


def _quantiles(values, quantiles, kept, settings):
    """Suffix -> (n_quantiles, 1 + n_bootstrap), the found value first; for events as simulated, and weighted."""
    if len(values) < MIN_EVENTS:
        raise InputError("summary", f"{len(values)} gammas", f"at least {MIN_EVENTS}", "add events")
    result, clusters = {}, cluster_number(kept)
    for suffix, weights in (("", np.ones(len(kept))), ("_weighted", np.asarray(kept["weight"]))):
        if np.all(np.isfinite(weights)):
            draw = {"n_bootstrap": settings["n_bootstrap"], "rng": np.random.default_rng(settings["seed"])}
            found, drawn = bootstrap_quantiles(values, quantiles, clusters=clusters, weights=weights, **draw)
            result[suffix] = np.vstack([found, drawn]).T
    return result


def _with_uncertainty(name, values):
    return {name: values[0], f"{name}_uncert": values[1:].std()}
