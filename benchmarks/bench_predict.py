"""``gammaml predict`` of a long file with the README's two networks, and image parameters: speed, memory, start-up.

Takes some minutes. Processor time is what counts on a machine that others use too; time by the clock is told besides.
"""

import os
import subprocess
import sys
import time

import pytest
from conftest import N_IMAGES
from made_events import hexagonal_camera, made_events

from gammaml import train
from gammaml.events import concatenate
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.hillas import image_parameters
from gammaml.split import by_shower

LIMIT_MS, LIMIT_GB, LIMIT_START = 1.6, 1.5, 10.0  # processor time an image, peak memory, processor seconds to start
PARAMETERS_PER_SECOND = 3000
COMMAND = [sys.executable, "-c", "from gammaml.cli.main import main; main()", "predict"]


@pytest.fixture(scope="module")
def few():
    """1,000 images of the same camera as the long file's."""
    camera = hexagonal_camera(24)
    return concatenate([made_events(125, primary=p, obs_id=1 + p, camera=camera) for p in (0, 101)])


@pytest.fixture(scope="module")
def networks(few, tmp_path_factory):
    """A joint network for gammaness, and one for energy and direction, of the usual size."""
    folder = tmp_path_factory.mktemp("networks")
    paths = {"gammaness": folder / "gammaness.gammaml", "regressions": folder / "regressions.gammaml"}
    training, validation = by_shower(few, fractions=(0.8, 0.2))
    for name, tasks in (("gammaness", ("gammaness", "energy", "direction")), ("regressions", ("energy", "direction"))):
        train.fit("resnet", training, validation, task=tasks, epochs=1).save(paths[name])
    regressions = paths["regressions"]
    return ["--gammaness", paths["gammaness"], "--energy", regressions, "--direction", regressions]


def run(file, networks, output):
    """Seconds by the clock, seconds of processor time and peak memory (GB) of one command."""
    start = time.perf_counter()
    process = subprocess.Popen([*COMMAND, file, *networks, "-o", output], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


def test_predict(benchmark, few, networks, large_file, tmp_path):
    write_dl1(few[:2], tmp_path / "few.dl1.h5")
    started = run(tmp_path / "few.dl1.h5", networks, tmp_path / "few.dl2.h5")
    ended = benchmark.pedantic(run, (large_file, networks, tmp_path / "large.dl2.h5"), rounds=1)
    wall, processor = (long - short for long, short in zip(ended[:2], started[:2], strict=True))
    benchmark.extra_info |= {
        "start_seconds": round(started[0], 1),
        "start_processor_seconds": round(started[1], 1),
        "images_per_second": round(N_IMAGES / wall),
        "processor_ms_per_image": round(processor / N_IMAGES * 1e3, 3),
        "peak_gigabytes": round(ended[2], 2),
    }
    assert started[1] <= LIMIT_START
    assert processor / N_IMAGES * 1e3 <= LIMIT_MS
    assert ended[2] <= LIMIT_GB


def test_image_parameters(benchmark, few):
    pixels = few.image, few.peak_time, few.camera
    image_parameters(*pixels)
    start = time.process_time()
    image_parameters(*pixels)
    rate = len(few) / (time.process_time() - start)
    benchmark.pedantic(image_parameters, pixels, rounds=3)
    benchmark.extra_info["images_per_processor_second"] = round(rate)
    assert rate >= PARAMETERS_PER_SECOND
