"""Figures of arrays and cameras show what is where."""

import numpy as np
import pytest
from made_events import hexagonal_camera, made_subarray

from gammaml import plots
from gammaml.errors import InputError
from gammaml.events import Camera
from gammaml.simulation import arrays

CAMERA = hexagonal_camera(rings=3)


def test_telescopes_stand_east_and_north():
    subarray = made_subarray(3)
    ax = plots.plot_array(subarray)
    east, north = ax.lines[0].get_data()
    np.testing.assert_allclose(east, 0)
    np.testing.assert_allclose(north, [100, 200, 300])
    assert {text.get_text() for text in ax.texts} == {"1", "2", "3"}


def test_each_type_has_its_own_marker():
    ax = plots.plot_array(arrays.subarray(arrays.array("ctao-north-alpha")))
    assert len(ax.lines) == 2
    assert len({line.get_marker() for line in ax.lines}) == 2
    assert sum(len(line.get_xdata()) for line in ax.lines) == 13


def test_pixels_are_where_they_look_and_touch():
    values = np.arange(CAMERA.n_pixels, dtype=float)
    ax = plots.plot_camera(CAMERA, values)
    (pixels,) = ax.collections
    centres = np.array([path.vertices[:-1].mean(axis=0) for path in pixels.get_paths()])
    np.testing.assert_allclose(centres, np.stack([CAMERA.fov_lon, CAMERA.fov_lat], axis=1), atol=1e-6)
    np.testing.assert_array_equal(pixels.get_array(), values)
    corners = np.concatenate([path.vertices[:-1] for path in pixels.get_paths()])
    near = np.linalg.norm(corners[:, None] - corners[None], axis=-1) < 1e-3 * CAMERA.pixel_width
    assert near.sum(axis=1).max() == 3  # three hexagons meet at a corner


def test_square_pixels_fill_the_camera():
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(4) * 0.1, np.arange(4) * 0.1))
    camera = Camera("Square", x, y, np.full(16, 0.01), "square", 0.0, 0.0, 10.0)
    (pixels,) = plots.plot_camera(camera).collections
    first = pixels.get_paths()[0].vertices[:-1]
    assert np.ptp(first, axis=0) == pytest.approx(camera.pixel_width, rel=1e-6)


def test_one_value_a_pixel():
    with pytest.raises(InputError, match="one value a pixel"):
        plots.plot_camera(CAMERA, np.zeros(3))
