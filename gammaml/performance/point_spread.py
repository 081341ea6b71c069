"""The shape of the point spread function, and its tails."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml.performance.regression import theta
from gammaml.performance.selection import (
    DIRECTION,
    bin_index,
    checked_edges,
    cluster_name,
    cluster_number,
    described,
    reconstructed_gammas,
)
from gammaml.performance.uncertainty import CONTAINMENT_68, bootstrap_in_bins, fraction_interval

TAIL = 3  # the tails begin at so many times the angle that holds 68.27 %
SHOWN = 0.99  # share of the gammas within the default rings


def theta_bins(dl2, n_bins=25):
    """Edges in angle from the true direction (Quantity, deg) that hold 99 % of the gammas; outer rings are wider."""
    outermost = np.quantile(theta(reconstructed_gammas(dl2, *DIRECTION)), SHOWN)
    return outermost * np.linspace(0, 1, n_bins + 1) ** 1.5 * u.deg


def point_spread(dl2, theta_edges, *, n_bootstrap=200, seed=0):
    """Density of the reconstructed directions of gammas around the true one, dP / dOmega, in rings.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        For the shape at some energies, rows of these energies.
    theta_edges : astropy.units.Quantity (n_bins + 1,)
    n_bootstrap, seed : int

    Returns
    -------
    astropy.table.QTable
        low, high (deg), n_events, density (share of all gammas for each deg2, also of those beyond the rings),
        density_uncert. ``meta`` has n_events, n_beyond (outside the rings); r68 (deg, holds 68.27 %), tail_fraction
        (share beyond 3 r68) and n_tail; r68_uncert (NaN below ten events), tail_fraction_uncert (of the share beyond
        that angle as it is; never 0).
    """
    edges = checked_edges(theta_edges, u.deg, "theta_edges")
    events = reconstructed_gammas(dl2, *DIRECTION)
    angle, clusters = theta(events), cluster_number(events)
    index = bin_index(angle, edges)
    inside = [index == i for i in range(len(edges) - 1)]
    low, high = np.transpose([fraction_interval(mask, clusters) for mask in inside])
    solid_angle = -2 * np.pi * np.diff(np.cos(np.deg2rad(edges))) * (180 / np.pi) ** 2
    result = QTable({"low": edges[:-1] * u.deg, "high": edges[1:] * u.deg, "n_events": [m.sum() for m in inside]})
    result["density"] = result["n_events"] / len(angle) / solid_angle / u.deg**2
    result["density_uncert"] = (high - low) / 2 / solid_angle / u.deg**2
    definition = (
        "Point spread: share of the gammas for each square degree, against the angle from the true direction, all "
        f"energies as simulated, no cut in gammaness; binomial uncertainty (Wilson), by {cluster_name(events)}. r68 "
        f"holds 68.27 % (uncertainty: bootstrap); tail: share beyond {TAIL} r68 (3e-5 of a normal distribution)."
    )
    described(result, definition, events)
    result.meta |= {"n_events": len(angle), "n_beyond": int(np.sum((index < 0) | (index >= len(edges) - 1)))}
    result.meta |= _tail(angle, clusters, n_bootstrap, seed)
    return result


def _tail(angle, clusters, n_bootstrap, seed):
    r68 = float(np.quantile(angle, CONTAINMENT_68))
    everything = [np.ones(len(angle), bool)]
    settings = {"clusters": clusters, "n_bootstrap": n_bootstrap, "seed": seed}
    drawn = bootstrap_in_bins(angle, [CONTAINMENT_68], everything, **settings)
    beyond = angle > TAIL * r68
    low, high = fraction_interval(beyond, clusters)
    tail = {"tail_fraction": float(beyond.mean()), "tail_fraction_uncert": float(high - low) / 2}
    return {"r68": r68, "r68_uncert": float(drawn.std())} | tail | {"n_tail": int(beyond.sum())}
