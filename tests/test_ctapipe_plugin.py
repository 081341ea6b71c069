"""Networks inside `ctapipe-process`: the same answers as `gammaml predict` gives."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from ctapipe.instrument import SubarrayDescription
from ctapipe.reco import Reconstructor

from gammaml.columns import KEYS
from gammaml.ctapipe_plugin import GammamlModel
from gammaml.errors import OutputError, SettingError
from gammaml.io import read_dl2
from gammaml.io.tables import bare, key_order

ROOT = pathlib.Path(__file__).parents[1]
ENTRY_POINT = "[ctapipe_reco]\nGammamlReconstructor = gammaml.ctapipe_plugin:GammamlReconstructor\n"
RUN = "from ctapipe.tools.{} import main; main()"


@pytest.fixture
def process(tmp_path):
    """`ctapipe-process` in a process of its own, which finds the plugin as an installed one: arguments -> result."""
    installed = tmp_path / "installed" / "plugin-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(ENTRY_POINT)
    paths = [str(ROOT), str(installed.parent), os.environ.get("PYTHONPATH", "")]

    def run(*arguments, tool="process"):
        command = [sys.executable, "-c", RUN.format(tool), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)

    return run


def compare(ours, theirs, level):
    """Assert that two DL2 files have the same answers."""
    ours, theirs = (read_dl2(path, reconstructor="Gammaml", level=level) for path in (ours, theirs))
    theirs = theirs[key_order(theirs, ours, KEYS if level == "telescope" else KEYS[:2])]
    for name in ("reco_energy", "reco_alt", "reco_az", "gammaness"):
        np.testing.assert_allclose(bare(theirs[name]), bare(ours[name]), rtol=1e-4)


def test_the_entry_point_is_declared():
    assert ENTRY_POINT.splitlines()[1].replace("= ", '= "') + '"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.slow
def test_ctapipe_process_gives_the_same_answers(process, gammaml, trained, dl1_files, tmp_path):
    given = [f"--GammamlReconstructor.{task}={trained}" for task in ("energy", "direction", "gammaness")]
    output, known = tmp_path / "ctapipe.dl2.h5", tmp_path / "gammaml.dl2.h5"
    options = ("--reconstructor", "GammamlReconstructor", "--write-showers", *given)
    done = process("-i", dl1_files["gamma"], "-o", output, *options)
    assert done.returncode == 0, done.stderr[-2000:]
    networks = [word for task in ("energy", "direction", "gammaness") for word in (f"--{task}", trained)]
    result = gammaml("predict", dl1_files["gamma"], "-o", known, *networks)
    assert result.exit_code == 0, result.stderr
    for level in ("telescope", "subarray"):
        compare(known, output, level)


@pytest.mark.slow
def test_without_a_network(process, dl1_files, tmp_path):
    options = ("--reconstructor", "GammamlReconstructor", "--write-showers")
    done = process("-i", dl1_files["gamma"], "-o", tmp_path / "a.h5", *options)
    assert done.returncode != 0
    assert "GammamlReconstructor: got no network, expected at least one" in done.stderr


@pytest.mark.slow
def test_ctapipe_apply_models_gives_the_same_answers(process, gammaml, trained, dl1_files, tmp_path):
    subarray = SubarrayDescription.from_hdf(dl1_files["gamma"])
    models, given = [], []
    for task in ("energy", "direction", "gammaness"):
        path = tmp_path / f"{task}.pkl"
        GammamlModel(subarray, **{task: trained}).write(path)
        models += ["-r", path]
        given += [f"--{task}", trained]
    output, known = tmp_path / "ctapipe.dl2.h5", tmp_path / "gammaml.dl2.h5"
    images = "--TableLoader.dl1_images=True"
    done = process("-i", dl1_files["gamma"], "-o", output, images, *models, tool="apply_models")
    assert done.returncode == 0, done.stderr[-2000:]
    assert gammaml("predict", dl1_files["gamma"], "-o", known, *given).exit_code == 0
    compare(known, output, "telescope")
    compare(known, output, "subarray")
    done = process("-i", dl1_files["gamma"], "-o", tmp_path / "none.h5", *models, tool="apply_models")
    assert done.returncode != 0
    assert "run ctapipe-apply-models with --TableLoader.dl1_images=True" in done.stderr


def test_a_model_answers_one_task(trained, dl1_files):
    subarray = SubarrayDescription.from_hdf(dl1_files["gamma"])
    with pytest.raises(SettingError, match="networks for energy, direction, expected one task"):
        GammamlModel(subarray, energy=trained, direction=trained)


def test_a_model_holds_no_network(trained, dl1_files, tmp_path):
    path = tmp_path / "energy.pkl"
    GammamlModel(SubarrayDescription.from_hdf(dl1_files["gamma"]), energy=trained).write(path)
    model = Reconstructor.read(path)
    assert (model.prefix, model.property.name, model.energy) == ("GammamlEnergy", "ENERGY", trained)
    with pytest.raises(OutputError):
        model.write(path)
