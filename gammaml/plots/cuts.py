"""Figures of cuts in gammaness: precision and recall, quality factor."""

import numpy as np

from gammaml.performance import MIN_EVENTS
from gammaml.plots.style import axes, bounded, legend_above, next_series, note


def plot_precision_recall(table, ax=None, label=None):
    """Precision against recall, with its interval as a band, of cuts that at least ten events pass.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.precision_recall`.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes(ax)
    style = next_series(ax) | {"marker": ""}
    area = f"AP {table.meta['average_precision']:.4f} ± {table.meta['average_precision_uncert']:.4f}"
    table = table[table["n_gamma"] + table["n_hadron"] >= MIN_EVENTS]
    recall, low, high = (np.asarray(table[name]) for name in ("recall", "precision_low", "precision_high"))
    ax.plot(recall, table["precision"], label=f"{label}, {area}" if label else area, **style)
    ax.fill_between(recall, low, high, color=style["color"], alpha=0.2, linewidth=0)
    ax.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="recall (gamma efficiency)", ylabel="precision (share of gammas)")
    ax.legend(loc="lower left")
    note(ax, table, label)
    return ax


def plot_quality_factor(table, ax=None, label=None):
    """Quality factor against the cut in gammaness, and the best cut; parameters as :func:`plot_precision_recall`.

    `table` is of :func:`gammaml.performance.quality_factor`; cuts that too few hadrons pass are not drawn.
    """
    ax, meta = axes(ax), table.meta
    style = next_series(ax) | {"marker": ""}
    table = table[np.isfinite(table["quality_factor"])]
    cut, quality, uncert = (
        np.asarray(table[name]) for name in ("gammaness_min", "quality_factor", "quality_factor_uncert")
    )
    best, best_uncert = meta["best_quality_factor"], meta["best_quality_factor_uncert"]
    text = f"best {best:.2f} ± {best_uncert:.2f} at {meta['best_cut']:.3f} ± {meta['best_cut_uncert']:.3f}"
    ax.plot(cut, quality, label=f"{label}, {text}" if label else text, **style)
    ax.fill_between(cut, quality - uncert, quality + uncert, color=style["color"], alpha=0.2, linewidth=0)
    ax.errorbar(
        meta["best_cut"], best, best_uncert, meta["best_cut_uncert"],
        color=style["color"], marker="o", markersize=3, elinewidth=0.8, linestyle="",
    )  # fmt: skip
    ax.set(xlim=(0, 1), xlabel="smallest gammaness", ylabel="quality factor")
    bounded(ax, bottom=0)
    legend_above(ax, columns=1)
    note(ax, table, label)
    return ax
