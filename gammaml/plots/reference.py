"""Curves of others, to compare with."""

import numpy as np

from gammaml.plots.style import LINES, bounded, legend_above

GREYS = ("0.2", "0.45", "0.6")
GID = "gammaml-reference-"


def plot_reference(table, ax, label=None):
    """A thin grey line over a figure of the same quantity, over the energies that the figure shows.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.io.reference.read_reference`; in the units of the figure.
    ax : matplotlib.axes.Axes
        With what is compared; its energies stay the limits.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    number = len([line for line in ax.lines if str(line.get_gid()).startswith(GID)])
    limits = ax.get_xlim()
    energy, values = table["energy"].to_value("TeV"), np.asarray(table[table.meta["quantity"]])
    first, last = np.searchsorted(energy, limits)
    shown = slice(max(first - 1, 0), last + 1)  # with the next points outside
    style = {"color": GREYS[number % len(GREYS)], "linestyle": LINES[number % len(LINES)], "linewidth": 0.7}
    # As points without bars, so that it stands behind the others in the legend, which has lines before points.
    ax.errorbar(energy[shown], values[shown], label=label, gid=f"{GID}{number}", zorder=1.5, **style)
    ax.set_xlim(limits)
    bounded(ax, **({} if ax.get_yscale() == "log" else {"bottom": 0}))
    legend_above(ax)
    return ax
