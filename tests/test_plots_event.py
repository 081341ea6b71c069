"""Pictures of events show what is where."""

from dataclasses import replace

import numpy as np
import pytest
from made_events import hexagonal_camera, made_events
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.patches import Ellipse

from gammaml import event_view, plots
from gammaml.errors import InputError, SettingError
from gammaml.event_view import TRUTH
from gammaml.explain import most_wrong

EVENTS = made_events(2, n_telescopes=3, camera=hexagonal_camera(rings=5))
VIEW = event_view.view_event(event_view.select_event(EVENTS, index=1))
IMAGE = VIEW.images[0]


def outline_of(ax):
    (sides,) = [each for each in ax.collections if isinstance(each, LineCollection)]
    return np.array(sides.get_segments())


def with_bright(image, *pixels):
    bright = np.zeros(image.camera.n_pixels, bool)
    bright[list(pixels)] = True
    return replace(image, bright=bright)


def test_charges_ellipse_and_direction():
    ax = plots.plot_image(IMAGE)
    np.testing.assert_array_equal(ax.collections[0].get_array(), IMAGE.image)
    (ellipse,) = [patch for patch in ax.patches if isinstance(patch, Ellipse)]
    lon, lat, length, width, angle = IMAGE.ellipse
    assert tuple(ellipse.center) == (lon, lat)
    assert (ellipse.width, ellipse.height, ellipse.angle) == (2 * length, 2 * width, angle)
    (truth,) = [line for line in ax.lines if line.get_label() == TRUTH]
    assert (truth.get_xdata()[0], truth.get_ydata()[0]) == IMAGE.directions[TRUTH]


def test_only_bright_pixels_have_a_time():
    ax = plots.plot_image(IMAGE, channel="peak_time")
    values = ax.collections[0].get_array()
    np.testing.assert_array_equal(~np.ma.getmaskarray(values), IMAGE.bright)
    np.testing.assert_array_equal(values.compressed(), IMAGE.peak_time[IMAGE.bright])


def test_an_outline_leaves_out_the_sides_between_bright_pixels():
    centre = int(np.argmin(np.hypot(IMAGE.camera.fov_lon, IMAGE.camera.fov_lat)))
    distance = np.hypot(*(a - a[centre] for a in (IMAGE.camera.fov_lon, IMAGE.camera.fov_lat)))
    near = np.argsort(distance)
    assert len(outline_of(plots.plot_image(with_bright(IMAGE, centre)))) == 6
    plt.figure()
    assert len(outline_of(plots.plot_image(with_bright(IMAGE, centre, near[1])))) == 10


def test_another_channel():
    with pytest.raises(SettingError, match="image or peak_time"):
        plots.plot_image(IMAGE, channel="waveform")


def test_a_dark_image_without_parameters():
    n = IMAGE.camera.n_pixels
    nothing = np.full(n, np.nan)
    dark = replace(IMAGE, image=nothing, bright=np.zeros(n, bool), intensity=np.nan, ellipse=np.full(5, np.nan))
    ax = plots.plot_image(dark)
    ax.figure.canvas.draw()
    assert "no cleaned image" in ax.get_title(loc="left")


def test_telescopes_axes_and_cores_from_above():
    ax = plots.plot_ground(VIEW)
    (seen,) = ax.collections
    places = {(0.0, 100.0), (0.0, 200.0), (0.0, 300.0)}
    assert {tuple(place) for place in np.abs(np.asarray(seen.get_offsets()))} == places
    (core,) = [line for line in ax.lines if line.get_label() == TRUTH]
    x, y = VIEW.answers[TRUTH].core
    assert (core.get_xdata()[0], core.get_ydata()[0]) == (-y, x)
    for image, line in zip(VIEW.images, [line for line in ax.lines if len(line.get_xdata()) == 2], strict=True):
        east, north = np.array(line.get_data()).mean(axis=1)
        np.testing.assert_allclose([north, -east], image.telescope.position[:2], atol=1e-6)


def test_a_panel_an_image_and_one_for_the_array():
    figure = plots.plot_event(VIEW)
    panels = [ax for ax in figure.axes if ax.get_xlabel()]
    assert [ax.get_xlabel() for ax in panels] == 3 * ["fov_lon [deg]"] + ["east [m]"]
    assert figure.get_suptitle().startswith(f"event 1/{VIEW.event_id}: gamma, 3 images, ")
    assert figure.legends[0].get_texts()[0].get_text() == TRUTH
    few = plots.plot_event(VIEW, most=1)
    assert "2 fainter ones not shown" in few.get_suptitle()
    alone = plots.plot_event(event_view.view_event(EVENTS[:1]))
    assert len([ax for ax in alone.axes if ax.get_xlabel()]) == 1


def test_contributions_stand_beside_the_images():
    pixels = {2: np.linspace(-1, 3, IMAGE.camera.n_pixels)}
    figure = plots.plot_event_saliency(VIEW, pixels, label="energy")
    left, right = [ax for ax in figure.axes if ax.get_xlabel()]
    assert "telescope 2" in left.get_title(loc="left")
    np.testing.assert_array_equal(right.collections[0].get_array(), pixels[2])
    assert right.collections[0].get_clim() == (-3, 3)
    with pytest.raises(InputError, match="telescopes 9"):
        plots.plot_event_saliency(VIEW, {9: pixels[2]})


def test_a_gallery_of_mistakes():
    table = EVENTS.table.copy()
    table["gammaness"] = np.linspace(0, 1, len(table))
    rows = most_wrong(table, 3)
    np.testing.assert_array_equal(rows, [0, 1, 2])
    views = [event_view.view_event(EVENTS[[row]], {"network": table[[row]]}) for row in rows]
    figure = plots.plot_gallery(views)
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_xlabel()]
    assert len(titles) == 3
    assert titles[1].startswith("gamma, ")
    assert "network: gammaness 0.09" in titles[1]
