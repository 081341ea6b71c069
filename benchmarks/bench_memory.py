"""Peak memory of training on 100,000 images of LST size, read from a DL1 file; takes some minutes and 2 GB of disk."""

import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_events import hexagonal_camera, made_events

from gammaml.events import concatenate
from gammaml.io.dl1_writer import write_dl1

N_IMAGES = 100_000
LIMIT = 2.0  # GB

TRAINING = """
import sys
from gammaml import io, split, train
events = io.read_events(sys.argv[1])
assert len(events) == {n_images}, len(events)
training, validation, _ = split.by_shower(events)
train.fit("resnet", training, validation, task="gammaness", epochs=1)
"""


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """One block of made-up events, repeated under other observation and shower numbers."""
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


def test_peak_memory(benchmark, large_file):
    command = [sys.executable, "-c", TRAINING.format(n_images=N_IMAGES), str(large_file)]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=1)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    benchmark.extra_info["peak_gigabytes"] = round(peak, 2)
    assert peak <= LIMIT
