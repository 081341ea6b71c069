"""Fixtures shared by all tests."""

import pathlib

import hypothesis
import matplotlib as mpl
import pytest
from click.testing import CliRunner
from made_events import made_events
from matplotlib import pyplot as plt

from gammaml import split
from gammaml.cli.main import main
from gammaml.config import TrainSettings
from gammaml.events import concatenate
from gammaml.io.dl1_writer import write_dl1

mpl.use("Agg")
hypothesis.settings.register_profile(
    "any machine", deadline=None
)  # how long an example takes is no property of the code
hypothesis.settings.load_profile("any machine")
SHARED_DATA = pathlib.Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def no_open_figures():
    """A test draws on axes of its own, for figures without any use those that are open."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real files; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no folder {SHARED_DATA.name} of real files beside the checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def mixed_events():
    """Made-up gammas and protons: 240 images of 60 showers."""
    return concatenate([made_events(30, primary=0, obs_id=1), made_events(30, primary=101, obs_id=2)])


@pytest.fixture(scope="session")
def dl1_files(tmp_path_factory):
    """Made-up simulated DL1 files of 30 showers each, by class."""
    folder = tmp_path_factory.mktemp("dl1")
    files = {"gamma": folder / "gamma.dl1.h5", "proton": folder / "proton.dl1.h5"}
    for obs_id, (primary, path) in enumerate(zip((0, 101), files.values(), strict=True), start=1):
        write_dl1(made_events(30, primary=primary, obs_id=obs_id), path)
    return files


@pytest.fixture(scope="session")
def gammaml():
    """The command line, in this process: arguments -> click's Result."""
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def trained(gammaml, dl1_files, tmp_path_factory):
    """A network for all tasks, trained for one epoch on half of the showers."""
    path = tmp_path_factory.mktemp("bundles") / "joint.gammaml"
    quickly = ("--network", "hillas_mlp", "--epochs", 1, "--split", "0.4,0.3,0.3")
    result = gammaml("train", "gammaness,energy,direction", *dl1_files.values(), "-o", path, *quickly)
    assert result.exit_code == 0, result.stderr
    return path


@pytest.fixture(scope="session")
def parts_of_events(mixed_events):
    """Training, validation and test events."""
    return split.by_shower(mixed_events, fractions=(0.6, 0.2, 0.2), seed=0)


@pytest.fixture(scope="session")
def trained_cnn(parts_of_events):
    """A network of single images for all tasks that has begun to see showers."""
    from gammaml import train

    tasks, settings = ("gammaness", "energy", "direction"), TrainSettings(epochs=5, size=16)
    return train.fit("cnn", *parts_of_events[:2], task=tasks, settings=settings)
