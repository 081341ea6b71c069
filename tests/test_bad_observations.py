"""Observations and simulations with a fault: one clear line, or a warning where a result is still right."""

import json
import shutil
import warnings
from dataclasses import replace

import astropy.units as u
import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filters)
import numpy as np
import pytest
from astropy.time import Time
from made_events import hexagonal_camera, made_events
from test_bad_input import QUICKLY, emptied, refusal, truncated, unchanged
from test_conditions import observed, with_noise

from gammaml import conditions, io, train
from gammaml.errors import InputError, RangeWarning
from gammaml.events import concatenate
from gammaml.io.checks import label_conflict
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.tables import ORIGIN

IMAGES, PARAMETERS, TRIGGER = (
    "dl1/event/telescope/images",
    "dl1/event/telescope/parameters",
    "dl1/event/subarray/trigger",
)


@pytest.fixture
def observation(tmp_path):
    """The events of an observation, and a function that writes some to a file."""

    def write(events, name="observed.dl1.h5"):
        write_dl1(events, tmp_path / name)
        return tmp_path / name

    return observed(made_events(10, primary=101)), write


def commands(path, trained, folder):
    """Those that read a file of images."""
    return (
        ("check", path, "--bundle", trained),
        ("predict", path, "--energy", trained, "-o", folder / "x.dl2.h5"),
        ("convert", path, "-o", folder / "x.dl1.h5"),
    )


def test_a_truncated_or_empty_observation(gammaml, trained, observation, tmp_path):
    events, write = observation
    for damage, said in ((truncated, "damaged file"), (emptied, "zero events")):
        path = write(events, f"{damage.__name__}.dl1.h5")
        if damage is emptied:
            with h5py.File(path, "r+") as file:
                file["dl1/event"].visititems(lambda _, n: n.resize((0,)) if isinstance(n, h5py.Dataset) else None)
        else:
            damage(path)
        with unchanged(tmp_path):
            for command in commands(path, trained, tmp_path):
                assert said in refusal(gammaml(*command))


def test_a_truncated_dl2_file_is_no_dl3(gammaml, trained, observation, tmp_path):
    events, write = observation
    dl2 = tmp_path / "x.dl2.h5"
    assert gammaml("predict", write(events), "--energy", trained, "-o", dl2).exit_code == 0
    truncated(dl2)
    assert "x.dl2.h5" in refusal(gammaml("dl3", dl2, "--irf", tmp_path / "none.fits", "-o", tmp_path / "dl3"))


def test_an_observation_of_another_telescope(gammaml, trained, tmp_path):
    path = tmp_path / "other.dl1.h5"
    write_dl1(observed(made_events(5, camera=hexagonal_camera(rings=8, name="OtherCam"))), path)
    for command in (
        ("check", path, "--bundle", trained),
        ("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5"),
    ):
        assert "OtherCam" in refusal(gammaml(*command))


def repeat_ids(path):
    """Give the fourth event the number of the third."""
    with h5py.File(path, "r+") as file:
        for table in (*file[IMAGES].values(), *file[PARAMETERS].values(), file[TRIGGER]):
            rows = table[:]
            rows["event_id"][rows["event_id"] == 101] = 100
            table[:] = rows


def test_event_ids_that_repeat_in_a_file(gammaml, trained, observation, tmp_path):
    events, write = observation
    path = write(events)
    repeat_ids(path)
    with unchanged(tmp_path):
        for command in commands(path, trained, tmp_path):
            assert "obs_id 1, event_id 100, expected each once" in refusal(gammaml(*command))


def test_event_ids_that_repeat_across_runs(gammaml, observation, tmp_path):
    events, write = observation
    files = write(events), write(observed(made_events(10, primary=101, seed=1)), "second.dl1.h5")
    line = refusal(gammaml("convert", *files, "-o", tmp_path / "x.dl1.h5"))
    assert "got rows with the same obs_id, event_id, tel_id, expected keys that name one event" in line
    line = refusal(gammaml("train", "energy", files[0], files[0], "-o", tmp_path / "x.gammaml", *QUICKLY))
    assert "obs_id 1, event_id 0, tel_id 1, expected each once" in line
    with pytest.raises(InputError, match="each once"):
        io.read_events(files)


def test_a_simulation_that_is_given_twice(gammaml, dl1_files, tmp_path):
    twice = (dl1_files["gamma"], dl1_files["gamma"])
    assert "each once" in refusal(gammaml("train", "energy", *twice, "-o", tmp_path / "x.gammaml", *QUICKLY))


def test_time_that_goes_backwards(gammaml, trained, observation, tmp_path):
    events, write = observation
    time = events.table["time"].mjd.copy()
    time[np.asarray(events.table["event_id"]) == 300] -= 0.01
    events.table["time"] = Time(time, format="mjd", scale="tai")
    result = gammaml("predict", write(events), "--energy", trained, "-o", tmp_path / "x.dl2.h5")
    assert result.exit_code == 0, result.stderr
    assert "time goes backwards 1 times, first by" in result.stderr
    assert "after event 201 of run 1" in result.stderr


def test_time_that_goes_on_is_not_warned_of(observation, recwarn):
    events, write = observation
    io.read_events(write(events))
    assert not len(recwarn)


def test_a_pointing_that_is_missing(gammaml, trained, observation, tmp_path):
    events, write = observation
    path = write(events)
    with h5py.File(path, "r+") as file:
        del file["configuration/telescope/pointing"], file["configuration/observation"]
    assert "pointing" in gammaml("info", path).stdout
    result = gammaml("predict", path, "--energy", trained, "--direction", trained, "-o", tmp_path / "x.dl2.h5")
    assert result.exit_code == 0, result.stderr
    assert "40 of 40 images without a pointing" in result.stderr
    table = io.read_dl2(tmp_path / "x.dl2.h5", level="telescope")
    assert np.isfinite(table["reco_energy"]).all()
    checked = gammaml("check", path, "--bundle", trained)
    assert "zenith" in checked.stdout.splitlines()[-1]


def test_pixels_of_nan_count_as_broken(gammaml, trained, observation):
    events, write = observation
    events.pixels.image[:, ::10] = np.nan
    result = gammaml("check", write(events), "--bundle", trained)
    assert result.exit_code == 0, result.stderr
    assert "broken pixels 0.1 instead of 0" in result.stdout.splitlines()[-1]


def test_texts_that_are_not_utf8(gammaml, trained, observation, tmp_path):
    events, write = observation
    path, variable = write(events), h5py.h5t.C_S1.copy()
    variable.set_size(h5py.h5t.VARIABLE)
    variable.set_cset(h5py.h5t.CSET_UTF8)
    with h5py.File(path, "r+") as file:
        for name in ("CTA PRODUCT DATA MODEL VERSION", ORIGIN, "atmosphere"):
            file.attrs.pop(name, None)
            scalar = h5py.h5s.create(h5py.h5s.SCALAR)
            h5py.h5a.create(file.id, name.encode(), variable, scalar).write(np.array(b"v7.1.0 K\xfcche", dtype=object))
        file["configuration"].attrs["atmosphere"] = np.bytes_(b"Stra\xdfe")
    result = gammaml("info", path)
    assert result.exit_code == 0, result.stderr
    assert "v7.1.0 K\ufffdche" in result.stdout
    assert gammaml("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5").exit_code == 0


@pytest.mark.parametrize(
    ("name", "primaries", "wrong"),
    [
        ("proton_run7.dl1.h5", [0], True),
        ("gammas.simtel.zst", [101], True),
        ("gamma_run7.h5", [0], False),
        ("gamma_and_proton.h5", [0], False),
        ("run7.h5", [101], False),
        ("protonated.h5", [0], False),
    ],
)
def test_a_name_that_the_truth_contradicts(name, primaries, wrong):
    assert bool(label_conflict(name, primaries)) == wrong


def test_a_gamma_file_under_the_name_of_protons(gammaml, dl1_files, trained, tmp_path):
    path = shutil.copy(dl1_files["gamma"], tmp_path / "proton_run1.dl1.h5")
    said = "the name says proton, the simulated truth gamma; was it relabelled?"
    assert said in gammaml("info", path).stdout
    result = gammaml("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5")
    assert result.exit_code == 0
    assert said in " ".join(result.stderr.split())


def relabelled(path, copy):
    """A copy of a file of gammas whose truth says proton."""
    shutil.copy(path, copy)
    with h5py.File(copy, "r+") as file:
        shower = file["simulation/event/subarray/shower"]
        rows = shower[:]
        rows["true_shower_primary_id"] = 101
        shower[:] = rows
    return copy


def test_a_relabelled_file_beside_its_origin(gammaml, dl1_files, tmp_path):
    files = dl1_files["gamma"], relabelled(dl1_files["gamma"], tmp_path / "background.dl1.h5")
    with unchanged(tmp_path):
        line = refusal(gammaml("train", "gammaness", *files, "-o", tmp_path / "x.gammaml", *QUICKLY))
        assert "showers alike in true_energy" in line
        assert "leave out the relabelled file" in line
        assert "relabelled" in refusal(gammaml("convert", *files, "-o", tmp_path / "x.dl1.h5"))


def test_a_relabelled_production_of_our_own(gammaml, dl1_files, tmp_path):
    path = relabelled(dl1_files["gamma"], tmp_path / "background.dl1.h5")
    with h5py.File(path, "r+") as file:
        file.attrs[ORIGIN] = json.dumps({"gammaml": "0.1.0", "hadrons": "none", "card": {"primary": "gamma"}})
    line = refusal(gammaml("train", "energy", path, "-o", tmp_path / "x.gammaml", *QUICKLY))
    assert "got showers labelled proton, expected gamma, as it was simulated with" in line


def test_noise_that_gives_the_class_away_is_warned_of(gammaml, dl1_files, tmp_path):
    protons = tmp_path / "noisy.dl1.h5"
    write_dl1(with_noise(made_events(30, primary=101, obs_id=2), 1.0), protons)
    result = gammaml("train", "gammaness", dl1_files["gamma"], protons, "-o", tmp_path / "x.gammaml", *QUICKLY)
    assert result.exit_code == 0, result.stderr
    assert "a network can tell the classes by it" in result.stderr


def test_telescopes_that_give_the_class_away_are_warned_of(dl1_files, tmp_path):
    events = made_events(5, primary=101, obs_id=2)
    moved = [replace(each, optics=replace(each.optics, mirror_area=120.0)) for each in events.subarray.telescopes]
    events = replace(events, subarray=replace(events.subarray, telescopes=tuple(moved)))
    write_dl1(events, tmp_path / "other.dl1.h5")
    with pytest.warns(UserWarning, match="events of different telescopes"):
        io.read_events([dl1_files["gamma"], tmp_path / "other.dl1.h5"])
    with pytest.warns(UserWarning, match="events of different telescopes"):
        concatenate([made_events(5), events])


def test_relabelled_showers_in_python(parts_of_events):
    training, validation, _ = parts_of_events
    table = training.table.copy()
    table["true_shower_primary_id"] = np.where(training.is_gamma, 101, table["true_shower_primary_id"])
    table["shower_id"] = table["shower_id"] + 5_000_000
    both = concatenate([training, replace(training, table=table)])
    with pytest.raises(InputError, match="one primary a shower"):
        train.fit("hillas_mlp", both, validation, task="gammaness", epochs=1)


def test_a_zenith_of_one_class_is_warned_of():
    gammas, protons = made_events(20), made_events(20, primary=101, obs_id=2)
    gammas.table["pointing_alt"] = gammas.table["pointing_alt"] - 20 * u.deg
    with pytest.warns(RangeWarning, match="zenith of MadeCam: 40 deg in gammas, 20 deg in hadrons"):
        conditions.warn_of_classes(conditions.measure(concatenate([gammas, protons])))


def test_files_without_fault_are_read_without_a_word(dl1_files):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        io.read_events(list(dl1_files.values()))
