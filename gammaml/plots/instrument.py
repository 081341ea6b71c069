"""Where telescopes stand, and what a camera saw."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.collections import PatchCollection
from matplotlib.patches import Circle, RegularPolygon

from gammaml.errors import InputError

MARKERS = ("o", "s", "^", "D", "v")
FEW = 60  # telescopes, above which their numbers would cover the picture


def plot_array(subarray, ax=None):
    """Telescopes of an array from above, north up and west to the left, their mirrors to scale.

    Parameters
    ----------
    subarray : gammaml.events.Subarray
    ax : matplotlib.axes.Axes or None

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = plt.gca() if ax is None else ax
    types = sorted({telescope.tel_type for telescope in subarray.telescopes})
    for number, tel_type in enumerate(types):
        own = [telescope for telescope in subarray.telescopes if telescope.tel_type == tel_type]
        east, north = np.array([(-telescope.position[1], telescope.position[0]) for telescope in own]).T
        color, marker = f"C{number}", MARKERS[number % len(MARKERS)]
        ax.plot(east, north, marker, color=color, markersize=4, linestyle="none", label=tel_type)
        for telescope, x, y in zip(own, east, north, strict=True):
            radius = np.sqrt(telescope.optics.mirror_area / np.pi)
            ax.add_patch(Circle((x, y), radius, facecolor=color, edgecolor="none", alpha=0.35))
            if len(subarray.telescopes) <= FEW:
                ax.annotate(str(telescope.tel_id), (x, y), xytext=(5, 4), textcoords="offset points", fontsize="small")
    ax.set(xlabel="east (m)", ylabel="north (m)", title=subarray.name, aspect="equal")
    ax.margins(0.12)
    ax.legend(fontsize="small")
    return ax


def plot_camera(camera, values=None, ax=None, label="charge (p.e.)", *, signed=False):
    """Pixels of a camera on the sky, filled by a value each.

    Parameters
    ----------
    camera : gammaml.events.Camera
    values : array (n_pixels,) or None
        NaN stays empty; only outlines when None.
    ax : matplotlib.axes.Axes or None
    label : str
        Of the colours.
    signed : bool
        Whether the sign counts: blue below zero, white there, red above.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Where there is not one value a pixel.
    """
    if values is not None and np.shape(values) != (camera.n_pixels,):
        got, expected = f"values of shape {np.shape(values)}", f"({camera.n_pixels},)"
        raise InputError(f"camera {camera.name}", got, expected, "give one value a pixel")
    ax = plt.gca() if ax is None else ax
    pixels = PatchCollection(outlines(camera), linewidth=0.2, edgecolor="0.6")
    if values is None:
        pixels.set_facecolor("none")
    else:
        pixels.set_array(np.ma.masked_invalid(values))
        if signed:
            largest = float(np.nanmax(np.abs(values))) or 1.0
            pixels.set(cmap="RdBu_r", clim=(-largest, largest))
    ax.add_collection(pixels)
    if values is not None:
        ax.figure.colorbar(pixels, cax=ax.inset_axes([1.03, 0, 0.045, 1]), label=label)
    title = f"{camera.name}, {camera.n_pixels:,} pixels"
    ax.set(xlabel="fov_lon (deg)", ylabel="fov_lat (deg)", title=title, aspect="equal")
    ax.autoscale_view()
    return ax


def outlines(camera):
    """Hexagons, squares or circles, as large as the pixels."""
    places = np.stack([camera.fov_lon, camera.fov_lat], axis=1)
    width = camera.pixel_width
    if camera.pixel_type == "circle":
        return [Circle(place, width / 2) for place in places]
    if camera.pixel_type == "square":
        return [RegularPolygon(place, 4, radius=width / np.sqrt(2), orientation=np.pi / 4) for place in places]
    # A hexagon's corners point between its neighbours: the direction of the nearest one tells how it is turned.
    nearest = np.argsort(np.hypot(*(places - places[0]).T))[1]
    turn = np.arctan2(*(places[nearest] - places[0])[::-1]) + np.pi / 6
    return [RegularPolygon(place, 6, radius=width / np.sqrt(3), orientation=turn - np.pi / 2) for place in places]
