"""What benchmarks share: the made-up events of the tests, and a long file of them."""

import pathlib
import sys
from dataclasses import replace

import numpy as np
import pytest

from gammaml.events import concatenate
from gammaml.io.dl1_writer import write_dl1

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests"))
N_IMAGES = 100_000


@pytest.fixture(scope="session")
def large_file(tmp_path_factory):
    """A DL1 file of `N_IMAGES` images of 1,801 pixels: one block of made-up events under other observation numbers."""
    from made_events import hexagonal_camera, made_events

    block = concatenate([made_events(250, primary=p, obs_id=1 + p, camera=hexagonal_camera(24)) for p in (0, 101)])
    repeats = N_IMAGES // len(block)
    table = block.table[np.tile(np.arange(len(block)), repeats)]
    repeat = np.repeat(np.arange(repeats), len(block))
    table["obs_id"] = np.asarray(table["obs_id"]) + 1000 * repeat
    simulation = block.simulation[:1]
    events = replace(block, table=table, rows=np.tile(block.rows, repeats), simulation=simulation)
    path = tmp_path_factory.mktemp("large") / "large.dl1.h5"
    write_dl1(events, path)
    return path
