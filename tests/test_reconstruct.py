"""Files reconstructed in parts, and on a cluster: the same as at once and here."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from made_events import hexagonal_camera, made_events, made_subarray

from gammaml import bundle, io, reconstruct
from gammaml.errors import InputError, RangeWarning
from gammaml.events import Subarray
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.dl2 import read_dl2
from gammaml.io.formats import read_parts
from gammaml.reconstruct import Choice


@pytest.fixture(scope="module")
def bundles(trained):
    return bundle.load_each(dict.fromkeys(("gammaness", "energy", "direction"), trained))


def assert_same_events(path, other):
    for level in ("telescope", "subarray"):
        tables = [read_dl2(each, level=level) for each in (path, other)]
        assert tables[0].colnames == tables[1].colnames
        for name in tables[0].colnames:
            one, two = (getattr(table[name], "mjd", table[name]) for table in tables)
            np.testing.assert_allclose(np.asarray(one), np.asarray(two), rtol=1e-4, atol=1e-4, err_msg=name)
    assert len(tables[0].meta["simulation"]) == len(tables[1].meta["simulation"]) == 1


@pytest.mark.parametrize("moving", [False, True])
def test_parts_make_the_same_file(bundles, tmp_path, monkeypatch, moving):
    """Also where a telescope stands still in one part and moves in the next."""
    events = made_events(15)
    if moving:
        late = np.asarray(events.table["event_id"]) > 1000
        events.table["pointing_az"] += np.where(late, 3e-3 * np.asarray(events.table["event_id"]), 0) * (
            events.table["pointing_az"].unit
        )
    write_dl1(events, tmp_path / "a.dl1.h5")
    reconstruct.to_file(tmp_path / "a.dl1.h5", tmp_path / "whole.dl2.h5", bundles, show=False)
    monkeypatch.setattr(reconstruct, "PART", 7)
    counted = reconstruct.to_file(tmp_path / "a.dl1.h5", tmp_path / "parts.dl2.h5", bundles, show=False)
    assert counted == len(events)
    assert_same_events(tmp_path / "parts.dl2.h5", tmp_path / "whole.dl2.h5")
    if moving:
        az = read_dl2(tmp_path / "parts.dl2.h5")["pointing_az"]
        assert np.ptp(az.value) > 1


def test_ctapipe_reads_what_was_written_in_parts(bundles, dl1_files, tmp_path, monkeypatch):
    from ctapipe.io import TableLoader

    monkeypatch.setattr(reconstruct, "PART", 16)
    path = tmp_path / "gamma.dl2.h5"
    reconstruct.to_file(dl1_files["gamma"], path, bundles, show=False)
    with TableLoader(path) as loader:
        table = loader.read_subarray_events(dl2=True, simulated=True)
        images = loader.read_telescope_events(dl2=True, dl1_parameters=True)
    assert (len(table), len(images)) == (60, 120)
    own = read_dl2(path)
    order = np.lexsort([table["event_id"], table["obs_id"]])
    np.testing.assert_allclose(np.asarray(table["GammamlEnergy_energy"])[order], own["reco_energy"].value, rtol=1e-6)


@pytest.mark.parametrize("n_events", [1, 7, 1000])
def test_parts_of_a_file_hold_each_event_once(dl1_files, n_events):
    whole = io.read_events(dl1_files["proton"])
    parts = [part for (part,) in read_parts(dl1_files["proton"], io.Selection(), n_events)]
    assert all(len(np.unique(part.table["event_id"])) <= n_events for part in parts)
    for name in ("event_id", "tel_id", "hillas_width", "true_energy", "pointing_alt"):
        joined = np.concatenate([np.asarray(part.table[name]) for part in parts])
        np.testing.assert_array_equal(joined, np.asarray(whole.table[name]))
    np.testing.assert_array_equal(np.concatenate([part.image for part in parts]), whole.image)


def test_images_in_another_order_than_the_events(tmp_path):
    """As in files that were merged: what belongs together is found by its keys."""
    import h5py

    path = tmp_path / "a.dl1.h5"
    write_dl1(made_events(10), path)
    with h5py.File(path, "r+") as file:
        trigger = file["dl1/event/subarray/trigger"]
        trigger[:] = np.random.default_rng(0).permutation(trigger[:])
    parts = list(read_parts(path, io.Selection(), 6))
    assert [len(part) for (part,) in parts] == [12, 12, 12, 4]
    for (part,) in parts:
        np.testing.assert_array_equal(np.bincount(np.unique(part.table["event_id"], return_inverse=True)[1]), 2)
        time = 60000 + np.asarray(part.table["event_id"]) / 86400
        np.testing.assert_allclose(part.table["time"].mjd, time, rtol=1e-12)


def test_a_warning_is_given_once_for_all_parts(bundles, tmp_path, monkeypatch):
    low = made_events(8, seed=1)
    low.table["pointing_alt"] -= 40 * low.table["pointing_alt"].unit
    write_dl1(low, tmp_path / "low.dl1.h5")
    monkeypatch.setattr(reconstruct, "PART", 4)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        reconstruct.to_file(tmp_path / "low.dl1.h5", tmp_path / "low.dl2.h5", bundles, show=False)
    texts = [str(each.message) for each in said if each.category is RangeWarning]
    assert sum(text.startswith("zenith") for text in texts) == 1


def test_a_bad_end_leaves_nothing(bundles, dl1_files, tmp_path, monkeypatch):
    """What goes wrong in a later part undoes the earlier ones."""
    monkeypatch.setattr(reconstruct, "PART", 16)
    good = reconstruct.read_parts

    def breaking(*arguments):
        yield next(good(*arguments))
        raise InputError("file", "damage", "none", "fetch it again")

    monkeypatch.setattr(reconstruct, "read_parts", breaking)
    with pytest.raises(InputError, match="damage"):
        reconstruct.to_file(dl1_files["gamma"], tmp_path / "a.dl2.h5", bundles, show=False)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def scheduler():
    distributed = pytest.importorskip("distributed")
    settings = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as made:
        yield made.scheduler_address


def test_a_cluster_reconstructs_many_files(gammaml, bundles, trained, dl1_files, scheduler, tmp_path):
    """One bad file does not stop the others, warnings come back, and --resume goes on."""
    low, bad, out = tmp_path / "low.dl1.h5", tmp_path / "bad.dl1.h5", tmp_path / "out"
    events = made_events(5, seed=1)
    events.table["pointing_alt"] -= 40 * events.table["pointing_alt"].unit
    write_dl1(events, low)
    bad.write_bytes(dl1_files["gamma"].read_bytes()[:5000])
    files = (dl1_files["gamma"], bad, low, dl1_files["proton"])
    networks = ("--gammaness", trained, "--energy", trained, "--direction", trained)
    command = ("predict", *files, *networks, "--output-dir", out, "--scheduler", scheduler)
    result = gammaml(*command)
    assert result.exit_code == 3, result.output
    assert sorted(result.stdout.splitlines()) == sorted(
        [
            f"{out / 'gamma.dl2.h5'}: 120 images",
            f"{out / 'low.dl2.h5'}: 20 images",
            f"{out / 'proton.dl2.h5'}: 120 images",
        ]
    )
    assert f"gammaml: {bad}: got a damaged file" in result.stderr
    assert "gammaml: warning: zenith: 20 of 20 values" in result.stderr
    assert result.stderr.splitlines()[-1] == f"gammaml: 1 of 4 files failed: {bad}"
    reconstruct.to_file(dl1_files["gamma"], tmp_path / "here.dl2.h5", bundles, show=False)
    assert_same_events(out / "gamma.dl2.h5", tmp_path / "here.dl2.h5")
    written = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert set(written) == {"gamma.dl2.h5", "low.dl2.h5", "proton.dl2.h5"}
    (out / "proton.dl2.h5").unlink()
    result = gammaml(*command, "--resume")
    assert result.exit_code == 3
    assert result.stderr.count("reconstructed before") == 2
    assert result.stdout == f"{out / 'proton.dl2.h5'}: 120 images\n"
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.name != "proton.dl2.h5"} == {
        name: when for name, when in written.items() if name != "proton.dl2.h5"
    }


def test_a_worker_with_another_version(dl1_files, trained, scheduler, tmp_path, monkeypatch):
    from distributed import Client

    monkeypatch.setattr(reconstruct, "__version__", "0.0")
    work = [(dl1_files["gamma"], tmp_path / "a.dl2.h5")]
    with Client(scheduler) as client, pytest.raises(InputError, match=r"expected 0\.0; install the same"):
        list(reconstruct.on_cluster(work, {"energy": trained}, Choice(), client))
    assert not list(tmp_path.iterdir())


def test_cameras_that_come_late_in_a_file(bundles, tmp_path, monkeypatch):
    """Several cameras are refused whichever part has them."""
    one, other = made_subarray(2), made_subarray(1, hexagonal_camera(rings=6, name="OtherCam"))
    stranger = replace(other.telescopes[0], tel_id=3)
    both = Subarray("both", one.reference_location, (*one.telescopes, stranger))
    known, foreign = made_events(5), made_events(5, n_telescopes=1, camera=stranger.camera, obs_id=2)
    foreign.table["tel_id"] = 3
    write_dl1([replace(known, subarray=both), replace(foreign, subarray=both)], tmp_path / "both.dl1.h5")
    monkeypatch.setattr(reconstruct, "PART", 4)
    assert reconstruct.to_file(tmp_path / "both.dl1.h5", tmp_path / "a.dl2.h5", bundles, show=False) == 20
    choice = Choice(io.Selection(tel_type="*"))
    with pytest.raises(InputError, match="OtherCam"):
        reconstruct.to_file(tmp_path / "both.dl1.h5", tmp_path / "b.dl2.h5", bundles, choice, show=False)
    assert not (tmp_path / "b.dl2.h5").exists()
