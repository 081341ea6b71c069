"""DL3 files: events on the sky, good times, index files, and gammapy opens them."""

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.table import QTable, Table
from astropy.time import Time
from fake_dl2 import around, array_events
from made_events import made_subarray

from gammaml import performance
from gammaml.errors import InputError, OutputError
from gammaml.io.dl2 import write_dl2
from gammaml.io.dl3 import EPOCH, good_times, write_dl3
from gammaml.io.irf_file import write_irfs
from gammaml.performance import IrfSettings, build_irfs
from gammaml.sky import altaz_to_fov

pytestmark = pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")
SUBARRAY = made_subarray()
LOCATION = EarthLocation.from_geocentric(*SUBARRAY.reference_location, unit=u.m)
POINTING = SkyCoord(83.63 * u.deg, 22.51 * u.deg)
SOURCE = SkyCoord(83.63 * u.deg, 22.01 * u.deg)
START, MINUTES = Time("2023-02-25T21:37:00", scale="utc").tai, 20.0
SIGMA = 0.1  # degrees
N_GAMMAS, N_OTHERS = 300, 500


@pytest.fixture(scope="module")
def simulated():
    gammas = array_events(20_000, 0, np.random.default_rng(1), sigma=SIGMA)
    return performance.combine([gammas, array_events(20_000, 101, np.random.default_rng(2), sigma=SIGMA)])


@pytest.fixture(scope="module", params=["full-enclosure", "point-like"])
def irf(request, simulated, tmp_path_factory):
    theta_cut = 0.2 * u.deg if request.param == "point-like" else None
    irfs = build_irfs(simulated, IrfSettings(theta_cut=theta_cut))
    irfs.meta.update(reconstructor="Gammaml", subarray="made")
    path = tmp_path_factory.mktemp("irf") / "irf.fits.gz"
    write_irfs(irfs, path)
    return path


def altaz(direction, time):
    found = direction.transform_to(AltAz(obstime=time, location=LOCATION))
    return found.alt.deg, found.az.deg


def observation(obs_id=1, *, tracking=True, seed=0):
    """Array events of a source and of cosmic rays over 20 minutes, telescopes on the sky or standing still."""
    rng, n = np.random.default_rng(seed), N_GAMMAS + N_OTHERS
    time = START + np.sort(rng.uniform(0, 60 * MINUTES, n)) * u.s
    place = time if tracking else START + np.full(n, 30 * MINUTES) * u.s
    pointing, source = altaz(POINTING, place), altaz(SOURCE, place)
    is_gamma = rng.permutation(n) < N_GAMMAS
    alt = [np.where(is_gamma, *pair) for pair in zip(source, pointing, strict=True)]
    spread = np.where(is_gamma, SIGMA * rng.rayleigh(size=n), 2 * np.sqrt(rng.uniform(size=n)))
    reco = around(*alt, spread, rng.uniform(0, 2 * np.pi, n))
    table = QTable({"obs_id": np.full(n, obs_id), "event_id": np.arange(n) + 1, "time": time})
    for name, values in zip(("reco_alt", "reco_az", "pointing_alt", "pointing_az"), (*reco, *pointing), strict=True):
        table[name] = values * u.deg
    table["reco_energy"] = 10 ** rng.uniform(-0.9, 0.9, n) * u.TeV
    table["gammaness"] = np.where(is_gamma, 0.9, 0.8)
    table["gammaness"][0], table["reco_energy"][1] = np.nan, np.nan * u.TeV
    table["gammaness"][2:12] = 0.01
    table["telescopes"], table["multiplicity"] = np.ones((n, 2), bool), np.full(n, 2)
    table.meta = {"reconstructor": "Gammaml", "subarray": SUBARRAY}
    return table


@pytest.fixture(scope="module")
def dl2():
    return observation()


@pytest.fixture(scope="module")
def folder(dl2, irf, tmp_path_factory):
    path = tmp_path_factory.mktemp("dl3")
    write_dl3(dl2, irf, path, live_fraction=0.9)
    write_dl3(observation(2, seed=1), irf, path, live_fraction=0.9)
    return path


def test_events_come_back(dl2, folder):
    kept = dl2[12:]  # the first have no gammaness, no energy, or not enough gammaness
    events = QTable.read(folder / "obs_000001.fits.gz", hdu="EVENTS")
    np.testing.assert_array_equal(events["EVENT_ID"], kept["event_id"])
    np.testing.assert_array_equal(events["ENERGY"], kept["reco_energy"])
    np.testing.assert_array_equal(events["GAMMANESS"], kept["gammaness"])
    np.testing.assert_array_equal(events["ALT"], kept["reco_alt"])
    time = Time(events.meta["MJDREFI"], events.meta["MJDREFF"], format="mjd", scale=events.meta["TIMESYS"].lower())
    assert np.abs((time + events["TIME"] - kept["time"]).to_value(u.us)).max() < 1


def test_directions_are_those_of_astropy(dl2, folder):
    kept = dl2[12:]
    events = QTable.read(folder / "obs_000001.fits.gz", hdu="EVENTS")
    frame = AltAz(obstime=kept["time"], location=LOCATION)
    expected = SkyCoord(alt=kept["reco_alt"], az=kept["reco_az"], frame=frame).icrs
    assert SkyCoord(events["RA"], events["DEC"]).separation(expected).max() < 1 * u.arcsec


def test_gammas_come_from_the_source(folder):
    events = QTable.read(folder / "obs_000001.fits.gz", hdu="EVENTS")
    theta = SkyCoord(events["RA"], events["DEC"]).separation(SOURCE)[events["GAMMANESS"] == 0.9]
    assert np.median(theta.deg) == pytest.approx(SIGMA * np.sqrt(2 * np.log(2)), rel=0.15)


def test_header(folder, dl2):
    header = fits.getheader(folder / "obs_000001.fits.gz", "EVENTS")
    assert (header["OBS_ID"], header["OBS_MODE"], header["HDUCLASS"]) == (1, "POINTING", "GADF")
    pointing = SkyCoord(header["RA_PNT"], header["DEC_PNT"], unit="deg")
    assert pointing.separation(POINTING) < 1 * u.arcsec
    place = EarthLocation(header["GEOLON"] * u.deg, header["GEOLAT"] * u.deg, header["ALTITUDE"] * u.m)
    np.testing.assert_allclose(u.Quantity(place.geocentric).to_value(u.m), SUBARRAY.reference_location, atol=1)
    assert header["ONTIME"] == pytest.approx((dl2["time"][-1] - dl2["time"][0]).to_value(u.s), abs=1e-5)
    assert header["LIVETIME"] == pytest.approx(0.9 * header["ONTIME"])
    assert header["DEADC"] == 0.9
    assert Time(header["DATE-OBS"], scale="utc").tai.mjd == pytest.approx(dl2["time"][0].mjd, abs=1e-7)
    assert header["NTRIGGER"] == len(dl2)


def test_good_times_leave_out_pauses(folder):
    gti = QTable.read(folder / "obs_000001.fits.gz", hdu="GTI")
    assert len(gti) == 1
    seconds = np.cumsum(np.random.default_rng(0).exponential(size=1000))
    seconds[600:] += 60
    start, stop = good_times(seconds)
    np.testing.assert_array_equal(start, seconds[[0, 600]])
    np.testing.assert_array_equal(stop, seconds[[599, 999]])
    np.testing.assert_array_equal(good_times(np.array([0.0, 1, 100])), [[0], [100]])


def test_pointing(folder):
    table = QTable.read(folder / "obs_000001.fits.gz", hdu="POINTING")
    assert SkyCoord(table["RA_PNT"], table["DEC_PNT"]).separation(POINTING).max() < 1 * u.arcsec
    assert np.ptp(table["ALT_PNT"].value) > 1


def test_index_files(folder, irf):
    assert {path.name for path in folder.iterdir()} == {
        "obs_000001.fits.gz",
        "obs_000002.fits.gz",
        "obs-index.fits.gz",
        "hdu-index.fits.gz",
    }
    observations = Table.read(folder / "obs-index.fits.gz")
    assert list(observations["OBS_ID"]) == [1, 2]
    assert observations["ZEN_PNT"][0] == pytest.approx(90 - observations["ALT_PNT"][0])
    index = Table.read(folder / "hdu-index.fits.gz")
    fourth = "rad_max" if "RAD_MAX" in list(index["HDU_NAME"]) else "psf"
    assert set(index["HDU_TYPE"]) == {"events", "gti", "pointing", "aeff", "edisp", "bkg", fourth}
    for row in index:
        with fits.open(folder / row["FILE_DIR"] / row["FILE_NAME"]) as hdus:
            assert row["HDU_NAME"] in hdus
            assert hdus[row["HDU_NAME"]].header.get("HDUCLAS4", row["HDU_CLASS"]).lower() == row["HDU_CLASS"]


def test_telescopes_that_stand_still(irf, tmp_path):
    still = observation(tracking=False)
    with pytest.warns(UserWarning, match="stood still while the sky moved by"):
        write_dl3(still, irf, tmp_path)
    assert fits.getheader(tmp_path / "obs_000001.fits.gz", "EVENTS")["OBS_MODE"] == "DRIFT"


def test_a_field_of_view_that_does_not_turn(irf, tmp_path):
    """Rising altitude is north: a source half a degree lower than the pointing is that much south of it."""
    still = observation(tracking=False)
    still["pointing_ra"], still["pointing_dec"] = np.full((2, len(still)), [[200.0], [-40.0]]) * u.deg
    alt, az = (np.median(still[name][still["gammaness"] == 0.9]).to_value(u.deg) for name in ("reco_alt", "reco_az"))
    lon, lat = altaz_to_fov(alt, az, *(still[name][0].to_value(u.deg) for name in ("pointing_alt", "pointing_az")))
    write_dl3(still, irf, tmp_path)
    header = fits.getheader(tmp_path / "obs_000001.fits.gz", "EVENTS")
    assert header["OBS_MODE"] == "POINTING"
    assert (header["RA_PNT"], header["DEC_PNT"]) == pytest.approx((200, -40))
    events = QTable.read(tmp_path / "obs_000001.fits.gz", hdu="EVENTS")
    gammas = SkyCoord(events["RA"], events["DEC"])[events["GAMMANESS"] == 0.9]
    source = SkyCoord((200 - lon / np.cos(np.deg2rad(40))) * u.deg, (-40 + lat) * u.deg)
    assert np.median(gammas.separation(source).deg) == pytest.approx(SIGMA * np.sqrt(2 * np.log(2)), rel=0.15)


def test_the_verb(gammaml, dl2, irf, tmp_path):
    write_dl2(dl2, tmp_path / "run.dl2.h5")
    result = gammaml("dl3", tmp_path / "run.dl2.h5", "--irf", irf, "-o", tmp_path / "dl3", "--live-fraction", 0.9)
    assert result.exit_code == 0, result.stderr
    n_kept = len(dl2) - 12
    path = tmp_path / "dl3" / "obs_000001.fits.gz"
    assert result.stdout == f"{path}: {n_kept} events of {len(dl2)} in 18.0 minutes, pointing\n"
    events = QTable.read(path, hdu="EVENTS")
    direct = tmp_path / "direct"
    write_dl3(dl2, irf, direct)
    expected = QTable.read(direct / "obs_000001.fits.gz", hdu="EVENTS")
    for name in expected.colnames:
        np.testing.assert_allclose(u.Quantity(events[name]).value, u.Quantity(expected[name]).value, rtol=1e-9)
    result = gammaml("dl3", tmp_path / "run.dl2.h5", "--irf", irf, "-o", tmp_path / "dl3")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "--overwrite" in result.stderr


def test_observations_that_cannot_be_used(dl2, irf, tmp_path):
    bare = dl2.copy()
    bare.remove_column("time")
    with pytest.raises(InputError, match="events without a time"):
        write_dl3(bare, irf, tmp_path)
    bare = dl2.copy()
    bare["pointing_alt"] = np.nan * u.deg
    with pytest.raises(InputError, match="events without a pointing"):
        write_dl3(bare, irf, tmp_path)
    for name in ("reco_energy", "reco_az", "gammaness"):
        bare = dl2.copy()
        bare.remove_column(name)
        with pytest.raises(InputError, match=f"expected a column '{name}'"):
            write_dl3(bare, irf, tmp_path)
    bare = dl2.copy()
    bare["true_energy"] = bare["reco_energy"]
    with pytest.raises(InputError, match="simulated events"):
        write_dl3(bare, irf, tmp_path)
    bare = dl2.copy()
    bare.meta["reconstructor"] = "Forest"
    with pytest.raises(InputError, match="IRFs of the reconstructor Gammaml, expected of Forest"):
        write_dl3(bare, irf, tmp_path)
    bare = dl2.copy()
    bare["time"] = Time(np.full(len(bare), 60000.0), format="mjd", scale="tai")
    with pytest.raises(InputError, match="all events at one time"):
        write_dl3(bare, irf, tmp_path)
    bare = dl2.copy()
    bare["pointing_alt"] += np.linspace(0, 5, len(bare)) * u.deg
    with pytest.raises(InputError, match="a pointing that moves"):
        write_dl3(bare, irf, tmp_path)
    assert not list(tmp_path.iterdir())


def test_irfs_of_another_altitude_or_array(irf, tmp_path):
    other = observation(tracking=False)
    other.meta["subarray"] = replace(SUBARRAY, name="other")
    for name in ("pointing_alt", "reco_alt"):
        other[name] -= 20 * u.deg
    with pytest.warns(UserWarning, match="the IRFs are of") as said:
        write_dl3(other, irf, tmp_path)
    text = " ".join(str(warning.message) for warning in said)
    assert "the IRFs are of the array made, the events of other" in text
    assert "the IRFs are of altitude 70.0 deg" in text


def test_an_index_of_others_stays(dl2, irf, tmp_path):
    Table({"OBS_ID": [1]}).write(tmp_path / "obs-index.fits.gz", format="fits")
    before = (tmp_path / "obs-index.fits.gz").read_bytes()
    with pytest.raises(OutputError, match="an index of another program"):
        write_dl3(dl2, irf, tmp_path)
    assert (tmp_path / "obs-index.fits.gz").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_seconds_keep_microseconds():
    time = Time(60000, 0.123456789012, format="mjd", scale="tai")
    seconds = (time - EPOCH).to_value(u.s)
    assert abs((EPOCH + seconds * u.s - time).to_value(u.s)) < 1e-6


def test_gammapy_finds_the_source(folder):
    from gammapy.data import DataStore
    from gammapy.datasets import Datasets, MapDataset, SpectrumDataset
    from gammapy.makers import (
        MapDatasetMaker,
        ReflectedRegionsBackgroundMaker,
        ReflectedRegionsFinder,
        SpectrumDatasetMaker,
        WobbleRegionsFinder,
    )
    from gammapy.maps import MapAxis, RegionGeom, WcsGeom
    from regions import CircleSkyRegion, PointSkyRegion

    store = DataStore.from_dir(folder)
    with fits.open(folder / "obs_000001.fits.gz") as hdus:
        point_like = "RAD_MAX" in hdus
    required = "point-like" if point_like else "full-enclosure"
    observations = store.get_observations([1, 2], required_irf=required)
    axes = {
        "energy_axis": MapAxis.from_energy_bounds("0.2 TeV", "5 TeV", nbin=5),
        "energy_axis_true": MapAxis.from_energy_bounds("0.1 TeV", "10 TeV", nbin=10, name="energy_true"),
    }
    region = PointSkyRegion(SOURCE) if point_like else CircleSkyRegion(SOURCE, 0.2 * u.deg)
    geom = RegionGeom.create(region, axes=[axes["energy_axis"]])
    empty = SpectrumDataset.create(geom, energy_axis_true=axes["energy_axis_true"])
    maker = SpectrumDatasetMaker(use_region_center=True, containment_correction=not point_like)
    finder = WobbleRegionsFinder(n_off_regions=3) if point_like else ReflectedRegionsFinder()
    off = ReflectedRegionsBackgroundMaker(region_finder=finder)
    on_off = Datasets([off.run(maker.run(empty.copy(name=str(o.obs_id)), o), o) for o in observations])
    stacked = on_off.stack_reduce().info_dict()
    within = 2 * N_GAMMAS * np.log10(25) / 1.8 * (1 - np.exp(-2))  # energies are even in log10 from -0.9 to 0.9
    assert stacked["excess"] == pytest.approx(within, rel=0.2)
    assert stacked["sqrt_ts"] > 15
    assert stacked["livetime"].to_value(u.min) == pytest.approx(2 * 0.9 * MINUTES, rel=0.02)
    if not point_like:
        geom = WcsGeom.create(skydir=POINTING, width=3, binsz=0.1, axes=[axes["energy_axis"]])
        empty = MapDataset.create(geom, energy_axis_true=axes["energy_axis_true"])
        cube = MapDatasetMaker(selection=["counts", "exposure", "background", "psf", "edisp"]).run(
            empty, observations[0]
        )
        assert cube.counts.data.sum() > 300
        assert np.isfinite(cube.exposure.data).all()
        assert cube.background.data.sum() > 0
        energy = np.geomspace(0.3, 3, 11) * u.TeV
        area = cube.exposure.get_by_coord({"skycoord": SOURCE, "energy_true": energy}).mean()
        expected = 0.7 * np.pi * 300**2 * 0.9 * 60 * MINUTES  # what is thrown is seen, 70 % of it pass the cut
        assert area == pytest.approx(expected, rel=0.1)
