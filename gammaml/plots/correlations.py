"""Figures that show biases: correlations as a heat map, and gammaness against everything."""

import math
from itertools import pairwise

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from gammaml.performance import MIN_EVENTS
from gammaml.plots.names import axis_name, is_logarithmic, name_of
from gammaml.plots.style import BLUE, NOTE_INDENT, ORANGE, axes, note

CLASS_STYLES = {
    "gamma": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "hadron": {"color": ORANGE, "linestyle": "--", "marker": "s"},
}
HEAD_SIZE = 5.5  # font size of what is many
HEADS_HEIGHT, LABELS_WIDTH = 48, 40  # points, of the names above and beside a heat map
COLUMNS = 3  # panels of a profile beside each other
GAPS = 0.12, 0.45  # between them, in widths and heights of a panel
MANY = 100  # from so large a ratio of the ends on, a logarithmic axis has a number a decade
SIGNIFICANT = 3  # standard deviations
DARK = 0.6  # correlation from which text on it is white


def plot_correlations(table, ax=None, label=None):
    """Rank correlations as a heat map: a row a parameter, a column a target of gammas or hadrons.

    Numbers within three standard deviations of zero are grey.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.correlations`.
    ax : matplotlib.axes.Axes, optional
        New when None; a second table does not fit on it.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    parameters = list(dict.fromkeys(table["parameter"]))
    columns = list(dict.fromkeys(zip(table["particle"], table["target"], strict=True)))
    ax = axes(ax, stretch=0.5 + len(parameters) / 18)
    shape = len(parameters), len(columns)
    correlation, uncert = np.full(shape, np.nan), np.full(shape, np.nan)
    for row in table:
        cell = parameters.index(row["parameter"]), columns.index((row["particle"], row["target"]))
        correlation[cell], uncert[cell] = row["correlation"], row["correlation_uncert"]
    ax.pcolormesh(correlation, cmap="RdBu_r", vmin=-1, vmax=1, edgecolors="white", linewidth=0.4)
    for (i, j), value in np.ndenumerate(correlation):
        if np.isfinite(value):
            _write(ax, (j + 0.5, i + 0.5), value, uncert[i, j])
    ax.set_yticks(np.arange(len(parameters)) + 0.5, [name_of(name) for name in parameters])
    ax.invert_yaxis()
    _heads(ax, columns)
    ax.tick_params(length=0, pad=2)
    ax.set_xlabel(f"rank correlation; grey: within {SIGNIFICANT}σ of 0", fontsize=HEAD_SIZE, labelpad=2)
    ax.set_title(label or "", fontsize=8, pad=HEADS_HEIGHT)
    note(ax, table, indent=NOTE_INDENT + LABELS_WIDTH)
    return ax


def _heads(ax, columns):
    """Targets above the columns, classes beneath them."""
    for j, (_, target) in enumerate(columns):
        place = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "xytext": (0, 3)}
        ax.annotate(name_of(target), (j + 0.5, 1), rotation=90, ha="center", va="bottom", fontsize=HEAD_SIZE, **place)
    classes = [particle for particle, _ in columns]
    starts = [classes.index(particle) for particle in dict.fromkeys(classes)]
    for start in starts[1:]:
        ax.axvline(start, color="black", linewidth=0.8)
    middles = [(low + high) / 2 for low, high in pairwise([*starts, len(classes)])]
    ax.set_xticks(middles, [f"{classes[start]}s" for start in starts])


def _write(ax, place, value, uncert):
    color = "0.55" if not abs(value) > SIGNIFICANT * uncert else "white" if abs(value) > DARK else "black"
    ax.text(
        *place, f"{round(value, 2) + 0.0:.2f}".replace("-", "−"), ha="center", va="center", fontsize=5.5, color=color
    )


def plot_gammaness_profile(table, ax=None, label=None):
    """Median and 16 to 84 % band of gammaness against each parameter, a panel each; gammas and hadrons.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.gammaness_profile`.
    ax : matplotlib.axes.Axes, optional
        New when None; a second table does not fit on it.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
        Without axis lines; the panels are its ``child_axes``.
    """
    parameters = list(dict.fromkeys(table["parameter"]))
    n_rows = math.ceil(len(parameters) / COLUMNS)
    ax = axes(ax, stretch=0.4 + 0.28 * n_rows)
    ax.set_axis_off()
    width, height = (1 / (n + (n - 1) * gap) for n, gap in zip((COLUMNS, n_rows), GAPS, strict=True))
    for i, parameter in enumerate(parameters):
        row, column = divmod(i, COLUMNS)
        left, top = column * width * (1 + GAPS[0]), 1 - row * height * (1 + GAPS[1])
        panel = ax.inset_axes([left, top - height, width, height])
        _draw_profile(panel, table[table["parameter"] == parameter], parameter)
        if column == 0:
            panel.set_ylabel("gammaness", fontsize=HEAD_SIZE)
        else:
            panel.tick_params(labelleft=False)
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2, "borderpad": 0.2}
    ax.legend(*ax.child_axes[0].get_legend_handles_labels(), title=label, title_fontsize=8, alignment="left", **above)
    note(ax, table, label)
    return ax


def _draw_profile(panel, table, parameter):
    for particle, style in CLASS_STYLES.items():
        rows = table[(table["particle"] == particle) & (table["n_events"] >= MIN_EVENTS)]
        if len(rows) == 0:
            continue
        x, low, middle, high, uncert = (
            np.asarray(rows[name])
            for name in ("center", "gammaness_16", "gammaness_50", "gammaness_84", "gammaness_50_uncert")
        )
        panel.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)
        panel.errorbar(x, middle, uncert, label=f"{particle}s", markersize=2, elinewidth=0.7, linewidth=0.8, **style)
    if is_logarithmic(parameter):
        panel.set_xscale("log")
        low, high = panel.get_xlim()
        panel.xaxis.set_major_locator(LogLocator(10, subs=(1,) if high > MANY * low else (1, 3)))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=parameter == "multiplicity"))
    panel.set_ylim(-0.02, 1.02)
    panel.set_xlabel(axis_name(parameter, table["unit"][0]), fontsize=HEAD_SIZE, labelpad=1)
    panel.minorticks_off()
    panel.tick_params(labelsize=HEAD_SIZE - 0.5, pad=2, top=False, right=False)
