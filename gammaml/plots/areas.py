"""Figures of what cuts leave: effective areas, background rate, sensitivity."""

import numpy as np

from gammaml.performance import MIN_EVENTS
from gammaml.plots.style import axes, energy_axis, legend_above, next_series, note

CRAB_LINES = (1, 0.1, 0.01)


def plot_effective_area_by_cut(table, ax=None, label=None):
    """Effective area against true energy, a curve a cut.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.effective_area_by_cut`.
    ax : matplotlib.axes.Axes, optional
        New when None; a second table does not fit on it.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    names = {"none": "no cut", "gammaness": "gammaness", "gammaness, theta": "gammaness and theta"}
    return _areas(table, "cut", names.get, axes(ax), label)


def plot_effective_area_by_offset(table, ax=None, label=None):
    """Effective area against true energy, a curve a bin of offset; parameters as :func:`plot_effective_area_by_cut`.

    `table` is of :func:`gammaml.performance.effective_area_by_offset`.
    """
    ends = {part["fov_offset_low"]: part["fov_offset_high"].to_value("deg") for part in table}
    return _areas(table, "fov_offset_low", lambda low: f"{low.value:.3g}–{ends[low]:.3g}°", axes(ax), label)


def _areas(table, column, name, ax, label):
    """A curve for each value of a column."""
    ax.set_yscale("log")
    for value in dict.fromkeys(table[column]):
        part = table[(table[column] == value) & (table["n_events"] > 0)]
        energy = np.sqrt(part["true_energy_low"].to_value("TeV") * part["true_energy_high"].to_value("TeV"))
        area, uncert = (part[quantity].to_value("m2") for quantity in ("effective_area", "effective_area_uncert"))
        ax.errorbar(energy, area, uncert, label=name(value), elinewidth=0.8, **next_series(ax))
    energy_axis(ax.xaxis)
    ax.set(ylabel="effective area [m$^2$]", title=label or "")
    ax.title.set_size(8)
    _at_least_a_decade(ax)
    ax.legend(loc="lower right")
    note(ax, table, label)
    return ax


def _at_least_a_decade(ax):
    """So that the noise of a flat curve does not fill the axes."""
    low, high = ax.get_ylim()
    if high < 10 * low:
        middle = np.sqrt(low * high)
        ax.set_ylim(middle / np.sqrt(10), middle * np.sqrt(10))


def plot_background_rate(table, ax=None, label=None):
    """Background rate against reconstructed energy; parameters and result as :func:`plot_effective_area_by_cut`.

    `table` is of :func:`gammaml.performance.background_rate`. Electrons, where there are any, are a thin line. Points
    of few showers are open.
    """
    ax = axes(ax)
    style = next_series(ax)
    shown = table[table["n_events"] > 0]
    ends = np.stack([shown["rate"] - shown["rate_uncert"], shown["rate"] + shown["rate_uncert"]])
    _points(ax, shown, "rate", ends, style=style, label=label)
    electrons = table[table["n_electron"] > 0]
    if len(electrons):
        text = f"{label}, electrons" if label else "electrons"
        line = style | {"marker": "", "linestyle": ":", "linewidth": 0.8, "label": text}
        ax.plot(electrons["reco_energy_center"].to_value("TeV"), electrons["electron_rate"].value, **line)
    ax.set(ylabel="background rate [TeV$^{-1}$ s$^{-1}$ sr$^{-1}$]")
    energy_axis(ax.xaxis, "reconstructed energy [TeV]")
    legend_above(ax)
    note(ax, table, label)
    return ax


def plot_sensitivity(table, ax=None, label=None):
    """Least detectable flux against reconstructed energy, and dotted the Crab nebula and shares of it.

    `table` is of :func:`gammaml.performance.sensitivity`; parameters and result as :func:`plot_effective_area_by_cut`.
    Points of few background showers are open, those of fewer than ten gammas not drawn.
    """
    ax = axes(ax)
    shown = table[np.isfinite(table["sensitivity"]) & (table["n_gamma"] >= MIN_EVENTS)]
    style = next_series(ax)
    if not ax.lines:
        _crab(ax, shown)
    ends = np.stack([shown["sensitivity_low"], shown["sensitivity_high"]])
    _points(ax, shown, "sensitivity", ends, style=style, label=label)
    ax.set(ylabel=r"$E^2\,\mathrm{d}N/\mathrm{d}E$ [erg cm$^{-2}$ s$^{-1}$]")
    energy_axis(ax.xaxis, "reconstructed energy [TeV]")
    legend_above(ax)
    note(ax, table, label)
    return ax


def _points(ax, table, name, ends, *, style, label):
    """Values with uncertainties and the widths of the bins, open where they come from few background showers."""
    ax.set_yscale("log")
    low, high, center = (table[f"reco_energy_{end}"].to_value("TeV") for end in ("low", "high", "center"))
    values, (least, most) = table[name].value, ends.value
    bars = {"xerr": np.stack([center - low, high - center]), "yerr": np.stack([values - least, most - values])}
    ax.errorbar(center, values, **bars, label=label, elinewidth=0.8, **style)
    few = table["n_effective"] < MIN_EVENTS
    hollow = style | {"linestyle": "", "markerfacecolor": "white", "zorder": 3, "gid": None}
    ax.plot(center[few], values[few], **hollow)


def _crab(ax, table):
    energy, crab = table["reco_energy_center"].to_value("TeV"), table["sensitivity"].value / table["sensitivity_crab"]
    for share in CRAB_LINES:
        ax.plot(energy, share * crab, color="0.6", linewidth=0.6, linestyle=":")
        place = {"xytext": (1.01, share * crab[-1]), "textcoords": ("axes fraction", "data")}
        ax.annotate(f"{share:.0%} Crab", (energy[-1], share * crab[-1]), **place, va="center", fontsize=5, color="0.45")
