"""Sky offsets against astropy and ctapipe."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, SkyCoord, SkyOffsetFrame
from hypothesis import given
from hypothesis import strategies as st
from made_events import hexagonal_camera

from gammaml import sky
from gammaml.io.hillas import to_ctapipe_geometry

angle = st.floats(-5, 5)


@given(angle, angle, st.floats(10, 85), st.floats(0, 359.9))
def test_offsets_round_trip(lon, lat, pointing_alt, pointing_az):
    alt, az = sky.fov_to_altaz(lon, lat, pointing_alt, pointing_az)
    np.testing.assert_allclose(sky.altaz_to_fov(alt, az, pointing_alt, pointing_az), (lon, lat), atol=1e-9)
    assert 0 <= az < 360


def test_offsets_equal_astropy():
    rng = np.random.default_rng(0)
    pointing = SkyCoord(alt=62 * u.deg, az=359 * u.deg, frame=AltAz())
    source = SkyCoord(alt=rng.uniform(58, 66, 50) * u.deg, az=rng.uniform(-5, 5, 50) * u.deg, frame=AltAz())
    expected = source.transform_to(SkyOffsetFrame(origin=pointing))
    lon, lat = sky.altaz_to_fov(source.alt.deg, source.az.deg, 62, 359)
    np.testing.assert_allclose(lon, expected.lon.wrap_at("180d").deg, atol=1e-10)
    np.testing.assert_allclose(lat, expected.lat.deg, atol=1e-10)


def test_separation_equals_astropy():
    rng = np.random.default_rng(1)
    alt, az = rng.uniform(-80, 80, (2, 100)), rng.uniform(0, 360, (2, 100))
    first, second = (SkyCoord(az=a * u.deg, alt=h * u.deg, frame=AltAz()) for h, a in zip(alt, az, strict=True))
    np.testing.assert_allclose(
        sky.angular_separation(alt[0], az[0], alt[1], az[1]), first.separation(second).deg, atol=1e-9
    )


@pytest.mark.parametrize("rotation", [0.0, 19.0])
def test_camera_offsets_equal_ctapipe(rotation):
    from ctapipe.coordinates import TelescopeFrame

    camera = hexagonal_camera(rings=4)
    geometry = to_ctapipe_geometry(camera)
    geometry.frame = type(geometry.frame)(focal_length=camera.focal_length * u.m, rotation=rotation * u.deg)
    expected = geometry.transform_to(TelescopeFrame())
    lon, lat = sky.camera_to_fov(camera.pixel_x, camera.pixel_y, camera.focal_length, rotation)
    np.testing.assert_allclose(lon, expected.pix_x.to_value(u.deg), atol=1e-4)
    np.testing.assert_allclose(lat, expected.pix_y.to_value(u.deg), atol=1e-4)


@given(st.floats(-89, 89), st.floats(0, 359.9), st.floats(0.1, 1e4))
def test_vectors_round_trip(alt, az, length):
    frame = sky.axes(alt, az)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert sky.angular_separation(*sky.vector_to_altaz(length * frame[0]), alt, az) < 1e-9
    # a small step along each axis raises what it is called after
    np.testing.assert_allclose(
        sky.altaz_to_fov(*sky.vector_to_altaz(frame[0] + 0.01 * frame[1]), alt, az)[1], 0, atol=1e-9
    )
    lon, lat = sky.altaz_to_fov(*sky.vector_to_altaz(frame[0] + 0.01 * frame[1] + 0.02 * frame[2]), alt, az)
    assert 0 < lon < lat


def test_unknown_directions_stay_unknown():
    assert np.isnan([sky.fov_to_altaz(np.nan, 0.0, 70, 180), sky.vector_to_altaz([np.nan] * 3)]).all()


def test_tilted_positions_equal_ctapipe():
    from ctapipe.coordinates import GroundFrame, TiltedGroundFrame

    position = np.random.default_rng(2).uniform(-200, 200, (20, 3))
    ground = SkyCoord(*position.T, unit=u.m, frame=GroundFrame())
    pointing = SkyCoord(alt=65 * u.deg, az=130 * u.deg, frame=AltAz())
    expected = ground.transform_to(TiltedGroundFrame(pointing_direction=pointing))
    lon, lat = sky.tilted(position, 65, 130).T
    np.testing.assert_allclose(lon, -expected.y.to_value(u.m), atol=1e-9)
    np.testing.assert_allclose(lat, -expected.x.to_value(u.m), atol=1e-9)


@given(st.floats(-300, 300), st.floats(-300, 300), st.floats(50, 89), st.floats(0, 359), st.floats(-3, 3))
def test_cores_come_back_from_the_plane_of_the_pointing(x, y, alt, az, offset):
    source = sky.fov_to_altaz(offset, -offset, alt, az)
    plane = sky.ground_to_tilted(np.array([[x, y, 0.0]]), alt, az, *source)
    np.testing.assert_allclose(sky.tilted_to_ground(plane, alt, az, *source), [[x, y]], atol=1e-8)
    along_the_pointing = sky.ground_to_tilted(np.array([[x, y, 0.0]]), alt, az)
    np.testing.assert_allclose(along_the_pointing, sky.tilted([[x, y, 0.0]], alt, az), atol=1e-8)


def test_mean_directions_are_of_vectors_and_leave_out_the_unknown():
    alt, az = sky.mean_direction([70, 70, 70, np.nan], [359, 1, 40, 0], np.array([0, 0, 1, 2]), np.ones(4))
    np.testing.assert_allclose(az, [0, 40, np.nan], atol=1e-9)
    np.testing.assert_allclose(alt, [70, 70, np.nan], atol=0.01)


@given(angle, angle, st.floats(-80, 80), st.floats(0, 359.9))
def test_a_field_of_view_that_does_not_turn(lon, lat, dec, ra):
    pointing = sky.pointing_beside(ra, dec, lon, lat)
    assert 0 <= pointing[0] < 360
    np.testing.assert_allclose(sky.icrs_to_fov(ra, dec, *pointing), (lon, lat), atol=1e-9)
    back = sky.fov_to_icrs(lon, lat, *pointing)
    assert sky.angular_separation(back[1], back[0], dec, ra) < 1e-9


def test_rising_altitude_is_north_and_falling_azimuth_east():
    ra, dec = sky.fov_to_icrs([0.0, -1.0], [1.0, 0.0], 10.0, 0.0)
    np.testing.assert_allclose([ra, dec], [[10, 11], [1, 0]], atol=1e-9)
    assert np.isnan(sky.pointing_beside(0.0, 90.0, 1.0, 0.0)[1])
