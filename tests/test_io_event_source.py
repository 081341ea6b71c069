"""What ctapipe reads: images as its DL1 files have them, selections, files of plugins, and bad input."""

import gzip
import warnings
from importlib.metadata import EntryPoint

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from simtel_files import CORSIKA_RUN, OF_EVENTS, TRIGGERED, join, read_objects

from gammaml.columns import KEYS
from gammaml.errors import InputError
from gammaml.io import Selection, read_cameras, read_events
from gammaml.io.describe import describe, tel_types
from gammaml.io.tables import key_order

pytest.importorskip("eventio")
GAMMA = "gamma_20deg_0deg_run102___cta-prod4-sst-1m_desert-2150m-Paranal-sst-1m.simtel.zst"
PROTON = "proton_run202_za20deg_azm0deg_North_test_layout_test-prod.simtel.zst"
MUON = "lst_muons_with_true_photons.simtel.zst"
DRAWN = ("timing_slope", "timing_intercept", "timing_deviation")  # ctapipe fits them with random numbers


@pytest.fixture(scope="module")
def proton(shared_data):
    return shared_data / "simtel" / PROTON


@pytest.fixture(scope="module")
def objects(proton):
    return read_objects(proton)


@pytest.fixture
def made(monkeypatch):
    """The module of a ctapipe plugin, as if it were installed."""
    import made_source

    plugin = EntryPoint("MadeEventSource", "made_source:MadeEventSource", "ctapipe_io")
    monkeypatch.setattr("gammaml.io.event_source.entry_points", lambda group: [plugin])
    return made_source


def numbers(column):
    if isinstance(column, Time):
        return (column.tai.mjd - 50000) * 86400
    return column.value if isinstance(column, u.Quantity) else np.asarray(column)


@pytest.mark.parametrize(
    ("simtel", "dl1"), [pytest.param(GAMMA, "sst1m_gamma", marks=pytest.mark.slow), (PROTON, "proton_run202")]
)
def test_the_same_events_as_in_ctapipes_dl1(simtel, dl1, shared_data):
    made = read_cameras(shared_data / "simtel" / simtel)
    known = read_cameras(shared_data / "dl1_ctapipe" / f"{dl1}.dl1.h5")
    assert [events.tel_types for events in made] == [events.tel_types for events in known]
    for ours, theirs in zip(made, known, strict=True):
        np.testing.assert_array_equal(key_order(theirs.table, ours.table, KEYS), range(len(theirs)))
        np.testing.assert_array_equal(ours.image, theirs.image)
        np.testing.assert_array_equal(ours.peak_time, theirs.peak_time)
        assert {"time", "event_type", "shower_id", "true_energy", "true_h_max"} <= set(ours.table.colnames)
        for name in set(ours.table.colnames) - set(DRAWN):
            assert getattr(ours.table[name], "unit", None) == getattr(theirs.table[name], "unit", None)
            np.testing.assert_allclose(numbers(ours.table[name]), numbers(theirs.table[name]), rtol=1e-6, atol=1e-6)
        assert ours.simulation.colnames == theirs.simulation.colnames
        for name in ours.simulation.colnames:
            np.testing.assert_array_equal(ours.simulation[name], theirs.simulation[name])
        for one, other in zip(ours.subarray.telescopes, theirs.subarray.telescopes, strict=True):
            assert (one.tel_id, one.name, one.tel_type) == (other.tel_id, other.name, other.tel_type)
            np.testing.assert_array_equal(one.position, other.position)
            assert one.camera.same_pixels(other.camera)
            assert one.camera.focal_length == other.camera.focal_length
            np.testing.assert_array_equal(one.camera.readout.pulse_shape, other.camera.readout.pulse_shape)
        np.testing.assert_allclose(ours.subarray.reference_location, theirs.subarray.reference_location)


def test_selections(proton, shared_data):
    every = read_events(proton, tel_type="*FlashCam")
    bright = read_events(proton, Selection(tel_type="MST_*", min_intensity=200, max_leakage=0.3))
    parameters = every.table["hillas_intensity"], every.table["leakage_intensity_width_2"]
    passing = (parameters[0] >= 200) & (parameters[1] <= 0.3)
    assert 0 < passing.sum() < len(every)
    np.testing.assert_array_equal(bright.image, every.image[passing])
    first = Selection(tel_type="FlashCam", max_events=2)
    few, known = (read_events(path, first) for path in (proton, shared_data / "dl1_ctapipe/proton_run202.dl1.h5"))
    np.testing.assert_array_equal(few.image, known.image)
    assert few.simulation["n_showers"] == known.simulation["n_showers"] == pytest.approx(100 * 2 / 6)
    with pytest.raises(InputError, match="the telescope types LST_LST_LSTCam, MST_MST_FlashCam"):
        read_events(proton, tel_type="SST*")
    with pytest.raises(InputError, match="no image that passes"):
        read_events(proton, Selection(min_intensity=1e9))


def test_files_of_several_formats_together(proton, shared_data):
    dl1 = shared_data / "dl1_ctapipe/proton_run202.dl1.h5"
    (_, ours), (_, theirs) = (read_cameras(path) for path in (proton, dl1))
    np.testing.assert_array_equal(ours.image, theirs.image)
    with pytest.raises(InputError, match="expected each once"):
        read_cameras([proton, dl1])
    other = shared_data / "dl1_ctapipe/sst1m_gamma.dl1.h5"
    *_, sst = both = read_cameras([proton, other])
    assert len(both) == 3
    assert len(sst) == sum(map(len, read_cameras(other)))


def test_files_without_effective_focal_length(shared_data):
    with pytest.warns(UserWarning, match="no effective focal length of LST_LST_LSTCam"):
        events = read_events(shared_data / "simtel" / MUON)
    assert np.isnan(events.subarray.telescopes[0].optics.effective_focal_length)
    assert events.camera.focal_length == 28


def test_calibration_events(shared_data):
    path = shared_data / "simtel/calib_events.simtel.gz"
    with pytest.raises(InputError, match="got events of type 5, expected type"):
        read_cameras(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cameras = read_cameras(path, Selection(event_types=(5,)))
    assert len(cameras) == 7
    assert not any(events.is_simulated for events in cameras)


def test_what_is_in_a_file(proton, shared_data):
    described = describe(proton)
    assert described["array events"] == "6"
    assert described["MST_MST_FlashCam"] == "30 images; FlashCam, 1,764 hexagon pixels"
    assert described["primaries"] == "proton (6)"
    assert described["simulated"] == "2,000 showers thrown, 0.03 to 600 TeV"
    assert described["pointing"] == "altitude 70 deg, azimuth 0 deg"
    assert tel_types(proton) == {"LST_LST_LSTCam": 6, "MST_MST_FlashCam": 30}
    assert describe(shared_data / "simtel/calib_events.simtel.gz")["calibration events"] == "1"


def test_packed_or_not(objects, proton, tmp_path):
    known = read_cameras(proton)[0].image
    for name, data in {"run.dat": join(objects), "run": gzip.compress(join(objects), 1)}.items():
        (tmp_path / name).write_bytes(data)
        np.testing.assert_array_equal(read_cameras(tmp_path / name)[0].image, known)


def test_many_images_go_to_a_file(proton, monkeypatch):
    known = read_cameras(proton)
    monkeypatch.setattr("gammaml.io.growing.IN_MEMORY", 100_000)
    monkeypatch.setattr("gammaml.io.camera_images.BLOCK_IMAGES", 4)
    for ours, theirs in zip(read_cameras(proton), known, strict=True):
        assert (ours.pixels.mapping is None) == (len(ours) * ours.camera.n_pixels * 8 <= 100_000)
        np.testing.assert_array_equal(ours.image, theirs.image)
        np.testing.assert_array_equal(ours.table["timing_slope"], theirs.table["timing_slope"])


def test_an_atmosphere_whose_name_is_not_utf8(objects, tmp_path):
    path = tmp_path / "latin.simtel"
    assert b"atmprof" in join(objects)
    path.write_bytes(join(objects).replace(b"atmprof", b"atmpr\xf6f"))
    assert len(read_cameras(path)) == 2


def without(objects, *types):
    return [(number, data) for number, data in objects if number not in types]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda objects: join(objects)[: len(join(objects)) // 2], "cannot read"),
        (lambda objects: gzip.compress(join(objects), 1)[:1_000_000], "truncated"),
        (lambda objects: join(objects)[:1000], "truncated"),
        (lambda objects: join(objects) * 2, "12 triggered showers, of which ctapipe reads 6"),
        (lambda objects: join(without(objects, *OF_EVENTS)), "zero events"),
        (lambda objects: join(objects)[:8] + b"no events" * 100, "cannot read"),
        (lambda objects: join([each for each in objects if each[0] == TRIGGERED]), "cannot read"),
    ],
    ids=["half", "half of gzip", "header", "two runs", "no events", "no objects", "events alone"],
)
def test_bad_files(spoil, message, objects, tmp_path):
    path = tmp_path / "bad.simtel"
    path.write_bytes(spoil(objects))
    with pytest.raises(InputError, match=message) as raised:
        read_cameras(path)
    assert "\n" not in str(raised.value)
    assert raised.value.where == str(path)


def test_runs_put_together_with_repeated_events(objects, tmp_path):
    """Without the histograms at the end of a run, ctapipe reads on into the next."""
    path = tmp_path / "two.simtel"
    path.write_bytes(join(without(objects, 100)) * 2)
    with pytest.raises(InputError, match=r"\d+ images with obs_id \d+, event_id \d+, tel_id \d+"):
        read_cameras(path)


def test_photons_on_the_ground(tmp_path):
    path = tmp_path / "photons"
    path.write_bytes(b"\x37\x8a\x1f\xd4" + CORSIKA_RUN.to_bytes(4, "little") + bytes(100))
    with pytest.raises(InputError, match="photons on the ground"):
        read_cameras(path)
    with pytest.raises(InputError, match="a whole file of CORSIKA's photon bunches"):
        describe(path)


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b", b"\x28\xb5\x2f\xfd no", b"\x37\x8a\x1f\xd4", b"events"])
def test_foreign_files(data, tmp_path):
    path = tmp_path / "foreign"
    path.write_bytes(data)
    with pytest.raises(InputError, match="no HDF5 signature"):
        read_cameras(path)
    with pytest.raises(InputError, match="no such file"):
        read_cameras(tmp_path / "missing.simtel.zst")


def test_a_plugin_reads_its_files(made, tmp_path):
    path = made.write_waveforms(tmp_path / "run.waves", [50, 20, 80, 3], [32, 0, 32, 32])
    events = read_events(path)
    np.testing.assert_array_equal(events.table["event_id"], [1, 3, 4])
    np.testing.assert_allclose(events.image, np.array([[50], [80], [3]]) * np.ones(events.camera.n_pixels), rtol=0.1)
    np.testing.assert_allclose(events.peak_time, 15, atol=0.1)
    assert not events.is_simulated
    assert events.simulation is None
    np.testing.assert_allclose(events.table["pointing_az"].to_value("deg"), 350)
    assert len(np.unique(events.table["shower_id"])) == 3
    assert len(read_events(path, Selection(max_events=2))) == 2
    assert len(read_events(path, Selection(event_types=(0,)))) == 1
    assert describe(path)["array events"] == "4"
    assert describe(path)["pointing"] == "unknown"
    assert tel_types(path) == {}
    with pytest.raises(InputError, match="zero events"):
        read_events(made.write_waveforms(tmp_path / "none.waves", []))
    path.write_text(f"{made.SIGNATURE}\n1 2 3")
    with pytest.raises(InputError, match=r"cannot read \(ValueError: too many values"):
        read_events(path)
