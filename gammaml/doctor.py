"""Whether gammaml works here: versions, machine, and a short test of the way from pixels to a file of results."""

import os
import platform
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from astropy.table import QTable

from gammaml import __version__, images, io
from gammaml.config import TrainSettings
from gammaml.models import build_model
from gammaml.simulation import arrays
from gammaml.tasks import get_tasks

NEEDED = ("numpy", "scipy", "astropy", "h5py", "keras", "tensorflow", "ctapipe", "pyirf", "scikit-learn", "numba")
OPTIONAL = ("gammapy", "distributed", "chromo")
GIB = 2**30
LITTLE_MEMORY = 4  # GiB
ARRAY = "hess"  # whose camera the self-test uses
N_IMAGES = 512
WELL = 0.95  # share of narrow and wide images that a network must tell apart; chance gives 0.5


class Finding(NamedTuple):
    """What was looked at, what was found, and whether it is as it should be."""

    name: str
    found: str
    good: bool = True


def examine():
    """Look at this installation and machine, then try it out.

    Yields
    ------
    Finding
    """
    yield Finding("gammaml", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield from map(_package, NEEDED)
    yield from (Finding(name, _version(name) or "not installed, optional") for name in OPTIONAL)
    yield _memory()
    yield _backend()
    yield from self_test()


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _package(name):
    found = _version(name)
    return Finding(name, found or "missing: install gammaml again with pip", bool(found))


def _memory():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("machine", f"{cores} cores, {memory:.1f} GiB of memory", memory >= LITTLE_MEMORY)


def _backend():
    devices = keras.distribution.list_devices()
    return Finding("Keras backend", f"{keras.backend.backend()} on {', '.join(devices)}")


def self_test(seed=0):
    """Images of narrow and wide ellipses through a camera's pixels, a network that tells them apart, and a DL2 file.

    Parameters
    ----------
    seed : int

    Yields
    ------
    Finding
    """
    subarray = arrays.subarray(arrays.array(ARRAY))
    camera = subarray.telescopes[0].camera
    rng = np.random.default_rng(seed)
    is_wide = rng.integers(0, 2, N_IMAGES)
    charge = _ellipses(camera, np.where(is_wide, 0.25, 0.1), rng)
    mapping = images.build_lattice_mapping(camera)
    same = np.array_equal(mapping.invert(mapping.apply(charge)), charge)
    yield Finding("pixels to grid and back", "without loss" if same else "with losses", same)
    share, scores = _learn(images.scale_charge(mapping.apply(charge)), is_wide)
    yield Finding("network", f"{share:.1%} of unseen images told apart", share > WELL)
    same = _through_file(scores, subarray)
    yield Finding("DL2 file", "read as it was written" if same else "not what was written", same)


def _ellipses(camera, width, rng):
    """Charges (n, n_pixels) in p.e. of ellipses of these widths in degrees, with noise."""
    angle, n = rng.uniform(0, np.pi, len(width)), len(width)
    offset = np.stack([camera.fov_lon, camera.fov_lat]) - rng.uniform(-0.5, 0.5, (n, 2, 1))
    along = np.cos(angle)[:, None] * offset[:, 0] + np.sin(angle)[:, None] * offset[:, 1]
    across = np.cos(angle)[:, None] * offset[:, 1] - np.sin(angle)[:, None] * offset[:, 0]
    light = np.exp(-0.5 * (along / 0.4) ** 2 - 0.5 * (across / width[:, None]) ** 2)
    expected = 300 * light / light.sum(axis=1, keepdims=True)
    return (rng.poisson(expected) + rng.normal(0, 0.5, expected.shape)).astype(np.float32)


def _learn(grids, is_wide):
    """Share of the second half of the images that a network of the first half is right about, and its scores."""
    half = len(grids) // 2
    shapes = {"image": (*grids.shape[1:], 1)}
    model = build_model(TrainSettings(network="cnn", image_parameters=False), shapes, get_tasks("gammaness"))
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    target = np.eye(2, dtype=np.float32)[is_wide]
    model.fit({"image": grids[:half, ..., None]}, {"gammaness": target[:half]}, epochs=8, batch_size=16, verbose=0)
    scores = model.predict({"image": grids[half:, ..., None]}, verbose=0)["gammaness"]
    return (scores.argmax(axis=1) == is_wide[half:]).mean(), scores[:, 1]


def _through_file(scores, subarray):
    """Whether scores come back from a DL2 file as they were."""
    ids = np.arange(len(scores))
    table = QTable({"obs_id": np.ones_like(ids), "event_id": ids, "tel_id": np.ones_like(ids), "gammaness": scores})
    table.meta.update(subarray=subarray, reconstructor="Gammaml")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.dl2.h5"
        io.write_dl2(table, path)
        return np.array_equal(io.read_dl2(path, level="telescope")["gammaness"], scores)
