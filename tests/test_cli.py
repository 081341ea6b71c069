"""The command line: what each verb writes and says."""

import functools
import hashlib
import html
import os
import re
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table
from fake_dl2 import some_figures
from made_events import hexagonal_camera, made_events, made_subarray

from gammaml import __version__, bundle, train
from gammaml.events import Subarray
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.dl2 import read_dl2

QUICKLY = ("--network", "hillas_mlp", "--split", "0.5,0.3,0.2")


def test_version_and_verbs(gammaml):
    assert gammaml("--version").stdout == f"gammaml {__version__}\n"
    listed = gammaml("--help").stdout
    assert all(
        verb in listed
        for verb in ("demo", "info", "simulate", "train", "predict", "evaluate", "compare", "irf", "dl3", "source")
    )


def test_an_unknown_verb(gammaml):
    result = gammaml("trian")
    assert result.exit_code == 2
    assert "No such command 'trian'" in result.stderr


def test_debug_shows_the_error_wherever_it_stands(gammaml, tmp_path):
    result = gammaml("info", tmp_path / "none.h5", "--debug")
    assert type(result.exception).__name__ == "InputError"


def info(gammaml, path):
    result = gammaml("info", path)
    assert result.exit_code == 0, result.stderr
    first, *lines = result.stdout.splitlines()
    assert first == str(path)
    return dict(line.strip().split("  ", 1) for line in lines)


def test_info_on_dl1(gammaml, dl1_files):
    said = {name: value.strip() for name, value in info(gammaml, dl1_files["proton"]).items()}
    assert said["format"] == "ctapipe DL1 images, DL1 parameters, data model v7.1.0"
    assert said["array events"] == "60"
    assert said["MST_MADE_MadeCam"] == "120 images; MadeCam, 469 hexagon pixels"
    assert said["primaries"] == "proton (60)"
    assert said["pointing"] == "altitude 70 deg, azimuth 180 deg"


def test_info_on_a_bundle(gammaml, trained):
    said = {name: value.strip() for name, value in info(gammaml, trained).items()}
    assert said["tasks"] == "gammaness, energy, direction"
    assert said["network"] == "hillas_mlp"
    assert said["camera"] == "MadeCam, 469 hexagon pixels"
    assert said["training files"] == "gamma.dl1.h5, proton.dl1.h5"
    assert said["training images"] == "48 gamma, 48 hadron"
    assert said["best epoch"].startswith("1 of 1")


def test_info_on_dl2(gammaml, dl2_files):
    said = {name: value.strip() for name, value in info(gammaml, dl2_files[0]).items()}
    assert said["format"] == "ctapipe DL1 parameters, DL2, data model v7.1.0"
    assert said["subarray energy"] == "ForestEnergy, GammamlEnergy"


def test_train_leaves_a_bundle_and_its_losses(gammaml, dl1_files, tmp_path):
    output = tmp_path / "energy.gammaml"
    result = gammaml("train", "energy", dl1_files["gamma"], "-o", output, "--epochs", 2, *QUICKLY)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{output}: hillas_mlp for energy; best epoch ")
    assert "trained on 60 gamma and 0 hadron images, validated on 36" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "energy.gammaml",
        "energy.loss.csv",
        "energy.loss.pdf",
        "energy.loss.png",
    }
    losses = Table.read(tmp_path / "energy.loss.csv")
    assert list(losses["epoch"]) == [1, 2]
    assert list(losses["val_loss"]) == [row["val_loss"] for row in bundle.load(output).metadata["history"]]


def test_options_go_before_the_settings_file(gammaml, dl1_files, tmp_path):
    (tmp_path / "settings.toml").write_text('network = "hillas_mlp"\nepochs = 50\nlearning_rate = 0.01\n')
    output = tmp_path / "energy.gammaml"
    chosen = ("--config", tmp_path / "settings.toml", "--epochs", 1, "--seed", 3, "--split", "0.6,0.4")
    assert gammaml("train", "energy", dl1_files["gamma"], "-o", output, *chosen).exit_code == 0
    settings = bundle.load(output).settings
    assert (settings.network, settings.epochs, settings.learning_rate, settings.seed) == ("hillas_mlp", 1, 0.01, 3)


def test_max_events_and_intensity_select(gammaml, dl1_files, tmp_path):
    output = tmp_path / "energy.gammaml"
    chosen = ("--epochs", 1, "--max-events", 50, "--min-intensity", 60, *QUICKLY)
    assert gammaml("train", "energy", dl1_files["gamma"], "-o", output, *chosen).exit_code == 0
    metadata = bundle.load(output).metadata
    assert metadata["range"]["energy"][0] >= 60 / 400  # made-up gammas have 400 p.e. at 1 TeV
    assert metadata["n_training"]["gamma"] + metadata["n_validation"] < 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "mass", "x.h5", "-o", "x.gammaml"), "gammaness, energy, direction"),
        (("train", "energy", "x.h5", "-o", "x.h5"), "does not end in .gammaml"),
        (("train", "energy", "x.h5", "-o", "x.gammaml", "--split", "0.7"), "0.7,0.1,0.2"),
        (("train", "energy", "x.h5", "-o", "x.gammaml", "--network", "vgg"), "cnn, resnet, hillas_mlp"),
        (("train", "energy", "x.h5", "-o", "x.gammaml", "--epochs", "0"), "not in the range x>=1"),
        (("train", "energy", "x.h5", "-o", "x.gammaml", "--config", "none.toml"), "none.toml"),
        (("predict", "x.h5", "-o", "x.dl2.h5"), "--gammaness"),
        (("predict", "x.h5", "y.h5", "--energy", "x.gammaml", "-o", "x.dl2.h5"), "--output-dir"),
        (("predict", "x.h5", "--energy", "none.gammaml", "-o", "x.dl2.h5"), "no such file"),
    ],
)
def test_wrong_use(gammaml, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = gammaml(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(tmp_path.iterdir())


class Interrupted:
    """Ctrl-C after the second epoch."""

    def __init__(self, monkeypatch):
        save = train.Checkpoint.save

        def then_interrupt(checkpoint, model, state):
            save(checkpoint, model, state)
            if len(state.history) == 2:
                raise KeyboardInterrupt

        self.patch = monkeypatch.context
        self.save = then_interrupt

    def __call__(self, gammaml, *arguments):
        with self.patch() as patch:
            patch.setattr(train.Checkpoint, "save", self.save)
            return gammaml(*arguments)


def test_an_interrupted_training_resumes_to_the_same_bundle(gammaml, dl1_files, tmp_path, monkeypatch):
    common = ("train", "energy", dl1_files["gamma"], "--epochs", 4, *QUICKLY)
    assert gammaml(*common, "-o", tmp_path / "whole.gammaml").exit_code == 0
    output = tmp_path / "energy.gammaml"
    result = Interrupted(monkeypatch)(gammaml, *common, "-o", output)
    assert result.exit_code == 130
    assert "--resume goes on" in result.stderr
    assert len(bundle.load(output).metadata["history"]) == 2
    assert (tmp_path / "energy.training").is_dir()
    assert gammaml(*common, "-o", output, "--resume").exit_code == 0
    assert output.read_bytes() == (tmp_path / "whole.gammaml").read_bytes()
    assert not (tmp_path / "energy.training").exists()


def test_without_resume_a_training_starts_anew(gammaml, dl1_files, tmp_path, monkeypatch):
    output = tmp_path / "energy.gammaml"
    common = ("train", "energy", dl1_files["gamma"], "-o", output, *QUICKLY)
    Interrupted(monkeypatch)(gammaml, *common, "--epochs", 4)
    result = gammaml(*common, "--epochs", 3, "--overwrite")
    assert result.exit_code == 0
    assert "discarding the checkpoint" in result.stderr
    assert len(bundle.load(output).metadata["history"]) == 3


def test_ctrl_c_on_the_real_command(dl1_files, tmp_path):
    output = tmp_path / "energy.gammaml"
    (tmp_path / "settings.toml").write_text('network = "hillas_mlp"\nepochs = 1000\npatience = 1000\n')
    command = [sys.executable, "-c", "from gammaml.cli.main import main; main()", "train", "energy"]
    command += [dl1_files["gamma"], "-o", output, "--config", tmp_path / "settings.toml", "--split", "0.5,0.3,0.2"]
    heeds_ctrl_c = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a background job would not
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c) as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("epoch 2/"):
                os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    assert said[-1] == "gammaml: interrupted; the same command with --resume goes on\n"
    assert "Traceback" not in "".join(said)
    assert len(bundle.load(output).metadata["history"]) >= 2


@pytest.fixture(scope="module")
def dl2_files(gammaml, dl1_files, trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dl2")
    networks = ("--gammaness", trained, "--energy", trained, "--direction", trained)
    result = gammaml("predict", *dl1_files.values(), *networks, "--output-dir", folder)
    assert result.exit_code == 0, result.stderr
    return [folder / "gamma.dl2.h5", folder / "proton.dl2.h5"]


def test_predict_writes_networks_and_forests_at_both_levels(dl2_files, trained):
    for reconstructor in ("Gammaml", "Forest"):
        images = read_dl2(dl2_files[0], reconstructor=reconstructor, level="telescope")
        showers = read_dl2(dl2_files[0], reconstructor=reconstructor, level="subarray")
        assert (len(images), len(showers)) == (120, 60)
        for table in (images, showers):
            assert all(np.isfinite(table[name]).all() for name in ("gammaness", "reco_energy", "reco_alt"))
            assert table["in_training"].mean() == pytest.approx(0.7)


def test_predict_only_what_was_held_out(gammaml, dl1_files, trained, tmp_path):
    output = tmp_path / "gamma.dl2.h5"
    result = gammaml("predict", dl1_files["gamma"], "--energy", trained, "-o", output, "--held-out")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{output}: 36 images\n"
    table = read_dl2(output, level="telescope")
    assert not table["in_training"].any()
    assert not {"gammaness", "reco_alt"} & set(table.colnames)


def test_predict_takes_the_type_it_was_trained_on(gammaml, trained, tmp_path):
    one, other = made_subarray(2), made_subarray(1, hexagonal_camera(rings=6, name="OtherCam"))
    stranger = replace(other.telescopes[0], tel_id=3)
    both = Subarray("both", one.reference_location, (*one.telescopes, stranger))
    known, foreign = made_events(5), made_events(5, n_telescopes=1, camera=stranger.camera)
    foreign.table["tel_id"] = 3
    path = tmp_path / "both.dl1.h5"
    write_dl1([replace(known, subarray=both), replace(foreign, subarray=both)], path)
    result = gammaml("predict", path, "--energy", trained, "-o", tmp_path / "both.dl2.h5")
    assert result.exit_code == 0, result.stderr
    assert "both.dl2.h5: 20 images" in result.stdout


def test_predict_never_writes_over_its_input(gammaml, dl1_files, trained):
    before = dl1_files["gamma"].read_bytes()
    result = gammaml("predict", dl1_files["gamma"], "--energy", trained, "-o", dl1_files["gamma"], "--overwrite")
    assert result.exit_code == 2
    assert "the name of an input" in result.stderr
    assert dl1_files["gamma"].read_bytes() == before


def test_predict_refuses_two_outputs_of_one_name(gammaml, dl1_files, trained, tmp_path):
    twin = tmp_path / "twin" / "gamma.h5"
    files = (dl1_files["gamma"], twin)
    result = gammaml("predict", *files, "--energy", trained, "--output-dir", tmp_path / "out")
    assert result.exit_code == 2
    assert "two inputs of this name" in result.stderr


def test_one_bad_file_does_not_stop_the_others(gammaml, dl1_files, trained, tmp_path):
    bad, out = tmp_path / "bad.dl1.h5", tmp_path / "out"
    bad.write_bytes(dl1_files["gamma"].read_bytes()[:5000])
    command = ("predict", dl1_files["gamma"], bad, dl1_files["proton"], "--energy", trained, "--output-dir", out)
    result = gammaml(*command)
    assert result.exit_code == 3
    assert f"gammaml: {bad}: got a damaged file" in result.stderr
    assert result.stderr.splitlines()[-1] == f"gammaml: 1 of 3 files failed: {bad}"
    written = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert set(written) == {"gamma.dl2.h5", "proton.dl2.h5"}
    result = gammaml(*command, "--resume")
    assert result.exit_code == 3
    assert result.stderr.count("reconstructed before") == 2
    assert result.stderr.splitlines()[-1] == f"gammaml: 1 of 1 files failed: {bad}"
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == written


def test_a_warning_is_one_line(gammaml, dl1_files, trained, tmp_path):
    low = made_events(5, seed=1)
    low.table["pointing_alt"] -= 40 * low.table["pointing_alt"].unit
    write_dl1(low, tmp_path / "low.dl1.h5")
    result = gammaml("predict", tmp_path / "low.dl1.h5", "--energy", trained, "-o", tmp_path / "low.dl2.h5")
    assert result.exit_code == 0
    warned = [line for line in result.stderr.splitlines() if "warning" in line]
    assert any(line.startswith("gammaml: warning: zenith: 20 of 20 values") for line in warned)


def test_evaluate_writes_a_report(gammaml, dl2_files, tmp_path):
    result = gammaml("evaluate", *dl2_files, "-o", tmp_path / "figures", "--level", "subarray")
    assert result.exit_code == 0, result.stderr
    first, *_, last = result.stdout.splitlines()
    assert first.split() == ["hillas_mlp", "forest"]
    assert "left out: 84 of 120 showers, seen in training" in result.stdout
    assert last == f"report: {tmp_path / 'figures' / 'index.html'}"
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"index.html", "summary.ecsv", "summary.tex", "roc.pdf", "roc.png", "roc_forest.ecsv"} <= names
    summary = Table.read(tmp_path / "figures" / "summary.ecsv")
    assert list(summary["n_gamma"]) == [18, 18]


def test_evaluate_says_the_command_and_the_training(gammaml, dl2_files, tmp_path):
    curve, out = tmp_path / "curve.txt", tmp_path / "my figures"
    curve.write_text("energy [TeV] angular_resolution [deg]\n0.1 0.1\n10 0.05\n")
    style = ("--journal", "apj", "--font", "serif", "--reference", f"CTAO={curve}")
    result = gammaml("evaluate", *dl2_files, "-o", out, "--level", "subarray", *style)
    assert result.exit_code == 0, result.stderr
    page = html.unescape((out / "index.html").read_text(encoding="utf-8"))
    assert f"<pre>gammaml evaluate {' '.join(map(str, dl2_files))} -o '{out}' --level subarray --journal apj" in page
    assert os.getcwd() not in page
    assert re.search(r"<dt>settings</dt><dd>network hillas_mlp, .*epochs 1, ", page)
    for path in dl2_files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in page
    assert (out / "angular_resolution_reference_ctao.ecsv").is_file()
    assert b"STIX" in (out / "roc.pdf").read_bytes()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--journal", "nature"), "journal: got 'nature', expected aa or apj or astropart"),
        (("--font", "comic"), "font: got 'comic'"),
        (("--columns", "3"), "columns: got 3"),
        (("--reference", "CTAO=none.txt"), "none.txt: got no such file"),
        (("--reference", "CTAO"), "'CTAO' is not NAME=FILE"),
    ],
)
def test_evaluate_with_wrong_options(gammaml, dl2_files, tmp_path, wrong, said):
    result = gammaml("evaluate", *dl2_files, "-o", tmp_path / "figures", *wrong)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "figures").exists()


def test_compare_reports(gammaml, dl2_files, tmp_path):
    for level in ("subarray", "telescope"):
        with some_figures("roc", "energy_resolution"):
            assert gammaml("evaluate", *dl2_files, "-o", tmp_path / level, "--level", level).exit_code == 0
    folders, out = (tmp_path / "subarray", tmp_path / "telescope"), tmp_path / "compared"
    result = gammaml("compare", *folders, "-o", out)
    assert result.exit_code == 0, result.stderr
    head, *lines, last = result.stdout.splitlines()
    columns = ["", "subarray: hillas_mlp", "telescope: hillas_mlp", "difference", "significance"]
    assert re.split(r"\s{2,}", head) == columns
    assert sum(line.startswith("AUC  ") and line.endswith("σ") for line in lines) == 2
    assert last == f"comparison: {out / 'index.html'}"
    assert f"gammaml compare {folders[0]} {folders[1]} -o {out}" in (out / "index.html").read_text(encoding="utf-8")
    again = gammaml("compare", folders[0], tmp_path, "-o", tmp_path / "other")
    assert again.exit_code == 2
    assert "no summary.ecsv in it" in again.stderr
    assert len(again.stderr.splitlines()) == 1
    assert gammaml("compare", folders[0], "-o", tmp_path / "other").exit_code == 2


def test_evaluate_one_reconstructor(gammaml, dl2_files, tmp_path):
    result = gammaml("evaluate", *dl2_files, "-o", tmp_path / "figures", "--reconstructor", "Forest")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0].split() == ["forest"]


def test_evaluate_needs_events_that_were_not_trained_on(gammaml, dl1_files, trained, tmp_path):
    dl2 = tmp_path / "gamma.dl2.h5"
    gammaml("predict", dl1_files["gamma"], "--energy", trained, "-o", dl2, "--max-events", 1)
    table = read_dl2(dl2)
    assert table["in_training"].all()
    result = gammaml("evaluate", dl2, "-o", tmp_path / "figures")
    assert result.exit_code == 2
    assert "only events of the training" in result.stderr
    assert not (tmp_path / "figures").exists()


def test_demo_says_what_data_is_missing(gammaml, tmp_path):
    result = gammaml("demo", "--data", tmp_path, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "gamma.dl1.h5 and proton.dl1.h5" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_demo_and_its_repetition(gammaml, tmp_path):
    data = ("demo", "--quick", "-o", tmp_path)
    assert gammaml(*data).exit_code == 0
    trained_at = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.gammaml")}
    assert {path.stem for path in trained_at} == {"gammaness", "regressions"}
    result = gammaml(*data)
    assert result.exit_code == 0
    assert "simulated before" in result.stderr
    assert (tmp_path / "report" / "index.html").is_file()
    assert {path: path.stat().st_mtime_ns for path in trained_at} == trained_at


def test_a_bundle_is_a_zip_without_pickles(trained):
    with zipfile.ZipFile(trained) as archive:
        data = {name: archive.read(name) for name in archive.namelist()}
    assert set(data) == {"metadata.json", "weights.npz", "forest.npz", "arrays.npz", "SHA256SUMS"}
    assert not any(content.startswith(b"\x80") for content in data.values())
