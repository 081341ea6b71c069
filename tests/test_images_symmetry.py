"""Symmetries of cameras, and augmentation."""

import numpy as np
import pytest
from camera_examples import (
    blob,
    centroid,
    fact_camera,
    hexagonal_camera,
    make_camera,
    real_camera,
    square_camera,
)

from gammaml.errors import SettingError
from gammaml.images import add_night_sky, apply_symmetries, common_symmetries, find_symmetries, kill_pixels, turned

MADE = {
    "hexagonal": (lambda: hexagonal_camera(12), 12),
    "hexagonal, turned": (lambda: hexagonal_camera(12, 17.3), 12),
    "square": (lambda: square_camera(2, 12, 0.8), 8),
    "square, turned": (lambda: square_camera(1, 24, angle=33.0), 8),
}
COUNTS = {"MSTsim": 12, "LSTCam": 6, "FlashCam": 6, "DigiCam": 6, "NectarCam": 6, "ASTRICam": 8, "CHEC": 8, "SCTCam": 8}
PLACE = np.array([0.6, -0.25])


def positions(camera):
    return np.column_stack([camera.fov_lon, camera.fov_lat])


def assert_blob_follows(camera, symmetries, tolerance):
    image = blob(camera, PLACE)
    for symmetry in symmetries:
        found = centroid(symmetry.apply(image)[0], positions(camera))
        np.testing.assert_allclose(found, symmetry.matrix @ centroid(image[0], positions(camera)), atol=tolerance)


def assert_group(symmetries):
    """Identity first, all different and orthogonal, and two in a row are again one of them."""
    matrices = np.array([symmetry.matrix for symmetry in symmetries])
    assert np.array_equal(matrices[0], np.eye(2))
    assert np.array_equal(symmetries[0].permutation, np.arange(len(symmetries[0].permutation)))
    products = np.einsum("aij,bjk->abik", matrices, matrices)
    same = np.isclose(products[:, :, None], matrices, atol=1e-6).all(axis=(-1, -2))
    assert (same.sum(axis=-1) == 1).all()
    assert np.allclose(matrices @ matrices.transpose(0, 2, 1), np.eye(2))


@pytest.mark.parametrize("name", MADE)
def test_made_cameras_have_all_symmetries(name):
    build, count = MADE[name]
    symmetries = find_symmetries(build())
    assert len(symmetries) == count
    assert_group(symmetries)
    assert_blob_follows(build(), symmetries, 1e-4)
    for symmetry in symmetries:
        assert np.array_equal(np.sort(symmetry.permutation), np.arange(build().n_pixels))


@pytest.mark.parametrize("name", COUNTS)
def test_symmetries_of_real_cameras(name):
    camera = real_camera(name)
    symmetries = find_symmetries(camera)
    assert len(symmetries) == COUNTS[name]
    assert_group(symmetries)
    assert_blob_follows(camera, symmetries, 0.1 * camera.pixel_width)


def test_fact_is_symmetric_but_for_two_pixels():
    camera = fact_camera()
    symmetries = find_symmetries(camera)
    assert [(symmetry.permutation < 0).sum() for symmetry in symmetries] == [0, 2, 0, 2]
    assert_blob_follows(camera, symmetries, 0.005)


def test_pixels_without_partner_are_dark():
    whole = hexagonal_camera(12)
    keep = np.arange(whole.n_pixels) != np.argmax(whole.fov_lon)
    camera = make_camera(whole.fov_lon[keep], whole.fov_lat[keep])
    symmetries = find_symmetries(camera)
    assert len(symmetries) == 12
    ones = np.concatenate([symmetry.apply(np.ones((1, camera.n_pixels))) for symmetry in symmetries])
    assert set((ones == 0).sum(axis=1)) == {0, 1}


def test_what_is_not_symmetric_is_refused():
    whole = hexagonal_camera(12, 5)
    half = whole.fov_lon > -0.35
    assert len(find_symmetries(make_camera(whole.fov_lon[half], whole.fov_lat[half]))) == 1
    assert len(find_symmetries(make_camera(whole.fov_lon + 0.05, whole.fov_lat))) < 12  # half a pixel off the pointing
    assert len(find_symmetries(make_camera(*np.random.default_rng(0).uniform(-1, 1, (2, 200))))) == 1


def test_each_image_has_its_own_symmetry_and_directions_follow():
    camera, rng = hexagonal_camera(12, 21), np.random.default_rng(3)
    symmetries = find_symmetries(camera)
    places = rng.uniform(-0.5, 0.5, (50, 2))
    choice = rng.integers(0, 12, 50)
    image = np.concatenate([blob(camera, place, 0.1) for place in places])
    after = apply_symmetries(np.stack([image, 2 * image], axis=-1), symmetries, choice)
    expected = turned(places, np.array([symmetry.matrix for symmetry in symmetries])[choice])
    for channel in (0, 1):
        found = after[..., channel] @ positions(camera) / after[..., channel].sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_night_sky_adds_variance_but_no_charge():
    image = np.full((3, 20000), 5.0, np.float32)
    level = np.array([0.0, 1.0, 4.0])
    brighter = add_night_sky(image, np.random.default_rng(0), level)
    np.testing.assert_allclose(brighter.mean(axis=1), 5.0, atol=0.06)
    np.testing.assert_allclose(brighter.var(axis=1), level, rtol=0.05)
    assert brighter.dtype == np.float32
    assert (image == 5.0).all()


def test_killed_pixels():
    image, time = np.full((2, 20000), 5.0, np.float32), np.full((2, 20000), 30.0, np.float32)
    dead_image, dead_time = kill_pixels(image, time, np.random.default_rng(0), np.array([0.0, 0.1]))
    np.testing.assert_allclose((dead_image == 0).mean(axis=1), [0, 0.1], atol=0.01)
    assert np.array_equal(dead_image == 0, dead_time == 0)
    assert dead_image.dtype == dead_time.dtype == np.float32
    assert (image == 5.0).all()


def test_augmentation_depends_on_the_seed_alone():
    image = np.ones((2, 50), np.float32)
    first, again, other = (add_night_sky(image, np.random.default_rng(seed), 2.0) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_impossible_augmentation():
    rng, image = np.random.default_rng(0), np.ones((1, 5))
    for level in (-1.0, np.nan):
        with pytest.raises(SettingError, match="night-sky"):
            add_night_sky(image, rng, level)
    for fraction in (-0.1, 1.5, np.nan):
        with pytest.raises(SettingError, match="dead pixels"):
            kill_pixels(image, image, rng, fraction)


def test_cameras_share_what_turns_all_of_them():
    """Hexagons of any orientation share the turns by 60°, and a square camera with them only the turn by 180°."""
    hexagons = [hexagonal_camera(6), hexagonal_camera(6, 11)]
    shared = common_symmetries(hexagons)
    assert [len(symmetries) for symmetries in shared] == [6, 6]
    for one, other in zip(*shared, strict=True):
        np.testing.assert_allclose(one.matrix, other.matrix, atol=0.01)
    with_square = common_symmetries([hexagons[1], square_camera(1, 24)])
    assert [len(symmetries) for symmetries in with_square] == [2, 2]
    np.testing.assert_allclose(with_square[0][1].matrix, -np.eye(2), atol=0.01)
