"""What the README shows works as it stands there, on made-up files and with short trainings."""

import pathlib
import re
import shlex

import pytest
from made_events import made_events

from gammaml import parameters
from gammaml.config import TrainSettings
from gammaml.io import write_dl1

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FAST = ("--network", "hillas_mlp", "--epochs", "1")
QUICKLY = {"train": FAST, "simulate": ("--showers", "40", "--processes", "1", "--overwrite")}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the files that the examples name."""
    for obs_id, (name, primary) in enumerate({"gamma": 0, "proton": 101}.items(), start=1):
        write_dl1(made_events(110, primary=primary, obs_id=obs_id), tmp_path / f"{name}.dl1.h5")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def block(language):
    """The text of the blocks of one language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in fenced if name == language]


@pytest.mark.slow
def test_the_python_example(folder):
    code, arrays, _ = block("python")
    names = {}
    exec(code.replace('"resnet"', '"hillas_mlp"').replace("epochs=40", "epochs=1"), names)
    assert {"energy.gammaml", "energy_resolution.pdf"} <= {path.name for path in folder.iterdir()}
    exec(arrays.replace('"resnet"', '"cnn"').replace("epochs=20", "epochs=1"), names)
    assert (names["dl2"]["reco_energy_uncert"] > 0).all()


def test_the_shower(folder):
    *_, code = block("python")
    exec(code, {})
    assert {"shower.png", "profile.pdf"} <= {path.name for path in folder.iterdir()}


@pytest.mark.slow
def test_the_commands(folder, gammaml):
    (commands,) = [text.splitlines() for text in block("") if text.startswith("gammaml simulate hess")]
    for command in commands:
        _, *arguments = shlex.split(command)
        result = gammaml(*arguments, *QUICKLY.get(arguments[0], ()))
        assert result.exit_code == 0, f"{command}: {result.stderr}"
    assert (folder / "figures" / "index.html").is_file()


def test_the_settings_file(folder, gammaml):
    (folder / "settings.toml").write_text(block("toml")[0])
    command = ("train", "energy", "gamma.dl1.h5", "-o", "energy.gammaml", "--config", "settings.toml", *FAST)
    result = gammaml(*command)
    assert result.exit_code == 0, result.stderr


def test_the_shapes():
    size = TrainSettings().size
    assert f"`image` (n, {size}, {size}, 2), `parameters` (n, {parameters.N_INPUTS})" in README


def test_the_links():
    root = pathlib.Path(__file__).parents[1]
    linked = [target for target in re.findall(r"\]\(([^)]+)\)", README) if not target.startswith("http")]
    assert linked
    assert all((root / target).is_file() for target in linked)
