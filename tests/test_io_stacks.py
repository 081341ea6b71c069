"""Image stacks: the TOML file says what is what, in NPZ and FITS files, and what does not fit together is named."""

import shutil

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from made_events import hexagonal_camera, made_events

from gammaml import inputs, io, parameters, sky
from gammaml.config import TrainSettings
from gammaml.errors import InputError
from gammaml.io import Selection, describe

MADE = made_events(6, n_telescopes=1)
CAMERA = """
[camera]
name = "MadeCam"
tel_type = "MST_MADE_MadeCam"
focal_length = "16 m"
x = "x"
y = "y"
unit = "mm"
"""
COLUMNS = """
[columns]
event_id = "event"
pointing_alt = {value = "70 deg"}
pointing_az = 180
time = {name = "seconds", format = "unix"}
true_energy = {name = "energy", unit = "GeV"}
true_alt = "alt"
true_az = {name = "az", unit = "rad"}
true_shower_primary_id = 0
"""
SST1M = """
[stack]
files = "{folder}/sst1m_crab_20170928_cleaned.npz"
image = "image"
ids_restart = true
[camera]
name = "DigiCam"
tel_type = "SST_SST1M_DigiCam"
focal_length = "5.6 m"
x = "pix_x_mm"
y = "pix_y_mm"
unit = "mm"
[columns]
obs_id = 20170928000
event_id = "event_number"
"""
PYWICTA = """
[stack]
files = "lst_gamma_prod3b_north_faint/*.fits"
image = 0
[camera]
name = "LSTCam"
focal_length = "28 m"
shape = "hexagon"
pixel_width = "50 mm"
skew = 0.5
flip = true
[columns]
obs_id = "RUN_ID"
event_id = "EVENT_ID"
tel_id = "TEL_ID"
pointing_alt = {value = "70 deg"}
pointing_az = 0
true_energy = "mc_energy"
true_alt = {name = "mc_altitude", unit = "rad"}
true_az = {name = "mc_azimuth", unit = "rad"}
true_core_x = "mc_core_x"
true_core_y = "mc_core_y"
true_h_first_int = "mc_height_first_interaction"
true_shower_primary_id = 0
"""


def arrays(**changed):
    """Arrays of the made-up events."""
    table = MADE.table
    return {
        "charge": MADE.image,
        "peak": MADE.peak_time,
        "x": MADE.camera.pixel_x * 1000,
        "y": MADE.camera.pixel_y * 1000,
        "event": np.asarray(table["event_id"]),
        "seconds": 1.5e9 + np.arange(len(table)),
        "energy": table["true_energy"].to_value("GeV"),
        "alt": table["true_alt"].to_value("deg"),
        "az": table["true_az"].to_value("rad"),
    } | changed


def write(folder, *, stack="", camera=CAMERA, columns=COLUMNS, **changed):
    """A TOML file with its NPZ file."""
    np.savez(folder / "stack.npz", **arrays(**changed))
    path = folder / "stack.toml"
    path.write_text(f'[stack]\nfiles = "stack.npz"\nimage = "charge"\npeak_time = "peak"\n{stack}{camera}{columns}')
    return path


@pytest.fixture
def stack(tmp_path):
    return write(tmp_path)


def test_a_stack_gives_the_events_it_was_made_of(stack):
    events = io.read_events(stack)
    np.testing.assert_array_equal(events.image, MADE.image)
    np.testing.assert_array_equal(events.peak_time, MADE.peak_time)
    assert events.camera.same_pixels(hexagonal_camera())
    assert events.camera.pixel_area == pytest.approx(MADE.camera.pixel_area)
    assert events.camera.pixel_rotation == MADE.camera.pixel_rotation
    assert events.tel_types == ("MST_MADE_MadeCam",)
    for name in ("true_energy", "true_alt", "true_fov_lon", "true_fov_lat", "pointing_alt"):
        assert events.table[name].unit == MADE.table[name].unit or name == "true_energy"
        np.testing.assert_allclose(events.table[name].to(MADE.table[name].unit), MADE.table[name], atol=1e-6)
    assert events.table["time"][1].unix == pytest.approx(1.5e9 + 1)
    assert len(set(events.table["shower_id"])) == 6  # of two uses each
    assert [source["name"] for source in events.sources] == ["stack.toml", "stack.npz"]


def test_observations_need_no_columns(tmp_path):
    events = io.read_events(write(tmp_path, columns=""))
    assert list(events.table["event_id"]) == list(range(1, 13))
    assert set(events.table["obs_id"]) == set(events.table["tel_id"]) == {1}
    assert not events.is_simulated
    assert np.isnan(events.table["pointing_alt"]).all()


def test_the_selection(tmp_path):
    kinds = np.repeat([32, 2], 6)
    path = write(tmp_path, columns=COLUMNS + 'event_type = "kind"', kind=kinds)
    assert len(io.read_events(path)) == 6
    assert len(io.read_events(path, Selection(event_types=(2, 32)))) == 12
    assert len(io.read_events(path, Selection(max_events=4))) == 4
    charges = np.asarray(io.read_events(path).table["hillas_intensity"])
    bright = np.sort(charges[np.isfinite(charges)])[-2]
    assert len(io.read_events(path, Selection(min_intensity=bright, tel_type="MadeCam"))) == 2
    with pytest.raises(InputError, match="MST_MADE_MadeCam"):
        io.read_events(path, tel_type="LST*")


def test_ids_that_restart_are_runs(tmp_path):
    path = write(tmp_path, stack="ids_restart = true", event=np.tile([3, 5, 9], 4))
    table = io.read_events(path).table
    assert list(table["obs_id"]) == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert list(table["event_id"]) == [3, 5, 9] * 4


def test_several_files_and_mixed_formats(tmp_path, dl1_files):
    path = write(tmp_path)
    np.savez(tmp_path / "more.npz", **arrays(event=np.arange(1000, 1012)))
    path.write_text(path.read_text().replace('"stack.npz"', '["stack.npz", "mo*.npz"]'))
    assert len(io.read_events(path)) == 24
    assert len(io.read_events([path, dl1_files["gamma"]])) == 24 + len(io.read_events(dl1_files["gamma"]))


def test_square_images_lie_with_columns_along_azimuth_and_rows_along_altitude(tmp_path):
    images = np.zeros((2, 20, 30), np.float32)
    images[:, 15:18, 4:9] = 50
    camera = '[camera]\nname = "Grid"\nfocal_length = "2 m"\npixel_width = "5 mm"\n'
    events = io.read_events(write(tmp_path, stack="", camera=camera, columns="", charge=images, peak=images))
    assert (events.camera.pixel_type, events.camera.n_pixels) == ("square", 600)
    assert events.table["hillas_fov_lon"][0].to_value("deg") == pytest.approx(np.rad2deg((6 - 14.5) * 5 / 2000))
    assert events.table["hillas_fov_lat"][0].to_value("deg") == pytest.approx(np.rad2deg((16 - 9.5) * 5 / 2000))
    flipped = io.read_events(write(tmp_path, camera=camera + "flip = true\n", columns="", charge=images, peak=images))
    assert flipped.table["hillas_fov_lat"][0] == -events.table["hillas_fov_lat"][0]


def test_a_stack_is_converted(gammaml, stack, tmp_path):
    output = tmp_path / "stack.dl1.h5"
    result = gammaml("convert", stack, "-o", output)
    assert result.exit_code == 0, result.stderr
    original, converted = io.read_events(stack), io.read_events(output)
    np.testing.assert_array_equal(converted.image, original.image)
    np.testing.assert_array_equal(converted.peak_time, original.peak_time)
    np.testing.assert_allclose(converted.table["true_energy"].value, original.table["true_energy"].value)


@pytest.mark.filterwarnings("error:All-NaN", "ignore:.*without a pointing")
def test_a_stack_without_pointing_is_converted(gammaml, tmp_path):
    output = tmp_path / "stack.dl1.h5"
    assert gammaml("convert", write(tmp_path, columns=""), "-o", output).exit_code == 0
    assert describe.describe(output)["pointing"] == "unknown"


def test_positions_from_a_table_and_in_degrees(tmp_path):
    degrees = np.stack([MADE.camera.fov_lat, MADE.camera.fov_lon], axis=1)
    np.savetxt(tmp_path / "pixels.csv", degrees, delimiter=",", header="x,y", comments="")
    path = write(tmp_path, camera=CAMERA.replace('"mm"', '"deg"') + 'pixels = "pixels.csv"\n')
    assert io.read_events(path).camera.same_pixels(MADE.camera)


def test_fits_images_tables_and_keys(tmp_path):
    made = arrays()
    header = fits.Header({"NIGHT": 20170928})
    table = Table({name: made[name] for name in ("event", "energy", "alt", "az", "seconds")})
    images = [fits.ImageHDU(made[name], name=name) for name in ("charge", "peak", "x", "y")]
    hdus = [fits.PrimaryHDU(header=header), *images, fits.BinTableHDU(table, name="truth")]
    fits.HDUList(hdus).writeto(tmp_path / "stack.fits")
    path = write(tmp_path, columns=COLUMNS + 'obs_id = "NIGHT"')
    path.write_text(path.read_text().replace("stack.npz", "stack.fits"))
    events = io.read_events(path)
    np.testing.assert_array_equal(events.image, MADE.image)
    assert set(events.table["obs_id"]) == {20170928}
    assert events.table["true_energy"].to_value("TeV") == pytest.approx(MADE.table["true_energy"].to_value("TeV"))


NAN = np.where(np.arange(MADE.camera.n_pixels) == 7, np.nan, MADE.image)
BROKEN = {
    "unknown key": ({"camera": CAMERA + "colour = 1\n"}, "unknown key 'colour'"),
    "unknown column": ({"columns": "[columns]\nenergy = 1\n"}, "unknown key 'energy'"),
    "unknown table": ({"columns": "[more]\n"}, "unknown key 'more'"),
    "unknown in column": ({"columns": "[columns]\nobs_id = {value = 1, kind = 2}\n"}, "unknown key 'kind'"),
    "no camera": ({"camera": ""}, "camera: got no name"),
    "no TOML": ({"columns": "[columns"}, "a TOML file that describes"),
    "no positions": ({"camera": CAMERA.replace('x = "x"\ny = "y"', "")}, "neither x and y nor pixel_width"),
    "half positions": ({"camera": CAMERA.replace('y = "y"', "")}, "x without y"),
    "focal length": ({"camera": CAMERA.replace('"16 m"', '"16 s"')}, "focal_length: got '16 s'"),
    "unit": ({"camera": CAMERA.replace('"mm"', '"s"')}, "x and y in 's'"),
    "shape": ({"camera": CAMERA + 'shape = "star"\n'}, "one of hexagon, square, circle"),
    "no array": ({"camera": CAMERA.replace('"y"', '"z"')}, "no 'z' among charge, peak, x"),
    "pixels": ({"x": np.arange(5.0), "y": np.arange(5.0)}, "469 pixels, expected 5|pixels, expected 5"),
    "peak times": ({"peak": MADE.peak_time[:, :9]}, "9 pixels"),
    "rows": ({"event": np.arange(5)}, "5 rows, expected 12"),
    "NaN": ({"charge": NAN}, "not finite in 12 images"),
    "repeated": ({"event": np.ones(12, int)}, "12 images with obs_id 1, event_id 1"),
    "half an id": ({"event": np.arange(12) / 2}, "not whole"),
    "no energy": ({"energy": np.zeros(12)}, "a true energy at or below zero"),
    "no primary": ({"columns": COLUMNS.replace("true_shower_primary_id = 0", "")}, "true_shower_primary_id too"),
    "truth's unit": ({"columns": COLUMNS.replace('"GeV"', '"m"')}, "values in TeV"),
    "no images": ({name: np.zeros((0, 3)) for name in ("charge", "peak")}, "zero events"),
    "text": ({"charge": np.full((12, 3), "a")}, "expected numbers"),
    "objects": ({"charge": np.full(12, None)}, "damaged file"),
    "intensity": ({"charge": MADE.image * 0}, "no image that passes"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bad_stacks(tmp_path, name):
    changed, message = BROKEN[name]
    path = write(tmp_path, **changed)
    with pytest.raises(InputError, match=message):
        io.read_events(path, Selection(min_intensity=1e-3))


def test_bad_data_files(stack):
    data = stack.parent / "stack.npz"
    data.write_bytes(data.read_bytes()[:-300])
    with pytest.raises(InputError, match=r"stack.npz: got a damaged file"):
        io.read_events(stack)
    data.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"stack.npz: got a damaged file"):
        io.read_events(stack)
    data.unlink()
    with pytest.raises(InputError, match=r"stack.npz: got no such file"):
        io.read_events(stack)


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_a_truncated_fits_file(stack):
    fits.PrimaryHDU(MADE.image).writeto(stack.parent / "stack.fits")
    whole = (stack.parent / "stack.fits").read_bytes()
    (stack.parent / "stack.fits").write_bytes(whole[: len(whole) // 2])
    stack.write_text(stack.read_text().replace("stack.npz", "stack.fits").replace('"charge"', "0"))
    with pytest.raises(InputError, match=r"stack.fits: got"):
        io.read_events(stack)


def test_what_is_in_a_stack(stack, gammaml):
    described = describe.describe(stack)
    assert described["MST_MADE_MadeCam"] == f"12 images; MadeCam, {MADE.camera.n_pixels} hexagon pixels"
    assert described["simulated"] == "yes"
    assert describe.tel_types(stack) == {}
    result = gammaml("info", stack)
    assert result.exit_code == 0
    assert "image stack" in result.output


def test_events_become_network_inputs(stack):
    events = io.read_events(stack)
    shape = parameters.shape(events.table)
    built = inputs.build_inputs(events.camera, shape, TrainSettings())
    assert built.build(*events.read_pixels(), shape)["image"].any(axis=(1, 2, 3)).all()


def test_an_observation_of_sst1m(shared_data, tmp_path):
    path = tmp_path / "crab.toml"
    path.write_text(SST1M.format(folder=shared_data / "sst1m_observation"))
    assert describe.describe(path)["SST_SST1M_DigiCam"].startswith("26,879 images")
    events = io.read_events(path, Selection(max_events=250))
    assert len(events) == 250
    assert events.camera.n_pixels == 1296
    assert events.camera.pixel_width == pytest.approx(0.249, abs=0.001)
    assert set(events.table["obs_id"]) == {20170928000, 20170928001}
    assert np.isfinite(events.table["hillas_intensity"]).mean() > 0.9


def test_images_that_pywicta_wrote(shared_data, tmp_path):
    """Sheared images of a hexagonal camera; the source is on the axis, so they lie toward their cores."""
    shutil.unpack_archive(shared_data / "dl1_other" / "pywicta_lst_gamma_54fits.tar.gz", tmp_path)
    path = tmp_path / "lst.toml"
    path.write_text(PYWICTA)
    events = io.read_events(path)
    assert (len(events), events.camera.n_pixels, events.camera.pixel_type) == (50, 1855, "hexagon")
    assert np.hypot(events.camera.fov_lon, events.camera.fov_lat).max() < 2.45  # deg: round again
    table = events.table
    place = np.array([-70.05, -7.23, 0])  # of the telescope, in the files' headers
    core = np.stack([table["true_core_x"].value, table["true_core_y"].value, np.zeros(50)], axis=1) - place
    angles = [table[name].to_value("deg") for name in ("pointing_alt", "pointing_az", "true_alt", "true_az")]
    toward = sky.ground_to_tilted(core, *angles)
    light = np.where(events.image > 6, events.image, 0)
    lon, lat = light @ events.camera.fov_lon / light.sum(axis=1), light @ events.camera.fov_lat / light.sum(axis=1)
    off = np.rad2deg(np.angle(np.exp(1j * (np.arctan2(lat, lon) - np.arctan2(toward[:, 1], toward[:, 0])))))
    assert abs(np.median(off[np.hypot(lon, lat) > 0.4])) < 10
    path.write_text(PYWICTA.replace('"lst_gamma_prod3b_north_faint/*.fits"', '["*.fits", "*/*.fits"]'))
    with pytest.raises(InputError, match="2 images with obs_id 104, event_id 6905"):
        io.read_events(path)
