"""Figures of the training."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from gammaml.plots.style import axes, legend_above, next_series, note


def plot_loss_curves(history, ax=None, label=None):
    """Loss of each epoch: lines for the training sample, markers for the validation sample.

    Parameters
    ----------
    history : astropy.table.Table
        epoch, loss and, where there was a validation sample, val_loss.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes(ax)
    style, name = next_series(ax), f"{label}, " if label else ""
    epoch = np.asarray(history["epoch"])
    ax.plot(epoch, history["loss"], label=f"{name}training", **style | {"marker": ""})
    if "val_loss" in history.colnames:
        ax.plot(
            epoch, history["val_loss"], label=f"{name}validation", **style | {"linewidth": 0.5, "markerfacecolor": "w"}
        )
    ax.set(xlabel="epoch", ylabel="loss")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(ax)
    note(ax, history, label)
    return ax
