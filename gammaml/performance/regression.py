"""How well energy and direction of gammas are reconstructed."""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from pyirf.benchmarks import angular_resolution as pyirf_angular_resolution
from pyirf.benchmarks import energy_bias_resolution

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
from gammaml.sky import angular_separation


def _bootstrap_text(dl2):
    return (
        f"Uncertainty: bootstrap by {cluster_name(dl2)}; bins with fewer than {too_few(dl2, 'gammas')} are not drawn."
    )


def theta(dl2):
    """Angle between true and reconstructed direction of each row, in degrees."""
    true_alt, true_az, reco_alt, reco_az = (bare(dl2, name) for name in DIRECTION)
    return angular_separation(true_alt, true_az, reco_alt, reco_az)


def energy_resolution(dl2, true_energy_bins, *, n_bootstrap=200, seed=0):
    """Bias and resolution of the energy of gammas in bins of true energy, as pyirf's ``energy_bias_resolution``.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    true_energy_bins : astropy.units.Quantity (n_bins + 1,)
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        true_energy_low, true_energy_high, true_energy_center, n_events, bias (median of E_reco / E_true - 1),
        bias_uncert, resolution (half the width from 15.87 to 84.13 %), resolution_uncert. Below ten
        events the uncertainties are NaN.
    """
    edges = checked_edges(true_energy_bins, u.TeV, "true_energy_bins")
    events = reconstructed_gammas(dl2, "true_energy", "reco_energy")
    true, reco = bare(events, "true_energy"), bare(events, "reco_energy")
    result = energy_bias_resolution(QTable({"true_energy": true * u.TeV, "reco_energy": reco * u.TeV}), edges * u.TeV)
    draw = {"clusters": cluster_number(events), "n_bootstrap": n_bootstrap, "seed": seed}
    drawn = bootstrap_in_bins(reco / true - 1, ONE_SIGMA, _rows_of_bins(true, edges), **draw)
    result["bias_uncert"] = drawn[..., 1].std(axis=1)
    result["resolution_uncert"] = (drawn[..., 2] - drawn[..., 0]).std(axis=1) / 2
    definition = (
        "Energy (pyirf): bias is the median of E_reco / E_true - 1 and resolution half its width from 16 to 84 %, "
        f"in bins of true energy, gammas. {_bootstrap_text(events)}"
    )
    return described(result, definition, events)


def _rows_of_bins(values, edges):
    index = bin_index(values, edges)
    return [index == i for i in range(len(edges) - 1)]


def angular_resolution(dl2, true_energy_bins, *, n_bootstrap=200, seed=0):
    """Angle that holds 68.27 % of the gammas in bins of true energy, as pyirf's ``angular_resolution``.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    true_energy_bins : astropy.units.Quantity (n_bins + 1,)
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        true_energy_low, true_energy_high, true_energy_center, n_events, angular_resolution (deg),
        angular_resolution_uncert, NaN below ten events.
    """
    edges = checked_edges(true_energy_bins, u.TeV, "true_energy_bins")
    events = reconstructed_gammas(dl2, "true_energy", *DIRECTION)
    energy, angle = bare(events, "true_energy"), theta(events)
    columns = QTable({"true_energy": energy * u.TeV, "theta": angle * u.deg})
    result = pyirf_angular_resolution(columns, edges * u.TeV, quantile=CONTAINMENT_68)
    result.rename_column("angular_resolution_68", "angular_resolution")
    draw = {"clusters": cluster_number(events), "n_bootstrap": n_bootstrap, "seed": seed}
    drawn = bootstrap_in_bins(angle, [CONTAINMENT_68], _rows_of_bins(energy, edges), **draw)
    result["angular_resolution_uncert"] = drawn[..., 0].std(axis=1) * u.deg
    definition = (
        "Angular resolution (pyirf): angle from the true direction that holds 68.27 % of the gammas, "
        f"in bins of true energy, no cut in gammaness. {_bootstrap_text(events)}"
    )
    return described(result, definition, events)


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
