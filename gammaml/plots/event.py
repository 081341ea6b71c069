"""An event as its telescopes saw it: cameras with what is known of the shower, and the array from above."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.backends import BackendFilter, backend_registry
from matplotlib.collections import LineCollection
from matplotlib.patches import Ellipse

from gammaml.errors import SettingError
from gammaml.event_view import STEREO, TRUTH
from gammaml.plots.instrument import outlines, plot_camera
from gammaml.plots.style import BLACK, BLUE, GREEN, VERMILLION, WINE

CHANNELS = {"image": "charge [p.e.]", "peak_time": "peak time [ns]"}
COLOURS = {"image": "GnBu", "peak_time": "viridis"}
FIXED = {TRUTH: (VERMILLION, "*"), STEREO: (BLACK, "x")}  # colour and marker
RECONSTRUCTIONS = ((BLUE, "o"), (GREEN, "s"), (WINE, "^"))
OUTLINE = "0.35"
PANEL = 3.0  # inches
ROOM, ROOM_ABOVE = 1.06, 1.2  # round a camera, and round an array
LEAST_HALF_WIDTH = 100.0  # m, of the picture of an array
LARGEST, SMALLEST = 220, 18  # points squared, of a telescope on the ground


def plot_event(view, *, channel="image", most=11, figure=None):
    """The images of an event, brightest first, and the array from above where more than one telescope saw it.

    Parameters
    ----------
    view : gammaml.event_view.EventView
        Of :func:`gammaml.event_view.view_event`.
    channel : str
        "image" for charges; "peak_time" for the times of bright pixels.
    most : int
        At most so many images.
    figure : matplotlib.figure.Figure, optional
        An empty one; new when None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = view.images[:most]
    ground = len(view.images) > 1
    count = len(shown) + ground
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    if figure is None:
        figure = plt.figure(figsize=(1.25 * PANEL * columns, PANEL * rows + 0.9), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for image, ax in zip(shown, axes, strict=False):
        plot_image(image, ax, channel=channel)
    if ground:
        plot_ground(view, axes[len(shown)])
    for ax in axes[count:]:
        ax.remove()
    figure.suptitle(title_of(view, len(shown)), fontsize="medium")
    legend_below(figure, axes[:count])
    return figure


def plot_image(image, ax=None, *, channel="image", values=None, label=""):
    """One image with its Hillas ellipse (one standard deviation), and where the shower came from.

    Bright pixels (:func:`gammaml.images.bright_pixels`) have an outline. Directions beyond the camera are not shown.

    Parameters
    ----------
    image : gammaml.event_view.ImageView
    ax : matplotlib.axes.Axes, optional
        The current one when None.
    channel : str
        "image" for charges; "peak_time" for the times of bright pixels.
    values : array (n_pixels,), optional
        Numbers of either sign, and their `label`, to show instead.
    label : str

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    SettingError
        For another channel.
    """
    if channel not in CHANNELS:
        raise SettingError("channel", repr(channel), " or ".join(CHANNELS), "choose one of them")
    if values is not None:
        ax = plot_camera(image.camera, values, ax, label, signed=True)
    else:
        measured = np.asarray(getattr(image, channel), float)
        shown = np.where(image.bright, measured, np.nan) if channel == "peak_time" else measured
        ax = plot_camera(image.camera, shown, ax, CHANNELS[channel])
        ax.collections[0].set(cmap=COLOURS[channel])
    ax.collections[0].set(linewidth=0.1, edgecolor="0.75")
    _frame(ax, image.camera)
    _draw_outline(ax, image)
    _draw_ellipse(ax, image.ellipse)
    for name, (color, marker) in _styles(image.directions).items():
        lon, lat = image.directions[name]
        ax.plot(lon, lat, marker, color=color, label=name, linestyle="none", **_look(name))
    ax.set(xlabel="fov_lon [deg]", ylabel="fov_lat [deg]", title="")
    ax.set_title("\n".join(_image_heading(image)), fontsize="small", loc="left")
    return ax


def plot_ground(view, ax=None):
    """The array from above: telescopes by the charge they saw, the axes of their images, and cores.

    Axes are those through each telescope that saw the shower, projected along its pointing; the core lies on them, as
    far as the images tell. Telescopes that saw nothing are grey.

    Parameters
    ----------
    view : gammaml.event_view.EventView
    ax : matplotlib.axes.Axes, optional
        The current one when None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = plt.gca() if ax is None else ax
    every = np.array([telescope.position[:2] for telescope in view.subarray.telescopes], float)
    seen = np.array([image.telescope.position[:2] for image in view.images], float)
    cores = {name: answer.core for name, answer in view.answers.items() if np.isfinite(answer.core).all()}
    _frame_ground(ax, np.concatenate([seen, *([core] for core in cores.values())]))
    ax.plot(*_east_north(every), "o", color="0.8", markersize=3, zorder=1, linestyle="none")
    for image, place in zip(view.images, seen, strict=True):
        ends = place + 1e4 * np.outer([-1, 1], image.axis_on_ground)
        ax.plot(*_east_north(ends), color=BLUE, linewidth=0.8, alpha=0.6, zorder=2, scalex=False, scaley=False)
        ax.annotate(str(image.telescope.tel_id), np.ravel(_east_north(place[None])), xytext=(6, 5),
                    textcoords="offset points", fontsize="small", clip_on=True)  # fmt: skip
    intensity = np.array([image.intensity for image in view.images])
    ax.scatter(*_east_north(seen), _sizes(intensity), facecolor=BLUE, edgecolor="white", linewidth=0.5, zorder=3)
    for name, (color, marker) in _styles(cores).items():
        east, north = _east_north(np.array([cores[name]]))
        ax.plot(east, north, marker, color=color, label=name, linestyle="none", **_look(name))
    ax.set(xlabel="east [m]", ylabel="north [m]", aspect="equal")
    ax.set_title("from above, with image axes and cores", fontsize="small", loc="left")
    return ax


def can_show():
    """Whether matplotlib can open a window here."""
    return plt.get_backend().lower() in {
        name.lower() for name in backend_registry.list_builtin(BackendFilter.INTERACTIVE)
    }


def show():
    """Open the figures made so far in windows, until these are closed."""
    plt.show()


def _frame(ax, camera):
    reach = ROOM * max(np.abs(camera.fov_lon).max(), np.abs(camera.fov_lat).max()) + camera.pixel_width / 2
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))


def _draw_outline(ax, image):
    """The sides of bright pixels that have no bright pixel beyond them."""
    chosen = np.flatnonzero(image.bright)
    if not len(chosen):
        return
    drawn = outlines(image.camera)
    patches = [drawn[number] for number in chosen]
    corners = np.array([patch.get_path().transformed(patch.get_patch_transform()).vertices for patch in patches])
    if image.camera.pixel_type == "circle":
        ax.add_collection(LineCollection(corners, colors=OUTLINE, linewidths=0.5))
        return
    sides = np.stack([corners[:, :-1], corners[:, 1:]], axis=2)
    centre = np.stack([image.camera.fov_lon, image.camera.fov_lat], axis=1)[chosen]
    beyond = 2 * sides.mean(axis=2) - centre[:, None]
    near = np.linalg.norm(beyond[:, :, None] - centre, axis=-1).min(axis=-1) < image.camera.pixel_width / 2
    ax.add_collection(LineCollection(sides[~near], colors=OUTLINE, linewidths=0.8))


def _draw_ellipse(ax, ellipse):
    if np.isfinite(ellipse).all():
        *centre, length, width, angle = ellipse
        ax.add_patch(
            Ellipse(centre, 2 * length, 2 * width, angle=angle, fill=False, edgecolor=VERMILLION, linewidth=1.1)
        )


def _styles(names):
    """Colour and marker of each name, the same in all panels of an event."""
    others = [name for name in names if name not in FIXED]
    free = dict(zip(others, RECONSTRUCTIONS * len(others), strict=False))
    return {name: FIXED.get(name) or free[name] for name in names}


def _look(name):
    """Size, edge and order of a marker; the truth lies on top."""
    return {
        "markersize": 10 if name == TRUTH else 7,
        "markeredgecolor": None if name == STEREO else "white",
        "markeredgewidth": 1.4 if name == STEREO else 0.5,
        "zorder": 6 if name == TRUTH else 5,
    }


def _east_north(places):
    """East and north of places (n, 2), x north and y west."""
    return -places[:, 1], places[:, 0]


def _frame_ground(ax, places):
    """Make room for telescopes that saw the shower, and cores; two of a place still have a picture."""
    east, north = _east_north(places)
    half = ROOM_ABOVE * max(np.ptp(east) / 2, np.ptp(north) / 2, LEAST_HALF_WIDTH)
    middle = (east.max() + east.min()) / 2, (north.max() + north.min()) / 2
    ax.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))


def _sizes(intensity):
    """Areas of points, as the logarithm of the charge."""
    brightness = np.log10(np.maximum(np.nan_to_num(intensity), 10.0)) - 1
    return SMALLEST + (LARGEST - SMALLEST) * np.minimum(brightness / 3, 1)


def title_of(view, n_shown):
    """Which event it is, what is known of it, and what was said of it: a line each."""
    return "\n".join(_headings(view, n_shown))


def _headings(view, n_shown):
    kind = f"{view.primary}, " if view.primary else ""
    truth = view.answers.get(TRUTH)
    energy = f", {energy_words(truth.energy)}" if truth else ""
    hidden = len(view.images) - n_shown
    more = f"; {hidden} fainter ones not shown" if hidden else ""
    count = f"{len(view.images)} image{'s' * (len(view.images) > 1)}"
    yield f"event {view.obs_id}/{view.event_id}: {kind}{count}{energy}{more}"
    yield from answers_words(view.answers)


def _image_heading(image):
    yield f"telescope {image.telescope.tel_id}: {image.telescope.tel_type}, {charge_words(image)}"
    yield from answers_words(image.answers)


def charge_words(image):
    """The charge of an image in words."""
    return f"{image.intensity:,.0f} p.e." if np.isfinite(image.intensity) else "no cleaned image"


def answers_words(answers):
    """What each reconstruction says, a line each; the truth is said elsewhere."""
    for name, answer in answers.items():
        if name != TRUTH and (words := _answer_words(answer)):
            yield f"{name}: {words}"


def _answer_words(answer):
    words = []
    if np.isfinite(answer.gammaness):
        words.append(f"gammaness {answer.gammaness:.2f}")
    if np.isfinite(answer.energy):
        words.append(energy_words(answer.energy))
    if np.isfinite(answer.offset):
        words.append(f"{answer.offset:.2f}° off")
    return ", ".join(words)


def energy_words(energy):
    """An energy in TeV in words."""
    return f"{energy:.3g} TeV" if energy >= 1 else f"{1e3 * energy:.3g} GeV"


def legend_below(figure, axes):
    """One legend for all panels."""
    known = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    if known:
        figure.legend(
            known.values(), known, loc="outside lower center", ncols=len(known), fontsize="small", frameon=False
        )
