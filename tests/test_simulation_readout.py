"""Cameras: from photo-electrons to places, waveforms, triggers, charges and peak times."""

from types import SimpleNamespace

import numpy as np
import pytest
from made_events import hexagonal_camera

from gammaml import sky
from gammaml.events import Camera
from gammaml.simulation import readout, rng, telescope

CAMERA = hexagonal_camera(rings=8)


def made_type(**changes):
    values = {
        "camera": CAMERA,
        "optics": SimpleNamespace(reflector_shape="PARABOLIC", equivalent_focal_length=16.0),
        "mirror_diameter": 12.0,
        "focus_distance": 10e3,
        "psf": 0.0,
        "psf_growth": 0.0,
        "gain_spread": 0.0,
        "dead_pixels": 0.0,
        "pulse_width": 3.0,
        "integration_window": 8.0,
        "night_sky": 0.0,
        "single_pe_spread": 0.0,
        "crosstalk": 0.0,
        "electronic_noise": 0.0,
        "saturation": 4000.0,
        "trigger_threshold": 4.0,
        "trigger_multiplicity": 3,
        "trigger_rings": 0,
        "trigger_window": 0.0,
        "time_jitter": 0.0,
    }
    return SimpleNamespace(**(values | changes))


def light(n, *, time=0.0, direction=(0.0, 0.0), radius=6.0, seed=0):
    """Photo-electrons of a distant star, falling evenly on a disc about a sphere's centre."""
    draw = np.random.default_rng(seed)
    rows = np.zeros(n, [(name, "f4") for name in ("x", "y", "ux", "uy", "time", "height")])
    distance, angle = radius * np.sqrt(draw.random(n)), draw.uniform(0, 2 * np.pi, n)
    rows["x"], rows["y"] = distance * np.cos(angle), distance * np.sin(angle)
    rows["ux"], rows["uy"] = direction
    rows["time"] = time
    return rows


def read(pixel, time, *, seed=1, **changes):
    camera = readout.build_camera(made_type(**changes), seed)
    return readout.read_out(rng.stream(seed, 0), np.asarray(pixel), np.asarray(time, float), camera)


def burst(per_pixel=50, time=15.0):
    """Light in three touching pixels at one time."""
    centre = int(np.argmin(np.hypot(CAMERA.pixel_x, CAMERA.pixel_y)))
    pixels = [centre, *readout.neighbours(CAMERA)[centre][:2]]
    return np.repeat(pixels, per_pixel), np.full(3 * per_pixel, time), pixels


def test_axes_point_where_the_telescope_does():
    axes = sky.axes(70.0, 90.0)  # to the east, which is -y
    np.testing.assert_allclose(axes[0], [0, -np.cos(np.deg2rad(70)), np.sin(np.deg2rad(70))], atol=1e-12)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(axes[1], [-1, 0, 0], atol=1e-12)  # azimuth rises from east to south


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-0.7, 0.4)])
def test_a_star_is_seen_at_its_offset(lon, lat):
    axes = sky.axes(70.0, 135.0)
    source = axes[0] + np.deg2rad(lon) * axes[1] + np.deg2rad(lat) * axes[2]
    flight = -source / np.linalg.norm(source)
    distant = made_type(focus_distance=np.inf)
    rows = light(500, direction=flight[:2], radius=3.0)
    seen_lon, seen_lat, _ = telescope.to_focal_plane(rows, distant, axes, np.random.default_rng(0))
    np.testing.assert_allclose(np.rad2deg(seen_lon), lon, atol=1e-4)
    np.testing.assert_allclose(np.rad2deg(seen_lat), lat, atol=1e-4)


def test_a_point_at_the_distance_in_focus_is_sharp():
    axes = sky.axes(90.0, 0.0)
    rows = light(500, radius=5.0)
    rows["ux"], rows["uy"] = rows["x"] / 10e3, rows["y"] / 10e3  # from 10 km above the centre
    lon, lat, _ = telescope.to_focal_plane(rows, made_type(), axes, np.random.default_rng(0))
    assert np.hypot(lon, lat).max() < 1e-6
    lon, lat, _ = telescope.to_focal_plane(rows, made_type(focus_distance=np.inf), axes, np.random.default_rng(0))
    assert np.hypot(lon, lat).max() == pytest.approx(5.0 / 10e3, rel=0.02)


def test_eighty_percent_of_a_star_is_within_the_psf():
    kind = made_type(focus_distance=np.inf, psf=0.05, psf_growth=0.0)
    axes = sky.axes(90.0, 0.0)
    lon, lat, _ = telescope.to_focal_plane(light(20_000), kind, axes, np.random.default_rng(0))
    assert (np.hypot(np.rad2deg(lon), np.rad2deg(lat)) < 0.05).mean() == pytest.approx(0.8, abs=0.01)


def test_light_beside_the_mirror_is_lost():
    axes = sky.axes(90.0, 0.0)
    kind = made_type(mirror_diameter=6.0)
    lon, _, _ = telescope.to_focal_plane(light(20_000, radius=6.0), kind, axes, np.random.default_rng(0))
    assert len(lon) / 20_000 == pytest.approx(0.25, abs=0.01)


def test_the_rim_of_a_davies_cotton_mirror_is_early():
    optics = SimpleNamespace(reflector_shape="DAVIES_COTTON", equivalent_focal_length=15.0)
    axes = sky.axes(90.0, 0.0)
    _, _, time = telescope.to_focal_plane(light(5000), made_type(optics=optics), axes, np.random.default_rng(0))
    assert time.max() - time.min() == pytest.approx(6.0**2 / (2 * 15.0 * 0.299792458), rel=0.01)  # 4.0 ns for 12 m


def test_raster_knows_every_pixel_and_the_rim():
    raster = telescope.build_raster(CAMERA)
    lon, lat = np.deg2rad(CAMERA.fov_lon), np.deg2rad(CAMERA.fov_lat)
    np.testing.assert_array_equal(telescope.to_pixels(lon, lat, raster), np.arange(CAMERA.n_pixels))
    assert (
        telescope.to_pixels(2 * lon[np.hypot(lon, lat) > 0.02], 2 * lat[np.hypot(lon, lat) > 0.02], raster) == -1
    ).all()
    share = (raster.pixel >= 0).sum() * raster.step**2 / (CAMERA.pixel_area.sum() / CAMERA.focal_length**2)
    assert share == pytest.approx(1.0, abs=0.03)


def test_charges_and_times_without_noise_are_exact():
    pixel, time, pixels = burst(per_pixel=50, time=15.3)
    image, peak_time, true = read(pixel, time)
    np.testing.assert_allclose(image[pixels], 50, rtol=0.01)
    np.testing.assert_allclose(peak_time[pixels], 15.3, atol=0.15)
    assert image.sum() == pytest.approx(150, rel=0.01)
    np.testing.assert_array_equal(true[pixels], 50)


def test_charge_errors_are_those_of_night_sky_and_single_photo_electrons():
    pixel, time, pixels = burst(per_pixel=30)
    draws = [read(pixel, time, seed=s, night_sky=0.3, single_pe_spread=0.4)[0] for s in range(300)]
    charges = np.array(draws)[:, pixels]
    # Night sky in 8 ns, each photo-electron's spread, and a little of the sky that helps to choose the window.
    expected = np.sqrt(30 * 0.4**2 + 0.3 * 8 * (1 + 0.4**2))
    assert charges.mean() == pytest.approx(30, abs=0.8)
    assert charges.std() == pytest.approx(expected, rel=0.1)


def test_noise_moves_peak_times_by_less_for_brighter_pixels():
    spreads = []
    for per_pixel in (5, 20, 80):
        pixel, time, pixels = burst(per_pixel=per_pixel)
        found = [read(pixel, time, seed=s, night_sky=0.3, trigger_threshold=1.0) for s in range(100)]
        spreads.append(np.std([each[1][pixels] for each in found]))
    assert spreads[0] > spreads[1] > spreads[2]
    assert spreads[2] < 0.5


def test_crosstalk_is_corrected_on_average():
    pixel, time, pixels = burst(per_pixel=100)
    draws = [read(pixel, time, seed=s, crosstalk=0.2)[0] for s in range(200)]
    assert np.array(draws)[:, pixels].mean() == pytest.approx(100, rel=0.01)


def test_trigger_needs_touching_pixels_at_one_time():
    pixel, time, _ = burst(per_pixel=20)
    assert read(pixel, time) is not None
    assert read(pixel, time, trigger_threshold=25.0) is None
    assert read(pixel, time, trigger_multiplicity=4) is None
    apart = np.repeat([0, CAMERA.n_pixels // 2, CAMERA.n_pixels - 1], 20)
    assert read(apart, time) is None
    late = time + np.repeat([0.0, 12.0, 24.0], 20)
    assert read(pixel, late) is None


def test_trigger_on_the_sum_of_a_pixel_and_those_around_it():
    centre = burst()[2][0]
    flower = readout.within_rings(readout.neighbours(CAMERA), 1)[centre]
    assert set(flower) == {centre, *readout.neighbours(CAMERA)[centre]}
    assert flower[0] == centre
    pixel, time = np.repeat(flower, 5), np.full(35, 15.0)
    alone = {"trigger_threshold": 25.0, "trigger_multiplicity": 1}
    assert read(pixel, time, **alone) is None
    assert read(pixel, time, trigger_rings=1, **alone) is not None
    assert read(pixel, time, trigger_rings=1, trigger_threshold=40.0, trigger_multiplicity=1) is None


def test_rings_around_a_pixel_have_6_12_and_18_others():
    touching = readout.neighbours(CAMERA)
    centre = burst()[2][0]
    counts = [(readout.within_rings(touching, n)[centre] >= 0).sum() for n in range(4)]
    assert counts == [1, 7, 19, 37]


def test_a_slow_trigger_adds_up_light_that_comes_at_different_times():
    pixel, _, _ = burst(per_pixel=20)
    time = np.tile(np.linspace(10, 18, 20), 3)
    assert read(pixel, time, trigger_threshold=10.0) is None
    assert read(pixel, time, trigger_threshold=10.0, trigger_window=12.0) is not None
    assert read(pixel, time, trigger_threshold=25.0, trigger_window=12.0) is None


def test_jitter_widens_pulses():
    pixel, time, pixels = burst(per_pixel=10)
    found = [read(pixel, time, seed=s, time_jitter=2.0, trigger_threshold=1.0) for s in range(200)]
    spread = np.std([each[1][pixels] for each in found])
    assert spread == pytest.approx(2.0 / np.sqrt(10), rel=0.25)  # a little is cut off with the window
    assert np.std([read(pixel, time, seed=s)[1][pixels] for s in range(20)]) < 1e-6


def test_saturation_gain_and_dead_pixels():
    pixel, time, pixels = burst(per_pixel=200)
    assert read(pixel, time, saturation=120.0)[0].max() == 120
    gains = readout.build_camera(made_type(gain_spread=0.05), 3).gain
    assert gains.std() == pytest.approx(0.05, rel=0.15)
    dead = readout.build_camera(made_type(dead_pixels=0.1), 3).gain == 0
    assert dead.mean() == pytest.approx(0.1, abs=0.05)
    assert read(pixel, time, gain_spread=0.05, seed=4)[0][pixels].std() > 1


def test_same_stream_same_image():
    pixel, time, _ = burst()
    first, second = (read(pixel, time, night_sky=0.2, single_pe_spread=0.4, electronic_noise=0.3) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])


def test_square_pixels_touch_eight_others():
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(10) * 0.05, np.arange(10) * 0.05))
    square = Camera("Square", x, y, np.full(100, 0.0025), "square", 0.0, 0.0, 16.0)
    touching = (readout.neighbours(square) >= 0).sum(axis=1)
    assert touching.max() == 8
    assert (touching == 3).sum() == 4  # corners
