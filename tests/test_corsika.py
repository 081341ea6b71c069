"""CORSIKA's photon bunches on our telescopes: frames, light and truth of files made by hand, and of real ones."""

from dataclasses import replace

import made_bunches
import numpy as np
import pytest
from astropy import units as u

from gammaml import io, split
from gammaml.errors import InputError, SettingError
from gammaml.io.corsika import BUNCH, read_run, read_showers
from gammaml.io.describe import describe
from gammaml.production import Card, produce_from_corsika
from gammaml.simulation import DetectionEfficiency, arrays, site
from gammaml.simulation.atmosphere import atmosphere
from gammaml.simulation.bunches import detect, optical_depths
from gammaml.simulation.cherenkov import light_yield
from gammaml.simulation.electromagnetic_tables import ALPHA

SPHERES = [[0, 0, 5, 3], [100, 0, 5, 3]]
ZENITH, FLIGHT = 20.0, 150.0  # flight from magnetic north through west
HEIGHT = 10e5  # cm above sea level
CARD = Card("sst-array", seed=1)


def bunches(n, *, flight=FLIGHT, away=0.0, wavelength=0.0, seed=0):
    """n bunches of 5 photons over the mirror, that fly as the shower does but for `away` degrees of zenith angle."""
    draw = np.random.default_rng(seed)
    zenith, azimuth = np.radians(ZENITH + away), np.radians(flight)
    rows = np.zeros((n, 8))
    rows[:, :2] = draw.uniform(-150, 150, (n, 2))
    rows[:, 2:4] = np.sin(zenith) * np.array([np.cos(azimuth), np.sin(azimuth)])
    rows[:, 4], rows[:, 5], rows[:, 6], rows[:, 7] = draw.normal(0, 1, n), HEIGHT, 5, wavelength
    return rows


def made(path, *, turned=0.0, uses=2, showers=3, light=bunches, **header):
    """A file whose two telescopes see all showers in the middle of their cameras; x is `turned` from magnetic north."""
    both = {i: light(1500, flight=FLIGHT - turned, seed=i) for i in (0, 1)}
    given = [[((50.0 * use, 20.0), both) for use in range(uses)] for _ in range(showers)]
    made_bunches.write(path, given, telescopes=SPHERES, zenith=ZENITH, flight=FLIGHT, turned=turned, **header)
    return path


def seen(path, tmp_path, card=CARD):
    output = tmp_path / "seen.dl1.h5"
    counts = produce_from_corsika(path, card, output, show=False)
    return counts, io.read_events(output)


@pytest.mark.parametrize("turned", [0.0, -5.0, 12.0])
def test_light_along_the_axis_is_in_the_middle_of_the_camera_in_the_frame_of_the_array(turned, tmp_path):
    counts, events = seen(made(tmp_path / "a", turned=turned), tmp_path)
    table = events.table
    assert counts == {"showers": 3, "events": 6, "images": 12}
    assert np.allclose(table["true_az"].to_value(u.deg), 180 - FLIGHT + turned, atol=1e-4)
    assert np.allclose(table["pointing_az"].to_value(u.deg), 180 - FLIGHT + turned, atol=1e-4)
    # what comes from 10 km on the axis of the mirror is seen where it comes from
    for name in ("hillas_fov_lon", "hillas_fov_lat"):
        assert np.abs(table[name].to_value(u.deg)).max() < 0.05


def test_an_offset_and_light_from_lower_down_are_where_they_belong(tmp_path):
    path = made(tmp_path / "a", light=lambda n, **more: bunches(n, away=0.6, **more))
    _, events = seen(path, tmp_path, replace(CARD, offset=1.0))
    assert np.allclose(events.table["pointing_alt"].to_value(u.deg), 90 - ZENITH - 1)
    assert np.allclose(events.table["true_alt"].to_value(u.deg), 90 - ZENITH, atol=1e-4)
    assert np.allclose(events.table["hillas_fov_lat"].to_value(u.deg), 0.4, atol=0.05)
    assert events.simulation["max_alt"][0].to_value(u.deg) == pytest.approx(90 - ZENITH)


def test_truth_and_uses_of_a_shower(tmp_path):
    _, events = seen(made(tmp_path / "a", showers=25), tmp_path)
    table = events.table
    assert set(np.asarray(table["event_id"])) == {100 * shower + use for shower in range(1, 26) for use in (0, 1)}
    assert set(np.asarray(table["obs_id"])) == {7}
    assert np.allclose(table["true_energy"].to_value(u.TeV), 1 + 1e-3 * (np.asarray(table["event_id"]) // 100))
    assert np.allclose(table["true_h_first_int"].to_value(u.m), 20e3)
    assert np.allclose(table["true_core_x"].to_value(u.m), 50.0 * (np.asarray(table["event_id"]) % 100))
    assert set(np.asarray(table["true_shower_primary_id"])) == {0}
    thrown = events.simulation[0]
    assert (thrown["n_showers"], thrown["shower_reuse"]) == (25, 2)
    assert thrown["max_scatter_range"].to_value(u.m) == 300
    assert [t.position.tolist() for t in events.subarray.telescopes] == [[0, 0, 5], [100, 0, 5]]
    parts = split.by_shower(events, seed=0)
    showers = [set(np.asarray(part.table["event_id"]) // 100) for part in parts]
    assert sum(map(len, showers)) == len(set.union(*showers)) == 25


@pytest.mark.parametrize("wavelength", [0.0, 400.0])
def test_as_much_light_is_detected_as_our_showers_would_bring(wavelength):
    """Of photons without wavelength, the mean over the Cherenkov spectrum, as `light_yield` has it."""
    place, band = site("paranal"), (300.0, 600.0)
    kind = arrays.array("sst-array").telescopes[0].type
    light = np.zeros(40_000, BUNCH)
    light["photons"], light["height"], light["wavelength"] = 12.5, 9000.0, wavelength
    light["ux"] = np.sin(np.radians(20))
    depths = optical_depths(place, (280.0, 900.0))
    draw = np.random.default_rng(0)
    found = detect(light, draw, efficiency=kind.efficiency, depths=depths, wavelengths=band)
    narrow = np.linspace(*(band if wavelength == 0 else (399.9, 400.1)), 601)
    share = np.interp(narrow, kind.efficiency.wavelength, kind.efficiency.efficiency)
    yields = light_yield(
        DetectionEfficiency(narrow, share),
        [1 / np.cos(np.radians(20))],
        [2147, 9000] * u.m,
        atmosphere(place.atmosphere),
        place,
    )
    expected = yields[0, 1] / (2 * np.pi * ALPHA * 1e9 * (1 / narrow[0] - 1 / narrow[-1]))
    assert len(found) / 500_000 == pytest.approx(expected, rel=0.01)
    assert set(found["height"]) == {9000.0}


def test_what_is_in_a_file(tmp_path):
    said = describe(made(tmp_path / "a", turned=-5.0))
    assert said["showers"] == "3 of CORSIKA 7.74, 2 uses each"
    assert said["telescopes"].startswith("2 spheres, radius 3 m")
    assert said["photons"] == "90,000, 300 to 600 nm"
    assert said["pointing"] == "altitude 70 deg, azimuth 25 deg"
    assert "gammaml simulate ARRAY --from-corsika" in said["to do"]
    with pytest.raises(InputError, match="photons on the ground"):
        io.read_events(tmp_path / "a")


@pytest.mark.parametrize(
    ("header", "said"),
    [({"cerenkov_flag": 7}, "CEFFIC"), ({"particle_id": 7}, "a primary with the code 7, expected one of gamma")],
)
def test_files_that_are_refused(header, said, tmp_path):
    with pytest.raises(InputError, match=said):
        seen(made(tmp_path / "a", **header), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_cut_short(tmp_path):
    path = made(tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-100_000])
    with pytest.raises(InputError, match="a file that cannot be read to its end"):
        list(read_showers(path))


@pytest.mark.parametrize(
    ("array", "said"),
    [("ctao-north-alpha", "one type, for all spheres"), ("mst-array", "a mirror of 1.*, expected at most 6 m")],
)
def test_telescopes_that_do_not_fit(array, said, tmp_path):
    with pytest.raises(SettingError, match=said):
        seen(made(tmp_path / "a"), tmp_path, replace(CARD, array=array))


def test_the_command(gammaml, tmp_path):
    path, output = made(tmp_path / "a"), tmp_path / "a.dl1.h5"
    result = gammaml("simulate", "sst-array", "--from-corsika", path, "-o", output)
    assert result.stdout == f"{output}: 6 events, 12 images of 3 showers\n"
    assert describe(output)["simulated by"].endswith("showers of CORSIKA 7.74")
    result = gammaml("simulate", "sst-array", "--from-corsika", path, "-o", tmp_path / "b", "--energy", "1,2")
    assert result.exit_code == 2
    assert "--from-corsika takes energy from the file" in result.stderr
    assert not (tmp_path / "b").exists()


def test_the_headers_of_real_files(shared_data):
    """CTA's production 4, with a magnetic declination of -3.4 degrees: showers from geographic north."""
    path = shared_data / "corsika_photons" / "run102_gamma_za20deg_azm0deg-paranal-sst.corsika.zst"
    if not path.is_file():
        pytest.skip("no photon bunches of CORSIKA in the shared data")
    run = read_run(path)
    assert (run.showers, run.reuse, len(run.telescopes), run.scatter) == (20, 10, 70, 2000)
    assert (run.alt, run.energy) == (70, (0.1, 330))
    assert abs((run.az + 180) % 360 - 180) < 0.01
    shower = next(read_showers(path))
    assert abs((shower.az + 180) % 360 - 180) < 0.01
    assert shower.light["detector"].max() < 700
