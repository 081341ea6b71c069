"""FACT's photon streams: charges, times, keys and truth are what was put in, and what FACT simulated."""

import gzip

import made_streams
import numpy as np
import pytest

from gammaml import inputs, io, parameters, sky
from gammaml.config import TrainSettings
from gammaml.errors import InputError
from gammaml.io import Selection, describe
from gammaml.io.fact import primary

CORE = ("true_core_x", "true_core_y")


@pytest.fixture(scope="module")
def observation(tmp_path_factory):
    return made_streams.write_lines(tmp_path_factory.mktemp("fact") / "run.phs.jsonl.gz", made_streams.observed())


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    return made_streams.write_lines(tmp_path_factory.mktemp("fact") / "cer011013.jsonl", made_streams.simulated())


@pytest.fixture
def folder(shared_data):
    """FACT's own files."""
    if not (shared_data / "fact" / "pixel-map.csv").is_file():
        pytest.skip("no FACT photon streams in the shared data")
    return shared_data / "fact"


def test_charges_and_times_are_those_of_the_photons(observation):
    events = io.read_events(observation)
    lit = np.hypot(*(made_streams.POSITIONS - (5, 0)).T) < 2
    charge, time = events.image[:, lit], events.peak_time[:, lit]
    assert charge.mean() == pytest.approx(40 * 0.86, abs=0.3)  # less cross-talk
    middle = (made_streams.PULSE_SLICE + 0.5 - made_streams.FIRST) * 0.5
    assert time.mean() == pytest.approx(middle, abs=0.2)


def test_the_night_sky_is_subtracted_wherever_in_the_window_a_pixel_is_integrated(tmp_path):
    path = made_streams.write_lines(tmp_path / "dark.jsonl", made_streams.observed(photons=0))
    image = io.read_events(path).image[:, ~np.isin(np.arange(1440), (720, 721))]
    assert image.mean() == pytest.approx(0, abs=4 * image.std() / np.sqrt(image.size))


def test_saturated_pixels_have_no_charge(observation):
    assert (io.read_events(observation).image[:, [720, 721]] == 0).all()


@pytest.mark.parametrize(("place", "column", "sign"), [((8, 0), "hillas_fov_lat", -1), ((0, 8), "hillas_fov_lon", 1)])
def test_which_way_is_up(tmp_path, place, column, sign):
    path = made_streams.write_lines(tmp_path / "run.jsonl", made_streams.observed(2, place=place))
    offset = np.rad2deg(8 * 9.5e-3 / 4.889)
    assert io.read_events(path).table[column].to_value("deg") == pytest.approx(sign * offset, abs=0.05)


def test_keys_time_and_pointing_of_an_observation(observation):
    table = io.read_events(observation).table
    assert set(table["obs_id"]) == {20150307016}
    assert list(table["event_id"]) == [1, 2, 3, 4, 5, 6, 7]
    assert table["time"][0].utc.isot == "2015-03-07T20:13:31.250"
    assert table["pointing_alt"].to_value("deg") == pytest.approx(80.25)
    assert table["pointing_az"].to_value("deg") == pytest.approx(225.5)
    assert not any(name.startswith("true_") for name in table.colnames)
    assert len(set(table["shower_id"])) == 7


def test_the_selection(observation):
    assert list(io.read_events(observation, Selection(event_types=(2,))).table["event_id"]) == [8]
    assert len(io.read_events(observation, Selection(max_events=3))) == 3
    assert len(io.read_events(observation, Selection(tel_type="SST*", min_intensity=100, max_leakage=0.5))) == 7
    with pytest.raises(InputError, match="no image that passes"):
        io.read_events(observation, Selection(min_intensity=1e6))
    with pytest.raises(InputError, match=r"telescope type SST_FACT_FACT.*'LST\*'"):
        io.read_events(observation, tel_type="LST*")
    with pytest.raises(InputError, match="events of type 2, 32"):
        io.read_events(observation, Selection(event_types=(0,)))


def test_truth_of_simulated_showers(simulation):
    events = io.read_events(simulation)
    table = events.table
    assert events.is_simulated
    assert events.is_gamma.all()
    assert list(table["event_id"]) == [101, 102, 201, 202, 301, 302]
    assert list(table["obs_id"][::2]) == [11013000001, 11013000002, 11013000003]
    first, second = table["shower_id"].reshape(3, 2).T
    assert (first == second).all()
    assert len(set(first)) == 3
    assert table["true_energy"].to_value("TeV") == pytest.approx([0.301, 0.301, 0.302, 0.302, 0.303, 0.303])
    assert [table[name][1].to_value("m") for name in CORE] == [50, -60]
    assert table["true_h_first_int"][0].to_value("km") == 25
    assert table["true_fov_lon"].to_value("deg") == pytest.approx(0, abs=1e-9)
    assert table["true_fov_lat"].to_value("deg") == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("mass", "code"), [(0, 0), (0.938, 101), (3.73, 402), (52.1, 5626)])
def test_the_primary_follows_from_its_mass(mass, code):
    energy = np.geomspace(300, 3e4, 40)
    assert primary(np.float32(energy).astype(float), np.float32(np.sqrt(energy**2 - mass**2)).astype(float)) == code


def test_binary_files_hold_the_same(tmp_path):
    events = made_streams.observed(3)
    lines = io.read_events(made_streams.write_lines(tmp_path / "run.phs.jsonl.gz", events))
    binary = io.read_events(made_streams.write_binary(tmp_path / "run.phs", events))
    np.testing.assert_array_equal(lines.image, binary.image)
    assert lines.table.colnames == binary.table.colnames
    assert (lines.table["shower_id"] == binary.table["shower_id"]).all()
    assert (lines.table["time"] == binary.table["time"]).all()


def _edit(change):
    def broken(path):
        events = made_streams.observed(2)
        change(events)
        made_streams.write_lines(path, events)

    return broken


def _truncated(path):
    made_streams.write_lines(path, made_streams.observed(2))
    path.write_bytes(path.read_bytes()[:-2000])


def _lines(text):
    return lambda path: path.write_bytes(gzip.compress(text)) and made_streams.write_pixel_map(path.parent)


BROKEN = {
    "truncated": (_truncated, "truncated or damaged gzip"),
    "empty": (_lines(b""), "zero events"),
    "no JSON": (_lines(b"{\n"), "line 1: got no JSON"),
    "other JSON": (_lines(b'{"a": 1}\n'), "no list PhotonArrivals_500ps"),
    "a list": (_lines(b"[1, 2]\n"), "no list PhotonArrivals_500ps"),
    "a pixel less": (_edit(lambda e: e[1]["PhotonArrivals_500ps"].pop()), "line 2: got 1439 pixels"),
    "no lists": (_edit(lambda e: e[0].update(PhotonArrivals_500ps=[1] * 1440)), "something else than lists"),
    "NaN": (_edit(lambda e: e[0]["PhotonArrivals_500ps"][3].append(np.nan)), "arrival slices that are none"),
    "negative": (_edit(lambda e: e[0]["PhotonArrivals_500ps"][3].append(-1)), "arrival slices that are none"),
    "no event": (_edit(lambda e: e[0].pop("Event")), "no event"),
    "text": (_edit(lambda e: e[0].update(Event="x")), "event that is no number"),
    "time": (_edit(lambda e: e[0].update(UnixTime_s_us=[1])), "time that is no finite number"),
    "saturated": (_edit(lambda e: e[0].update(Saturation=[1440])), "saturated pixels"),
    "repeated": (_edit(lambda e: e[0].update(Event=2) or e[1].update(Event=2, Trigger=4)), "2 images with obs_id"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bad_files(tmp_path, name):
    write, message = BROKEN[name]
    path = tmp_path / "run.phs.jsonl.gz"
    write(path)
    with pytest.raises(InputError, match=message) as raised:
        io.read_events(path)
    assert path.name in raised.value.where


@pytest.mark.parametrize(
    ("cut", "message"), [(3, "bytes b'phs'"), (100, "the end of the file"), (-1, "the end of the")]
)
def test_bad_binary_files(tmp_path, cut, message):
    path = made_streams.write_binary(tmp_path / "run.phs", made_streams.observed(1))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=message):
        io.read_events(path, Selection(event_types=(2,)))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), ("a,b\n1,2\n", "other columns"), ("CHID,pos_X,pos_Y\n0,0,0\n", "1 rows")],
)
def test_the_table_of_pixels(observation, tmp_path, content, message):
    path = tmp_path / observation.name
    path.write_bytes(observation.read_bytes())
    if content:
        (tmp_path / "pixel-map.csv").write_text(content)
    with pytest.raises(InputError, match=f"pixel-map.csv: got {message}"):
        io.read_events(path)


def test_simulations_can_be_written_as_dl1(folder, tmp_path):
    """Each shower has a pointing of its own, without a time."""
    events = io.read_events(folder / "cer011013.phs.jsonl.gz", Selection(max_events=5))
    io.write_dl1(events, tmp_path / "cer.dl1.h5")
    again = io.read_events(tmp_path / "cer.dl1.h5")
    np.testing.assert_array_equal(again.image, events.image)
    for name in ("shower_id", "pointing_alt", "true_core_x", "true_fov_lon"):
        np.testing.assert_allclose(again.table[name], events.table[name], atol=1e-5)


def test_what_is_in_a_file(observation, simulation, gammaml):
    described = describe.describe(observation)
    assert described["array events"] == "8 (7 showers, 1 pedestals)"
    assert described["simulated"] == "no"
    assert describe.describe(simulation)["simulated"] == "yes"
    assert describe.tel_types(observation) == {}
    result = gammaml("info", observation)
    assert result.exit_code == 0
    assert "FACT photon stream" in result.output


@pytest.mark.parametrize("mapping", ["hexagonal", "resampled"])
def test_events_become_network_inputs(simulation, mapping):
    events = io.read_events(simulation)
    shape = parameters.shape(events.table)
    built = inputs.build_inputs(events.camera, shape, TrainSettings(mapping=mapping))
    image = built.build(*events.read_pixels(), shape)["image"]
    assert image.shape == (6, built.size, built.size, 2)
    assert np.isfinite(image).all()
    assert image.any(axis=(1, 2, 3)).all()


def test_images_of_simulated_gammas_point_to_their_cores(folder):
    """FACT's truth: the source is on the axis, so an image lies toward the core, seen from the telescope."""
    table = io.read_events(sorted(folder.glob("cer*"))).table
    core = np.stack([*(table[name].to_value("m") for name in CORE), np.zeros(len(table))], axis=1)
    angles = [table[name].to_value("deg") for name in ("pointing_alt", "pointing_az", "true_alt", "true_az")]
    toward = sky.ground_to_tilted(core, *angles)
    off = np.arctan2(table["hillas_fov_lat"].value, table["hillas_fov_lon"].value) - np.arctan2(*toward.T[::-1])
    bright = np.asarray(table["hillas_intensity"]) > 50
    assert bright.sum() > 30
    assert np.median(np.abs(np.rad2deg(np.angle(np.exp(1j * off)))[bright])) < 1.5
    assert table["true_fov_lon"].to_value("deg") == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "n_events", "night"),
    [
        ("real_20150307_016_100events_pass3.phs.jsonl.gz", 95, 20150307),
        ("real_20151001_011_pass3beta_100_events.jsonl.gz", 97, 20150716),
    ],
)
def test_observations(folder, name, n_events, night):
    events = io.read_events(folder / name)
    assert len(events) == n_events
    assert set(events.table["obs_id"] // 1000) == {night}
    assert np.isfinite(events.image).all()
    assert np.isfinite(events.peak_time).all()
    assert abs(np.median(events.image.mean(axis=1))) < 0.1  # p.e. of a faint shower over 1440 pixels


def test_simulated_muons(folder):
    """Rings of 0.9 degrees and more, a hundred of them, in a binary file."""
    events = io.read_events(folder / "muons_100sim.phs")
    assert len(events) == 100
    assert np.nanmedian(events.table["hillas_intensity"]) > 50
    assert not events.is_simulated  # the truth is in another file
