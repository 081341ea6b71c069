"""What users get wrong ends in one line and exit code 2, leaves no half file, and loses nothing."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
import zipfile
from contextlib import contextmanager

import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filters)
import numpy as np
import pytest
from made_events import hexagonal_camera, made_events

from gammaml import bundle
from gammaml.errors import InputError
from gammaml.io.bundle_file import CHECKSUMS
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.dl2 import read_dl2

IMAGES = "dl1/event/telescope/images"
QUICKLY = ("--network", "hillas_mlp", "--epochs", 1, "--split", "0.4,0.3,0.3")


def refusal(result):
    """The one line of a refused command; progress and warnings may stand before it."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    *before, line = result.stderr.splitlines()
    assert line.startswith("gammaml: ")
    assert not any(other.startswith("gammaml: ") for other in before if "warning" not in other)
    return line


@contextmanager
def unchanged(folder):
    """Check that nothing appears, vanishes or changes in a folder."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    yield
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.fixture
def gamma_copy(dl1_files, tmp_path):
    """A copy of the gamma file to break."""
    return shutil.copy(dl1_files["gamma"], tmp_path / "broken.dl1.h5")


def without_column(path, name):
    """Write the tables of images anew without one column."""
    with h5py.File(path, "r+") as file:
        for key in list(file[IMAGES]):
            rows = file[IMAGES][key][:]
            del file[IMAGES][key]
            kept = [column for column in rows.dtype.names if column != name]
            file[IMAGES].create_dataset(key, data=np.lib.recfunctions.repack_fields(rows[kept]))


def emptied(path):
    """Take every row out of every table of events."""
    with h5py.File(path, "r+") as file:
        for group in ("dl1/event", "simulation/event"):
            file[group].visititems(lambda _, node: node.resize((0,)) if isinstance(node, h5py.Dataset) else None)


def truncated(path):
    os.truncate(path, os.path.getsize(path) * 3 // 5)


def replaced_by_text(path):
    with open(path, "w") as file:
        file.write("not HDF5\n")


def foreign(path):
    with h5py.File(path, "w") as file:
        file["cats"] = np.arange(3)


def with_energy(path, value):
    with h5py.File(path, "r+") as file:
        shower = file["simulation/event/subarray/shower"]
        rows = shower[:]
        rows["true_energy"][5] = value
        shower[:] = rows


BROKEN = {
    "truncated": (truncated, "damaged file"),
    "text": (replaced_by_text, "no HDF5 signature"),
    "foreign": (foreign, "the groups cats"),
    "no image column": (lambda path: without_column(path, "image"), "image too"),
    "zero events": (emptied, "zero events"),
    "negative energy": (lambda path: with_energy(path, -1.0), "energy at or below zero"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file(kind, gamma_copy, dl1_files, trained, gammaml, tmp_path):
    damage, said = BROKEN[kind]
    damage(gamma_copy)
    with unchanged(tmp_path):
        for command in (
            ("train", "energy", dl1_files["gamma"], gamma_copy, "-o", tmp_path / "x.gammaml", *QUICKLY),
            ("predict", gamma_copy, "--energy", trained, "-o", tmp_path / "x.dl2.h5"),
            ("evaluate", gamma_copy, "-o", tmp_path / "figures"),
        ):
            line = refusal(gammaml(*command))
            assert "broken.dl1.h5" in line
            assert said in line or command[0] == "evaluate"


@pytest.mark.parametrize("damage", [truncated, replaced_by_text, foreign])
def test_info_on_a_broken_file(damage, gamma_copy, gammaml):
    damage(gamma_copy)
    assert "broken.dl1.h5" in refusal(gammaml("info", gamma_copy))


def test_a_file_that_is_not_there(gammaml, tmp_path):
    assert "none.h5: got no such file" in refusal(gammaml("info", tmp_path / "none.h5"))


def test_a_file_of_another_level(gammaml, dl1_files, trained, tmp_path):
    dl2 = tmp_path / "gamma.dl2.h5"
    gammaml("predict", dl1_files["gamma"], "--energy", trained, "-o", dl2)
    line = refusal(gammaml("train", "energy", dl2, "-o", tmp_path / "x.gammaml", *QUICKLY))
    assert "give the DL1 file of it" in line
    assert "no readable zip" in refusal(gammaml("predict", dl2, "--energy", dl2, "-o", tmp_path / "y.dl2.h5"))
    assert "gamma.dl1.h5" in refusal(gammaml("evaluate", dl1_files["gamma"], "-o", tmp_path / "figures"))


def test_one_class_only(gammaml, dl1_files, tmp_path):
    with unchanged(tmp_path):
        line = refusal(gammaml("train", "gammaness", dl1_files["gamma"], "-o", tmp_path / "x.gammaml", *QUICKLY))
    assert "0 usable hadron images" in line


def test_too_few_events(gammaml, dl1_files, tmp_path):
    few = ("--max-events", 8, *QUICKLY)
    line = refusal(gammaml("train", "energy", dl1_files["gamma"], "-o", tmp_path / "x.gammaml", *few))
    assert "usable gamma images" in line


def test_another_camera_than_the_networks(gammaml, trained, tmp_path):
    path = tmp_path / "other.dl1.h5"
    write_dl1(made_events(5, camera=hexagonal_camera(rings=8, name="OtherCam")), path)
    with unchanged(tmp_path):
        line = refusal(gammaml("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5"))
    assert "OtherCam (217 pixels)" in line
    assert "MadeCam (469 pixels)" in line


def test_of_many_files_the_one_of_another_camera_is_named(gammaml, dl1_files, trained, tmp_path):
    path = tmp_path / "other.dl1.h5"
    write_dl1(made_events(5, camera=hexagonal_camera(rings=8, name="OtherCam")), path)
    result = gammaml("predict", dl1_files["gamma"], path, "--energy", trained, "--output-dir", tmp_path / "dl2")
    assert result.exit_code == 3
    assert f"{path}: network inputs: got images of the camera OtherCam" in result.stderr
    assert [each.name for each in (tmp_path / "dl2").iterdir()] == ["gamma.dl2.h5"]


def test_several_cameras_and_none_chosen(gammaml, shared_data, tmp_path):
    path = shared_data / "dl1_ctapipe" / "proton_run202.dl1.h5"
    assert "tel_type" in refusal(gammaml("train", "energy", path, "-o", tmp_path / "x.gammaml"))


def file_with_pixels(path, change):
    """The gamma file with some pixels changed."""
    events = made_events(30)
    change(events.pixels.image, events.pixels.peak_time)
    write_dl1(events, path)
    return path


def test_single_images_of_nan_are_left_out(gammaml, trained, tmp_path):
    path = file_with_pixels(tmp_path / "nan.dl1.h5", lambda image, time: image[::10].fill(np.nan))
    result = gammaml("train", "energy", path, "-o", tmp_path / "x.gammaml", *QUICKLY)
    assert result.exit_code == 0, result.stderr
    assert "images without a finite charge are left out" in result.stderr
    metadata = bundle.load(tmp_path / "x.gammaml").metadata
    assert metadata["n_training"]["gamma"] + metadata["n_validation"] < 84
    result = gammaml("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5")
    assert result.exit_code == 0, result.stderr
    energy = read_dl2(tmp_path / "x.dl2.h5", level="telescope")["reco_energy"]
    assert np.isnan(energy).sum() == 12
    assert np.isfinite(read_dl2(tmp_path / "x.dl2.h5", level="subarray")["reco_energy"]).all()


def test_all_images_of_nan(gammaml, trained, tmp_path):
    path = file_with_pixels(tmp_path / "nan.dl1.h5", lambda image, time: image.fill(np.nan))
    with unchanged(tmp_path):
        line = refusal(gammaml("train", "energy", path, "-o", tmp_path / "x.gammaml", *QUICKLY))
        assert "0 usable gamma images" in line
        line = refusal(gammaml("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5"))
        assert "nan.dl1.h5" in line


def test_pixels_of_nan_are_repaired(gammaml, trained, tmp_path):
    def kill(image, time):
        image[:, ::50] = np.nan
        time[:, ::30] = np.nan

    path = file_with_pixels(tmp_path / "nan.dl1.h5", kill)
    assert gammaml("train", "energy", path, "-o", tmp_path / "x.gammaml", *QUICKLY).exit_code == 0
    assert gammaml("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5").exit_code == 0
    assert np.isfinite(bundle.load(tmp_path / "x.gammaml").metadata["history"][0]["val_loss"])
    assert np.isfinite(read_dl2(tmp_path / "x.dl2.h5", level="telescope")["reco_energy"]).all()


def rezipped(path, change, *, honest=False):
    """Write a bundle with changed members; `honest` mends the checksums too."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if honest:
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in members.items() if name != CHECKSUMS}
        members[CHECKSUMS] = "".join(f"{value}  {name}\n" for name, value in sums.items()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def change_metadata(**values):
    def change(members):
        members["metadata.json"] = json.dumps({**json.loads(members["metadata.json"]), **values}).encode()

    return change


def break_array(members):
    members["weights.npz"] = b"\x80\x04]\x94."  # a pickle


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (replaced_by_text, "no readable zip"),
        (truncated, "no readable zip"),
        (lambda path: rezipped(path, lambda members: members.pop("weights.npz")), "a zip with"),
        (lambda path: rezipped(path, lambda members: members.update(extra=b"x")), "a zip with"),
        (lambda path: rezipped(path, change_metadata(seed=1)), "a changed metadata.json"),
        (lambda path: rezipped(path, break_array), "a changed weights.npz"),
        (lambda path: rezipped(path, break_array, honest=True), "do not fit together"),
        (lambda path: rezipped(path, change_metadata(size=64, tasks=["mass"]), honest=True), "mass"),
        (lambda path: rezipped(path, change_metadata(format=99), honest=True), "format 99"),
        (lambda path: rezipped(path, lambda m: m.update({"metadata.json": b"[]"}), honest=True), "without a format"),
    ],
)
def test_what_is_no_bundle_or_was_tampered_with(damage, said, gammaml, dl1_files, trained, tmp_path):
    path = shutil.copy(trained, tmp_path / "bad.gammaml")
    damage(path)
    with unchanged(tmp_path):
        line = refusal(gammaml("predict", dl1_files["gamma"], "--energy", path, "-o", tmp_path / "x.dl2.h5"))
    assert said in line


def test_no_changed_byte_goes_unseen(trained, tmp_path):
    """Each of 300 single changed bytes is refused, or lies where the zip format does not care."""
    whole, rng = trained.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "bad.gammaml"
    good = bundle.load(trained)
    refused = 0
    for position in rng.integers(len(whole), size=300):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            loaded = bundle.load(path)
        except InputError:
            refused += 1
        else:
            weights = zip(loaded.model.get_weights(), good.model.get_weights(), strict=True)
            assert loaded.metadata == good.metadata
            assert all(np.array_equal(a, b) for a, b in weights)
    assert refused > 290


def test_a_network_for_another_task(gammaml, dl1_files, tmp_path):
    energy = tmp_path / "energy.gammaml"
    gammaml("train", "energy", dl1_files["gamma"], "-o", energy, *QUICKLY)
    with unchanged(tmp_path):
        line = refusal(gammaml("predict", dl1_files["gamma"], "--gammaness", energy, "-o", tmp_path / "x.dl2.h5"))
    assert "one that learnt energy" in line


def test_an_output_that_exists(gammaml, dl1_files, trained, tmp_path):
    outputs = {
        "x.gammaml": ("train", "energy", dl1_files["gamma"], "-o", tmp_path / "x.gammaml", *QUICKLY),
        "y.loss.pdf": ("train", "energy", dl1_files["gamma"], "-o", tmp_path / "y.gammaml", *QUICKLY),
        "x.dl2.h5": ("predict", dl1_files["gamma"], "--energy", trained, "-o", tmp_path / "x.dl2.h5"),
    }
    for name in outputs:
        (tmp_path / name).write_text("precious")
    with unchanged(tmp_path):
        for name, command in outputs.items():
            line = refusal(gammaml(*command))
            assert f"{name}: got a file that exists" in line
            assert "--overwrite" in line
    for command in outputs.values():
        assert gammaml(*command, "--overwrite").exit_code == 0
    assert not any((tmp_path / name).read_bytes() == b"precious" for name in outputs)


def test_a_report_that_exists(gammaml, dl1_files, trained, tmp_path):
    dl2 = tmp_path / "gamma.dl2.h5"
    gammaml("predict", dl1_files["gamma"], "--energy", trained, "-o", dl2)
    command = ("evaluate", dl2, "-o", tmp_path / "figures")
    assert gammaml(*command).exit_code == 0
    with unchanged(tmp_path):
        assert "existing folder" in refusal(gammaml(*command))
    assert gammaml(*command, "--overwrite").exit_code == 0


def test_a_folder_that_is_not_there(gammaml, dl1_files, tmp_path):
    output = tmp_path / "none" / "x.gammaml"
    line = refusal(gammaml("train", "energy", dl1_files["gamma"], "-o", output, *QUICKLY))
    assert "no such file or directory" in line
    assert "epoch" not in line


@pytest.fixture
def nobody():
    """Become a user without rights for a while, where that is possible."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


def test_a_file_that_may_not_be_read(gammaml, nobody):
    with tempfile.NamedTemporaryFile(suffix=".h5") as file:
        os.chmod(file.name, 0)
        assert f"{file.name}: got permission denied" in refusal(gammaml("info", file.name))


def test_a_folder_that_may_not_be_written(gammaml, nobody):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o500)
        line = refusal(gammaml("train", "energy", "x.h5", "-o", f"{folder}/x.gammaml"))
        assert f"{folder}/x.gammaml: got permission denied" in line


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a disk of 64 kB; where none may be mounted, files may not grow beyond that."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True).returncode == 0:
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk(gammaml, dl1_files, trained, full_disk):
    kept = full_disk / "kept.txt"
    kept.write_text("precious")
    dl2 = gammaml("predict", *dl1_files.values(), "--energy", trained, "--output-dir", full_disk)
    assert "gamma.dl2.h5: got no space left on device" in refusal(dl2) or "file too large" in refusal(dl2)
    training = gammaml("train", "energy", dl1_files["gamma"], "-o", full_disk / "x.gammaml", *QUICKLY)
    assert "room on the disk" in refusal(training)
    assert [path.name for path in full_disk.iterdir() if path.is_file()] == ["kept.txt"]
    assert kept.read_text() == "precious"


def test_a_report_on_a_full_disk(gammaml, dl1_files, trained, tmp_path, full_disk):
    dl2 = tmp_path / "gamma.dl2.h5"
    gammaml("predict", dl1_files["gamma"], "--energy", trained, "-o", dl2)
    refusal(gammaml("evaluate", dl2, "-o", full_disk / "figures"))
    assert not list(full_disk.iterdir())


def test_an_observation_cannot_be_trained_on_or_judged(gammaml, trained, tmp_path):
    events = made_events(30)
    for name in [name for name in events.table.colnames if name.startswith("true_")]:
        events.table.remove_column(name)
    path = tmp_path / "observation.dl1.h5"
    write_dl1(events, path)
    line = refusal(gammaml("train", "energy", path, "-o", tmp_path / "x.gammaml", *QUICKLY))
    assert "without truth" in line
    assert gammaml("predict", path, "--energy", trained, "-o", tmp_path / "x.dl2.h5").exit_code == 0
    assert "true_shower_primary_id" in refusal(gammaml("evaluate", tmp_path / "x.dl2.h5", "-o", tmp_path / "figures"))
