"""Figures of energy, direction and effective area."""

import numpy as np
from matplotlib.colors import LogNorm

from gammaml.errors import SettingError
from gammaml.performance import MIN_EVENTS
from gammaml.plots.style import ORANGE, axes, bounded, energy_axis, legend_above, next_series, note

BIAS_PANEL = "gammaml-bias"


def _energies(table, name="true"):
    """Geometric middle of each bin, TeV."""
    return np.sqrt(table[f"{name}_energy_low"].to_value("TeV") * table[f"{name}_energy_high"].to_value("TeV"))


def _points(ax, table, name, style, least=MIN_EVENTS):
    """Values with uncertainties, of the bins with at least so many events and an uncertainty."""
    values, uncert = (np.asarray(getattr(table[c], "value", table[c])) for c in (name, f"{name}_uncert"))
    shown = (table["n_events"] >= least) & np.isfinite(uncert)
    ax.errorbar(_energies(table)[shown], values[shown], uncert[shown], elinewidth=0.8, **style)


def plot_energy_resolution(table, ax=None, label=None):
    """Energy resolution, and beneath it the bias in a panel of its own.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.energy_resolution`.
    ax : matplotlib.axes.Axes, optional
        A subplot, which is divided in two; new when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
        That of the resolution.
    """
    ax = axes(ax, stretch=1.25)
    style, below = next_series(ax), _bias_panel(ax)
    _points(ax, table, "resolution", style | {"label": label})
    _points(below, table, "bias", style)
    ax.set(ylabel="energy resolution")
    ax.figure.align_ylabels([ax, below])
    bounded(ax, bottom=0)
    legend_above(ax)
    note(below, table, label)
    return ax


def _bias_panel(ax):
    """The panel beneath `ax`: the one of the last call, or a new one."""
    for sibling in ax.get_shared_x_axes().get_siblings(ax):
        if sibling.get_gid() == BIAS_PANEL:
            return sibling
    if ax.get_subplotspec() is None:
        raise SettingError("ax", "axes placed by hand", "a subplot, to divide in two", "make it with plt.subplots")
    grid = ax.get_subplotspec().subgridspec(2, 1, height_ratios=(2, 1))
    ax.set_subplotspec(grid[0])
    below = ax.figure.add_subplot(grid[1], sharex=ax, gid=BIAS_PANEL)
    below.axhline(0, color="0.6", linewidth=0.6, linestyle=":")
    below.set(ylabel="energy bias")
    energy_axis(below.xaxis)
    ax.tick_params(which="both", labelbottom=False)
    return below


def plot_angular_resolution(table, ax=None, label=None):
    """68.27 % containment angle against true energy.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.angular_resolution`.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes(ax)
    _points(ax, table, "angular_resolution", next_series(ax) | {"label": label})
    energy_axis(ax.xaxis)
    ax.set(ylabel="angular resolution, 68 % [deg]")
    bounded(ax, bottom=0)
    legend_above(ax)
    note(ax, table, label)
    return ax


def plot_effective_area(table, ax=None, label=None):
    """Effective area against true energy; parameters and result as :func:`plot_angular_resolution`.

    `table` is of :func:`gammaml.performance.effective_area`.
    """
    ax = axes(ax)
    _points(ax, table, "effective_area", next_series(ax) | {"label": label}, least=1)
    energy_axis(ax.xaxis)
    ax.set(ylabel="effective area [m$^2$]", yscale="log")
    legend_above(ax)
    note(ax, table, label)
    return ax


def plot_migration_matrix(table, ax=None, label=None):
    """Reconstructed against true energy, each bin of true energy adding up to one.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.migration_matrix`.
    ax : matplotlib.axes.Axes, optional
        New when None; a second table does not fit on it.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes(ax)
    true, reco = _edges(table, "true"), _edges(table, "reco")
    probability = np.asarray(table["probability"]).reshape(len(true) - 1, len(reco) - 1)
    filled = np.ma.masked_where(~(probability > 0), probability)
    mesh = ax.pcolormesh(true, reco, filled.T, cmap="YlGnBu", norm=LogNorm(1e-3, 1), linewidth=0)
    ends = [max(true[0], reco[0]), min(true[-1], reco[-1])]
    ax.plot(ends, ends, color=ORANGE, linewidth=0.8, linestyle=":")
    energy_axis(ax.xaxis)
    energy_axis(ax.yaxis, "reconstructed energy [TeV]")
    ax.set_title(label or "", fontsize=8)
    ax.figure.colorbar(mesh, cax=ax.inset_axes([1.03, 0, 0.04, 1]), label="share of gammas")
    note(ax, table)
    return ax


def _edges(table, name):
    low, high = (table[f"{name}_energy_{side}"].to_value("TeV") for side in ("low", "high"))
    return np.append(np.unique(low), high.max())
