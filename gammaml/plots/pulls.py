"""Figures of predicted uncertainties against errors."""

import numpy as np

from gammaml.plots.style import axes, bounded, legend_above, next_series, note

PULL_NAMES = {"energy": "error of log$_{10}E$ / predicted sigma", "direction": "angle / predicted sigma"}


def plot_pulls(table, ax=None, label=None):
    """Distribution of errors over predicted uncertainties, and dotted the one expected if these are right.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.pulls`.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes(ax)
    style, edges = next_series(ax), np.append(np.asarray(table["low"]), table["high"][-1])
    middle, density = (edges[1:] + edges[:-1]) / 2, np.asarray(table["density"])
    if not ax.lines:
        ax.plot(middle, table["expected_density"], color="0.35", linewidth=1.0, linestyle=":", zorder=3)
    meta = table.meta
    text = ", ".join(f"{name} {meta[name]:.2f} ± {meta[f'{name}_uncert']:.2f}" for name in ("shift", "width"))
    steps = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": 1.1}
    ax.stairs(density, edges, label=f"{label}, {text}" if label else text, fill=False, **steps)
    points = style | {"linestyle": "", "markersize": 2}
    ax.errorbar(middle, density, np.asarray(table["density_uncert"]), elinewidth=0.8, **points)
    ax.set(xlim=edges[[0, -1]], xlabel=PULL_NAMES[meta["quantity"]], ylabel="share of gammas per unit")
    bounded(ax, bottom=0)
    legend_above(ax, columns=1)
    note(ax, table, label)
    return ax


def plot_coverage(table, ax=None, label=None):
    """Observed share of gammas within predicted regions against the nominal one; parameters as :func:`plot_pulls`.

    `table` is of :func:`gammaml.performance.coverage`.
    """
    ax = axes(ax)
    style = next_series(ax)
    if not ax.lines:
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.6, linestyle=":")
    x, y = np.asarray(table["nominal"]), np.asarray(table["observed"])
    reach = np.abs([y - table["observed_low"], table["observed_high"] - y])
    ax.errorbar(x, y, reach, label=label, elinewidth=0.8, **style)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"nominal coverage, {table.meta['quantity']}", ylabel="observed coverage")
    legend_above(ax)
    note(ax, table, label)
    return ax
