"""lstchain's files: the quantities of our own, in the right frame and units, checked by the images themselves."""

import shutil

import astropy.units as u
import h5py
import numpy as np
import pytest
from astropy.coordinates import EarthLocation, SkyCoord
from lstchain_files import IMAGES, PARAMETERS, frame_of, write_frame, write_lstchain
from made_events import made_events

from gammaml import io
from gammaml.errors import InputError, PedestalWarning
from gammaml.io import Selection
from gammaml.io.describe import describe, tel_types
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.formats import LSTCHAIN_DL1, find_format
from gammaml.io.hillas import image_parameters, to_ctapipe_geometry

CRAB = SkyCoord(83.6287 * u.deg, 22.0147 * u.deg)
LST1 = EarthLocation.from_geodetic(-17.89149 * u.deg, 28.76152 * u.deg, 2184 * u.m)


@pytest.fixture(scope="module")
def made_file(tmp_path_factory):
    return write_lstchain(tmp_path_factory.mktemp("lstchain") / "dl1.h5")


@pytest.fixture
def gamma_file(shared_data):
    return shared_data / "dl1_other" / "gammalearn_dl1_gamma_example.h5"


@pytest.fixture
def observed_file(shared_data):
    return shared_data / "dl1_other" / "gammalearn_dl1_realdata_example.h5"


@pytest.fixture
def crab_files(shared_data):
    return sorted((shared_data / "lst1_dl2").glob("*.h5"))


def test_everything_made_comes_back(made_file):
    expected, events = made_events(6), io.read_events(made_file)
    order = np.lexsort([expected.table[name] for name in ("tel_id", "event_id", "obs_id")])
    expected = expected[order]
    np.testing.assert_array_equal(events.image, expected.image)
    np.testing.assert_array_equal(events.peak_time, expected.peak_time)
    same = [name for name in expected.table.colnames if name.startswith(("true_", "hillas_", "pointing_", "concentr"))]
    same = set(same) - {"true_starting_grammage", "hillas_skewness", "hillas_phi", "hillas_r"}
    for name in ("obs_id", "event_id", "tel_id", "event_type", "timing_slope", "timing_intercept", *sorted(same)):
        assert events.table[name].unit == expected.table[name].unit, name
        got, want = (getattr(table[name], "value", table[name]) for table in (events.table, expected.table))
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(events.table["hillas_skewness"], 0.5)
    np.testing.assert_allclose(events.table["leakage_pixels_width_2"], 5 / 20)
    assert abs((events.table["time"] - expected.table["time"]).to_value("us")).max() < 1
    assert len(np.unique(events.table["shower_id"])) == 6
    assert events.sources[0]["name"] == made_file.name
    assert events.simulation["n_showers"][0] == 100


def test_parameters_of_real_images(gamma_file):
    """Each translated parameter is that of the cleaned image, by ctapipe in the TelescopeFrame."""
    from ctapipe.coordinates import TelescopeFrame
    from ctapipe.image import concentration_parameters, hillas_parameters, leakage_parameters

    events = io.read_events(gamma_file)
    with h5py.File(gamma_file) as file:
        masks = file["dl1/event/telescope/image/LST_LSTCam"]["image_mask"] != 0
    geometry = to_ctapipe_geometry(events.camera).transform_to(TelescopeFrame())
    for row, image, mask in zip(events.table, events.image, masks, strict=True):
        hillas = hillas_parameters(geometry[mask], image[mask])
        for name in ("intensity", "fov_lon", "fov_lat", "r", "skewness", "kurtosis"):
            np.testing.assert_allclose(row[f"hillas_{name}"], getattr(hillas, name), rtol=1e-5, atol=1e-8)
        for name in ("length", "width"):
            np.testing.assert_allclose(row[f"hillas_{name}"], getattr(hillas, name), rtol=1e-3)
        for name in ("psi", "phi"):
            np.testing.assert_allclose(row[f"hillas_{name}"].to_value("deg"), getattr(hillas, name).to_value("deg"))
        leakage = leakage_parameters(geometry, image, mask)
        for name in ("intensity_width_2", "pixels_width_1", "pixels_width_2"):
            np.testing.assert_allclose(row[f"leakage_{name}"], leakage[name], rtol=1e-5, atol=1e-9)
        concentration = concentration_parameters(geometry[mask], image[mask], hillas)
        np.testing.assert_allclose(row["concentration_core"], concentration.core, rtol=1e-5)


def test_time_gradients_of_real_images(gamma_file):
    """Fitted with random numbers here and there, so that some differ a little."""
    events = io.read_events(gamma_file)
    computed = image_parameters(events.image, events.peak_time, events.camera, cleaning=(8, 4, 2))
    for name in ("timing_slope", "timing_deviation"):
        ratio = np.asarray(events.table[name]) / np.asarray(computed[name])
        assert 0.98 < np.nanmedian(ratio) < 1.02


def test_axes_point_to_the_true_source(gamma_file):
    from gammaml.performance import alpha_angle

    events = io.read_events(gamma_file, Selection(min_intensity=500))
    angles = alpha_angle(events.table, events.table["true_fov_lon"], events.table["true_fov_lat"])
    assert len(events) == 13
    assert np.median(angles) < 3 * u.deg


def test_an_observation(observed_file):
    """Run 2008 followed the Crab: time and pointing agree to a hundredth of a degree, the Earth's turn in 2 s."""
    from gammaml.performance import source_offset

    with pytest.warns(PedestalWarning, match=r"median pixel holds 12\.0 p\.e\."):
        events = io.read_events(observed_file)
    assert len(events) == 25
    assert not events.is_simulated
    assert events.simulation is None
    assert np.hypot(*source_offset(events.table, CRAB, LST1)).max() < 0.01 * u.deg
    with h5py.File(observed_file) as file:
        np.testing.assert_array_equal(events.image, file["dl1/event/telescope/image/LST_LSTCam"]["image"])


def test_simulated_images_do_not_warn(gamma_file, recwarn):
    io.read_events(gamma_file)
    assert not [warning for warning in recwarn if warning.category is PedestalWarning]


@pytest.mark.parametrize(
    ("selection", "n_images"),
    [
        (Selection(), 24),
        (Selection(max_events=5), 10),
        (Selection(tel_type="MST_MADE*"), 24),
        (Selection(tel_type="MadeCam"), 24),
        (Selection(tel_type="MST_MadeCam"), 24),
        (Selection(event_types=(32, 2)), 24),
    ],
)
def test_selection(made_file, selection, n_images):
    events = io.read_events(made_file, selection)
    assert len(events) == n_images
    assert events.simulation["n_showers"][0] == pytest.approx(100 * n_images / 24)


def test_selection_by_parameters(made_file):
    everything = io.read_events(made_file).table
    bright = io.read_events(made_file, Selection(min_intensity=400)).table
    assert 0 < len(bright) == (everything["hillas_intensity"] >= 400).sum()


def test_small_blocks_are_the_same(made_file, monkeypatch):
    monkeypatch.setattr("gammaml.io.lstchain.BLOCK_BYTES", 10_000)
    events = io.read_events(made_file)
    monkeypatch.undo()
    expected = io.read_events(made_file)
    np.testing.assert_array_equal(events.image, expected.image)
    np.testing.assert_array_equal(events.table["timing_deviation"], expected.table["timing_deviation"])


def test_without_units_parameters_are_computed(tmp_path):
    path = write_lstchain(tmp_path / "bare.h5", units={})
    events = io.read_events(path, Selection(min_intensity=50))
    computed = image_parameters(events.image, events.peak_time, events.camera)
    np.testing.assert_allclose(events.table["hillas_length"], computed["hillas_length"])
    assert events.table["true_energy"].unit == u.TeV


def test_together_with_a_ctapipe_file(made_file, tmp_path):
    write_dl1(made_events(3, obs_id=5), tmp_path / "other.dl1.h5")
    events = io.read_events([made_file, tmp_path / "other.dl1.h5"])
    assert np.unique(events.table["obs_id"]).tolist() == [1, 5]
    with pytest.raises(InputError, match="expected each once"):
        io.read_events([made_file, made_file])


def without(table, name):
    return lambda tables: tables[table].pop(name)


def replaced(table, name, values):
    def change(tables):
        tables[table][name] = values(tables[table][name])

    return change


def first_as(value):
    def values(column):
        column = np.array(column, float)
        column[0] = value
        return column

    return values


def shortened(table, n):
    def change(tables):
        tables[table] = {name: values[:n] for name, values in tables[table].items()}

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tables: tables.pop(IMAGES), "a table of images"),
        (lambda tables: tables.pop(PARAMETERS), "nothing, expected a table"),
        (without(IMAGES, "image"), "image too"),
        (without(PARAMETERS, "alt_tel"), "alt_tel too"),
        (without(PARAMETERS, "tel_id"), "tel_id too"),
        (replaced(IMAGES, "image", lambda image: image[:, :-1]), "468 pixels"),
        (replaced(IMAGES, "image", first_as(np.nan)), "no finite number"),
        (replaced(IMAGES, "event_id", np.zeros_like), "repeated events"),
        (replaced(IMAGES, "tel_id", lambda ids: ids + 7), "tel_id 8"),
        (replaced(PARAMETERS, "mc_energy", first_as(np.nan)), "a true energy at or below zero"),
        (replaced(PARAMETERS, "event_type", np.zeros_like), "events of type 0"),
        (shortened(IMAGES, 0), "zero events"),
        (shortened(PARAMETERS, 9), "15 images without a row"),
    ],
)
def test_bad_input(tmp_path, change, words):
    if words == "468 pixels":
        words = f"{made_events(1).camera.n_pixels} pixels"
    path = write_lstchain(tmp_path / "bad.h5", change=change)
    with pytest.raises(InputError, match=words) as error:
        io.read_events(path)
    assert str(path) in str(error.value) or "tel_id" in words


def test_an_energy_in_other_units(tmp_path):
    change = replaced(PARAMETERS, "mc_energy", lambda energy: np.log10(1000 * energy))
    with pytest.raises(InputError, match="convert it to TeV"):
        io.read_events(write_lstchain(tmp_path / "old.h5", change=change, units={}))


def test_without_geometry(tmp_path, made_file):
    path = shutil.copy(made_file, tmp_path / "bare.h5")
    with h5py.File(path, "r+") as file:
        del file["configuration"]
    with pytest.raises(InputError, match="pixels of unknown position"):
        io.read_events(path)


@pytest.mark.parametrize("name", ["image", "MST_MadeCam"])
def test_no_table_where_one_should_be(tmp_path, made_file, name):
    path = shutil.copy(made_file, tmp_path / "objects.h5")
    with h5py.File(path, "r+") as file:
        del file[IMAGES]
        where = file["dl1/event/telescope/image"] if name == "MST_MadeCam" else file[PARAMETERS.rsplit("/", 1)[0]]
        if name == "MST_MadeCam":
            objects = where.create_dataset(name, 3, h5py.vlen_dtype(np.uint8))
            objects[0] = np.arange(3, dtype=np.uint8)
    with pytest.raises(InputError, match="no table"):
        io.read_events(path)


def test_a_truncated_file(made_file, tmp_path):
    path = tmp_path / "half.h5"
    path.write_bytes(made_file.read_bytes()[:40_000])
    assert find_format(path) is not LSTCHAIN_DL1
    with pytest.raises(InputError, match="damaged"):
        io.read_events(path)


@pytest.mark.parametrize("selection", [Selection(min_intensity=1e9), Selection(tel_type="LST_*")])
def test_nothing_left(made_file, selection):
    with pytest.raises(InputError, match=r"no image that passes|telescope types"):
        io.read_events(made_file, selection)


def test_info(made_file, gammaml):
    assert tel_types(made_file) == {"MST_MADE_MadeCam": 24}
    described = describe(made_file)
    assert described["array events"] == "12"
    assert described["primaries"] == "gamma (24)"
    assert described["pointing"] == "altitude 70 deg, azimuth 180 deg"
    result = gammaml("info", made_file)
    assert result.exit_code == 0
    assert "lstchain DL1" in result.output


def test_info_on_real_files(gamma_file, observed_file, crab_files):
    assert describe(gamma_file)["true energy"] == "0.102 to 2.435 TeV"
    assert describe(observed_file)["simulated"] == "no"
    assert tel_types(observed_file) == {"LST_LST_LSTCam": 25}
    assert describe(crab_files[0])["images"] == "5,299"


@pytest.fixture
def frame_file(tmp_path):
    return write_frame(tmp_path / "dl2_LST-1.Run01817.h5", frame_of(), pickled=("source_name",))


def test_dl2_of_pandas(frame_file):
    floats, _ = frame_of()
    dl2 = io.read_dl2(frame_file)
    assert dl2.meta["left_out"] == ["LST_LSTCam/source_name"]
    assert np.unique(dl2["obs_id"]).tolist() == [1817]
    np.testing.assert_allclose(dl2["reco_fov_lon"].to_value("deg"), np.rad2deg(floats["reco_src_y"] / 28), rtol=1e-9)
    np.testing.assert_allclose(dl2["pointing_alt"].to_value("rad"), 1.2)
    np.testing.assert_allclose(dl2["time"].unix, floats["dragon_time"])
    np.testing.assert_allclose(dl2["hillas_fov_lat"].to_value("rad"), floats["x"] / 29.30565, rtol=1e-6)
    assert dl2["reco_energy"].unit == u.TeV
    assert "pickled" in describe(frame_file)["left out"]


def test_dl2_directions_fit_the_pointing(crab_files):
    """reco_alt and reco_az are reco_src_x and reco_src_y, by the equivalent focal length, from the pointing."""
    dl2 = io.read_dl2(crab_files)
    assert len(dl2) == 5299 + 5627 + 6684
    assert len(np.unique(np.asarray(dl2["obs_id", "event_id", "tel_id"]))) == len(dl2)
    start = 0
    for path in crab_files:
        with h5py.File(path) as file:
            group = file["dl2/event/telescope/parameters/LST_LSTCam"]
            names = [name.decode() for name in group["block0_items"]]
            values = dict(zip(names, group["block0_values"][:].T, strict=True))
        rows = dl2[start : start + len(values["x"])]
        for ours, theirs in (("reco_fov_lon", "reco_src_y"), ("reco_fov_lat", "reco_src_x")):
            np.testing.assert_allclose(rows[ours].to_value("rad"), values[theirs] / 28, atol=1e-9)
        np.testing.assert_array_equal(rows["gammaness"], values["gammaness"])
        start += len(rows)


def test_dl2_time_is_that_of_the_pointing(crab_files):
    """The Crab stays within 0.08 degrees of the pointing; 37 s of TAI for UTC would move it to 0.2."""
    from gammaml.performance import source_offset

    dl2 = io.read_dl2(crab_files)
    assert np.hypot(*source_offset(dl2, CRAB, LST1)).max() < 0.08 * u.deg


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([{"event_id": np.arange(3), "tel_id": np.ones(3, int)}], "obs_id, alt_tel, az_tel too"),
        ([block | {"event_id": np.zeros(8)} for block in frame_of()], "repeated events"),
        (frame_of(0), "zero events"),
    ],
)
def test_bad_dl2(tmp_path, blocks, words):
    if words == "repeated events":
        blocks[0].pop("event_id")
        blocks[1]["event_id"] = np.zeros(8, int)
    path = write_frame(tmp_path / "bad.h5", blocks)
    with pytest.raises(InputError, match=words):
        io.read_dl2(path)


@pytest.mark.parametrize(("name", "words"), [("axis1", "fixed format"), ("block1_values", "no block 1")])
def test_dl2_without_a_part(frame_file, name, words):
    with h5py.File(frame_file, "r+") as file:
        del file["dl2/event/telescope/parameters/LST_LSTCam"][name]
    with pytest.raises(InputError, match=words):
        io.read_dl2(frame_file)


def test_dl2_of_other_shape(frame_file):
    with h5py.File(frame_file, "r+") as file:
        group = file["dl2/event/telescope/parameters/LST_LSTCam"]
        rows = group["block1_values"][:5]
        del group["block1_values"]
        group["block1_values"] = rows
    with pytest.raises(InputError, match=r"block 1 of shape \(5, 5\)"):
        io.read_dl2(frame_file)


def test_dl2_in_halves(frame_file):
    frame_file.write_bytes(frame_file.read_bytes()[:3000])
    with pytest.raises(InputError, match="damaged"):
        io.read_dl2(frame_file)


def test_prediction(made_file, trained, gammaml, tmp_path):
    """From lstchain's DL1 to our DL2, by a network trained on ctapipe's."""
    out = tmp_path / "made.dl2.h5"
    result = gammaml("predict", made_file, "--energy", trained, "--gammaness", trained, "-o", out)
    assert result.exit_code == 0, result.stderr
    dl2 = io.read_dl2(out)
    assert len(dl2) == 12
    assert np.isfinite(dl2["reco_energy"]).all()
