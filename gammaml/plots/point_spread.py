"""The figure of the point spread function."""

import numpy as np

from gammaml.plots.style import axes, bounded, legend_above, next_series, note


def plot_point_spread(table, ax=None, label=None):
    """Density of reconstructed directions against the angle from the true one, logarithmic.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.performance.point_spread`; rings without events are not drawn.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax, meta = axes(ax), table.meta
    table = table[table["n_events"] > 0]
    low, high = table["low"].to_value("deg"), table["high"].to_value("deg")
    density, uncert = (table[name].to_value("deg-2") for name in ("density", "density_uncert"))
    text = (
        f"r68 {meta['r68']:.3f}° ± {meta['r68_uncert']:.3f}°, "
        f"tail ({100 * meta['tail_fraction']:.2g} ± {100 * meta['tail_fraction_uncert']:.1g}) %"
    )
    middle = np.sqrt((low**2 + high**2) / 2)  # half of the ring's area lies within
    ax.errorbar(
        middle, density, uncert, (high - low) / 2,
        label=f"{label}, {text}" if label else text, elinewidth=0.8, **next_series(ax),
    )  # fmt: skip
    ax.set(yscale="log", xlabel="angle from the true direction [deg]", ylabel="dP / d$\\Omega$ [deg$^{-2}$]")
    ax.set_xlim(left=0)
    bounded(ax)
    legend_above(ax, columns=1)
    note(ax, table, label)
    return ax
