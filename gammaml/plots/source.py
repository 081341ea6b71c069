"""Figures of a source in observed events."""

import numpy as np
from matplotlib.patches import Circle

from gammaml.plots.style import BLUE, VERMILLION, axes, bounded, legend_above, next_series, note

MAPS = {"n_on": "events", "excess": "excess", "significance": "significance [σ]"}


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


def plot_sky_map(table, ax=None, label=None, column="significance"):
    """Map of events, their excess or its significance; east is left, the cross is where the source should be.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.sky_map`.
    ax : matplotlib.axes.Axes, optional
        New when None; a second table does not fit on it.
    label : str, optional
    column : str
        "n_on", "excess" or "significance".

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax, meta = axes(ax), table.meta
    lon, lat = (np.unique(table[name].to_value("deg")) for name in ("lon", "lat"))
    values = np.asarray(table[column], float).reshape(len(lat), len(lon))
    colors, mark = {"cmap": "viridis"}, "white"
    if column != "n_on":
        colors, mark = {"cmap": "RdBu_r", "vmin": -np.nanmax(abs(values)), "vmax": np.nanmax(abs(values))}, "black"
    mesh = ax.pcolormesh(lon, lat, values, shading="nearest", rasterized=True, **colors)
    ax.plot(0, 0, "+", color=mark, markersize=7)
    radius, edge = meta["radius"].to_value("deg"), lon[-1]
    ax.add_patch(Circle((edge - 1.8 * radius, -edge + 1.8 * radius), radius, fill=False, color=mark, linewidth=0.8))
    ax.set(xlim=(edge, -edge), ylim=(-edge, edge), aspect="equal", title=label or "")
    ax.set_xlabel(rf"$\Delta$RA cos Dec [deg] from {meta['ra']:.3f}°")
    ax.set_ylabel(rf"$\Delta$Dec [deg] from {meta['dec']:.3f}°")
    ax.figure.colorbar(mesh, cax=ax.inset_axes([1.03, 0, 0.04, 1]), label=MAPS[column])
    note(ax, table)
    return ax


def plot_light_curve(table, ax=None, label=None):
    """Rate of the excess by time, and its mean, dashed; parameters and result as :func:`plot_theta2`.

    `table` is of :func:`gammaml.performance.light_curve`.
    """
    ax = axes(ax)
    style, edges = next_series(ax), [table[end].to_value("min") for end in ("low", "high")]
    rate, uncert = (table[name].to_value("min-1") for name in ("rate", "rate_uncert"))
    points = style | {"linestyle": ""}
    middle, half = (edges[0] + edges[1]) / 2, (edges[1] - edges[0]) / 2
    ax.errorbar(middle, rate, uncert, half, elinewidth=0.8, label=label or "excess", **points)
    mean = table["excess"].sum() / table["exposure"].to_value("min").sum()
    ax.axhline(mean, color=style["color"], linestyle="--", linewidth=0.8, label="mean")
    ax.axhline(0, color="0.35", linewidth=0.6)
    ax.set(xlabel=f"time [min] from MJD {table.meta['start']:.5f} (TT)", ylabel="excess [1/min]")
    legend_above(ax)
    note(ax, table, label)
    return ax


def plot_source_gammaness(table, ax=None, label=None):
    """Gammaness of on events, of off events (grey), and of their excess; parameters and result as :func:`plot_theta2`.

    `table` is of :func:`gammaml.performance.source_gammaness`; simulated gammas are a blue line.
    """
    ax, alpha = axes(ax), table.meta["alpha"]
    edges = np.append(np.asarray(table["low"]), table["high"][-1])
    middle = (edges[1:] + edges[:-1]) / 2
    ax.stairs(alpha * np.asarray(table["n_off"], float), edges, fill=True, color="0.85", label="off")
    ax.stairs(np.asarray(table["n_on"], float), edges, color="0.35", linewidth=0.9, label="on")
    if "expected" in table.colnames:
        ax.stairs(np.asarray(table["expected"]), edges, color=BLUE, linewidth=1.1, label="simulated gammas")
    points = {"color": VERMILLION, "marker": "o", "linestyle": "", "markersize": 2.5, "elinewidth": 0.8}
    ax.errorbar(middle, table["excess"], table["excess_uncert"], label="excess", **points)
    ax.set(xlim=(0, 1), xlabel="gammaness", ylabel="events")
    ax.axhline(0, color="0.35", linewidth=0.6)
    legend_above(ax)
    note(ax, table, label)
    return ax


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
