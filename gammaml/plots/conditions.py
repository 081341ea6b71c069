"""Figures of an observation beside the events that a network was trained on."""

import numpy as np
from matplotlib import pyplot as plt

from gammaml.plots.style import axes, energy_axis, legend_above, series

LABELS = {
    "pixel noise": "pixel noise [p.e.]",
    "zenith": "zenith angle [deg]",
    "intensity": "image intensity [p.e.]",
    "telescopes an event": "telescopes an event",
}
PANEL = 2.4  # inches
LEAST = 2e-3  # share of a bin, for the axis to reach it


def plot_conditions(table, figure=None):
    """The distributions of observation and training, a panel each; a row a camera and class.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.conditions.compare`.
    figure : matplotlib.figure.Figure, optional
        An empty one; new when None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    groups = {}
    for distribution in table.meta["distributions"]:
        groups.setdefault((distribution.meta["camera"], distribution.meta["counts"]), []).append(distribution)
    columns = max(map(len, groups.values()))
    if figure is None:
        figure = plt.figure(figsize=(PANEL * columns, PANEL * len(groups) + 0.4), layout="constrained")
    parts = figure.subfigures(len(groups), 1, squeeze=False).ravel()
    for part, ((camera, counts), distributions) in zip(parts, groups.items(), strict=True):
        part.suptitle(f"{camera}: {counts}", fontsize="small")
        row = part.subplots(1, columns, squeeze=False).ravel()
        for ax, distribution in zip(row, distributions, strict=False):
            plot_distribution(distribution, ax)
        for ax in row[len(distributions) :]:
            ax.remove()
    return figure


def plot_distribution(table, ax=None):
    """Shares of events in bins: of the observation, and of the training as an area.

    Parameters
    ----------
    table : astropy.table.QTable
        One of ``meta["distributions"]`` of :func:`gammaml.conditions.compare`.
    ax : matplotlib.axes.Axes, optional
        New when None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax, quantity = axes(ax), table.meta["quantity"]
    low, high = np.asarray(table["low"]), np.asarray(table["high"])
    edges = np.append(low, high[-1])
    trained, observed = (series(number)["color"] for number in (0, 1))
    ax.stairs(table["training"], edges, fill=True, alpha=0.35, color=trained, label="training")
    ax.stairs(table["observed"], edges, color=observed, linewidth=1.3, label="observed")
    if quantity == "intensity":
        energy_axis(ax.xaxis)
    used = np.maximum(table["observed"], table["training"]) > LEAST
    if used.any():
        first, last = np.flatnonzero(used)[[0, -1]]
        ax.set_xlim(edges[max(first - 2, 0)], edges[min(last + 3, len(edges) - 1)])
    ax.set(xlabel=LABELS[quantity], ylabel="share of events a bin")
    ax.set_ylim(bottom=0)
    legend_above(ax)
    return ax
