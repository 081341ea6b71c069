"""Reading DL1: the same values as ctapipe reads, from real files of seven cameras."""

import errno
import shutil

import h5py
import numpy as np
import pytest

from gammaml import events as events_module
from gammaml import io
from gammaml.errors import InputError, OutputError
from gammaml.io import Selection
from gammaml.io.tables import key_order

CAMERAS = [  # file, telescope types, camera, pixels, images
    ("astri_gamma", None, "ASTRICam", 2368, 8),
    ("prod2_gamma", "LST*", "LSTCam", 1855, 9),
    ("prod2_gamma", "CHEC", "CHEC", 2048, 6),
    ("prod2_gamma", "SCTCam", "SCTCam", 11328, 8),
    ("camsettings_gamma", "MST_MST_NectarCam", "NectarCam", 1855, 5),
    ("proton_run202", "*FlashCam", "FlashCam", 1764, 30),
    ("sst1m_gamma", None, "DigiCam", 1296, 129),
    ("proton_a600_a", "LST*", "LSTN-01", 1855, 6),
]


@pytest.fixture
def gamma_path(shared_data):
    return shared_data / "bootstrap" / "gamma.dl1.h5"


@pytest.fixture
def gamma_copy(gamma_path, tmp_path):
    """A copy to break."""
    return shutil.copy(gamma_path, tmp_path / "copy.dl1.h5")


@pytest.mark.parametrize(("name", "tel_type", "camera", "n_pixels", "n_images"), CAMERAS)
def test_all_cameras(shared_data, name, tel_type, camera, n_pixels, n_images):
    events = io.read_events(shared_data / "dl1_ctapipe" / f"{name}.dl1.h5", tel_type=tel_type)
    assert (events.camera.name, events.camera.n_pixels, len(events)) == (camera, n_pixels, n_images)
    assert events.image.shape == events.peak_time.shape == (n_images, n_pixels)
    assert np.isfinite(events.image).all()
    assert (events.table["true_energy"].to_value("TeV") > 0).all()
    assert (np.hypot(events.table["true_fov_lon"].value, events.table["true_fov_lat"].value) < 12).all()


@pytest.mark.parametrize("name", ["bootstrap/gamma", "dl1_ctapipe/sst1m_gamma"])
def test_equal_to_ctapipes_table_loader(shared_data, name):
    from ctapipe.io import TableLoader

    path = shared_data / f"{name}.dl1.h5"
    events = io.read_events(path, Selection(max_events=20))
    try:
        loader = TableLoader(path)
    except OSError:
        pytest.skip("this ctapipe cannot read the file's camera geometry (version 2.1)")
    with loader:
        expected = loader.read_telescope_events(
            dl1_images=True, dl1_parameters=True, simulated=True, stop=20, telescopes=None
        )
    expected.sort(["obs_id", "event_id", "tel_id"])
    assert len(events) == len(expected)
    for key in ("obs_id", "event_id", "tel_id"):
        np.testing.assert_array_equal(events.table[key], expected[key])
    np.testing.assert_array_equal(events.image, np.stack(expected["image"]))
    np.testing.assert_array_equal(events.peak_time, np.stack(expected["peak_time"]))
    for column in ("hillas_intensity", "hillas_psi", "true_energy", "true_alt"):
        np.testing.assert_array_equal(np.asarray(events.table[column]), np.asarray(expected[column]))
    assert abs((events.table["time"] - expected["time"]).to_value("ns")).max() < 1


def test_fixed_point_codes():
    from gammaml.io.tables import decode

    attributes = {
        "CTAFIELD_0_TRANSFORM": b"fixed_point",
        "CTAFIELD_0_TRANSFORM_SCALE": 10.0,
        "CTAFIELD_0_TRANSFORM_OFFSET": 200,
        "CTAFIELD_0_TRANSFORM_DTYPE": b"float32",
        "CTAFIELD_0_NAN_VALUE": 65534,
        "CTAFIELD_0_POSINF_VALUE": 65535,
        "CTAFIELD_0_NEGINF_VALUE": 65533,
    }
    stored = np.array([[200, 215, 150], [65534, 65535, 65533]], np.uint16)
    expected = np.array([[0, 1.5, -5], [np.nan, np.inf, -np.inf]], np.float32)
    np.testing.assert_array_equal(decode(stored, attributes, 0), expected)


def test_several_files_and_showers(shared_data):
    paths = [shared_data / "bootstrap" / f"{kind}.dl1.h5" for kind in ("gamma", "proton")]
    events = io.read_events(paths)
    assert (events.is_gamma.sum(), (~events.is_gamma).sum()) == (6901, 5512)
    assert len(events.sources) == len(events.simulation) == 2
    assert len(events.sources[0]["sha256"]) == 64


def test_selections(gamma_path):
    bright = io.read_events(gamma_path, Selection(min_intensity=500, max_leakage=0.1))
    assert (np.asarray(bright.table["hillas_intensity"]) >= 500).all()
    assert (np.asarray(bright.table["leakage_intensity_width_2"]) <= 0.1).all()
    few = io.read_events(gamma_path, Selection(max_events=100))
    assert len(np.unique(few.table["event_id"])) == 100
    assert few.simulation["n_showers"][0] == pytest.approx(400 * 100 / 2321)
    with pytest.raises(InputError, match="events of type 32"):
        io.read_events(gamma_path, Selection(event_types=(2,)))
    with pytest.raises(InputError, match="no image that passes"):
        io.read_events(gamma_path, Selection(min_intensity=1e9))
    with pytest.raises(InputError, match="MST_MST_MSTsim"):
        io.read_events(gamma_path, tel_type="LST*")


def test_parameters_are_computed_where_the_file_has_none(shared_data, tmp_path):
    path = shared_data / "dl1_ctapipe" / "sst1m_gamma.dl1.h5"
    stored = io.read_events(path)
    without = broken(
        shutil.copy(path, tmp_path / "copy.dl1.h5"), lambda file: file.__delitem__("dl1/event/telescope/parameters")
    )
    computed = io.read_events(without)
    np.testing.assert_array_equal(computed.image, stored.image)
    bright = np.asarray(stored.table["hillas_intensity"]) > 200
    for name in ("hillas_fov_lon", "hillas_fov_lat", "hillas_length", "hillas_width"):
        difference = np.abs(computed.table[name].value - stored.table[name].value)[bright]
        assert np.nanmedian(difference) < 0.06, name  # a quarter of a pixel: the file's cleaning is not known
    ratio = np.asarray(computed.table["hillas_intensity"]) / np.asarray(stored.table["hillas_intensity"])
    assert np.nanmedian(ratio) == pytest.approx(1, abs=0.15)
    selected = io.read_events(without, Selection(min_intensity=200))
    assert 0 < len(selected) < len(computed)
    assert (np.asarray(selected.table["hillas_intensity"]) >= 200).all()


def test_an_observation_has_no_truth(gamma_copy):
    with h5py.File(gamma_copy, "a") as file:
        del file["simulation"]
        del file["configuration/simulation"]
    events = io.read_events(gamma_copy, Selection(max_events=10))
    assert not events.is_simulated
    assert events.simulation is None
    assert np.isfinite(events.table["pointing_alt"].value).all()
    assert len(np.unique(events.table["shower_id"])) == 10


def test_memory_mapped_above_the_limit(gamma_path, monkeypatch):
    in_memory = io.read_events(gamma_path, Selection(max_events=200))
    monkeypatch.setattr(events_module, "MEMORY_LIMIT", 1000)
    mapped = io.read_events(gamma_path, Selection(max_events=200))
    assert mapped.pixels.mapping is not None
    np.testing.assert_array_equal(mapped.image, in_memory.image)
    for part in (slice(3, 50), np.array([5, 2, 9]), mapped.is_gamma):
        np.testing.assert_array_equal(mapped.read_pixels(part)[1], in_memory.read_pixels(part)[1])


def test_no_room_for_memory_mapped_images(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(events_module, "MEMORY_LIMIT", 1000)
    monkeypatch.setattr(events_module.os, "posix_fallocate", full)
    with pytest.raises(OutputError, match="no space left on device, expected room for"):
        events_module.PixelStore.allocate(100, 100)


def broken(path, change):
    with h5py.File(path, "a") as file:
        change(file)
    return path


def replaced(file, name, columns):
    """Rewrite a table with only some columns."""
    table = file[name][:]
    attributes = dict(file[name].attrs)
    del file[name]
    file[name] = table[columns]
    file[name].attrs.update(attributes)


def test_missing_image_column(gamma_copy):
    name = "dl1/event/telescope/images/tel_001"
    broken(gamma_copy, lambda file: replaced(file, name, ["obs_id", "event_id", "tel_id", "peak_time"]))
    with pytest.raises(InputError, match=r"tel_001: got the columns .* expected image too"):
        io.read_events(gamma_copy)


def test_zero_events(gamma_copy):
    def empty(file):
        table = file["dl1/event/subarray/trigger"][:0]
        del file["dl1/event/subarray/trigger"]
        file["dl1/event/subarray/trigger"] = table

    with pytest.raises(InputError, match="zero events"):
        io.read_events(broken(gamma_copy, empty))


def test_negative_energy(gamma_copy):
    def negate(file):
        shower = file["simulation/event/subarray/shower"]
        table = shower[:]
        table["true_energy"][3] = -1
        shower[:] = table

    with pytest.raises(InputError, match="true energy at or below zero"):
        io.read_events(broken(gamma_copy, negate))


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.01])
def test_truncated_file(gamma_copy, kept):
    content = gamma_copy.read_bytes()
    gamma_copy.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="damaged file"):
        io.read_events(gamma_copy)


def test_no_hdf5_and_foreign_hdf5(tmp_path):
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(InputError, match="no HDF5 signature"):
        io.read_events(tmp_path / "text.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["numbers"] = np.arange(3)
    with pytest.raises(InputError, match="numbers without"):
        io.read_events(tmp_path / "foreign.h5")
    with pytest.raises(InputError, match="no such file"):
        io.read_events(tmp_path / "nothing.h5")
    with pytest.raises(InputError, match="a folder"):
        io.read_events(tmp_path)


def test_several_cameras_need_a_choice(shared_data):
    with pytest.raises(InputError, match="choose one with tel_type"):
        io.read_events(shared_data / "dl1_ctapipe" / "prod2_gamma.dl1.h5")


def test_all_cameras_of_a_file_at_once(shared_data):
    cameras = io.read_cameras(shared_data / "dl1_ctapipe" / "prod2_gamma.dl1.h5")
    assert [events.camera.name for events in cameras] == ["LSTCam", "NectarCam", "SCTCam", "CHEC"]
    for events in cameras:
        alone = io.read_events(shared_data / "dl1_ctapipe" / "prod2_gamma.dl1.h5", tel_type=events.camera.name)
        np.testing.assert_array_equal(events.image, alone.image)


def test_an_old_data_model_says_so(shared_data):
    with pytest.raises(InputError, match=r"data model v1\.0\.0"):
        io.read_events(shared_data / "dl1_other" / "cta_mtl_course_dl1.h5")


def test_rows_are_joined_by_key():
    table = {"obs_id": np.array([1, 1, 2]), "event_id": np.array([5, 7, 5])}
    as_rows = np.rec.fromarrays(list(table.values()), names=list(table))
    wanted = np.rec.fromarrays([[2, 1, 3], [5, 7, 5]], names=["obs_id", "event_id"])
    np.testing.assert_array_equal(key_order(as_rows, wanted), [2, 1, -1])
