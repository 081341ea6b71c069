"""Image parameters of all images at once, against ctapipe's functions image by image."""

import astropy.units as u
import numpy as np
import pytest
from made_events import hexagonal_camera, made_events

from gammaml import io
from gammaml.events import Camera
from gammaml.io.hillas import CLEANING, CTAPIPE_CLEANING, image_parameters, to_ctapipe_geometry

AXIS = ("hillas_psi", "hillas_skewness", "timing_slope")  # change sign where the axis is named by its other end
TIMING = ("timing_slope", "timing_intercept", "timing_deviation")


def by_ctapipe(image, peak_time, camera, cleaning):
    """The same, by ctapipe; timing with random numbers of each image's own."""
    from ctapipe import containers
    from ctapipe import image as of
    from ctapipe.coordinates import TelescopeFrame

    geometry = to_ctapipe_geometry(camera).transform_to(TelescopeFrame())
    empty = [getattr(containers, f"{name}Container")() for name in ("HillasParameters", "Leakage", "Concentration")]
    empty += [containers.MorphologyContainer(), containers.TimingParametersContainer()]
    for charge, time in zip(np.nan_to_num(image.astype(float), posinf=0, neginf=0), peak_time, strict=True):
        mask = of.tailcuts_clean(geometry, charge, *cleaning[:2], min_number_picture_neighbors=cleaning[2])
        found = empty
        if mask.sum() >= 3:
            hillas = of.hillas_parameters(geometry[mask], charge[mask])
            found = [hillas, of.leakage_parameters(geometry, charge, mask)]
            found.append(of.concentration_parameters(geometry[mask], charge[mask], hillas))
            found += [of.morphology_parameters(geometry, mask), timing(geometry, time, mask, hillas)]
        yield {f"{part.prefix}_{name}": value for part in found for name, value in part.items()}


def timing(geometry, time, mask, hillas):
    import ctapipe.fitting
    from ctapipe.containers import TimingParametersContainer
    from ctapipe.image.hillas import camera_to_shower_coordinates as turn

    mask = mask & np.isfinite(time)
    if mask.sum() < 3:
        return TimingParametersContainer()
    x = turn(geometry.pix_x[mask], geometry.pix_y[mask], hillas.fov_lon, hillas.fov_lat, hillas.psi)[0].to_value(u.deg)
    y = time[mask].astype(float)
    fit, _ = ctapipe.fitting.lts_linear_regression(x=x, y=y, samples=5, rng=np.random.default_rng(0))
    deviation = np.sqrt(np.mean((np.polyval(fit, x) - y) ** 2))
    return TimingParametersContainer(slope=fit[0] / u.deg, intercept=fit[1], deviation=deviation)


def assert_as_ctapipe(image, peak_time, camera, cleaning=CLEANING):
    """All columns equal, to the rounding of single precision that charges have; returns the table."""
    table = image_parameters(image, peak_time, camera, cleaning=cleaning)
    rows = list(by_ctapipe(image, peak_time, camera, cleaning))
    assert set(table.colnames) == set(rows[0])
    ties = np.asarray(table["morphology_n_pixels"]) == 3  # a trimmed fit takes two of three: which, rounding decides
    for name in table.colnames:
        measured = table[name]
        unit = getattr(measured, "unit", None)
        expected = np.array([u.Quantity(row[name], unit).value for row in rows], float)
        measured, expected = np.asarray(measured), np.where(ties & (name in TIMING), np.asarray(measured), expected)
        if name in AXIS:
            other_end = np.isclose(np.abs(np.asarray(table["hillas_psi"])), 90)
            measured, expected = (np.where(other_end, np.abs(each), each) for each in (measured, expected))
        np.testing.assert_allclose(measured, expected, rtol=1e-6, atol=1e-9, err_msg=name)
    return table


@pytest.mark.parametrize("cleaning", [CLEANING, CTAPIPE_CLEANING])
def test_made_images(cleaning):
    events = made_events(20, primary=101)
    table = assert_as_ctapipe(events.image, events.peak_time, events.camera, cleaning)
    assert np.isfinite(table["hillas_width"]).sum() > 20


@pytest.mark.parametrize("pixel_type", ["hexagon", "square"])
def test_noise(pixel_type):
    """Islands of all sizes, at the edge too."""
    camera = hexagonal_camera(6)
    if pixel_type == "square":
        x, y = (np.ravel(axis) for axis in np.meshgrid(np.arange(12) * 0.05, np.arange(12) * 0.05))
        camera = Camera("Squares", x, y, np.full(144, 0.0025), "square", 0.0, 0.0, 16.0)
    rng = np.random.default_rng(1)
    image = rng.exponential(rng.uniform(1, 10, (60, 1)), (60, camera.n_pixels)).astype(np.float32)
    table = assert_as_ctapipe(image, rng.normal(20, 5, image.shape), camera, (8.0, 4.0, 1))
    assert set(np.asarray(table["morphology_n_islands"])) > {1, 2, 3}
    assert np.asarray(table["morphology_n_large_islands"]).max() > 0


def edge_cases():
    """Images of one camera that have something special, by name."""
    camera = hexagonal_camera(12)
    place = np.hypot(camera.pixel_x, camera.pixel_y)
    row, column = np.abs(camera.pixel_y) < 0.01, np.abs(camera.pixel_x) < 0.01
    nothing = np.zeros(camera.n_pixels, np.float32)
    round_one = np.where(place < 0.06, 20, nothing)
    return camera, {
        "empty": nothing,
        "dark": np.full_like(nothing, -3),
        "not a number": np.full_like(nothing, np.nan),
        "infinite": np.full_like(nothing, np.inf),
        "one pixel": np.where(place < 0.01, 50, nothing),
        "two pixels": np.where(row & (np.abs(camera.pixel_x - 0.025) < 0.03), 50, nothing),
        "one row": np.where(row & (np.abs(camera.pixel_x - 0.1) < 0.12), 20 + 100 * camera.pixel_x, nothing),
        "whole row": np.where(row, 20 + camera.pixel_x, nothing),
        "upright, in zigzag": np.where(np.abs(camera.pixel_x) < 0.03, 20 + 9 * camera.pixel_y, nothing),
        "not touching": np.where(column, 20 + 9 * camera.pixel_y, nothing),
        "at the edge": np.where(place > 0.5, 30 * (camera.pixel_x + 0.7), nothing),
        "with a hole": np.where(place < 0.2, np.where(place < 0.01, np.nan, 20 + 30 * camera.pixel_x), nothing),
        "all lit": (9 + 2 * camera.pixel_x + camera.pixel_y).astype(np.float32),
        "round": round_one * (1 + camera.pixel_x),
    }


@pytest.mark.parametrize("time", ["known", "partly known", "unknown"])
def test_edge_cases(time):
    camera, images = edge_cases()
    image = np.array(list(images.values()), np.float32)
    peak_time = np.random.default_rng(2).normal(20, 2, image.shape).astype(np.float32)
    peak_time[{"known": [], "partly known": np.s_[:, ::2], "unknown": ...}[time]] = np.nan
    table = assert_as_ctapipe(image, peak_time, camera)
    numbers = dict(zip(images, np.asarray(table["morphology_n_pixels"]), strict=True))
    assert [numbers[name] for name in ("empty", "dark", "not a number", "infinite", "one pixel")] == [-1] * 5
    assert numbers["two pixels"] == -1
    assert numbers["one row"] >= 3
    width = dict(zip(images, table["hillas_width"].value, strict=True))
    assert width["one row"] == width["whole row"] == 0
    assert width["with a hole"] > 0.1


def test_no_images_at_all():
    camera = hexagonal_camera(3)
    nothing = np.empty((0, camera.n_pixels), np.float32)
    assert len(image_parameters(nothing, nothing, camera)) == 0


def test_an_image_does_not_depend_on_the_others():
    events = made_events(10)
    together = image_parameters(events.image, events.peak_time, events.camera)
    alone = image_parameters(events.image[7:8], events.peak_time[7:8], events.camera)
    for name in together.colnames:
        np.testing.assert_array_equal(together[name][7:8], alone[name], err_msg=name)


@pytest.mark.parametrize(
    "file",
    ["fact/cer011014.phs.jsonl.gz", "fact/real_20150307_016_100events_pass3.phs.jsonl.gz", "bootstrap/proton.dl1.h5"],
)
def test_real_cameras(shared_data, file):
    events = io.read_cameras([shared_data / file], io.Selection(max_events=60))[0]
    assert_as_ctapipe(events.image, events.peak_time, events.camera)
