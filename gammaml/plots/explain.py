"""What a network sees: contributions of pixels, a map of events, its mistakes, its kernels and feature maps."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm

from gammaml.columns import GAMMA_PRIMARY
from gammaml.errors import InputError
from gammaml.event_view import TRUTH
from gammaml.plots.event import (
    PANEL,
    answers_words,
    charge_words,
    energy_words,
    legend_below,
    plot_image,
    title_of,
)
from gammaml.plots.style import BLUE, ORANGE, axes, legend_above, note

CLASSES = (("hadrons", ORANGE, "s"), ("gammas", BLUE, "o"))  # hadrons first, or they would hide the gammas
CONTINUOUS = {"gammaness": "gammaness", "true_energy": "true energy [TeV]", "reco_energy": "reconstructed energy [TeV]",
              "hillas_intensity": "image intensity [p.e.]"}  # fmt: skip
INPUTS = ("charge", "time")  # channels of a window
CELL = 0.7  # inches, of a kernel or feature map


def plot_saliency(image, pixels, ax=None, *, label="contribution"):
    """What each pixel of an image contributes to an answer: red raises it, blue lowers it.

    Parameters
    ----------
    image : gammaml.event_view.ImageView
    pixels : array (n_pixels,)
        See :class:`gammaml.explain.Saliency`.
    ax : matplotlib.axes.Axes, optional
        The current one when None.
    label : str
        Of the colours.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return plot_image(image, ax, values=pixels, label=label)


def plot_event_saliency(view, pixels, *, label="contribution", title="", most=4, figure=None):
    """The images of an event, each beside what its pixels contribute.

    Parameters
    ----------
    view : gammaml.event_view.EventView
    pixels : dict of int to array (n_pixels,)
        By telescope: see :func:`gammaml.explain.by_telescope`.
    label : str
        Of the colours.
    title : str
        Over the right panels.
    most : int
        At most so many images, the brightest.
    figure : matplotlib.figure.Figure, optional
        An empty one; new when None.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    gammaml.errors.InputError
        Where no telescope of the event has such pixels.
    """
    shown = [image for image in view.images if image.telescope.tel_id in pixels][:most]
    if not shown:
        known = ", ".join(map(str, pixels)) or "none"
        got, expected = f"those of the telescopes {known}", "some that saw the event"
        raise InputError(f"contributions to event {view.obs_id}/{view.event_id}", got, expected, "explain this event")
    if figure is None:
        figure = plt.figure(figsize=(2.6 * PANEL, PANEL * len(shown) + 0.9), layout="constrained")
    panels = figure.subplots(len(shown), 2, squeeze=False)
    for image, (left, right) in zip(shown, panels, strict=True):
        plot_image(image, left)
        plot_saliency(image, pixels[image.telescope.tel_id], right, label=label)
        right.set_title(title, fontsize="small", loc="left")
    figure.suptitle(title_of(view, len(shown)), fontsize="medium")
    legend_below(figure, panels.ravel())
    return figure


def plot_embedding(table, ax=None, *, color="class"):
    """A map of events, coloured by what they are.

    Parameters
    ----------
    table : astropy.table.QTable
        Of :func:`gammaml.explain.embedding`.
    ax : matplotlib.axes.Axes, optional
        New when None.
    color : str
        "class", "gammaness", "true_energy", "reco_energy" or "hillas_intensity".

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    gammaml.errors.InputError
        Where the table does not have what the colours are for.
    """
    column = "true_shower_primary_id" if color == "class" else color
    if column not in table.colnames or (color != "class" and color not in CONTINUOUS):
        known = [name for name in CONTINUOUS if name in table.colnames]
        known += ["class"] if "true_shower_primary_id" in table.colnames else []
        raise InputError("colours of a map of events", repr(color), f"one of {', '.join(known)}", "choose one of these")
    ax = axes(ax)
    x, y = (np.asarray(table[f"component_{number}"]) for number in (1, 2))
    values = np.asarray(getattr(table[column], "value", table[column]))
    look = {"s": 6, "linewidths": 0, "alpha": 0.7}
    if color == "class":
        for is_gamma, (name, own, marker) in enumerate(CLASSES):
            chosen = (values == GAMMA_PRIMARY) == is_gamma
            ax.scatter(x[chosen], y[chosen], color=own, marker=marker, label=name, **look)
        legend_above(ax)
    else:
        norm = None if color == "gammaness" else LogNorm()
        points = ax.scatter(x, y, c=values, norm=norm, cmap="viridis", **look)
        ax.figure.colorbar(points, cax=ax.inset_axes([1.03, 0, 0.04, 1]), label=CONTINUOUS[color])
    first, second = (f"component {number + 1}, {100 * table.meta['variance'][number]:.0f} %" for number in range(2))
    ax.set(xlabel=first, ylabel=second)
    note(ax, table)
    return ax


def plot_gallery(views, *, figure=None):
    """Images of several events, a panel each, with what they were and what was said of them.

    Parameters
    ----------
    views : sequence of gammaml.event_view.EventView
        The brightest image of each is shown: of :func:`gammaml.explain.most_wrong`, for instance.
    figure : matplotlib.figure.Figure, optional
        An empty one; new when None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(4, max(len(views), 1))
    rows = -(-len(views) // columns)
    if figure is None:
        figure = plt.figure(figsize=(1.15 * PANEL * columns, 1.05 * PANEL * max(rows, 1) + 0.3), layout="constrained")
    panels = figure.subplots(max(rows, 1), columns, squeeze=False).ravel()
    for view, ax in zip(views, panels, strict=False):
        image, truth = view.images[0], view.answers.get(TRUTH)
        plot_image(image, ax)
        kind = f"{view.primary}, {energy_words(truth.energy)}" if truth else f"event {view.obs_id}/{view.event_id}"
        lines = [f"{kind}, {charge_words(image)}", *answers_words(image.answers)]
        ax.set_title("\n".join(lines), fontsize="small", loc="left")
    for ax in panels[len(views) :]:
        ax.remove()
    legend_below(figure, panels[: len(views)])
    return figure


def plot_kernels(kernels, *, figure=None):
    """Kernels of a first convolution, a column each; blue is negative, red positive.

    On the grid of a hexagonal camera columns are 60° from rows, so that two opposite corners of a kernel are no
    neighbours of its middle.

    Parameters
    ----------
    kernels : array (height, width, n_inputs, n_kernels)
        Of :func:`gammaml.explain.kernels`.
    figure : matplotlib.figure.Figure, optional
        An empty one; new when None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    pictures = np.moveaxis(kernels, (2, 3), (0, 1))
    return _grid(pictures, INPUTS, figure, signed=True)


def plot_feature_maps(seen, maps, *, figure=None, most=12):
    """The windows that a network sees, and what its first convolution makes of them, a row an image.

    Parameters
    ----------
    seen, maps : array (n_images, size, size, 2), (n_images, height, width, n_kernels)
        Of :func:`gammaml.explain.feature_maps`.
    figure : matplotlib.figure.Figure, optional
        An empty one; new when None.
    most : int
        At most so many maps.

    Returns
    -------
    matplotlib.figure.Figure
    """
    pictures = [[*np.moveaxis(s, -1, 0), *np.moveaxis(m, -1, 0)[:most]] for s, m in zip(seen, maps, strict=True)]
    figure = _grid(pictures, [""] * len(pictures), figure, signed=False)
    names = [*INPUTS, *(f"map {number}" for number in range(1, len(pictures[0]) - 1))]
    for name, ax in zip(names, figure.axes, strict=False):
        ax.set_title(name, fontsize="small")
    return figure


def _grid(pictures, names, figure, *, signed):
    """Small pictures in rows and columns, north up as on the sky."""
    rows, columns = len(pictures), len(pictures[0])
    if figure is None:
        figure = plt.figure(figsize=(CELL * columns + 0.5, CELL * rows + 0.3), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for name, row, line in zip(names, pictures, panels, strict=True):
        for picture, ax in zip(row, line, strict=True):
            largest = np.abs(picture).max() or 1.0
            limits = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest} if signed else {"cmap": "viridis"}
            ax.imshow(picture, origin="lower", **limits)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, fontsize="small")
    return figure
