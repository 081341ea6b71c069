"""Cameras to test on: made ones, and those of real files where the shared data are."""

from pathlib import Path

import numpy as np
import pytest

from gammaml.events import Camera
from gammaml.io.instrument import read_subarray
from gammaml.io.tables import open_hdf5

DATA = Path(__file__).parents[2] / "shared/data"
REAL = {  # name: file, one of its telescopes, true kind of its lattice, rows and columns where square
    "MSTsim": ("bootstrap/gamma.dl1.h5", "MSTsim", "axial", None),
    "ASTRICam": ("dl1_ctapipe/astri_gamma.dl1.h5", "ASTRICam", "square", (56, 56)),
    "CHEC": ("dl1_ctapipe/prod2_gamma.dl1.h5", "CHEC", "square", (48, 48)),
    "SCTCam": ("dl1_ctapipe/prod2_gamma.dl1.h5", "SCTCam", "square", (120, 120)),
    "LSTCam, old": ("dl1_ctapipe/prod2_gamma.dl1.h5", "LSTCam", "axial", None),
    "LSTCam": ("dl1_ctapipe/proton_run202.dl1.h5", "LSTCam", "axial", None),
    "FlashCam": ("dl1_ctapipe/proton_run202.dl1.h5", "FlashCam", "axial", None),
    "NectarCam": ("dl1_ctapipe/camsettings_gamma.dl1.h5", "NectarCam", "axial", None),
    "DigiCam": ("dl1_ctapipe/sst1m_gamma.dl1.h5", "DigiCam", "axial", None),
}


def make_camera(fov_lon, fov_lat, pixel_type="hexagon"):
    """A camera named "made" with pixels at these degrees."""
    x, y = np.deg2rad(fov_lat), np.deg2rad(fov_lon)
    return Camera("made", x, y, np.full(len(x), 1e-6), pixel_type, 12.3, 0.0, 1.0)


def turn(points, angle):
    """Points (n, 2) turned by `angle` in degrees about the middle."""
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return points @ np.array([[cos, sin], [-sin, cos]])


def hexagonal_camera(rings, angle=0.0, pitch=0.1, pixel_type="hexagon"):
    """Rings of hexagonal pixels round a middle one; 3 rings (rings + 1) + 1 in all."""
    q, r = np.mgrid[-rings : rings + 1, -rings : rings + 1].reshape(2, -1)
    inside = np.abs(q + r) <= rings
    q, r = q[inside], r[inside]
    points = turn(pitch * np.column_stack([q + r / 2, np.sqrt(0.75) * r]), angle)
    return make_camera(*points.T, pixel_type)


def square_camera(modules, side, gap=0.0, angle=0.0):
    """`modules` x `modules` modules of `side` x `side` pixels of 0.1 degrees, `gap` pixels between them, row by row."""
    line = np.arange(modules * side) + gap * np.repeat(np.arange(modules), side)
    lat, lon = np.meshgrid(*2 * [0.1 * (line - line.mean())], indexing="ij")
    return make_camera(*turn(np.column_stack([lon.ravel(), lat.ravel()]), angle).T)


def real_camera(name):
    """A camera of a real file; skips the test where the file is not there."""
    file, camera_name, *_ = REAL[name]
    if not (DATA / file).exists():
        pytest.skip(f"no {file} in the shared data")
    with open_hdf5(DATA / file) as opened:
        cameras = [telescope.camera for telescope in read_subarray(opened).telescopes]
    return next(camera for camera in cameras if camera.name == camera_name)


def fact_camera():
    """FACT's camera from its own table of pixel positions, in units of its 9.5 mm pitch."""
    path = DATA / "fact/pixel-map.csv"
    if not path.exists():
        pytest.skip("no FACT pixel map in the shared data")
    table = np.genfromtxt(path, delimiter=",", names=True)
    return make_camera(0.11 * table["pos_X"], 0.11 * table["pos_Y"])


def blob(camera, place, width=0.2):
    """Gaussian image (1, n_pixels) of 100 p.e. height at `place` (fov_lon, fov_lat)."""
    square = (camera.fov_lon - place[0]) ** 2 + (camera.fov_lat - place[1]) ** 2
    return (100 * np.exp(-square / 2 / width**2))[None].astype(np.float32)


def centroid(image, positions):
    """Mean position (2,) of an image (n,)."""
    return image @ positions / image.sum()
