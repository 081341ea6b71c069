"""How well energy and direction of gammas are reconstructed."""

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack
from pyirf.benchmarks import angular_resolution as pyirf_angular_resolution
from pyirf.benchmarks import energy_bias_resolution

from gammaml.performance.quantities import CORE, gammas_in_bins, values, words
from gammaml.performance.selection import (
    DIRECTION,
    bare,
    bin_index,
    checked_edges,
    cluster_name,
    cluster_number,
    described,
    reconstructed_gammas,
    too_few,
)
from gammaml.performance.uncertainty import CONTAINMENT_68, ONE_SIGMA, bootstrap_in_bins, fraction_interval

ANY_ENERGY = [0, np.inf] * u.TeV
LEVELS = {"": CONTAINMENT_68, "_50": 0.5, "_80": 0.8, "_95": 0.95}  # what is held, by the end of the column's name
MIN_EVENTS_95 = 100  # five beyond a circle of 95 %
LEAST_95 = f" (95 %: {MIN_EVENTS_95} gammas)"


def _bootstrap_text(dl2, besides=""):
    least = too_few(dl2, "gammas")
    return f"Uncertainty: bootstrap by {cluster_name(dl2)}; bins with fewer than {least}{besides} are not drawn."


def theta(dl2):
    """Angle between true and reconstructed direction of each row, in degrees."""
    return values(dl2, "direction_error")


def energy_resolution(dl2, true_energy_bins, *, by="true_energy", n_bootstrap=200, seed=0):
    """Bias and resolution of the energy of gammas in bins, as pyirf's ``energy_bias_resolution``.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    true_energy_bins : astropy.units.Quantity (n_bins + 1,)
        Edges in true energy, or in what `by` names.
    by : str
        What the bins are of: a column, ``"true_offset"`` or another of :data:`gammaml.performance.QUANTITIES`.
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        true_energy_low, true_energy_high, true_energy_center (or those of `by`), n_events, bias (median of
        E_reco / E_true - 1), bias_uncert, resolution (half the width from 15.87 to 84.13 %), resolution_uncert. Below
        ten events the uncertainties are NaN.
    """
    events, rows, result = gammas_in_bins(dl2, by, true_energy_bins, "true_energy", "reco_energy")
    pairs = QTable({name: bare(events, name) * u.TeV for name in ("true_energy", "reco_energy")})
    found = vstack([energy_bias_resolution(pairs[mask], ANY_ENERGY) for mask in rows])
    for name in ("bias", "resolution"):
        result[name] = found[name]
    error = bare(events, "reco_energy") / bare(events, "true_energy") - 1
    _add_spread(result, error, rows, clusters=cluster_number(events), n_bootstrap=n_bootstrap, seed=seed)
    definition = (
        "Energy (pyirf): bias is the median of E_reco / E_true - 1 and resolution half its width from 16 to 84 %, "
        f"in bins of {words(by)}, gammas. {_bootstrap_text(events)}"
    )
    return _binned(result, definition, events, by)


def _add_spread(result, error, rows, **draw):
    """Uncertainties of bias (median) and resolution (half the 68.27 % width) of errors in bins."""
    drawn = bootstrap_in_bins(error, ONE_SIGMA, rows, **draw)
    result["bias_uncert"] = drawn[..., 1].std(axis=1)
    result["resolution_uncert"] = (drawn[..., 2] - drawn[..., 0]).std(axis=1) / 2


def _binned(result, definition, events, by):
    described(result, definition, events).meta["column"] = by
    return result


def _rows_of_bins(values, edges):
    index = bin_index(values, edges)
    return [index == i for i in range(len(edges) - 1)]


def angular_resolution(dl2, true_energy_bins, *, by="true_energy", n_bootstrap=200, seed=0):
    """Angles that hold 50, 68.27, 80 and 95 % of the gammas in bins, as pyirf's ``angular_resolution``.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    true_energy_bins : astropy.units.Quantity (n_bins + 1,)
        Edges in true energy, or in what `by` names.
    by : str
        What the bins are of: a column, ``"true_offset"`` or another of :data:`gammaml.performance.QUANTITIES`.
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        true_energy_low, true_energy_high, true_energy_center (or those of `by`), n_events, angular_resolution (deg,
        holds 68.27 %), angular_resolution_50, _80, _95, each with ``_uncert``: NaN below ten events, that of 95 % below
        a hundred.
    """
    events, rows, result = gammas_in_bins(dl2, by, true_energy_bins, *DIRECTION)
    draw = {"clusters": cluster_number(events), "n_bootstrap": n_bootstrap, "seed": seed}
    _add_containment(result, "angular_resolution", theta(events) * u.deg, rows, **draw)
    definition = (
        "Angular resolution (pyirf): angle from the true direction that holds 68.27 % of the gammas, in the table also "
        f"50, 80 and 95 %, in bins of {words(by)}, no cut in gammaness. "
        f"{_bootstrap_text(events, LEAST_95)}"
    )
    return _binned(result, definition, events, by)


def _add_containment(result, name, distance, rows, **draw):
    """Distances (any unit) that hold the shares of `LEVELS` of the events of each bin, with uncertainties."""
    # pyirf's function gives quantiles of whatever is called theta, in bins of energy: here one of all energies a bin.
    table = QTable({"true_energy": np.ones(len(distance)) * u.TeV, "theta": distance})
    levels = list(LEVELS.values())
    found = vstack([pyirf_angular_resolution(table[mask], ANY_ENERGY, quantile=levels) for mask in rows])
    drawn = bootstrap_in_bins(distance.value, levels, rows, **draw).std(axis=1)
    drawn[result["n_events"] < MIN_EVENTS_95, levels.index(0.95)] = np.nan
    for i, (suffix, level) in enumerate(LEVELS.items()):
        result[f"{name}{suffix}"] = found[f"angular_resolution_{level * 100:.0f}"]
        result[f"{name}{suffix}_uncert"] = drawn[:, i] * distance.unit


def migration_matrix(dl2, true_energy_bins, reco_energy_bins):
    """Where gammas of each true energy are reconstructed.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    true_energy_bins, reco_energy_bins : astropy.units.Quantity (n_true + 1,), (n_reco + 1,)

    Returns
    -------
    astropy.table.QTable
        n_true x n_reco rows, reconstructed energy running fastest: true_energy_low, true_energy_high, reco_energy_low,
        reco_energy_high, n_events, probability (of all gammas of that true energy, also those reconstructed outside
        `reco_energy_bins`; NaN where there are none), probability_uncert.
    """
    true_edges = checked_edges(true_energy_bins, u.TeV, "true_energy_bins")
    reco_edges = checked_edges(reco_energy_bins, u.TeV, "reco_energy_bins")
    events = reconstructed_gammas(dl2, "true_energy", "reco_energy")
    true, reco = bare(events, "true_energy"), bare(events, "reco_energy")
    counts = np.histogram2d(true, reco, [true_edges, reco_edges])[0]
    total = np.histogram(true, true_edges)[0][:, np.newaxis]
    shape = counts.shape
    result = QTable()
    for name, edges, axis in (("true", true_edges, (slice(None), None)), ("reco", reco_edges, (None, slice(None)))):
        result[f"{name}_energy_low"] = np.broadcast_to(edges[:-1][axis], shape).ravel() * u.TeV
        result[f"{name}_energy_high"] = np.broadcast_to(edges[1:][axis], shape).ravel() * u.TeV
    with np.errstate(invalid="ignore"):
        probability = counts / total
    result["n_events"], result["probability"] = counts.ravel().astype(int), probability.ravel()
    result["probability_uncert"] = _cell_uncertainties(true_edges, reco_edges, true, reco, cluster_number(events))
    definition = (
        "Energy migration: share of the gammas of each bin of true energy that is reconstructed in each bin of energy; "
        f"each bin of true energy adds up to 1. Binomial uncertainty (Wilson), by {cluster_name(events)}."
    )
    return described(result, definition, events)


def _cell_uncertainties(true_edges, reco_edges, true, reco, clusters):
    """Half the 68.27 % interval of each cell's share, flat, reconstructed energy running fastest."""
    reco_index, half_widths = bin_index(reco, reco_edges), []
    for rows in _rows_of_bins(true, true_edges):
        for cell in range(len(reco_edges) - 1):
            low, high = fraction_interval(reco_index[rows] == cell, clusters[rows])
            half_widths.append((high - low) / 2)
    return half_widths


def core_resolution(dl2, true_energy_bins, *, by="true_energy", n_bootstrap=200, seed=0):
    """Distances on the ground from the true core that hold 50, 68.27, 80 and 95 % of the gammas' cores, in bins.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        true_core_x, true_core_y, reco_core_x, reco_core_y.
    true_energy_bins, by, n_bootstrap, seed
        As in :func:`angular_resolution`.

    Returns
    -------
    astropy.table.QTable
        As that of :func:`angular_resolution`, with core_resolution (m, holds 68.27 %), core_resolution_50, _80, _95.
    """
    events, rows, result = gammas_in_bins(dl2, by, true_energy_bins, *CORE)
    draw = {"clusters": cluster_number(events), "n_bootstrap": n_bootstrap, "seed": seed}
    _add_containment(result, "core_resolution", values(events, "core_error") * u.m, rows, **draw)
    definition = (
        "Core: distance on the ground from the true core that holds 68.27 % of the gammas, in the table also 50, 80 "
        f"and 95 %, in bins of {words(by)}, no cut in gammaness. {_bootstrap_text(events, LEAST_95)}"
    )
    return _binned(result, definition, events, by)


def h_max_resolution(dl2, true_energy_bins, *, by="true_energy", n_bootstrap=200, seed=0):
    """Bias and resolution of the height of the shower maximum of gammas, in bins.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        true_h_max, reco_h_max.
    true_energy_bins, by, n_bootstrap, seed
        As in :func:`energy_resolution`.

    Returns
    -------
    astropy.table.QTable
        As that of :func:`energy_resolution`, with bias (m, median of reconstructed less true height) and resolution (m,
        half the width from 15.87 to 84.13 %).
    """
    events, rows, result = gammas_in_bins(dl2, by, true_energy_bins, "true_h_max", "reco_h_max")
    error = values(events, "h_max_error")
    found = [np.quantile(error[mask], ONE_SIGMA) if mask.any() else np.full(3, np.nan) for mask in rows]
    low, median, high = np.transpose(found)
    result["bias"], result["resolution"] = median, (high - low) / 2
    _add_spread(result, error, rows, clusters=cluster_number(events), n_bootstrap=n_bootstrap, seed=seed)
    for name in ("bias", "bias_uncert", "resolution", "resolution_uncert"):
        result[name] = result[name] * u.m
    definition = (
        "Height of the shower maximum: bias is the median of reconstructed less true height and resolution half the "
        "width from 16 to 84 %; true heights are those of a standard atmosphere. In bins of "
        f"{words(by)}, gammas, no cut in gammaness. {_bootstrap_text(events)}"
    )
    return _binned(result, definition, events, by)
