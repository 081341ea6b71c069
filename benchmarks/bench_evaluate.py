"""Time and peak memory of a report on 100,000 array events of a network and a forest."""

import os
import resource
import subprocess
import sys
import time

import numpy as np
import pytest
from fake_dl2 import array_events, with_uncertainties
from made_events import made_subarray

from gammaml.io.dl2 import write_dl2

N_EVENTS = 100_000
LIMITS = {"seconds": 60, "gigabytes": 1.0}  # the first of processor time, which other work does not lengthen
EVALUATE = "from gammaml.cli.main import main; main()"


def made(primary, reconstructor, seed, quality):
    """Half of the events, as a reconstructor of some quality would give them."""
    rng = np.random.default_rng([seed, primary])
    table = with_uncertainties(array_events(N_EVENTS // 2, primary, rng), rng)
    score = rng.normal(quality if primary == 0 else -quality, 1.0, len(table))
    table["gammaness"] = 1 / (1 + np.exp(-2 * quality * score))
    table["telescopes"] = rng.uniform(size=(len(table), 4)) < 0.7
    table["telescopes"][:, 0] = True
    table["shower_id"] = table["event_id"] // 10
    table["in_training"] = np.asarray(table["event_id"]) % 5 == 0
    table["event_type"] = np.full(len(table), 32)
    table.meta |= {"reconstructor": reconstructor, "subarray": made_subarray(4), "sources": [], "provenance": {}}
    return table


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """DL2 files of gammas and of protons."""
    folder = tmp_path_factory.mktemp("dl2")
    paths = [folder / "gamma.dl2.h5", folder / "proton.dl2.h5"]
    for primary, path in zip((0, 101), paths, strict=True):
        write_dl2([made(primary, "Gammaml", 0, 1.0), made(primary, "Forest", 0, 0.7)], path)
    return paths


def test_evaluate(benchmark, files, tmp_path):
    command = [sys.executable, "-c", EVALUATE, "evaluate", *map(str, files), "-o", str(tmp_path / "report")]
    before, start = os.times(), time.monotonic()
    done = benchmark.pedantic(subprocess.run, (command,), {"capture_output": True, "text": True}, rounds=1)
    assert done.returncode == 0, done.stderr
    seconds, after = time.monotonic() - start, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    assert f"{N_EVENTS // 5:,} of {N_EVENTS:,} showers" in done.stdout
    benchmark.extra_info |= {"processor_seconds": round(processor, 1), "peak_gigabytes": round(peak, 2)}
    print(f"wall {seconds:.1f} s, processor {processor:.1f} s, peak {peak:.2f} GB")
    assert processor <= LIMITS["seconds"]
    assert peak <= LIMITS["gigabytes"]
