"""Microseconds an array event for the stereo reconstruction, ours and ctapipe's; needs the shared data."""

import pathlib
import time

import numpy as np
import pytest
from stereo_examples import array_events, ctapipe_event, ctapipe_reconstructor

from gammaml import io, stereo

FILE = pathlib.Path(__file__).parents[2] / "shared" / "data" / "bootstrap" / "gamma.dl1.h5"
N_CTAPIPE = 50  # events; its time an event does not depend on their number


@pytest.mark.skipif(not FILE.is_file(), reason="the shared data are not beside the checkout")
def test_stereo_against_ctapipe(benchmark):
    """Both on the same images in one run; the filling of ctapipe's containers is not counted."""
    events = io.read_events(FILE)
    event, n_events, positions = array_events(events)
    tel_id = np.asarray(events.table["tel_id"])
    rows = [np.flatnonzero(event == number) for number in range(N_CTAPIPE)]
    theirs = [ctapipe_event(events.table[images], tel_id[images]) for images in rows]
    reconstruct = ctapipe_reconstructor(events.subarray)
    reconstruct(theirs[0])
    start = time.perf_counter()
    for one in theirs:
        reconstruct(one)
    ctapipe = (time.perf_counter() - start) / N_CTAPIPE
    benchmark.pedantic(lambda: stereo.reconstruct(events.table, event, n_events, positions), rounds=10, warmup_rounds=1)
    ours = benchmark.stats["min"] / n_events
    benchmark.extra_info["microseconds_per_event"] = round(1e6 * ours, 1)
    benchmark.extra_info["ctapipe_microseconds_per_event"] = round(1e6 * ctapipe)
    assert ctapipe / ours >= 100
