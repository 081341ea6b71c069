"""Arrays: numbers of published telescopes, real cameras where the shared data are, files that cannot be right."""

import re
import time

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation
from camera_examples import fact_camera, real_camera
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from gammaml.errors import InputError, SettingError
from gammaml.io.instrument import read_subarray
from gammaml.io.tables import open_hdf5
from gammaml.simulation import arrays, site
from gammaml.simulation.atmosphere import atmosphere
from gammaml.simulation.lattices import hexagonal_pixels, square_pixels
from gammaml.simulation.transmission import transmission


def first_type(name):
    return arrays.array(name).telescopes[0].type


def distances(description):
    return np.sort(pdist([[telescope.x, telescope.y] for telescope in description.telescopes]))


@pytest.mark.parametrize(
    ("name", "n_telescopes", "tel_type", "n_pixels", "field_of_view", "mirror_area", "focal_length"),
    [  # field of view: diameter in degrees
        ("lst-array", 4, "LST_LST_LSTCam", 1855, 4.5, 387, 28),  # CTAO: 4.3 to 4.5 deg
        ("ctao-north-alpha", 13, "LST_LST_LSTCam", 1855, 4.5, 387, 28),
        ("mst-array", 9, "MST_MST_FlashCam", 1764, 7.7, 106, 16),  # CTAO: 7.5 to 7.7 deg
        ("hess", 4, "MST_HESS_HESSCam", 960, 5.0, 107, 15),  # Aharonian et al. 2004, astro-ph/0406658
        ("veritas", 4, "MST_VERITAS_VERITASCam", 499, 3.5, 109.1, 12),  # BAAS 35 (2003) 294
        ("magic", 2, "LST_MAGIC_MAGICCam", 1039, 3.5, 236, 17),  # MAGIC web pages
        ("fact", 1, "SST_FACT_FACT", 1440, 4.5, 9.5, 4.889),  # Anderhub et al. 2013
        ("sst-array", 38, "SST_SST_DigiCam", 1296, 9.0, 9.42, 5.6),  # arXiv:2507.16498
        ("toy-3x3", 9, "MST_TOY_Square1600", 1600, 40 * 0.161 * 2**0.5, 100, 16),
    ],
)
def test_published_numbers(name, n_telescopes, tel_type, n_pixels, field_of_view, mirror_area, focal_length):
    description = arrays.array(name)
    kind = description.telescopes[0].type
    camera = kind.camera
    assert (len(description.telescopes), kind.tel_type, camera.n_pixels) == (n_telescopes, tel_type, n_pixels)
    assert kind.optics.mirror_area == pytest.approx(mirror_area, rel=0.01)
    assert kind.optics.equivalent_focal_length == focal_length
    diameter = 2 * np.hypot(camera.fov_lon, camera.fov_lat).max() + camera.pixel_width
    assert diameter == pytest.approx(field_of_view, rel=0.09)  # corners of the camera included


def test_every_name_loads_at_once():
    assert len(arrays.names()) == 9
    for name in arrays.names():
        start = time.perf_counter()
        description = arrays.array(name)
        assert time.perf_counter() - start < 0.2
        assert description.name == name
        assert re.search("arXiv|astro-ph|No real telescope", description.source)


def test_distances_between_telescopes():
    np.testing.assert_allclose(distances(arrays.array("hess"))[:4], 120, atol=0.1)
    # Abeysekara et al. 2020
    np.testing.assert_allclose(distances(arrays.array("veritas")), [81.5, 99.4, 99.4, 108.8, 126.4, 172.5], atol=1.0)
    np.testing.assert_allclose(distances(arrays.array("magic")), 85, atol=1.0)  # MAGIC web pages
    np.testing.assert_allclose(distances(arrays.array("toy-3x3"))[:12], 120)
    assert 100 < distances(arrays.array("lst-array"))[0] < 125  # LSTs stand some 110 m apart


def test_nectarcam_sees_eight_degrees():  # "a field of view of 8 degrees", arXiv:1909.01969
    camera = arrays.array("ctao-north-alpha").telescopes[-1].type.camera
    assert camera.name == "NectarCam"
    assert 2 * np.hypot(camera.fov_lon, camera.fov_lat).max() == pytest.approx(8, abs=0.2)


# Dark sky over La Palma, photons/(m2 s sr nm): U, B, V, R, I = 22.0, 22.7, 21.9, 21.0, 20.0 mag/arcsec2 (Benn & Ellison
# 1998, table 1) times the zero points of Bessell 1998; as steep below U as the air's absorption makes it.
SKY_WAVELENGTH = [300, 360, 438, 545, 641, 798, 900]
SKY = [3.5e9, 5.1e9, 4.9e9, 7.4e9, 1.19e10, 1.92e10, 2.4e10]


@pytest.mark.parametrize("name", [name for name in arrays.names() if name != "fact"])
def test_night_sky_fits_mirror_and_efficiency(name):
    for kind in {telescope.type for telescope in arrays.array(name).telescopes}:
        wavelength = np.arange(300, 901)
        efficiency = np.interp(wavelength, kind.efficiency.wavelength, kind.efficiency.efficiency, right=0)
        rate = np.sum(efficiency * np.interp(wavelength, SKY_WAVELENGTH, SKY))
        solid_angle = kind.camera.pixel_area[0] / kind.optics.focal_length**2
        rate *= kind.optics.mirror_area * (1 - kind.shadowing) * solid_angle * 1e-9
        assert rate == pytest.approx(kind.night_sky, rel=0.3)


def test_subarray_has_positions_of_mirrors_and_the_site():
    subarray = arrays.subarray(arrays.array("lst-array"))
    assert subarray.name == "lst-array"
    np.testing.assert_array_equal(subarray.tel_ids, [1, 2, 3, 4])
    assert subarray.telescope(1).tel_type == "LST_LST_LSTCam"
    np.testing.assert_allclose(subarray.telescope(1).position, [-70.91, -52.35, 45.0])
    place = EarthLocation.from_geocentric(*subarray.reference_location, unit=u.m).to_geodetic()
    assert place.lat.deg == pytest.approx(28.7622, abs=1e-4)
    assert place.height.to_value(u.m) == pytest.approx(2156, abs=0.01)


def test_detectors_of_two_types():
    description = arrays.array("ctao-north-alpha")
    spheres = arrays.detectors(description)
    np.testing.assert_array_equal(spheres.kind, [0] * 4 + [1] * 9)
    np.testing.assert_allclose(spheres.radius.to_value(u.m), [11.6] * 4 + [6.1] * 9)
    np.testing.assert_allclose(spheres.position[0].to_value(u.m), [-70.91, -52.35, 45.0])
    lst = description.telescopes[0].type
    share = 386.97 / (np.pi * 11.5**2) * (1 - 0.058)
    np.testing.assert_allclose(spheres.efficiency[0].efficiency, share * lst.efficiency.efficiency)
    assert spheres.efficiency[0].absorption


def test_reference_pulse_has_unit_area_and_its_width():
    readout = first_type("lst-array").camera.readout
    pulse = readout.pulse_shape[0]
    assert pulse.sum() * readout.pulse_sample_width == pytest.approx(1)
    half = np.interp(pulse.max() / 2, pulse[: len(pulse) // 2 + 1], np.arange(len(pulse) // 2 + 1))
    assert 2 * (len(pulse) // 2 - half) * readout.pulse_sample_width == pytest.approx(2.64, abs=0.02)


@pytest.mark.parametrize(
    ("n_pixels", "turn"),
    [(1, 60), (7, 60), (19, 60), (1855, 60), (499, 60), (960, 120), (1764, 120), (16, 120), (8, 180), (5, 180)],
)
def test_hexagonal_pixels_are_symmetric_and_touch(n_pixels, turn):
    points = hexagonal_pixels(n_pixels)
    assert points.shape == (n_pixels, 2)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-12)
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    tree = cKDTree(points)
    assert tree.query(points @ [[cosine, sine], [-sine, cosine]])[0].max() < 1e-9
    if n_pixels > 1:
        np.testing.assert_allclose(tree.query(points, 2)[0][:, 1], 1)
    # No lattice point nearer than the last one is missing: 2/sqrt(3) points a unit area.
    assert np.pi * np.hypot(*points.T).max() ** 2 * 2 / 3**0.5 == pytest.approx(n_pixels, rel=0.15, abs=5)


def test_nineteen_pixels_are_two_rings():
    distance = np.sort(np.hypot(*hexagonal_pixels(19).T))
    np.testing.assert_allclose(distance, [0] + 6 * [1] + 6 * [3**0.5] + 6 * [2])


def test_square_pixels():
    points = square_pixels(1600)
    assert len(np.unique(points, axis=0)) == 1600
    assert (points.min(), points.max()) == (-19.5, 19.5)


REAL = [
    ("lst-array", 0, "LSTCam"),
    ("ctao-north-alpha", -1, "NectarCam"),
    ("mst-array", 0, "FlashCam"),
    ("sst-array", 0, "DigiCam"),
]


@pytest.mark.parametrize(("name", "row", "real_name"), REAL)
def test_camera_against_the_real_one(name, row, real_name):
    real = real_camera(real_name)
    kind = arrays.array(name).telescopes[row].type
    camera = kind.camera
    ours, theirs = (np.column_stack([c.pixel_x, c.pixel_y]) for c in (camera, real))
    distance = cKDTree(ours).query(theirs)[0]
    assert camera.n_pixels == real.n_pixels
    assert np.mean(distance < 0.1 * kind.pixel_spacing) > 0.96  # modules of seven or twelve have another rim
    np.testing.assert_allclose(camera.pixel_area[0], real.pixel_area[0], rtol=1e-4)
    assert camera.focal_length == pytest.approx(real.focal_length, rel=0.003)
    assert camera.readout.sampling_rate == pytest.approx(real.readout.sampling_rate, abs=1e-3)
    assert camera.readout.n_samples == real.readout.n_samples
    pulse = real.readout.pulse_shape[0]
    above = np.flatnonzero(pulse > pulse.max() / 2)
    assert kind.pulse_width == pytest.approx((np.ptp(above) + 1) * real.readout.pulse_sample_width, rel=0.01)


def test_fact_against_its_pixel_map():
    real, camera = fact_camera(), first_type("fact").camera
    size = [np.sqrt(np.mean(c.fov_lon**2 + c.fov_lat**2)) for c in (camera, real)]
    assert size[0] == pytest.approx(size[1], rel=0.02)


def test_alpha_against_ctaos_simulation(shared_data):
    with open_hdf5(shared_data / "dl1_ctapipe" / "proton_a600_a.dl1.h5") as file:
        real = read_subarray(file)
    ours = arrays.subarray(arrays.array("ctao-north-alpha"))
    np.testing.assert_array_equal(ours.tel_ids, real.tel_ids)
    np.testing.assert_allclose(ours.reference_location, real.reference_location, atol=10)
    for tel_id in ours.tel_ids:
        telescope, other = ours.telescope(tel_id), real.telescope(tel_id)
        np.testing.assert_allclose(telescope.position, other.position, atol=0.01)
        assert telescope.optics.size_type == other.optics.size_type
        assert telescope.optics.reflector_shape == other.optics.reflector_shape
        assert telescope.optics.mirror_area == pytest.approx(other.optics.mirror_area, rel=1e-3)
        assert telescope.optics.n_mirror_tiles == other.optics.n_mirror_tiles
        assert telescope.optics.effective_focal_length == pytest.approx(other.optics.effective_focal_length, rel=1e-3)


def test_lst_detects_as_much_as_in_ctaos_simulation(shared_data):
    """Photo-electrons per photon from 300 to 600 nm that reached the sphere of 12.5 m radius, whole images."""
    simtel = pytest.importorskip("eventio").SimTelFile
    (path,) = (shared_data / "simtel").glob("gamma_run000007_za40deg*")
    with simtel(path) as file:
        sums = [event["photoelectron_sums"] for event in file]
    electrons, photons = (np.concatenate([s[key] for s in sums]) for key in ("n_pe", "photons_atm_3_6"))
    theirs = np.median((electrons / np.maximum(photons, 1))[(photons > 300) & (electrons > 20)])

    kind, place = first_type("lst-array"), site("paranal")
    wavelength = np.arange(250, 701)
    conditions = {"observer": place.altitude, "atmosphere": atmosphere(place.atmosphere), "aerosols": place.aerosols}
    light = transmission([9] * u.km, wavelength * u.nm, zenith=40 * u.deg, **conditions)[0] / wavelength**2
    efficiency = np.interp(wavelength, kind.efficiency.wavelength, kind.efficiency.efficiency, left=0)
    ours = np.sum(efficiency * light) / np.sum(light[(wavelength >= 300) & (wavelength <= 600)])
    ours *= kind.mirror_share * kind.pixel_fill * (kind.mirror_diameter / 25) ** 2
    assert theirs == pytest.approx(ours, rel=0.08)


OWN = """
description = "one telescope"
site = "namibia"
source = "made up"

[types.SMALL]
size_type = "SST"
reflector = "DAVIES_COTTON"
mirror_diameter = "4 m"
mirror_area = "10 m2"
shadowing = 0.1
n_mirror_tiles = 18
focal_length = "560 cm"
height = "5 m"
psf = "0.05 deg"
psf_growth = "0.02 deg"
focus_distance = "10 km"

[types.SMALL.camera]
name = "Cam"
shape = "hexagon"
n_pixels = 37
pixel_spacing = "24 mm"
efficiency_wavelength = [300, 400, 600]
efficiency = [0.1, 0.3, 0.1]
night_sky = "40 MHz"
sampling_rate = "1 GHz"
n_samples = 40
pulse_width = "3 ns"
single_pe_spread = 0.4
electronic_noise = 0.2
gain_spread = 0.02
saturation = 1000
dead_pixels = 0.0
trigger_threshold = 4.0
trigger_multiplicity = 3
integration_window = "8 ns"

[[telescopes]]
id = 7
type = "SMALL"
x = "10 m"
y = "-20 m"
"""


def write(path, text):
    path.write_text(text)
    return path


def test_own_file(tmp_path):
    description = arrays.array(write(tmp_path / "own.toml", OWN))
    telescope = description.telescopes[0]
    assert (description.name, description.site.name, description.minimum_telescopes) == ("own", "namibia", 1)
    assert (telescope.tel_id, telescope.x, telescope.y, telescope.z) == (7, 10, -20, 0)
    kind = telescope.type
    assert kind.optics.focal_length == pytest.approx(5.6)
    assert (kind.night_sky, kind.pixel_width, kind.pixel_fill, kind.crosstalk) == (0.04, 0.024, 1, 0)
    assert kind.optics.effective_focal_length == kind.optics.equivalent_focal_length  # no coma


def test_own_site_beside_the_file(tmp_path):
    fields = (
        'altitude = "4400 m"\nlatitude = "29 deg"\nlongitude = "100 deg"\nfield_north = "34 uT"\nfield_down = "36 uT"'
    )
    write(tmp_path / "high.toml", fields)
    description = arrays.array(write(tmp_path / "own.toml", OWN.replace('"namibia"', '"high.toml"')))
    assert description.site.altitude == 4400 * u.m


SECOND = '[[telescopes]]\nid = 7\ntype = "SMALL"\nx = "50 m"\ny = "0 m"\n'


@pytest.mark.parametrize(
    ("right", "wrong", "key", "expected"),
    [
        ('mirror_area = "10 m2"', 'mirror_area = "-10 m2"', "types.SMALL.mirror_area", "0.01 to 10000 m2"),
        ('mirror_area = "10 m2"', 'mirror_area = "13 m2"', "types.SMALL.mirror_area", "at most 12.6 m2"),
        ('mirror_area = "10 m2"', 'mirror_area = "nan m2"', "types.SMALL.mirror_area", "10000 m2"),
        ('mirror_area = "10 m2"', 'mirror_area = "10 m"', "types.SMALL.mirror_area", "such as '10000 m2'"),
        ('mirror_area = "10 m2"', "mirror_area = 10", "types.SMALL.mirror_area", "a quantity"),
        ('mirror_area = "10 m2"\n', "", "types.SMALL.mirror_area: got nothing", "a quantity"),
        ("shadowing = 0.1", "shadowing = 1.5", "types.SMALL.shadowing", "0 to 0.99"),
        ("shadowing = 0.1", "shadowing = nan", "types.SMALL.shadowing", "0 to 0.99"),
        ("shadowing = 0.1", "shadow = 0.1", "types.SMALL.shadow", "an unknown key"),
        ('"DAVIES_COTTON"', '"SPHERE"', "types.SMALL.reflector", "PARABOLIC, DAVIES_COTTON"),
        ('shape = "hexagon"', 'shape = "round"', "types.SMALL.camera.shape", "hexagon, square"),
        ('shape = "hexagon"', 'shape = "square"', "types.SMALL.camera.n_pixels", "a square number"),
        ("n_pixels = 37", "n_pixels = 0", "types.SMALL.camera.n_pixels", "a whole number from 1"),
        ("n_pixels = 37", "n_pixels = 37.5", "types.SMALL.camera.n_pixels", "a whole number"),
        ("n_pixels = 37", "n_pixels = true", "types.SMALL.camera.n_pixels", "a whole number"),
        ('pixel_spacing = "24 mm"', 'pixel_spacing = "24 deg"', "types.SMALL.camera.pixel_spacing", "0.0001 to 1 m"),
        ("n_pixels = 37", 'n_pixels = 37\npixel_width = "25 mm"', "types.SMALL.camera.pixel_width", "0.024 m"),
        ("[0.1, 0.3, 0.1]", "[0.1, 1.3, 0.1]", "types.SMALL.camera.efficiency", "0 to 1"),
        ("[0.1, 0.3, 0.1]", "[0.1, nan, 0.1]", "types.SMALL.camera.efficiency", "a row of numbers"),
        ("[0.1, 0.3, 0.1]", "[0.1, 0.3]", "types.SMALL.camera.efficiency", "two rows of equal length"),
        ("[300, 400, 600]", "[300, 600, 400]", "types.SMALL.camera.efficiency_wavelength", "rising"),
        ("[300, 400, 600]", "[0.3, 0.4, 0.6]", "types.SMALL.camera.efficiency_wavelength", "240 to 1000 nm"),
        ('type = "SMALL"', 'type = "LARGE"', "telescopes, number 1, type", "one of SMALL"),
        ('x = "10 m"', 'x = "10 s"', "telescopes, number 1, x", "-10000 to 10000 m"),
        ("[[telescopes]]", SECOND + "[[telescopes]]", "telescopes, number 2, id", "an id of its own"),
        ('site = "namibia"', 'site = "moon"', "site", "la-palma, paranal"),
        ('site = "namibia"', 'site = "namibia"\nminimum_telescopes = 2', "minimum_telescopes", "at most 1"),
        ('site = "namibia"', 'site = "namibia"\nweather = "fine"', "weather", "an unknown key"),
        ('source = "made up"\n', "", "source", "a text"),
        ("[[telescopes]]", "[telescopes]", "telescopes", "at least one table"),
        ("[types.SMALL.camera]", "[types.SMALL.lens]", "types.SMALL.lens", "an unknown key"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_key(tmp_path, right, wrong, key, expected):
    assert right in OWN
    path = write(tmp_path / "own.toml", OWN.replace(right, wrong, 1))
    with pytest.raises(InputError) as caught:
        arrays.array(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {key}")
    assert expected in message
    assert "\n" not in message


def test_names_and_files_that_are_not_there(tmp_path):
    with pytest.raises(SettingError, match=r"'cta'.*ctao-north-alpha, fact"):
        arrays.array("cta")
    with pytest.raises(InputError, match=r"own\.toml"):
        arrays.array(tmp_path / "own.toml")
    with pytest.raises(InputError, match="a TOML file"):
        arrays.array(write(tmp_path / "own.toml", "types ="))
    with pytest.raises(InputError, match=r"types\.SMALL: got 3"):
        arrays.array(
            write(tmp_path / "own.toml", re.sub(r"\[types.*?\n\[\[", "[types]\nSMALL = 3\n[[", OWN, flags=re.DOTALL))
        )
