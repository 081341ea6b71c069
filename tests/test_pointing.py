"""From monitored pointing to positions on the sky, to an arcsecond, against astropy and ctapipe."""

import warnings

import astropy.units as u
import h5py
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.table import QTable
from astropy.time import Time
from astropy.utils import iers
from made_events import hexagonal_camera, made_events, made_subarray

from gammaml import io, performance, sky
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.dl2 import read_dl2

PLACE = EarthLocation.from_geocentric(*made_subarray().reference_location, unit=u.m)
CRAB = SkyCoord(83.6331 * u.deg, 22.0145 * u.deg)
START = Time("2020-01-17T22:30:00", scale="utc").tai
GROUPS = ("dl0/monitoring/telescope/pointing", "dl1/monitoring/telescope/pointing")


@pytest.fixture(autouse=True, scope="module")
def frozen_earth():
    """The earth's rotation from a table that astropy brings along: nothing is downloaded."""
    with iers.conf.set_temp("auto_download", False), iers.earth_orientation_table.set(iers.IERS_B.open()):
        yield


def apart(alt, az, other):
    """Arcseconds between directions and those of an astropy coordinate."""
    return (
        SkyCoord(alt=alt, az=az, frame=AltAz()).separation(SkyCoord(alt=other.alt, az=other.az, frame=AltAz())).arcsec
    )


def track(star, time):
    return star.transform_to(AltAz(obstime=time, location=PLACE))


def north_of_zenith():
    """A star that crosses the meridian in the north, azimuth 360 to 0, at START + 150 s."""
    meridian = (START + 150 * u.s).sidereal_time("apparent", PLACE.lon)
    return SkyCoord(ra=meridian, dec=60 * u.deg, frame="cirs", obstime=START, location=PLACE).icrs


def monitored(path, star, seconds, *, group=GROUPS[0], apart=0.5):
    """A DL1 file of 60 array events, 5 s apart, of two telescopes that look `apart` degrees from each other."""
    events = made_events(30)
    number = np.unique(np.asarray(events.table["event_id"]), return_inverse=True)[1]
    events.table["time"] = START + 5 * number * u.s
    for name in ("pointing_alt", "pointing_az"):
        events.table[name] = np.full(len(events), np.nan) * u.deg
    write_dl1(events, path)
    time = START + seconds * u.s
    with h5py.File(path, "r+") as file:
        del file["configuration/telescope/pointing"]
        for tel_id in (1, 2):
            found = track(star, time)
            alt = found.alt.rad + np.deg2rad(apart) * (tel_id - 1)
            rows = np.rec.fromarrays([time.mjd, found.az.rad, alt], names=["time", "azimuth", "altitude"])
            table = file.create_dataset(f"{group}/tel_{tel_id:03d}", data=rows)
            said = {
                "0_TRANSFORM": "time",
                "0_TIME_FORMAT": "mjd",
                "0_TIME_SCALE": "tai",
                "1_UNIT": "rad",
                "2_UNIT": "rad",
            }
            for name, value in said.items():
                table.attrs[f"CTAFIELD_{name}"] = value
    return events.table["time"]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("step", [1, 60])
def test_monitored_pointing(tmp_path, group, step):
    """Each telescope's own, at the time of the event, through the north, where azimuths begin anew."""
    star = north_of_zenith()
    monitored(tmp_path / "a.dl1.h5", star, np.arange(-60, 421, step), group=group)
    table = io.read_events(tmp_path / "a.dl1.h5").table
    assert np.ptp(table["pointing_az"]) > 350 * u.deg
    for tel_id in (1, 2):
        own = table[table["tel_id"] == tel_id]
        expected = track(star, own["time"])
        found = apart(own["pointing_alt"] - 0.5 * (tel_id - 1) * u.deg, own["pointing_az"], expected)
        assert found.max() < 1


def test_no_pointing_where_nobody_looked(tmp_path):
    """Before, after, and in a gap of three minutes: unknown, with a warning that says how many."""
    path = tmp_path / "a.dl1.h5"
    time = monitored(path, CRAB, np.r_[np.arange(20, 61), np.arange(240, 271)])
    with pytest.warns(UserWarning, match=r"telescope 1: 44 of 60 images outside the monitored times, or in a gap"):
        table = io.read_events(path).table
    seconds = (table["time"] - START).to_value("s").round(3)
    inside = ((seconds >= 20) & (seconds <= 60)) | ((seconds >= 240) & (seconds <= 270))
    assert np.isfinite(table["pointing_alt"][inside]).all()
    assert np.isnan(table["pointing_alt"][~inside]).all()
    assert np.isnan(table["pointing_az"][~inside]).all()
    assert len(time) == len(table)


def test_a_telescope_that_stands_still_is_monitored_once(tmp_path):
    path = tmp_path / "a.dl1.h5"
    monitored(path, CRAB, np.array([0.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = io.read_events(path).table
    expected = track(CRAB, START)
    assert apart(table["pointing_alt"][::2], table["pointing_az"][::2], expected).max() < 0.01


@pytest.mark.parametrize("rotation", [0.0, 19.0])
def test_from_the_camera_to_the_sky(rotation):
    from ctapipe.coordinates import CameraFrame

    camera = hexagonal_camera(rings=12)
    x, y = camera.pixel_x[::20], camera.pixel_y[::20]
    time = START + np.linspace(0, 3600, len(x)) * u.s
    pointing = track(CRAB, time)
    frame = CameraFrame(
        focal_length=camera.focal_length * u.m, rotation=rotation * u.deg, telescope_pointing=pointing,
        obstime=time, location=PLACE,
    )  # fmt: skip
    expected = SkyCoord(x * u.m, y * u.m, frame=frame).transform_to(pointing.frame).transform_to("icrs")
    offsets = sky.camera_to_fov(x, y, camera.focal_length, rotation)
    direction = sky.fov_to_altaz(*offsets, pointing.alt.deg, pointing.az.deg)
    place = [value.to_value("m") for value in PLACE.geocentric]
    found = SkyCoord(*sky.altaz_to_icrs(*direction, time, place), unit="deg")
    assert np.hypot(*offsets).max() > 1.5
    assert found.separation(expected).arcsec.max() < 1
    back = sky.icrs_to_altaz(found.ra.deg, found.dec.deg, time, place)
    np.testing.assert_allclose(back, direction, atol=1e-7)


def test_refraction():
    """Off by default. At 45 degrees and two thirds of the pressure at the sea a star is lifted by about 44 arcsec."""
    place = [value.to_value("m") for value in PLACE.geocentric]
    alt, az = np.array([30.0, 45, 60, 80]), np.array([10.0, 100, 190, 280])
    weather = sky.Weather(pressure=780, temperature=5, humidity=0.2, wavelength=0.4)
    air = {"pressure": 780 * u.hPa, "temperature": 5 * u.deg_C, "relative_humidity": 0.2, "obswl": 0.4 * u.micron}
    for given, settings in ((weather, air), (None, {})):
        frame = AltAz(obstime=START, location=PLACE, **settings)
        expected = SkyCoord(alt=alt * u.deg, az=az * u.deg, frame=frame).icrs
        found = SkyCoord(*sky.altaz_to_icrs(alt, az, START, place, weather=given), unit="deg")
        assert found.separation(expected).arcsec.max() < 1e-3
        np.testing.assert_allclose(
            sky.icrs_to_altaz(found.ra.deg, found.dec.deg, START, place, weather=given), (alt, az), atol=1e-6
        )
    straight = sky.icrs_to_altaz(found.ra.deg, found.dec.deg, START, place)
    lifted = sky.icrs_to_altaz(found.ra.deg, found.dec.deg, START, place, weather=weather)
    np.testing.assert_allclose((lifted[0] - straight[0]) * 3600 * np.tan(np.deg2rad(alt)), 46, rtol=0.06)
    assert lifted[0][1] - straight[0][1] == pytest.approx(46 / 3600, rel=0.06)


@pytest.mark.parametrize("side", [0, 180])
@pytest.mark.parametrize("n_off", [1, 3])
def test_wobble(side, n_off):
    """A source 0.4 degrees north or south of where telescopes look, and its off regions, over two hours of tracking."""
    time = START + np.linspace(0, 7200, 25) * u.s
    axis = CRAB.directional_offset_by(side * u.deg, 0.4 * u.deg)
    pointing = track(axis, time)
    dl2 = QTable({"time": time, "pointing_alt": pointing.alt, "pointing_az": pointing.az})
    on = performance.source_offset(dl2, CRAB, PLACE)
    separation = sky.angular_separation(on[1].value, on[0].value, 0, 0)
    np.testing.assert_allclose(separation, 0.4, atol=1 / 3600)
    assert np.ptp(np.arctan2(on[1], on[0])) > 20 * u.deg  # the field turns
    place = [value.to_value("m") for value in PLACE.geocentric]
    for number, off in enumerate(performance.reflected_offsets(*on, n_off), start=1):
        direction = sky.fov_to_altaz(off[0].value, off[1].value, pointing.alt.deg, pointing.az.deg)
        found = SkyCoord(*sky.altaz_to_icrs(*direction, time, place), unit="deg")
        turn = axis.position_angle(CRAB) + number * 360 * u.deg / (n_off + 1)
        assert found.separation(axis.directional_offset_by(turn, 0.4 * u.deg)).arcsec.max() < 1


def test_predict_without_pointing_gives_offsets(gammaml, trained, tmp_path):
    events = made_events(10, n_telescopes=1)
    for name in ("pointing_alt", "pointing_az"):
        events.table[name] = np.full(len(events), np.nan) * u.deg
    observed = [name for name in events.table.colnames if not name.startswith("true_")]
    events.table.keep_columns(observed)
    path, target = tmp_path / "a.dl1.h5", tmp_path / "a.dl2.h5"
    write_dl1(events, path)
    result = gammaml("predict", path, "--gammaness", trained, "--direction", trained, "-o", target)
    assert result.exit_code == 0, result.output
    said = "warning: events without a pointing: their directions are offsets in the field of view only"
    assert result.stderr.count(said) == 1
    for level in ("telescope", "subarray"):
        table = read_dl2(target, level=level)
        assert len(table) == 20
        assert np.isnan(table["reco_alt"]).all()
        assert np.isnan(table["reco_az"]).all()
        assert np.isfinite(table["reco_fov_lon"]).all()
        assert np.isfinite(table["gammaness"]).all()
        assert np.hypot(table["reco_fov_lon"], table["reco_fov_lat"]).max() < 20 * u.deg
