"""Charge and time channels."""

import numpy as np
import pytest
from camera_examples import blob, hexagonal_camera
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gammaml.errors import SettingError
from gammaml.images import (
    Scaling,
    bad_images,
    build_images,
    build_lattice_mapping,
    build_resampling_mapping,
    centre_cell,
    relative_time,
    repair_charge,
    scale_charge,
)
from gammaml.images.channels import noise

ANYTHING = st.one_of(st.floats(width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e30]))


@pytest.fixture(scope="module")
def camera():
    return hexagonal_camera(15, 7)


@pytest.fixture(scope="module")
def lattice(camera):
    return build_lattice_mapping(camera)


def noisy(camera, places, sigma=1.5, seed=0):
    """A blob of 100 p.e. height at each place, with Gaussian noise, and peak times at random in 0 to 60 ns."""
    rng = np.random.default_rng(seed)
    image = np.concatenate([blob(camera, place, 0.12) for place in places])
    shape = image.shape
    return (image + rng.normal(0, sigma, shape)).astype(np.float32), rng.uniform(0, 60, shape).astype(np.float32)


def test_charge_is_linear_when_faint_and_logarithmic_when_bright():
    scaled = scale_charge(np.array([[0.03, -0.03, 3.0, 3000.0, 6000.0, 0.0]]), Scaling(charge_unit=3.0))[0]
    np.testing.assert_allclose(scaled[:2], [0.01, -0.01], rtol=1e-4)
    np.testing.assert_allclose(scaled[2], np.log(1 + np.sqrt(2)), rtol=1e-6)
    np.testing.assert_allclose(scaled[4] - scaled[3], np.log(2), rtol=1e-5)
    assert scaled[5] == 0
    assert scaled.dtype == np.float32


def test_dead_and_saturated_pixels():
    image = np.array([[np.nan, -np.inf, np.inf, 1e9, 7.0]])
    np.testing.assert_array_equal(repair_charge(image, Scaling(charge_limit=5000.0)), [[0, 0, 5000, 5000, 7]])
    assert np.isnan(image[0, 0])  # the caller's array is as it was


def test_bad_images():
    image = np.array([[np.nan, np.nan], [0, 0], [np.inf, np.nan], [0, -1], [np.nan, 3]])
    assert bad_images(image).tolist() == [True, True, True, False, False]


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, (3, 19), elements=ANYTHING), arrays(np.float32, (3, 19), elements=ANYTHING))
def test_never_nan_whatever_comes_in(image, peak_time):
    mapping = build_lattice_mapping(hexagonal_camera(2))
    grid = build_images(image, peak_time, mapping)
    assert grid.dtype == np.float32
    assert np.isfinite(grid).all()
    assert np.abs(grid[..., 1]).max() <= 4.0  # 20 ns / 5 ns
    cells = centre_cell(image, mapping)
    assert ((cells >= 0) & (cells < mapping.shape)).all()


def test_noise_is_that_of_the_fainter_pixels():
    rng = np.random.default_rng(0)
    image = rng.normal(3.0, 2.0, (50, 1855))
    image[:, :200] += 500.0
    pedestal, sigma = noise(image)
    assert pedestal.mean() == pytest.approx(3.3, abs=0.1)  # the 11 % with light move the median by 0.14 sigma
    assert sigma.mean() == pytest.approx(2.0, rel=0.1)


def test_time_is_relative_to_the_images_own(camera, lattice):
    """A time gradient comes back, whatever the trigger's time and whatever the noise pixels' times."""
    image, random_time = noisy(camera, [(0.3, 0.2)])
    true = blob(camera, (0.3, 0.2), 0.12)
    light = true > 20
    gradient = (10 * (camera.fov_lon - 0.3))[None]
    early, late = (
        relative_time(image, np.where(true > 1, 15 + shift + gradient, random_time), lattice) for shift in (0, 17)
    )
    np.testing.assert_allclose(early[light], late[light], atol=0.1)
    np.testing.assert_allclose(early[light], gradient[light] / 5, atol=0.15)


def test_times_of_noise_fade(camera, lattice):
    image, random_time = noisy(camera, [(0.3, 0.2)])
    dark = blob(camera, (0.3, 0.2), 0.12) < 0.1
    assert np.abs(random_time[dark] - 30).mean() > 10
    faded = relative_time(image, random_time, lattice)[dark]
    assert np.abs(faded).mean() < 0.1
    assert not relative_time(-np.abs(image), random_time, lattice)[image == image.max()].any()


def test_times_are_clipped_and_unknown_ones_are_zero(camera, lattice):
    image = blob(camera, (0.0, 0.0))
    time = np.full_like(image, 30.0)
    first, second, third = np.argsort(-image[0])[3:6]
    time[0, [first, second, third]] = np.nan, -500.0, np.inf
    relative = relative_time(image, time, lattice, Scaling(time_unit=10.0, time_limit=25.0))
    assert relative[0, first] == relative[0, third] == 0
    assert relative[0, second] == pytest.approx(-2.5, abs=0.01)


def test_cleaned_images_have_no_noise(camera, lattice):
    """Where most pixels are exactly 0, what is above 2 p.e. is light."""
    image, time = np.zeros((1, camera.n_pixels)), np.full((1, camera.n_pixels), 7.0)
    pixels = [200, *lattice.neighbours[200, :2]]
    image[0, pixels], time[0, pixels] = [20, 10, 10], [26, 20, 24]
    relative = relative_time(image, time, lattice)[0]
    np.testing.assert_allclose(relative[pixels], [2 / 5, -4 / 5, 0], atol=2e-3)
    assert np.count_nonzero(relative) == 2


def test_single_pixels_are_not_taken_for_showers(camera, lattice):
    place = np.array([[0.5, 0.3]])
    image, _ = noisy(camera, place, sigma=0.5)
    others = np.arange(0, camera.n_pixels, 37)
    image[0, others] += 30.0
    assert np.hypot(*(lattice.cell_to_fov(centre_cell(image, lattice)) - place).T) < 0.1
    image = np.zeros_like(image)
    image[0, 300] = 30.0  # where there is nothing else, the pixel is all there is
    assert np.array_equal(centre_cell(image, lattice), lattice.pixel_cell[[300]])


def test_single_photons_of_a_dark_sky_are_noise(camera, lattice):
    """Few pixels with one p.e. each: the width of the noise is that of the electronics, and tiny."""
    rng = np.random.default_rng(0)
    photons = rng.poisson(0.03, (1, camera.n_pixels))
    image = photons + rng.normal(0, 0.05, photons.shape)
    relative = relative_time(image, rng.uniform(0, 40, photons.shape), lattice)
    assert 0 < np.abs(relative[photons == 1]).mean() < 0.2
    assert noise(image)[1] == 0.5


@pytest.mark.parametrize("pedestal", [0.0, 12.0])
def test_centre_cell_is_where_the_light_is(camera, pedestal):
    places = np.random.default_rng(1).uniform(-0.8, 0.8, (40, 2))
    image, _ = noisy(camera, places)
    image[:, 5] = np.nan
    mappings = [build_lattice_mapping(camera, layout) for layout in ("axial", "offset")]
    for mapping in [*mappings, build_resampling_mapping(camera, shape=(40, 40), cell_width=0.09)]:
        found = mapping.cell_to_fov(centre_cell(image + pedestal, mapping))
        assert np.hypot(*(found - places).T).max() < 0.1  # one pixel


def test_images_of_both_channels(camera, lattice):
    image, time = noisy(camera, [(0.3, 0.2), (-0.5, 0.1)])
    grid = build_images(image, time, lattice)
    assert grid.shape == (2, *lattice.shape, 2)
    np.testing.assert_array_equal(lattice.invert(grid[..., 0]), scale_charge(image))
    np.testing.assert_array_equal(lattice.invert(grid[..., 1]), relative_time(image, time, lattice))


@pytest.mark.parametrize("resampled", [False, True])
def test_windows_hold_the_same_as_grids(camera, lattice, resampled):
    image, time = noisy(camera, [(0.3, 0.2), (-0.5, 0.1)])
    resampling = build_resampling_mapping(camera, shape=(31, 31), cell_width=0.1)
    mapping = resampling if resampled else lattice
    whole = build_images(image, time, mapping)
    window = build_images(image, time, mapping, centre=np.array([[15, 15], [14, 16]]), size=11)
    np.testing.assert_array_equal(window, [whole[0, 10:21, 10:21], whole[1, 9:20, 11:22]])


def test_resampled_charge_is_compressed_after_it_is_added_up(camera):
    image, time = noisy(camera, [(0.0, 0.0)])
    mapping = build_resampling_mapping(camera, shape=(12, 12), cell_width=0.25)
    charge = 3 * np.sinh(build_images(image, time, mapping)[..., 0].astype(float))
    np.testing.assert_allclose(charge.sum(), image.sum(), rtol=0.01)


@pytest.mark.parametrize("wrong", [0, -1.0, np.nan, np.inf])
def test_impossible_scalings(wrong):
    with pytest.raises(SettingError, match="time_unit"):
        Scaling(time_unit=wrong)
