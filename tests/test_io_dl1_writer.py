"""DL1 files: what is written is read back, by us and by ctapipe; files appear only when whole."""

import resource
from dataclasses import astuple, replace

import astropy.units as u
import h5py
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from made_events import hexagonal_camera, made_events, made_subarray

from gammaml.errors import InputError, OutputError
from gammaml.events import PixelStore, concatenate
from gammaml.io import Selection, read_events
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.write_tables import create_hdf5, whole_file, write_table

SMALL = hexagonal_camera(rings=3, name="SmallCam")


@pytest.fixture(scope="module")
def events():
    return made_events(10, n_telescopes=3, camera=SMALL)


@pytest.fixture(scope="module")
def written(events, tmp_path_factory):
    path = tmp_path_factory.mktemp("dl1") / "gamma.dl1.h5"
    write_dl1(events, path)
    return path


def observation(events):
    """The same events without truth, taken while the telescopes follow a source through the north."""
    names = [name for name in events.table.colnames if not name.startswith("true_") and name != "shower_id"]
    table = events.table[names]
    order = np.asarray(table["event_id"]) / 1000
    table["pointing_alt"], table["pointing_az"] = (70 + order) * u.deg, (359.5 + order) % 360 * u.deg
    return replace(events, table=table, simulation=None)


def assert_same_table(first, second, *, ignore=()):
    names = set(first.colnames) - set(ignore)
    assert names == set(second.colnames) - set(ignore)
    for name in names:
        if isinstance(first[name], Time):
            assert np.abs((first[name] - second[name]).to_value("ns")).max() <= 0.25
        elif isinstance(first[name], u.Quantity):
            np.testing.assert_allclose(second[name].to_value(first[name].unit), first[name].value, rtol=1e-12)
        else:
            np.testing.assert_array_equal(first[name], second[name])


def assert_same_events(first, second, *, ignore=()):
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.peak_time, second.peak_time)
    assert_same_table(first.table, second.table, ignore=ignore)
    np.testing.assert_array_equal(first.subarray.tel_ids, second.subarray.tel_ids)
    for a, b in zip(first.subarray.telescopes, second.subarray.telescopes, strict=True):
        assert (a.name, a.tel_type) == (b.name, b.tel_type)
        assert list(map(str, astuple(a.optics))) == list(map(str, astuple(b.optics)))  # as text, NaN equals NaN
        np.testing.assert_array_equal(a.position, b.position)
        np.testing.assert_array_equal(a.camera.pixel_x, b.camera.pixel_x)
        np.testing.assert_array_equal(a.camera.readout.pulse_shape, b.camera.readout.pulse_shape)
        assert a.camera.readout.pulse_sample_width == pytest.approx(b.camera.readout.pulse_sample_width)
        assert a.camera.pixel_rotation == b.camera.pixel_rotation


def table_loader(path):
    from ctapipe.io import TableLoader

    return TableLoader(path, focal_length_choice="EQUIVALENT")


def event_source(path):
    from ctapipe.io import EventSource

    return EventSource(path, focal_length_choice="EQUIVALENT")


def test_written_events_are_read_back(events, written):
    again = read_events(written)
    assert_same_events(events, again, ignore=["shower_id"])
    _, first = np.unique(events.table["shower_id"], return_inverse=True)
    _, second = np.unique(again.table["shower_id"], return_inverse=True)
    assert len(set(zip(first, second, strict=True))) == 10  # numbered otherwise, but the same showers
    assert_same_table(events.simulation, again.simulation)


def test_observations_are_read_back(events, tmp_path):
    observed = observation(events)
    write_dl1(observed, tmp_path / "real.dl1.h5")
    again = read_events(tmp_path / "real.dl1.h5")
    assert not again.is_simulated
    assert again.simulation is None
    assert_same_events(observed, again, ignore=["shower_id"])
    with table_loader(tmp_path / "real.dl1.h5") as loader:
        table = loader.read_telescope_events(dl1_images=True, observation_info=True)
    altitude = table["telescope_pointing_altitude"].quantity.to_value("deg")
    np.testing.assert_allclose(altitude, observed.table["pointing_alt"].value)
    assert np.isnan(table["subarray_pointing_lat"]).all()  # no single direction
    with event_source(tmp_path / "real.dl1.h5") as source:
        last = list(source)[-1]
    assert last.monitoring.tel[3].pointing.altitude.to_value("deg") == pytest.approx(70.901)


def test_pointing_that_changes_needs_times(events, tmp_path):
    observed = observation(events)
    observed.table.remove_column("time")
    with pytest.raises(InputError, match="without trigger times"):
        write_dl1(observed, tmp_path / "real.dl1.h5")
    assert not list(tmp_path.iterdir())


def test_several_cameras_in_one_file(events, tmp_path):
    large = hexagonal_camera(rings=5, name="LargeCam")
    other = made_subarray(5, large).telescopes[3:]
    subarray = replace(events.subarray, telescopes=events.subarray.telescopes + other)
    more = made_events(10, n_telescopes=3, camera=large)
    more = more[more.table["tel_id"] < 3]
    same = events.table[events.table["tel_id"] < 3]
    for name in [name for name in same.colnames if name.startswith("true_")]:
        more.table[name] = same[name]
    more.table["tel_id"] += 3
    write_dl1([replace(events, subarray=subarray), replace(more, subarray=subarray)], tmp_path / "both.dl1.h5")
    for part, name in ((events, "SmallCam"), (more, "LargeCam")):
        again = read_events(tmp_path / "both.dl1.h5", Selection(tel_type=name))
        assert_same_events(replace(part, subarray=subarray), again, ignore=["shower_id"])
    with table_loader(tmp_path / "both.dl1.h5") as loader:
        tables = loader.read_telescope_events_by_type(dl1_images=True)
        assert {name: len(table) for name, table in tables.items()} == {
            "MST_MADE_SmallCam": 60,
            "MST_MADE_LargeCam": 40,
        }
        assert (loader.read_subarray_events()["tels_with_trigger"].sum(axis=1) == 5).all()


@pytest.mark.parametrize(
    "name",
    ["bootstrap/gamma", "dl1_ctapipe/prod2_gamma", "dl1_ctapipe/proton_run202", "dl1_ctapipe/simtools_gamma_diffuse"],
)
def test_real_files_survive(name, shared_data, tmp_path):
    path, again = shared_data / f"{name}.dl1.h5", tmp_path / "again.dl1.h5"
    with h5py.File(path) as file:
        optics = np.unique(file["configuration/instrument/subarray/layout"]["tel_description"]).astype(str)
        seen = [f"tel_{i:03d}" for i in range(200) if f"tel_{i:03d}" in file["dl1/event/telescope/images"]]
    parts = []
    for tel_type in optics:
        try:
            parts.append(read_events(path, Selection(tel_type=tel_type, max_events=300)))
        except InputError:  # a type without images
            continue
    write_dl1(parts, again)
    for part in parts:
        assert_same_events(part, read_events(again, Selection(tel_type=part.tel_types[0])))
    assert len(seen) == len({tel_id for part in parts for tel_id in np.unique(part.table["tel_id"])})


def test_ctapipe_tables(events, written):
    with table_loader(written) as loader:
        table = loader.read_telescope_events(
            dl1_images=True, dl1_parameters=True, simulated=True, instrument=True, observation_info=True
        )
        assert loader.subarray.tel[2].camera.geometry.n_pixels == SMALL.n_pixels
        assert loader.subarray.tel[2].camera.name == "SmallCam"
    np.testing.assert_array_equal(table["image"], events.image)
    assert table["peak_time"].unit == u.ns
    assert table["is_valid"].dtype == bool
    for name in ("hillas_length", "true_energy", "true_core_x"):
        np.testing.assert_array_equal(table[name].quantity, events.table[name])
    assert np.abs((table["time"] - events.table["time"]).to_value("ns")).max() <= 0.25
    np.testing.assert_allclose(table["telescope_pointing_azimuth"].quantity.to_value("deg"), 180)
    np.testing.assert_allclose(table["subarray_pointing_lat"].quantity.to_value("deg"), 70)
    np.testing.assert_array_equal(table["pos_x"].quantity.to_value("m"), 100.0 * table["tel_id"])


def test_ctapipe_events(events, written):
    from ctapipe.containers import CoordinateFrameType, EventType

    with event_source(written) as source:
        found = [(e.index.event_id, tel_id, tel.image) for e in source for tel_id, tel in e.dl1.tel.items()]
        block = source.observation_blocks[1]
        assert source.is_simulation
        event = next(iter(source))
    keys = [(int(event_id), tel_id) for event_id, tel_id, _ in found]
    assert keys == list(zip(events.table["event_id"], events.table["tel_id"], strict=True))
    np.testing.assert_array_equal([image for _, _, image in found], events.image)
    assert event.trigger.event_type is EventType.SUBARRAY
    assert event.simulation.shower.energy == events.table["true_energy"][0]
    assert event.dl1.tel[1].parameters.hillas.width == events.table["hillas_width"][0]
    assert event.simulation.tel[1].true_image_sum == -1
    assert np.isnan(event.simulation.tel[1].true_parameters.hillas.intensity)
    assert block.subarray_pointing_frame is CoordinateFrameType.ALTAZ


def test_ctapipe_merges(events, written, tmp_path):
    from ctapipe.core import run_tool
    from ctapipe.tools.merge import MergeTool

    protons = made_events(5, primary=101, n_telescopes=3, camera=SMALL, obs_id=2)
    write_dl1(protons, tmp_path / "proton.dl1.h5")
    files = [str(written), str(tmp_path / "proton.dl1.h5")]
    assert run_tool(MergeTool(), [*files, f"--output={tmp_path / 'both.dl1.h5'}"], raises=True) == 0
    both = read_events(tmp_path / "both.dl1.h5")
    np.testing.assert_array_equal(both.image, np.concatenate([events.image, protons.image]))
    assert both.is_gamma.sum() == len(events)
    np.testing.assert_array_equal(both.simulation["n_showers"], [100, 50])


def test_impact_distances(events, written):
    from ctapipe.coordinates import GroundFrame, impact_distance

    with table_loader(written) as loader:
        table = loader.read_telescope_events(simulated=True, instrument=True)
    for row in table[::17]:
        alt, az = row["true_alt"] * u.deg, row["true_az"] * u.deg
        core = u.Quantity([row["true_core_x"], row["true_core_y"], 0], u.m)
        place = GroundFrame(*(row[f"pos_{axis}"] * u.m for axis in "xyz"))
        axis = np.array([np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)])
        expected = impact_distance(point=core, direction=axis, test_points=place.cartesian.xyz[None])[0]
        assert row["true_impact_distance"] == pytest.approx(expected.to_value(u.m))


def test_thrown_showers(written):
    with table_loader(written) as loader:
        row = loader.read_shower_distribution()[0]
    assert row["n_entries"] == 100 * 2
    histogram = row["histogram"] / row["n_entries"]
    assert histogram.sum() == pytest.approx(1)
    # dN/dE ~ 1/E from 0.1 to 10 TeV: half of the showers are below 1 TeV; a quarter hit the inner half of the radius.
    assert histogram[row["bins_energy"][1:] < 1.0001].sum() == pytest.approx(0.5, abs=1e-6)
    assert histogram[:, row["bins_core_dist"][1:] < 200.001].sum() == pytest.approx(0.25, abs=1e-6)


def test_keys_must_name_one_image(events, tmp_path):
    twice = replace(events, table=events.table.copy())
    twice.table["event_id"][3:6] = twice.table["event_id"][:3]
    with pytest.raises(InputError, match="same obs_id, event_id, tel_id"):
        write_dl1(twice, tmp_path / "a.h5")
    other = made_events(10, n_telescopes=3, camera=SMALL, primary=101)
    mixed = [events[events.table["tel_id"] == 1], other[other.table["tel_id"] == 2]]
    with pytest.raises(InputError, match="different showers with the same obs_id"):
        write_dl1(mixed, tmp_path / "a.h5")
    with pytest.raises(InputError, match="no events"):
        write_dl1(events[:0], tmp_path / "a.h5")


def test_what_is_not_known(events, tmp_path):
    """No readout, no place on Earth, no name, and a parameter that only one of two files had."""
    camera = replace(SMALL, readout=None)
    telescopes = tuple(replace(t, camera=camera) for t in events.subarray.telescopes)
    subarray = replace(events.subarray, telescopes=telescopes, name="", reference_location=(np.nan,) * 3)
    other = made_events(2, n_telescopes=3, camera=SMALL, obs_id=2)
    other.table.remove_columns(["hillas_width", "morphology_n_pixels"])
    both = replace(concatenate([events, other]), subarray=subarray)
    write_dl1(both, tmp_path / "a.dl1.h5")
    again = read_events(tmp_path / "a.dl1.h5")
    np.testing.assert_array_equal(again.table["hillas_width"][: len(events)], events.table["hillas_width"])
    assert np.isnan(again.table["hillas_width"][len(events) :]).all()
    assert (again.table["morphology_n_pixels"][len(events) :] == -1).all()
    assert np.isnan(again.subarray.reference_location).all()
    with table_loader(tmp_path / "a.dl1.h5") as loader:
        assert loader.subarray.tel[1].camera.readout.n_samples == 1
        assert len(loader.read_telescope_events()) == len(both)


def test_memory_stays_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("gammaml.io.dl1_writer.BLOCK_BYTES", 7 * 8 * SMALL.n_pixels)
    largest = []
    read = PixelStore.read
    monkeypatch.setattr(PixelStore, "read", lambda self, rows: largest.append(len(rows)) or read(self, rows))
    events = made_events(10, camera=SMALL)
    write_dl1(events, tmp_path / "a.dl1.h5")
    assert max(largest) == 7
    np.testing.assert_array_equal(read_events(tmp_path / "a.dl1.h5").image, events.image)


def test_table_as_ctapipe_sees_it(tmp_path):
    from ctapipe.io import read_table

    times = Time("2026-03-01T00:00:00", scale="utc") + np.array([0.25, 1e9, 12345678901234.5]) * u.ns
    table = QTable(
        {
            "time": times,
            "angle": [1.0, 2.0, np.nan] * u.deg,
            "name": ["long", "α", "b"],
            "flag": [True, False, True],
            "X_telescopes": [[True, False]] * 3,
            "event_type": [32, 2, 1],
        }
    )
    with create_hdf5(tmp_path / "a.h5") as file:
        write_table(file, "group/table", table[:2], attributes={"KIND": "größe"})
        write_table(file, "group/table", table[2:])
    again = read_table(tmp_path / "a.h5", "/group/table")
    assert np.abs((again["time"] - times).to_value("ns")).max() <= 0.125 + 1e-3
    assert again["angle"].unit == u.deg
    assert list(again["name"]) == ["long", "α", "b"]
    assert again["flag"].dtype == again["X_telescopes"].dtype == bool
    np.testing.assert_array_equal(again["X_telescopes"], table["X_telescopes"])
    assert again.meta["KIND"] == "größe"


def test_an_existing_file_stays(events, written, tmp_path):
    before = written.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        write_dl1(events, written)
    with pytest.raises(ZeroDivisionError), whole_file(written, overwrite=True) as temporary:
        temporary.write_bytes(bytes(3 // 0))
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]
    with pytest.raises(OutputError, match="no such file or directory"):
        write_dl1(events, tmp_path / "nowhere" / "a.h5")
    write_dl1(events, tmp_path / "a.h5")
    write_dl1(events[:3], tmp_path / "a.h5", overwrite=True)
    assert len(read_events(tmp_path / "a.h5")) == 3


@pytest.mark.parametrize("limit", [1000, 30_000, 100_000, 150_000])
def test_a_full_disk(limit, events, tmp_path):
    path = tmp_path / "a.dl1.h5"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OutputError, match="room on the disk"):
            write_dl1(events, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
    write_dl1(events, path)  # and HDF5 still works
    assert len(read_events(path)) == len(events)


def test_true_images_go_to_their_own_events(events, tmp_path):
    path = tmp_path / "true.dl1.h5"
    true = np.random.default_rng(0).integers(0, 50, (len(events), SMALL.n_pixels))
    write_dl1(events, path, true_images=[true])
    with h5py.File(path) as file:
        for tel_id in (1, 2, 3):
            own = np.asarray(events.table["tel_id"]) == tel_id
            table = file[f"simulation/event/telescope/images/tel_{tel_id:03d}"][:]
            order = np.argsort(np.asarray(events.table["event_id"])[own])
            np.testing.assert_array_equal(table["true_image"], true[own][order])
            np.testing.assert_array_equal(table["true_image_sum"], true[own][order].sum(axis=1))
