"""Figures of a source in observed events."""

import numpy as np

from gammaml.plots.style import VERMILLION, axes, bounded, legend_above, next_series, note


def plot_theta2(table, ax=None, label=None):
    """Events by squared angle to the source, and grey those about the off regions, scaled to one; the cut dotted.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.theta2_counts`.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax, alpha = axes(ax), table.meta["alpha"]
    edges, middle = _edges(table)
    off = np.asarray(table["n_off"], float)
    ax.stairs(alpha * off, edges, fill=True, color="0.85", label="off")
    ax.errorbar(middle, alpha * off, alpha * np.sqrt(off), color="0.55", linestyle="", elinewidth=0.8)
    return _on_events(table, ax, label, r"$\theta^2$ [deg$^2$]")


def plot_alpha(table, ax=None, label=None):
    """Events by angle alpha to the source, and the level of the off region, dashed; the cut dotted.

    `table` is of :func:`gammaml.performance.alpha_counts`; the other parameters as :func:`plot_theta2`.
    """
    ax, meta = axes(ax), table.meta
    edges, _ = _edges(table)
    level = meta["alpha"] * meta["n_off"] / meta["cut"].to_value(table["low"].unit) * np.diff(edges)[0]
    ax.axhline(level, color=VERMILLION, linestyle="--", linewidth=0.9, label="off")
    return _on_events(table, ax, label, r"$\alpha$ [deg]")


def _on_events(table, ax, label, xlabel):
    edges, middle = _edges(table)
    on, style = np.asarray(table["n_on"], float), next_series(ax)
    text = f"{table.meta['significance']:.1f} σ"
    points = style | {"linestyle": "", "markersize": 2.5}
    ax.errorbar(middle, on, np.sqrt(on), elinewidth=0.8, label=f"{label}, {text}" if label else f"on, {text}", **points)
    ax.axvline(table.meta["cut"].to_value(table["low"].unit), color="0.35", linestyle=":", linewidth=0.8)
    ax.set(xlim=edges[[0, -1]], xlabel=xlabel, ylabel="events")
    bounded(ax, bottom=0)
    legend_above(ax)
    note(ax, table, label)
    return ax


def _edges(table):
    edges = np.append(table["low"].value, table["high"].value[-1])
    return edges, (edges[1:] + edges[:-1]) / 2
