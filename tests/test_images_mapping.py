"""Pixels to grids and back."""

import json

import numpy as np
import pytest
from camera_examples import (
    REAL,
    blob,
    centroid,
    fact_camera,
    hexagonal_camera,
    make_camera,
    real_camera,
    square_camera,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from gammaml.errors import InputError, SettingError
from gammaml.events import Camera
from gammaml.images import (
    AXIAL_NEIGHBOURS,
    build_lattice_mapping,
    build_resampling_mapping,
    mapping_from_dict,
)
from gammaml.images.lattice import find_lattice

ANGLES = st.one_of(st.floats(-180, 180), st.sampled_from([0.0, 15.0, 30.0, 45.0, 90.0]))


def numbered(camera, n_images=2):
    """Images in which no two pixels are equal."""
    return np.arange(1, n_images * camera.n_pixels + 1, dtype=np.float32).reshape(n_images, -1)


def some_pixels(camera, keep):
    """The camera with only the pixels in `keep`, and a type that is wrong."""
    return make_camera(camera.fov_lon[keep], camera.fov_lat[keep], "square")


def neighbour_steps(camera, mapping):
    """For each pair of touching pixels its direction on the sky (n, 2) in degrees and its step in cells (n, 2)."""
    positions = np.column_stack([camera.fov_lon, camera.fov_lat])
    tree = cKDTree(positions)
    pitch = np.median(tree.query(positions, 2)[0][:, 1])
    first, second = tree.query_pairs(1.2 * pitch, output_type="ndarray").T
    return positions[second] - positions[first], mapping.pixel_cell[second] - mapping.pixel_cell[first], pitch


def assert_lossless(camera, mapping):
    image = numbered(camera)
    grid = mapping.apply(image)
    assert grid.dtype == np.float32
    assert np.array_equal(mapping.invert(grid), image)
    assert np.array_equal(np.sort(grid[0][mapping.mask]), image[0])  # each pixel once
    assert not grid[:, ~mapping.mask].any()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), ANGLES, st.integers(0, 2**32 - 1))
def test_hexagonal_lattices_come_back_and_keep_their_neighbours(rings, angle, seed):
    whole = hexagonal_camera(rings, angle)
    missing = np.random.default_rng(seed).random(whole.n_pixels) < (0.1 if rings > 3 else 0)
    camera = some_pixels(whole, ~missing)
    for layout in ("axial", "offset"):
        assert_lossless(camera, build_lattice_mapping(camera, layout))
    mapping = build_lattice_mapping(camera)
    assert mapping.layout == "axial"
    sky, cells, pitch = neighbour_steps(camera, mapping)
    expected = cells[:, ::-1] @ mapping.basis  # one direction on the sky is one step in cells, everywhere
    assert {tuple(step) for step in cells} <= set(AXIAL_NEIGHBOURS)
    assert np.hypot(*(sky - expected).T).max() < 0.01 * pitch


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(2, 6), st.floats(0, 1.4), st.floats(-44, 44))
def test_square_cameras_keep_rows_and_columns_across_gaps(modules, side, gap, angle):
    camera = square_camera(modules, side, gap, angle)
    mapping = build_lattice_mapping(camera)
    assert mapping.layout == "square"
    assert np.array_equal(mapping.apply(numbered(camera)), numbered(camera).reshape(2, modules * side, modules * side))
    assert_lossless(camera, mapping)


@pytest.mark.parametrize("name", REAL)
def test_real_cameras(name):
    camera, (*_, layout, shape) = real_camera(name), REAL[name]
    mapping = build_lattice_mapping(camera)
    assert_lossless(camera, mapping)
    assert mapping.layout == layout
    assert shape in (None, mapping.shape)
    _, cells, _ = neighbour_steps(camera, mapping)
    allowed = set(AXIAL_NEIGHBOURS) if layout == "axial" else {(0, 1), (1, 0), (0, -1), (-1, 0)}
    assert {tuple(step) for step in cells} <= allowed


def test_positions_that_are_not_quite_regular():
    camera = fact_camera()
    mapping = build_lattice_mapping(camera)
    assert_lossless(camera, mapping)
    assert mapping.shape == (46, 45)


def test_millimetre_rounding_does_not_matter():
    camera = hexagonal_camera(20, 10.9, pitch=np.rad2deg(0.0243))
    rounded = Camera("mm", camera.pixel_x.round(3), camera.pixel_y.round(3), camera.pixel_area, "circle", 0, 0, 1.0)
    assert np.array_equal(build_lattice_mapping(camera).pixel_cell, build_lattice_mapping(rounded).pixel_cell)


def test_orientation_of_the_grid():
    camera = hexagonal_camera(6, 0)
    mapping = build_lattice_mapping(camera)
    east, north = np.argmax(camera.fov_lon), np.argmax(camera.fov_lat)
    assert mapping.pixel_cell[east, 1] == mapping.shape[1] - 1
    assert mapping.pixel_cell[north, 0] == mapping.shape[0] - 1


def test_offset_layout_shifts_every_other_row():
    camera = hexagonal_camera(5, 0)
    axial, offset = build_lattice_mapping(camera), build_lattice_mapping(camera, "offset")
    assert axial.shape == offset.shape == (11, 11)
    assert np.array_equal(axial.pixel_cell[:, 0], offset.pixel_cell[:, 0])
    shift = offset.cell_to_fov([[0, 0], [1, 0], [2, 0]])[:, 0]
    np.testing.assert_allclose(shift - shift[0], [0, 0.05, 0], atol=1e-9)


@pytest.mark.parametrize("layout", ["axial", "offset"])
def test_cells_know_their_place_on_the_sky(layout):
    camera = hexagonal_camera(7, 19.1)
    mapping = build_lattice_mapping(camera, layout)
    positions = np.column_stack([camera.fov_lon, camera.fov_lat])
    np.testing.assert_allclose(mapping.cell_to_fov(mapping.pixel_cell), positions, atol=1e-9)


def random_camera():
    return make_camera(*np.random.default_rng(0).uniform(-1, 1, (2, 300)))


def doubled_camera():
    camera = square_camera(1, 8)
    return make_camera(*(np.append(axis, axis[0]) for axis in (camera.fov_lon, camera.fov_lat)))


def sheared_camera():
    camera = hexagonal_camera(20)
    return make_camera(camera.fov_lon, camera.fov_lat + 0.02 * camera.fov_lon**2)


def modular_hexagonal_camera():
    module = hexagonal_camera(3)
    shifts = np.array([[-0.72, 0], [0, 0.05], [0.72, 0]])  # half a row up in the middle
    return make_camera(
        *(np.add.outer(shifts[:, axis], (module.fov_lon, module.fov_lat)[axis]).ravel() for axis in (0, 1))
    )


@pytest.mark.parametrize("build", [random_camera, doubled_camera, sheared_camera, modular_hexagonal_camera])
def test_what_is_no_lattice_is_refused_and_can_be_resampled(build):
    camera = build()
    with pytest.raises(InputError, match=r"camera made: .*\(build_resampling_mapping"):
        build_lattice_mapping(camera)
    grid = build_resampling_mapping(camera, shape=(60, 60), cell_width=0.1).apply(numbered(camera))
    assert np.isfinite(grid).all()
    np.testing.assert_allclose(grid.sum(axis=(1, 2)), numbered(camera).sum(axis=1), rtol=1e-5)


def test_positions_must_be_finite_and_more_than_one():
    for lon in ([0.0], [0.0, np.nan, 1.0]):
        camera = make_camera(np.array(lon), np.zeros(len(lon)))
        with pytest.raises(InputError, match="pixel positions"):
            build_lattice_mapping(camera)
        with pytest.raises(InputError, match="pixel positions"):
            build_resampling_mapping(camera, shape=(5, 5), cell_width=0.1)


def test_unknown_layout():
    with pytest.raises(SettingError, match="'axial' or 'offset'"):
        build_lattice_mapping(hexagonal_camera(2), "spiral")


def test_images_of_another_camera():
    mapping = build_lattice_mapping(hexagonal_camera(2))
    with pytest.raises(InputError, match=r"\(3, 7\).*19"):
        mapping.apply(np.zeros((3, 7)))


def mappings():
    camera = hexagonal_camera(6, 25)
    return {
        "axial": build_lattice_mapping(camera),
        "offset": build_lattice_mapping(camera, "offset"),
        "square": build_lattice_mapping(square_camera(2, 5, 0.8)),
        "resampling": build_resampling_mapping(camera, shape=(11, 14), cell_width=0.11),
    }


@pytest.mark.parametrize("name", mappings())
def test_neighbours(name):
    mapping = mappings()[name]
    kept = np.sort(mapping.neighbours, axis=1)
    counts = (kept < mapping.n_pixels).sum(axis=1)
    corner, edge, middle = (2, 3, 4) if name == "square" else (3, 4, 6)
    n_corners, n_edges = (4, 8 * 4) if name == "square" else (6, 6 * 5)
    assert np.bincount(counts)[[corner, edge]].tolist() == [n_corners, n_edges]
    assert (counts == middle).sum() == mapping.n_pixels - n_corners - n_edges
    for pixel, others in enumerate(kept):
        assert all(pixel in kept[other] for other in others[others < mapping.n_pixels])


@pytest.mark.parametrize("name", mappings())
def test_channels_are_mapped_alike(name):
    mapping, rng = mappings()[name], np.random.default_rng(0)
    values = rng.normal(size=(70, mapping.n_pixels, 2)).astype(np.float32)
    both = mapping.apply(values)
    for channel in (0, 1):
        np.testing.assert_allclose(both[..., channel], mapping.apply(values[..., channel]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", mappings())
def test_no_images_give_no_grids(name):
    mapping = mappings()[name]
    empty = np.empty((0, mapping.n_pixels))
    assert mapping.apply(empty).shape == (0, *mapping.shape)
    assert mapping.crop(empty, np.empty((0, 2), int), 4).shape == (0, 4, 4)


@pytest.mark.parametrize("name", mappings())
@pytest.mark.parametrize("size", [4, 5, 40])
def test_crop_is_a_window_of_the_grid(name, size):
    mapping, rng = mappings()[name], np.random.default_rng(1)
    values = rng.normal(size=(70, mapping.n_pixels)).astype(np.float32)
    centre = rng.integers(-3, 18, (70, 2))
    padded = np.pad(mapping.apply(values), ((0, 0), (50, 50), (50, 50)))
    first = centre - size // 2 + 50
    if name == "offset":
        first[:, 0] -= first[:, 0] % 2
    expected = [grid[r : r + size, c : c + size] for grid, (r, c) in zip(padded, first, strict=True)]
    assert np.array_equal(mapping.crop(values, centre, size), expected)


@pytest.mark.parametrize("name", mappings())
def test_mappings_are_stored_exactly(name):
    mapping = mappings()[name]
    again = mapping_from_dict(json.loads(json.dumps(mapping.to_dict())))
    values = np.random.default_rng(2).normal(size=(3, mapping.n_pixels))
    assert np.array_equal(again.apply(values), mapping.apply(values))
    assert np.array_equal(again.cell_to_fov([[2, 3]]), mapping.cell_to_fov([[2, 3]]))
    assert again.to_dict() == mapping.to_dict()


def test_unknown_stored_mapping():
    with pytest.raises(SettingError, match="'spiral'"):
        mapping_from_dict({"kind": "spiral"})


@pytest.mark.parametrize("name", ["LSTCam", "ASTRICam", "SCTCam", "FlashCam"])
@pytest.mark.parametrize("pixels_across", [0.4, 1.0, 2.7])
def test_resampling_conserves_charge_and_place(name, pixels_across):
    camera = real_camera(name)
    pitch = find_lattice(camera).pitch
    width = pixels_across * pitch
    extent = int(np.ceil(2.2 * np.abs([camera.fov_lon, camera.fov_lat]).max() / width))
    mapping = build_resampling_mapping(camera, shape=(extent, extent + 3), cell_width=width)
    image = blob(camera, (0.7, -0.4))
    grid = mapping.apply(image)
    np.testing.assert_allclose(grid.sum(), image.sum(), rtol=1e-4)
    row, column = np.indices(mapping.shape).reshape(2, -1)
    sky = mapping.cell_to_fov(np.column_stack([row, column]))
    before = centroid(image[0], np.column_stack([camera.fov_lon, camera.fov_lat]))
    np.testing.assert_allclose(centroid(grid.ravel(), sky), before, atol=0.1 * max(width, pitch))


def test_resampling_by_area():
    """Cells of 2 x 2 pixels hold the sum of four; cells half a pixel off hold halves; the mean is a mean."""
    camera = square_camera(1, 8)
    image = numbered(camera, 1)
    pixels = image.reshape(8, 8)
    fours = pixels.reshape(4, 2, 4, 2)
    mapping = build_resampling_mapping(camera, shape=(4, 4), cell_width=0.2)
    np.testing.assert_allclose(mapping.apply(image)[0, 1:3, 1:3], fours.sum(axis=(1, 3))[1:3, 1:3], rtol=0.01)
    np.testing.assert_allclose(mapping.apply(image, average=True)[0, 1:3, 1:3], fours.mean((1, 3))[1:3, 1:3], rtol=0.01)
    shifted = build_resampling_mapping(camera, shape=(7, 7), cell_width=0.1).apply(image)
    quarters = (pixels[:-1, :-1] + pixels[1:, :-1] + pixels[:-1, 1:] + pixels[1:, 1:]) / 4
    np.testing.assert_allclose(shifted[0, 1:-1, 1:-1], quarters[1:-1, 1:-1], rtol=0.02)


def test_uniform_light_stays_uniform():
    camera = hexagonal_camera(20, 8)
    grid = build_resampling_mapping(camera, shape=(18, 18), cell_width=0.13).apply(np.ones((1, camera.n_pixels)))
    np.testing.assert_allclose(grid, 0.13**2 / (np.sqrt(0.75) * 0.1**2), rtol=0.05)


def test_times_are_averaged_and_empty_cells_stay_empty():
    camera = hexagonal_camera(6)
    mapping = build_resampling_mapping(camera, shape=(40, 40), cell_width=0.05)
    grid = mapping.apply(np.full((1, camera.n_pixels), 17.0), average=True)[0]
    np.testing.assert_allclose(grid[mapping.mask], 17.0, rtol=1e-5)
    assert not grid[~mapping.mask].any()
    assert 0.2 < mapping.mask.mean() < 0.6


def test_pixels_outside_the_grid_are_left_out():
    camera = square_camera(1, 20)
    mapping = build_resampling_mapping(camera, shape=(4, 6), cell_width=0.1)
    np.testing.assert_allclose(mapping.apply(np.ones((1, 400))), np.ones((1, 4, 6)), rtol=0.03)


def test_rows_of_resampled_grids_are_latitude():
    camera = hexagonal_camera(10)
    mapping = build_resampling_mapping(camera, shape=(20, 30), cell_width=0.1)
    grid = mapping.apply(blob(camera, (0.4, -0.6), 0.05))[0]
    peak = np.unravel_index(grid.argmax(), grid.shape)
    np.testing.assert_allclose(mapping.cell_to_fov([peak])[0], [0.4, -0.6], atol=0.08)
    nearest = np.argmin(np.hypot(camera.fov_lon - 0.4, camera.fov_lat + 0.6))
    assert np.abs(mapping.pixel_cell[nearest] - peak).max() <= 1


@pytest.mark.parametrize(("shape", "width"), [((0, 5), 0.1), ((5, 5), 0.0), ((5, 5), np.nan), ((5,), 0.1)])
def test_impossible_grids(shape, width):
    with pytest.raises(SettingError, match="grid"):
        build_resampling_mapping(hexagonal_camera(2), shape=shape, cell_width=width)


@pytest.mark.parametrize("layout", ["axial", "offset"])
def test_a_window_goes_back_to_its_pixels(layout):
    camera = hexagonal_camera(8)
    mapping, values = build_lattice_mapping(camera, layout), numbered(camera, 4)
    centre = np.array([mapping.shape, (0, 0), (3, 9), (-40, 2)]) // [[2], [1], [1], [1]]
    windows = mapping.crop(values, centre, 6)
    back = mapping.uncrop(windows, centre)
    seen = back != 0
    np.testing.assert_array_equal(back[seen], values[seen])
    np.testing.assert_array_equal(seen.sum(axis=1), (windows != 0).sum(axis=(1, 2)))
    assert seen[0].sum() == 36
    assert not seen[3].any()  # a window beside the camera
    large = mapping.crop(values, centre, 60)
    np.testing.assert_array_equal(mapping.uncrop(large, centre)[:3], values[:3])


def test_shared_cells_go_back_by_area():
    camera = hexagonal_camera(8)
    mapping = build_resampling_mapping(camera, shape=(40, 40), cell_width=0.1)
    windows = mapping.crop(numbered(camera, 3), np.array([[20, 20], [10, 22], [0, 0]]), 16)
    back = mapping.uncrop(windows, np.array([[20, 20], [10, 22], [0, 0]]))
    np.testing.assert_allclose(back.sum(axis=1), windows.sum(axis=(1, 2)), rtol=1e-5)
    one = np.zeros((1, 16, 16), np.float32)
    one[0, 8, 8] = 1
    near = np.flatnonzero(mapping.uncrop(one, np.array([[20, 20]]))[0])
    distance = np.hypot(camera.fov_lon[near] - 0.05, camera.fov_lat[near] - 0.05)
    assert distance.max() < mapping.cell_width + camera.pixel_width
