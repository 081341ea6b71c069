"""Productions: the same file however it was made, and what ctapipe and physics find in it."""

import json
import os
import resource
import signal
from dataclasses import replace

import astropy.units as u
import h5py
import numpy as np
import pytest
from astropy.table import QTable
from scipy import stats

from gammaml import cluster, io, sky
from gammaml.cluster import connected
from gammaml.errors import InputError, OutputError, SettingError
from gammaml.io.describe import describe
from gammaml.production import Card, Observation, cores, observe, produce, run, truth_path
from gammaml.production.block import Observatory, centre, draw_cores, draw_primary
from gammaml.production.gather import thrown
from gammaml.production.parts import Parts
from gammaml.production.record import vary
from gammaml.simulation import arrays

ZENITH, AZIMUTH, OFFSET = 25.0, 130.0, 0.5
POINTING = {"zenith": ZENITH, "azimuth": AZIMUTH}
# Three blocks of showers.
GAMMAS = Card("toy-3x3", "gamma", 41, 0.5, 3.0, offset=OFFSET, scatter=200.0, reuse=2, seed=1, **POINTING)
PROTONS = Card("toy-3x3", "proton", 41, 1.0, 6.0, viewcone=2.0, scatter=200.0, reuse=2, seed=1, **POINTING)


@pytest.fixture(scope="module")
def gammas(tmp_path_factory):
    path = tmp_path_factory.mktemp("gammas") / "gamma.dl1.h5"
    produce(GAMMAS, path, processes=1, show=False)
    return path


@pytest.fixture(scope="module")
def protons(tmp_path_factory):
    path = tmp_path_factory.mktemp("protons") / "proton.dl1.h5"
    produce(PROTONS, path, processes=1, show=False)
    return path


@pytest.fixture(scope="module")
def events(gammas):
    return io.read_events(gammas)


def content(path):
    """All tables and attributes of a file as bytes, but for the times and random numbers that name the file."""
    found = {}

    def visit(name, node):
        found[name] = node[:].tobytes() if isinstance(node, h5py.Dataset) else b""
        for key, value in node.attrs.items():
            found[f"{name}.{key}"] = np.asarray(value).tobytes()

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def assert_same_file(first, second):
    first, second = content(first), content(second)
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []


class Stopped:
    """Ctrl-C when some blocks have been kept; afterwards tells which blocks are made."""

    def __init__(self, monkeypatch, after):
        self.made, self.after, self.write = [], after, Parts.write
        monkeypatch.setattr(Parts, "write", lambda parts, block, images: self(parts, block, images))

    def __call__(self, parts, block, images):
        if len(self.made) == self.after:
            raise KeyboardInterrupt
        self.made.append(block)
        self.write(parts, block, images)


def test_processes_do_not_matter(gammas, tmp_path):
    path = tmp_path / "gamma.dl1.h5"
    counts = produce(GAMMAS, path, processes=2, show=False)
    assert_same_file(path, gammas)
    assert list(tmp_path.iterdir()) == [path]
    events = io.read_events(path)
    n_events = len(np.unique(events.table["event_id"]))
    assert counts == {"showers": 41, "events": n_events, "images": len(events)}


def test_an_interruption_does_not_matter(gammas, tmp_path, monkeypatch, capsys):
    path = tmp_path / "gamma.dl1.h5"
    stopped = Stopped(monkeypatch, after=2)
    with pytest.raises(KeyboardInterrupt):
        produce(GAMMAS, path, processes=1, show=False)
    assert not path.exists()
    first = tmp_path / "gamma.dl1.h5.parts" / "block_000000.npz"
    first.write_bytes(first.read_bytes()[:-1000])  # cut short, as after a power failure
    stopped.made, stopped.after = [], None
    produce(GAMMAS, path, processes=1)
    assert stopped.made == [0, 2]
    assert_same_file(path, gammas)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("gammas on toy-3x3: 41/41 showers, ")
    assert last.endswith(f"/s, 0:00 min left {len(np.unique(io.read_events(path).table['event_id']))} events")


@pytest.mark.parametrize("damage", ["data", "directory"])
def test_a_damaged_block_is_made_again(damage, tmp_path):
    parts = Parts(tmp_path / "a.h5", {})
    np.savez(parts.path(0), a=np.arange(1000))
    assert parts.missing(2) == [1]
    data = bytearray(parts.path(0).read_bytes())
    data[2000 if damage == "data" else data.rindex(b"PK\x01\x02")] ^= 0xFF
    parts.path(0).write_bytes(data)
    assert parts.missing(2) == [0, 1]


def test_a_killed_worker_leaves_what_can_go_on(gammas, tmp_path, monkeypatch):
    path = tmp_path / "gamma.dl1.h5"
    tell = cores._tell

    def kill(worker, message):
        tell(worker, message)
        if message == 2:
            os.kill(worker.pid, signal.SIGKILL)

    monkeypatch.setattr(cores, "_tell", kill)
    with pytest.raises(OutputError, match="a worker that was killed, expected all of them to finish; the same command"):
        produce(GAMMAS, path, processes=2, show=False)
    monkeypatch.undo()
    assert (tmp_path / "gamma.dl1.h5.parts" / "block_000000.npz").is_file()
    produce(GAMMAS, path, processes=1, show=False)
    assert_same_file(path, gammas)


def limited(size, function, *arguments, **settings):
    """Call a function on a disk that takes no file larger than `size`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(OutputError, match="room on the disk"):
            function(*arguments, **settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_full_disk(processes, gammas, tmp_path, monkeypatch):
    path = tmp_path / "gamma.dl1.h5"
    if processes == 2:  # the first block is made here; the disk shall be full for another process
        with monkeypatch.context() as patch:
            Stopped(patch, after=1)
            with pytest.raises(KeyboardInterrupt):
                produce(GAMMAS, path, processes=1, show=False)
        monkeypatch.setattr(cores, "FIRST", 0)
    limited(100_000, produce, GAMMAS, path, processes=processes, show=False)
    kept = {"production.json"} | ({"block_000000.npz"} if processes == 2 else set())
    assert {file.name for file in (tmp_path / "gamma.dl1.h5.parts").iterdir()} == kept


@pytest.mark.slow
def test_a_disk_that_fills_at_the_end(gammas, tmp_path, monkeypatch):
    path = tmp_path / "gamma.dl1.h5"
    with monkeypatch.context() as patch:
        patch.setattr("gammaml.production.gather.gather", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            produce(GAMMAS, path, processes=1, show=False)
    limited(100_000, produce, GAMMAS, path, processes=1, show=False)
    assert [file.name for file in tmp_path.iterdir()] == ["gamma.dl1.h5.parts"]
    monkeypatch.setattr("gammaml.events.MEMORY_LIMIT", 1000)  # the pixels of a large production lie in mapped files
    produce(GAMMAS, path, processes=1, show=False)
    assert_same_file(path, gammas)


def test_parts_of_another_card(tmp_path, monkeypatch):
    path = tmp_path / "gamma.dl1.h5"
    Stopped(monkeypatch, after=0)
    for card, error in ((GAMMAS, KeyboardInterrupt), (PROTONS, OutputError)):
        with pytest.raises(error):
            produce(card, path, processes=1, show=False)
    with pytest.raises(OutputError, match="parts of another production, expected parts of this one; remove the folder"):
        produce(PROTONS, path, processes=1, show=False)


def test_what_exists_is_refused_at_once(gammas, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "Observatory", lambda *_: 1 / 0)
    with pytest.raises(OutputError, match="exists"):
        produce(GAMMAS, gammas)
    with pytest.raises(OutputError, match="a folder that can be written"):
        produce(GAMMAS, tmp_path / "nowhere" / "a.h5")
    with pytest.raises(SettingError, match="processes: got 0"):
        produce(GAMMAS, tmp_path / "a.h5", processes=0)
    assert not list(tmp_path.iterdir())


def test_no_event(tmp_path):
    card = Card("toy-3x3", "gamma", 2, 0.01, 0.01, scatter=2000.0, reuse=1)
    with pytest.raises(InputError, match="got no event of 2 showers that triggered"):
        produce(card, tmp_path / "a.h5", processes=1, show=False)


def test_truth_and_pointing(events):
    table = events.table
    np.testing.assert_allclose(table["pointing_alt"].to_value(u.deg), 90 - ZENITH)
    np.testing.assert_allclose(table["pointing_az"].to_value(u.deg), AZIMUTH)
    np.testing.assert_allclose(table["true_fov_lon"].to_value(u.deg), 0, atol=1e-9)
    np.testing.assert_allclose(table["true_fov_lat"].to_value(u.deg), OFFSET)
    assert set(table["true_shower_primary_id"]) == {0}
    assert table["true_shower_primary_id"].dtype.kind == "i"
    energy = table["true_energy"].to_value(u.TeV)
    assert ((energy >= 0.5) & (energy <= 5)).all()
    assert (np.hypot(table["true_core_x"], table["true_core_y"]) <= 200 * u.m).all()
    assert set(table["obs_id"]) == {101}  # seed 1, first kind of primary
    assert (np.diff(table["time"][np.unique(table["event_id"], return_index=True)[1]].mjd) > 0).all()
    # A shower of 1 TeV is largest after 300 g/cm2 or so (simple cascade: X0 ln(E/Ec), 37 and 85 MeV).
    assert np.median(table["true_x_max"]).value == pytest.approx(36.7 * np.log(1.5e6 / 85), rel=0.15)


def test_images_point_to_the_source(events):
    """All signs from shower to camera: the source lies on the major axes, the light toward the core."""
    table = events.table
    bright = (table["hillas_intensity"] > 300) & (table["leakage_intensity_width_1"] < 0.1)
    bright &= table["hillas_width"] < 0.6 * table["hillas_length"]
    table = table[bright]
    assert len(table) > 150
    lon, lat, psi = (table[f"hillas_{name}"].to_value(u.deg) for name in ("fov_lon", "fov_lat", "psi"))
    psi = np.deg2rad(psi)
    miss = (lon - 0) * np.sin(psi) - (lat - OFFSET) * np.cos(psi)
    assert np.median(np.abs(miss)) < 0.06  # 0.4 of a pixel
    assert abs(np.median(miss)) < 0.02
    # Seen from a telescope the shower stands above the core: along rising azimuth and rising altitude.
    tel = {each.tel_id: each.position for each in events.subarray.telescopes}
    place = np.array([tel[i] for i in table["tel_id"]])
    north = table["true_core_x"].to_value(u.m) - place[:, 0]
    west = table["true_core_y"].to_value(u.m) - place[:, 1]
    azimuth, altitude = np.deg2rad(AZIMUTH), np.deg2rad(90 - ZENITH)
    along_azimuth = -north * np.sin(azimuth) - west * np.cos(azimuth)
    along_altitude = (-north * np.cos(azimuth) + west * np.sin(azimuth)) * np.sin(altitude)
    assert np.corrcoef(lon, along_azimuth)[0, 1] > 0.8
    assert np.corrcoef(lat - OFFSET, along_altitude)[0, 1] > 0.8
    # Most light comes from 5 to 15 km away, so that 100 m are 0.4 to 1.1 degrees.
    distance = (along_azimuth @ along_azimuth) / (along_azimuth @ np.deg2rad(lon))
    assert 5e3 < distance < 15e3


def test_true_images(gammas, events):
    with h5py.File(gammas) as file:
        for tel_id in (1, 5):
            own = np.flatnonzero(np.asarray(events.table["tel_id"]) == tel_id)
            true = file[f"simulation/event/telescope/images/tel_{tel_id:03d}"][:]
            np.testing.assert_array_equal(true["event_id"], events.table["event_id"][own])
            np.testing.assert_array_equal(true["true_image_sum"], true["true_image"].sum(axis=1))
            image = events.read_pixels(own)[0]
            bright = true["true_image"] > 50
            # The charges have no bias: the night sky's mean is taken off, crosstalk and the window corrected for.
            assert (image[bright] / true["true_image"][bright]).mean() == pytest.approx(1, abs=0.04)


def test_primaries_are_drawn_as_the_card_says():
    card = Card(
        "toy-3x3", "proton", energy_min=0.1, energy_max=100.0, index=-2.0, viewcone=5.0, offset=-1.0, **POINTING
    )
    draw = np.random.default_rng(0)
    primaries = [draw_primary(card, draw) for _ in range(2000)]
    energy = np.array([each.energy.to_value(u.TeV) for each in primaries])
    # dN/dE ~ E^-2: 1/E is even
    assert stats.kstest(1 / energy, stats.uniform(0.01, 9.99).cdf).pvalue > 0.001
    flat = [draw_primary(Card("toy-3x3", index=-1.0), draw).energy.to_value(u.TeV) for _ in range(500)]
    assert stats.kstest(np.log10(flat), stats.uniform(np.log10(0.05), 3).cdf).pvalue > 0.001
    alt = np.array([90 - each.zenith.to_value(u.deg) for each in primaries])
    az = np.array([each.azimuth.to_value(u.deg) for each in primaries])
    distance = sky.angular_separation(alt, az, 90 - ZENITH - 1, AZIMUTH)
    # Even on the sphere: the cosine is
    edge = np.cos(np.deg2rad(5))
    assert stats.kstest(np.cos(np.deg2rad(distance)), stats.uniform(edge, 1 - edge).cdf).pvalue > 0.001
    assert distance.max() <= 5 + 1e-9
    cores = draw_cores(Card("toy-3x3", scatter=100.0, reuse=100), draw)
    assert stats.kstest((cores**2).sum(axis=1), stats.uniform(0, 1e4).cdf).pvalue > 0.001


def test_a_source_beyond_the_zenith():
    assert centre(Card("toy-3x3", zenith=0.0, azimuth=180.0, offset=1.0)) == pytest.approx((89, 0))
    assert centre(Card("toy-3x3", zenith=20.0, azimuth=-90.0, offset=-0.5)) == pytest.approx((69.5, 270))


def test_what_was_thrown(gammas, protons):
    row = thrown(PROTONS)[0]
    assert row["obs_id"] == 105  # the fifth kind of primary
    stored = io.read_events(gammas).simulation[0]
    assert (stored["n_showers"], stored["shower_reuse"], stored["spectral_index"]) == (41, 2, -2)
    assert stored["max_alt"].to_value(u.deg) == pytest.approx(90 - ZENITH + OFFSET)
    assert stored["max_scatter_range"] == 200 * u.m
    assert io.read_events(protons).simulation["max_viewcone_radius"][0] == 2 * u.deg


def test_a_darker_sky_has_less_noise(tmp_path):
    noise = []
    for rate in (0.1, 0.8):
        card = Card("toy-3x3", "gamma", 2, 1.0, 2.0, scatter=100.0, reuse=2, night_sky=rate)
        produce(card, tmp_path / f"{rate}.h5", processes=1, show=False)
        events = io.read_events(tmp_path / f"{rate}.h5")
        noise.append(np.median([np.percentile(image, 40) - np.percentile(image, 10) for image in events.image]))
    assert noise[1] > 1.8 * noise[0]  # as the square root of the rate, less what the electronics add to both


@pytest.mark.slow
def test_varied_conditions_are_the_same_on_any_number_of_processes_and_differ_from_none(gammas, tmp_path):
    assert GAMMAS.vary == 0
    varied = replace(GAMMAS, vary=0.3)
    for n in (1, 2):
        produce(varied, tmp_path / f"{n}.h5", processes=n, show=False)
    assert_same_file(tmp_path / "1.h5", tmp_path / "2.h5")
    assert io.read_events(tmp_path / "1.h5").image.tobytes() != io.read_events(gammas).image.tobytes()


def test_varied_telescopes_have_each_their_sky_light_optics_and_pulse():
    observatory = Observatory(replace(GAMMAS, vary=0.4), arrays.array("toy-3x3"))
    nominal = observatory.eyes[0]
    draw = np.random.default_rng(1)
    eyes = [vary(nominal, draw, 0.4) for _ in range(400)]
    for found in (
        [eye.camera.night_sky / nominal.camera.night_sky for eye in eyes],
        [eye.kind.psf / nominal.kind.psf for eye in eyes],
        [eye.share * 1.4 for eye in eyes],
        [nominal.camera.pulse.max() / eye.camera.pulse.max() for eye in eyes],
    ):
        assert 0.59 < min(found) < 0.65
        assert 1.35 < max(found) < 1.41
        assert np.mean(found) == pytest.approx(1, abs=0.04)


def test_two_kinds_of_telescopes(tmp_path):
    path = tmp_path / "both.dl1.h5"
    card = Card("ctao-north-alpha", "gamma", 2, 2.0, 5.0, scatter=100.0, reuse=1)
    counts = produce(card, path, processes=1, show=False)
    cameras = io.read_cameras(path)
    assert len(cameras) == 2
    assert sum(map(len, cameras)) == counts["images"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"primary": "neutrino"}, "primary: got 'neutrino', expected one of gamma, electron"),
        ({"showers": 0}, "showers: got 0, expected 1 to 1e9"),
        ({"showers": 1e3}, "showers: got 1000.0, expected a value of type int"),
        ({"energy_min": 0.0}, "energy_min: got 0.0"),
        ({"energy_min": 2.0, "energy_max": 1.0}, "energy_max: got 1.0, expected at least energy_min"),
        ({"energy_max": float("nan")}, "energy_max: got nan"),
        ({"zenith": 59.0, "viewcone": 2.0}, "zenith: got 59.0, expected 0 to 60 degrees, viewcone and offset"),
        ({"reuse": 101}, "reuse: got 101, expected 1 to 100"),
        ({"night_sky": float("nan")}, "night_sky: got nan"),
        ({"vary": 1.0}, "vary: got 1.0, expected 0 to 0.9"),
        ({"seed": -1}, "seed: got -1"),
    ],
)
def test_impossible_cards(settings, said):
    with pytest.raises(SettingError) as error:
        Card("toy-3x3", **settings)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"energy_max": 1e6}, "energy of the gamma: got 1e+06 TeV, expected at most"),
        ({"primary": "iron", "energy_min": 0.05}, "energy of the iron: got 0.05 TeV, expected more than its mass"),
        ({"array": "toy-4x4"}, "array: got 'toy-4x4', expected one of"),
    ],
)
def test_what_no_shower_can_have_is_refused_at_once(settings, said, tmp_path):
    with pytest.raises(SettingError) as error:
        produce(Card(**({"array": "toy-3x3"} | settings)), tmp_path / "a.h5", show=False)
    assert str(error.value).startswith(said)
    assert not list(tmp_path.iterdir())


def test_ctapipe_reads_it(gammas, events):
    from ctapipe.io import EventSource, TableLoader

    with TableLoader(gammas) as loader:
        table = loader.read_telescope_events(dl1_images=True, dl1_parameters=True, simulated=True, true_images=True)
        assert loader.subarray.tel[5].optics.equivalent_focal_length == 16 * u.m
    np.testing.assert_array_equal(table["image"], events.image)
    np.testing.assert_array_equal(table["true_energy"].quantity, events.table["true_energy"])
    assert table["true_shower_primary_id"].dtype.kind == "i"
    with EventSource(gammas) as source:
        shower_events = list(source)
        assert source.simulation_config[101].spectral_index == -2
    assert len(shower_events) == len(np.unique(events.table["event_id"]))
    first = shower_events[0]
    assert first.simulation.shower.alt.to_value(u.deg) == pytest.approx(90 - ZENITH + OFFSET)
    tel_id, image = next(iter(first.dl1.tel.items()))
    np.testing.assert_array_equal(image.image, events.image[0])
    assert first.simulation.tel[tel_id].true_image.sum() == first.simulation.tel[tel_id].true_image_sum > 20


@pytest.fixture(scope="module")
def reconstructed(gammas):
    """The gammas with ctapipe's own image parameters and geometry."""
    return processed(gammas)


def processed(path):
    from ctapipe.core import run_tool
    from ctapipe.tools.process import ProcessorTool

    product = path.with_name(path.name.replace(".dl1.", ".dl2."))
    options = [f"--input={path}", f"--output={product}", "--write-showers"]
    assert run_tool(ProcessorTool(), options, raises=True) == 0
    return product


def test_ctapipe_reconstructs_the_source(reconstructed):
    """Hillas axes of ctapipe meet at the simulated direction, and its planes at the simulated core."""
    table = io.read_dl2(reconstructed, reconstructor="HillasReconstructor")
    table = table[np.isfinite(table["reco_alt"])]
    directions = [table[name].to_value(u.deg) for name in ("reco_alt", "reco_az", "true_alt", "true_az")]
    assert np.median(sky.angular_separation(*directions)) < 0.12
    with h5py.File(reconstructed) as file:
        stored = file["dl2/event/subarray/geometry/HillasReconstructor"][:]
        shower = file["simulation/event/subarray/shower"][:]
    np.testing.assert_array_equal(stored["event_id"], shower["event_id"])
    miss = [stored[f"HillasReconstructor_core_{axis}"] - shower[f"true_core_{axis}"] for axis in "xy"]
    assert np.nanmedian(np.hypot(*miss)) < 20


def test_ctapipe_merges_gammas_and_protons(gammas, protons, tmp_path):
    from ctapipe.core import run_tool
    from ctapipe.tools.merge import MergeTool

    both = tmp_path / "both.dl1.h5"
    assert run_tool(MergeTool(), [str(gammas), str(protons), f"--output={both}"], raises=True) == 0
    events = io.read_events(both)
    assert len(events) == sum(len(io.read_events(path)) for path in (gammas, protons))
    assert set(events.table["true_shower_primary_id"]) == {0, 101}


FOREST = {"n_estimators": 20}
FEATURES = ["hillas_intensity", "hillas_width", "hillas_length", "concentration_cog"]
MODELS = {
    "energy_regressor": {"model_cls": "RandomForestRegressor", "model_config": FOREST, "log_target": True},
    "particle_classifier": {"model_cls": "RandomForestClassifier", "model_config": FOREST},
    "disp_reconstructor": {
        "norm_cls": "RandomForestRegressor",
        "norm_config": FOREST,
        "sign_cls": "RandomForestClassifier",
        "sign_config": FOREST,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_ctapipe_trains_its_models(kind, reconstructed, protons, tmp_path):
    from importlib import import_module

    from ctapipe.core import run_tool

    model_class = "".join(map(str.capitalize, kind.split("_")))
    tool = getattr(import_module(f"ctapipe.tools.train_{kind}"), f"Train{model_class}")
    config, model = tmp_path / "config.json", tmp_path / "model.pkl"
    config.write_text(json.dumps({f"Train{model_class}": {model_class: MODELS[kind] | {"features": FEATURES}}}))
    inputs = [f"--input={reconstructed}"]
    if kind == "particle_classifier":
        inputs = [f"--signal={reconstructed}", f"--background={processed(protons)}"]
    options = [*inputs, f"--output={model}", f"--config={config}", "--CrossValidator.n_cross_validations=2"]
    assert run_tool(tool(), options, raises=True) == 0
    assert model.stat().st_size > 1000


BRIGHT = {"minutes": 0.02, "gamma_flux": 1.3e-8, "proton_flux": 6e-6}  # takes about half of the simulated events


def test_an_observation(gammas, protons, tmp_path):
    path = tmp_path / "run.dl1.h5"
    settings = Observation(**BRIGHT, ra=300.0, dec=-30.0, seed=2, obs_id=7)
    truth = observe(gammas, protons, path, settings)
    events = io.read_events(path)
    assert truth_path(path) == tmp_path / "run.truth.ecsv"
    stored = QTable.read(truth_path(path), format="ascii.ecsv")
    np.testing.assert_array_equal(stored["true_energy"], truth["true_energy"])
    assert stored.meta["observation"]["gamma_flux"] == 1.3e-8
    assert not events.is_simulated
    assert events.simulation is None
    assert set(events.table["obs_id"]) == {7}
    assert list(truth["event_id"]) == list(range(1, len(truth) + 1)) == list(np.unique(events.table["event_id"]))
    seconds = (truth["time"] - truth["time"][0]).to_value(u.s)
    assert (np.diff(seconds) > 0).all()
    assert seconds[-1] < 1.2
    is_gamma = truth["true_shower_primary_id"] == 0
    assert is_gamma.sum() > 5
    assert (~is_gamma).sum() > 5
    assert np.diff(is_gamma.astype(int)).any()
    # Each event has the images of the simulated event that the truth names.
    by_run = {101: io.read_events(gammas), 105: io.read_events(protons)}
    for row in truth[:: len(truth) // 5]:
        before = by_run[row["simulated_obs_id"]]
        old = np.asarray(before.table["event_id"]) == row["simulated_event_id"]
        new = np.asarray(events.table["event_id"]) == row["event_id"]
        np.testing.assert_array_equal(events.image[new], before.image[old])
        np.testing.assert_array_equal(events.table["tel_id"][new], before.table["tel_id"][old])
        assert before.table["true_energy"][old][0] == row["true_energy"]
    assert len({(row["simulated_obs_id"], row["simulated_event_id"]) for row in truth}) == len(truth)
    np.testing.assert_allclose(events.table["pointing_az"].to_value(u.deg), AZIMUTH)
    # The source is at a higher altitude than the pointing, so further north.
    np.testing.assert_allclose(events.table["pointing_ra"].to_value(u.deg), 300)
    np.testing.assert_allclose(events.table["pointing_dec"].to_value(u.deg), -30 - OFFSET)


def test_ctapipe_reads_an_observation(gammas, protons, tmp_path):
    from ctapipe.io import EventSource

    truth = observe(gammas, protons, tmp_path / "run.dl1.h5", Observation(**BRIGHT))
    with EventSource(tmp_path / "run.dl1.h5") as source:
        assert not source.is_simulation
        assert [event.index.event_id for event in source] == list(truth["event_id"])


def test_spectra_of_an_observation(gammas, protons, tmp_path):
    """Each event is taken with the probability that flux and area give it: as many as expected, of their spectrum."""
    settings = {"minutes": 0.02, "gamma_flux": 3e-9, "proton_flux": 5e-6, "proton_index": -3.0}
    numbers, energy = [], []
    for seed in range(6):
        truth = observe(gammas, protons, tmp_path / f"{seed}.h5", Observation(**settings, seed=seed))
        is_gamma = truth["true_shower_primary_id"] == 0
        numbers.append(is_gamma.sum())
        energy.append(truth["true_energy"][~is_gamma].to_value(u.TeV))
    before = {name: _by_event(path) for name, path in (("gamma", gammas), ("proton", protons))}
    area = np.pi * 200**2 * 1e4  # cm2
    thrown = 41 * 2 / (1 / 0.5 - 1 / 3)  # per TeV, at 1 TeV, of E^-2
    expected = (3e-9 * area * 1.2 / thrown * before["gamma"] ** (2 - 2.62)).sum()
    assert np.mean(numbers) == pytest.approx(expected, abs=4 * np.sqrt(expected / 6))
    energy = np.concatenate(energy)
    expected = np.average(np.log(before["proton"]), weights=1 / before["proton"])
    assert np.mean(np.log(energy)) == pytest.approx(expected, abs=4 * np.std(np.log(energy)) / np.sqrt(len(energy)))
    assert expected < np.log(before["proton"]).mean() - 0.1


def _by_event(path):
    """True energy of each array event, TeV."""
    table = io.read_events(path).table
    return table["true_energy"][np.unique(table["event_id"], return_index=True)[1]].to_value(u.TeV)


def test_impossible_observations(gammas, protons, tmp_path):
    path = tmp_path / "run.h5"
    with pytest.raises(InputError, match=r"showers for .* min of that flux, expected for 60 min; simulate .* times"):
        observe(gammas, protons, path, Observation(60.0))
    with pytest.raises(SettingError, match="minutes: got 0"):
        Observation(minutes=0)
    elsewhere = Card("toy-3x3", "proton", 2, 2.0, 5.0, scatter=100.0, reuse=1)
    produce(elsewhere, tmp_path / "elsewhere.h5", processes=1, show=False)
    with pytest.raises(InputError, match="another pointing, expected altitude 65 deg"):
        observe(gammas, tmp_path / "elsewhere.h5", path, Observation())
    with pytest.raises(InputError, match="no run of hadrons"):
        observe(gammas, gammas, path, Observation(1e-4))
    with pytest.raises(InputError, match="gammas from places up to"):
        observe(protons, protons, path, Observation(1e-4))
    (tmp_path / "run.truth.ecsv").touch()
    with pytest.raises(OutputError, match="exists"):
        observe(gammas, protons, path, Observation())
    assert not path.exists()


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    settings = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as made, distributed.Client(made) as client:
        yield client


def test_a_cluster_makes_the_same_file(client, gammas, tmp_path):
    path = tmp_path / "gamma.dl1.h5"
    produce(GAMMAS, path, client=client, show=False)
    assert_same_file(path, gammas)


def test_the_command_finds_the_cluster(client, gammaml, tmp_path):
    small = ("--showers", 2, "--energy", "2,3", "--scatter", 100, "--reuse", 2, "-o", tmp_path / "a.h5")
    result = gammaml("simulate", "toy-3x3", *small, "--scheduler", client.scheduler.address)
    assert result.exit_code == 0, result.stderr
    assert len(io.read_events(tmp_path / "a.h5")) > 0


def test_a_cluster_with_another_version(client, tmp_path, monkeypatch):
    monkeypatch.setattr("gammaml.production.cluster.versions", lambda _: {"gammaml": "0.0", "hadronic table": "x"})
    with pytest.raises(InputError, match=r"worker's gammaml: .* expected 0\.0; install the same"):
        produce(GAMMAS, tmp_path / "a.h5", client=client, show=False)


def test_nobody_at_the_address(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(SettingError, match="expected the address of a dask scheduler"), connected("tcp://127.0.0.1:9"):
        pass
    with connected(None) as nobody:
        assert nobody is None


@pytest.mark.slow
def test_memory_does_not_grow_with_the_production(tmp_path):
    """The pixels of a large production go to a mapped file; the rest is a few hundred bytes an image."""
    import subprocess
    import sys

    code = """
import resource, sys
from gammaml.production import Card, produce
card = Card("toy-3x3", "gamma", int(sys.argv[1]), 1.0, 5.0, scatter=150.0, reuse=10)
produce(card, sys.argv[2], processes=1, show=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    peaks = []
    for showers in (20, 200):
        arguments = [sys.executable, "-c", code, str(showers), str(tmp_path / f"{showers}.h5")]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout))
    assert peaks[1] < peaks[0] + 700


def test_the_file_says_what_made_it(tmp_path):
    card = Card("toy-3x3", "gamma", 5, 0.5, 5.0, scatter=150.0, reuse=2, seed=3)
    path = tmp_path / "gamma.dl1.h5"
    produce(card, path, processes=1, show=False)
    said = describe(path)
    assert said["production"] == "5 showers on toy-3x3, seed 3"
    assert "fast simulation" in said["simulated by"]
    assert "SIBYLL 2.3d" in said["simulated by"]
