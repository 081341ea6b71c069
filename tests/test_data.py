"""The small production in data/ is what its README says."""

import json
import pathlib
import re
import shlex

import h5py
import numpy as np
import pytest

from gammaml import __version__, array_events, io
from gammaml.io.tables import ORIGIN

FOLDER = pathlib.Path(__file__).parents[1] / "data"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(command) for command in re.findall(r"`gammaml (simulate [^`]*)`", README)]
LARGEST = 15e6  # bytes, all together


def options(command):
    """Values by option of a command of the README."""
    return dict(zip(command[2::2], command[3::2], strict=True))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: options(command)["--primary"])
def test_a_file_came_from_its_command(command):
    given = options(command)
    with h5py.File(FOLDER.parent / given["-o"]) as file:
        origin = json.loads(file.attrs[ORIGIN])
    card = origin["card"]
    low, high = map(float, given["--energy"].split(","))
    assert (card["array"], card["primary"], card["energy_min"], card["energy_max"]) == (
        "hess",
        given["--primary"],
        low,
        high,
    )
    for name in ("showers", "viewcone", "scatter", "seed"):
        assert card[name] == float(given[f"--{name}"])
    assert f"Made with gammaml {__version__};" in README


def test_it_is_small_and_stereo_and_has_both_classes():
    files = [FOLDER.parent / options(command)["-o"] for command in COMMANDS]
    assert sum(file.stat().st_size for file in files) < LARGEST
    events = array_events.build(io.read_cameras(files))
    assert (events.table["multiplicity"] >= 2).all()
    assert min(events.is_gamma.sum(), (~events.is_gamma).sum()) > 150
    assert np.isfinite(events.table["true_energy"].value).all()
