"""Images of LST size a second through the mappings; run with ``pytest benchmarks/bench_mapping.py``."""

import numpy as np
import pytest

from gammaml.events import Camera
from gammaml.images import build_images, build_lattice_mapping, build_resampling_mapping, centre_cell

N_IMAGES = 2048


@pytest.fixture(scope="module")
def camera():
    """1855 hexagonal pixels, those nearest to the middle."""
    q, r = np.mgrid[-40:41, -40:41].reshape(2, -1)
    x, y = 0.05 * (q + r / 2), 0.05 * np.sqrt(0.75) * r
    nearest = np.argsort(np.hypot(x, y), kind="stable")[:1855]
    return Camera("LST size", x[nearest], y[nearest], np.full(1855, 0.00217), "hexagon", 0.0, 0.0, 29.3)


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    charge, time = rng.normal(0, 2, (N_IMAGES, 1855)), rng.uniform(0, 40, (N_IMAGES, 1855))
    return np.stack([charge, time], axis=-1).astype(np.float32)


def report_rate(benchmark):
    benchmark.extra_info["images_per_second"] = round(N_IMAGES / benchmark.stats["min"])


@pytest.mark.parametrize("layout", ["axial", "offset"])
def test_lattice(benchmark, camera, pixels, layout):
    mapping = build_lattice_mapping(camera, layout)
    benchmark(mapping.apply, pixels)
    report_rate(benchmark)
    assert N_IMAGES / benchmark.stats["min"] > 40_000


def test_crop(benchmark, camera, pixels):
    centre = np.random.default_rng(1).integers(5, 45, (N_IMAGES, 2))
    benchmark(build_lattice_mapping(camera).crop, pixels, centre, 24)
    report_rate(benchmark)


def test_resampling(benchmark, camera, pixels):
    mapping = build_resampling_mapping(camera, shape=(48, 48), cell_width=0.1)
    benchmark(mapping.apply, pixels)
    report_rate(benchmark)


def test_channels(benchmark, camera, pixels):
    benchmark(build_images, pixels[..., 0].copy(), pixels[..., 1].copy(), build_lattice_mapping(camera))
    report_rate(benchmark)


def test_centre(benchmark, camera, pixels):
    benchmark(centre_cell, pixels[..., 0].copy(), build_lattice_mapping(camera))
    report_rate(benchmark)
