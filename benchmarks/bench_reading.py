"""DL1 images a second, ours and ctapipe's `TableLoader`, on the same file in one run; needs the shared data."""

import pathlib
import time

import pytest

from gammaml import io

FILE = pathlib.Path(__file__).parents[2] / "shared" / "data" / "bootstrap" / "gamma.dl1.h5"
N_IMAGES = 6901
ROUNDS = 5


def ours():
    assert len(io.read_events(FILE)) == N_IMAGES


def table_loader():
    from ctapipe.io import TableLoader

    with TableLoader(FILE) as loader:
        table = loader.read_telescope_events(dl1_images=True, dl1_parameters=True, simulated=True)
    assert len(table) == N_IMAGES


@pytest.mark.skipif(not FILE.is_file(), reason="the shared data are not beside the checkout")
def test_reading_against_table_loader(benchmark):
    """Alternating, so that whatever else the machine does hits both; the ratio of the fastest rounds counts."""
    ours(), table_loader()
    seconds = {ours: [], table_loader: []}
    for _ in range(ROUNDS):
        for read, taken in seconds.items():
            start = time.perf_counter()
            read()
            taken.append(time.perf_counter() - start)
    benchmark.pedantic(ours, rounds=1)
    benchmark.extra_info["images_per_second"] = round(N_IMAGES / min(seconds[ours]))
    benchmark.extra_info["table_loader_images_per_second"] = round(N_IMAGES / min(seconds[table_loader]))
    ratio = min(seconds[table_loader]) / min(seconds[ours])
    benchmark.extra_info["ratio"] = round(ratio, 2)
    assert ratio >= 3
