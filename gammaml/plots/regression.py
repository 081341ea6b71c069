"""Figures of energy, direction, core, height of the maximum, and effective area."""

import numpy as np
from matplotlib.colors import LogNorm

from gammaml.errors import SettingError
from gammaml.performance import MIN_EVENTS
from gammaml.plots.style import VERMILLION, axes, binned_axis, bounded, energy_axis, legend_above, next_series, note

BIAS_PANEL = "gammaml-bias"
LEVEL_STYLES = (
    {},
    {"markerfacecolor": "white", "linewidth": 0.6},
    {"markerfacecolor": "white", "linewidth": 0.4, "markersize": 2.5},
    {"markersize": 1.5, "linewidth": 0.4},
)


def _points(ax, table, name, style, least=MIN_EVENTS):
    """Values with uncertainties, of the bins with at least so many events and an uncertainty."""
    values, uncert = (np.asarray(getattr(table[c], "value", table[c])) for c in (name, f"{name}_uncert"))
    middle = binned_axis(ax.xaxis, table, f"{table.meta.get('column', 'true_energy')}_")
    shown = (table["n_events"] >= least) & np.isfinite(uncert)
    ax.errorbar(middle[shown], values[shown], uncert[shown], elinewidth=0.8, **style)


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
    return _resolution_and_bias(table, ax, label, ("energy resolution", "energy bias"))


def _resolution_and_bias(table, ax, label, names):
    ax = axes(ax, stretch=1.25)
    style, below = next_series(ax), _bias_panel(ax, names[1])
    _points(ax, table, "resolution", style | {"label": label})
    _points(below, table, "bias", style)
    ax.set(xlabel="", ylabel=names[0])
    ax.tick_params(which="both", labelbottom=False)
    ax.figure.align_ylabels([ax, below])
    bounded(ax, bottom=0)
    legend_above(ax)
    note(below, table, label)
    return ax


def _bias_panel(ax, name):
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
    below.set(ylabel=name)
    return below


def plot_angular_resolution(table, ax=None, label=None, levels=(68,)):
    """Containment angles in bins of true energy, or of what the table is binned in.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.angular_resolution`.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional
    levels : tuple of int
        Which of 50, 68, 80 and 95 %; the first has filled markers.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return _containments(table, ax, label, ("angular_resolution", "angular resolution", "deg", levels))


def plot_core_resolution(table, ax=None, label=None, levels=(68,)):
    """Containment distances of the core; parameters and result as :func:`plot_angular_resolution`.

    `table` is of :func:`gammaml.performance.core_resolution`.
    """
    return _containments(table, ax, label, ("core_resolution", "core error", "m", levels))


def plot_h_max_resolution(table, ax=None, label=None):
    """Resolution and bias of the height of the maximum; parameters and result as :func:`plot_energy_resolution`.

    `table` is of :func:`gammaml.performance.h_max_resolution`.
    """
    names = ("h$_\\mathrm{max}$ resolution [m]", "h$_\\mathrm{max}$ bias [m]")
    return _resolution_and_bias(table, ax, label, names)


def _containments(table, ax, label, what):
    ax, (column, name, unit, levels) = axes(ax), what
    style = next_series(ax)
    for level, changes in zip(levels, LEVEL_STYLES, strict=False):
        text = [label, f"{level} %"] if len(levels) > 1 else [label]
        ending = "" if level == 68 else f"_{level}"
        words = ", ".join(part for part in text if part)
        _points(ax, table, f"{column}{ending}", style | changes | {"label": words or None})
    ax.set(ylabel=f"{name} [{unit}]" if len(levels) > 1 else f"{name}, {levels[0]} % [{unit}]")
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
    ax.plot(ends, ends, color=VERMILLION, linewidth=0.8, linestyle=":")
    energy_axis(ax.xaxis)
    energy_axis(ax.yaxis, "reconstructed energy [TeV]")
    ax.set_title(label or "", fontsize=8)
    ax.figure.colorbar(mesh, cax=ax.inset_axes([1.03, 0, 0.04, 1]), label="share of gammas")
    note(ax, table)
    return ax


def _edges(table, name):
    low, high = (table[f"{name}_energy_{side}"].to_value("TeV") for side in ("low", "high"))
    return np.append(np.unique(low), high.max())
