"""Figures of the separation of gammas and hadrons."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from gammaml.performance import MIN_EVENTS
from gammaml.plots.style import (
    BLUE,
    LINES,
    MARKERS,
    ORANGE,
    axes,
    binned_axis,
    bounded,
    legend_above,
    next_series,
    note,
)


def plot_roc(table, ax=None, label=None):
    """Gamma efficiency against hadron efficiency, with the binomial uncertainty as a band.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.roc_curve`.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes(ax)
    style = next_series(ax) | {"marker": ""}
    area = f"AUC {table.meta['auc']:.4f} ± {table.meta['auc_uncert']:.4f}"
    x, y, uncert = (
        np.asarray(table[name]) for name in ("hadron_efficiency", "gamma_efficiency", "gamma_efficiency_uncert")
    )
    if not ax.lines:
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.6, linestyle=":")
    ax.plot(x, y, label=f"{label}, {area}" if label else area, **style)
    ax.fill_between(
        x, np.clip(y - uncert, 0, 1), np.clip(y + uncert, 0, 1), color=style["color"], alpha=0.2, linewidth=0
    )
    ax.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="hadron efficiency", ylabel="gamma efficiency")
    ax.legend(loc="lower right")
    note(ax, table, label)
    return ax


def plot_auc_in_bins(table, ax=None, label=None):
    """AUC in bins of the column that ``meta["column"]`` names; parameters and result as :func:`plot_roc`.

    `table` is of :func:`gammaml.performance.auc_in_bins`; bins with too few of a class are not drawn.
    """
    ax = axes(ax)
    table = table[(np.minimum(table["n_gamma"], table["n_hadron"]) >= MIN_EVENTS) & np.isfinite(table["auc_uncert"])]
    middle = binned_axis(ax.xaxis, table)
    ax.errorbar(middle, table["auc"], table["auc_uncert"], label=label, elinewidth=0.8, **next_series(ax))
    ax.set(ylabel="AUC")
    bounded(ax)
    ax.set_ylim(top=min(1.01, ax.get_ylim()[1]))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))  # others need more digits than there is room for
    legend_above(ax)
    note(ax, table, label)
    return ax


def plot_gammaness_distribution(table, ax=None, label=None):
    """Shares of gammas and hadrons in bins of gammaness; parameters and result as :func:`plot_roc`.

    `table` is of :func:`gammaml.performance.gammaness_distribution`. Colour tells the class, line style the table.
    """
    ax = axes(ax)
    number = len({line.get_gid() for line in ax.lines if line.get_gid()}) % len(LINES)
    edges = np.append(np.asarray(table["low"]), table["high"][-1])
    for name, color in (("gamma", BLUE), ("hadron", ORANGE)):
        fraction, uncert = np.asarray(table[f"{name}_fraction"]), np.asarray(table[f"{name}_fraction_uncert"])
        text = f"{label}, {name}s" if label else f"{name}s"
        ax.stairs(fraction, edges, color=color, linestyle=LINES[number], label=text, fill=False, linewidth=1.1)
        middle = (edges[1:] + edges[:-1]) / 2
        ax.errorbar(middle, fraction, uncert, color=color, marker=MARKERS[number], linestyle="", gid=f"table-{number}",
                    elinewidth=0.8, markersize=2.5)  # fmt: skip
    ax.set(xlim=(0, 1), xlabel="gammaness", ylabel="share of events per bin", yscale="log")
    legend_above(ax)
    note(ax, table, label)
    return ax


def plot_reliability(table, ax=None, label=None):
    """Observed share of gammas against predicted; parameters and result as :func:`plot_roc`.

    `table` is of :func:`gammaml.performance.reliability`.
    """
    ax = axes(ax)
    style = next_series(ax)
    if not ax.lines:
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.6, linestyle=":")
    x, y = np.asarray(table["predicted"]), np.asarray(table["observed"])
    reach = np.abs([y - table["observed_low"], table["observed_high"] - y])
    scores = f"Brier {table.meta['brier_score']:.3f}, ECE {table.meta['expected_calibration_error']:.3f}"
    ax.errorbar(x, y, reach, label=f"{label}, {scores}" if label else scores, elinewidth=0.8, **style)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean gammaness", ylabel="share of gammas")
    legend_above(ax, columns=1)
    note(ax, table, label)
    return ax
