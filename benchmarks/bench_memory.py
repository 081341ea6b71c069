"""Peak memory of training on 100,000 images of LST size, read from a DL1 file; takes some minutes and 2 GB of disk."""

import resource
import subprocess
import sys

from conftest import N_IMAGES

LIMIT = 2.0  # GB

TRAINING = """
import sys
from gammaml import io, split, train
events = io.read_events(sys.argv[1])
assert len(events) == {n_images}, len(events)
training, validation, _ = split.by_shower(events)
train.fit("resnet", training, validation, task="gammaness", epochs=1)
"""


def test_peak_memory(benchmark, large_file):
    command = [sys.executable, "-c", TRAINING.format(n_images=N_IMAGES), str(large_file)]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=1)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    benchmark.extra_info["peak_gigabytes"] = round(peak, 2)
    assert peak <= LIMIT
