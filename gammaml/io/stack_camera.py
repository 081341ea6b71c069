"""The camera of a stack of images: pixels at given places, or a grid; see :mod:`gammaml.io.stacks` for the keys."""

import astropy.units as u
import numpy as np

from gammaml.errors import InputError
from gammaml.events import Camera, Optics, Subarray, Telescope
from gammaml.io.stack_files import MEND, quantity, read_arrays

SHAPES = ("hexagon", "square", "circle")
SIZES = ("LST", "MST", "SST")


def check_positions(path, camera):
    """Raise unless the camera has x and y, or is a grid."""
    if ("x" in camera) != ("y" in camera):
        raise InputError(f"{path}: camera", "x without y, or y without x", "both", MEND)
    if "x" not in camera and "pixel_width" not in camera:
        raise InputError(f"{path}: camera", "neither x and y nor pixel_width", "one of them", MEND)


def is_grid(camera):
    """Whether the images are rows and columns of a grid."""
    return "x" not in camera


def read_positions(path, camera, file):
    """Pixel positions in m, (2, n_pixels), from a data file or the table of pixels."""
    names = camera["x"], camera["y"]
    if "pixels" in camera:
        file = path.parent / str(camera["pixels"])
        x, y = _csv_columns(file, names)
    else:
        read = read_arrays(file, names)
        x, y = (read[name] for name in names)
    unit = camera.get("unit", "m")
    try:
        position = np.stack([np.ravel(x), np.ravel(y)]).astype(float) * u.Unit(unit)
        if position.unit.is_equivalent("deg"):
            position = position.to_value("rad") * _length(path, camera, "focal_length") * u.m
        position = position.to_value("m")
    except (TypeError, ValueError) as error:
        got, expected = f"x and y in {unit!r}", "as many of each, lengths or angles"
        raise InputError(f"{path}: camera", got, expected, MEND) from error
    if not np.isfinite(position).all():
        raise InputError(file, "pixel positions that are not finite", "finite ones", "check the arrays")
    return position


def _csv_columns(file, names):
    if not file.is_file():
        raise InputError(file, "no such file", "a table of pixels", "check camera.pixels")
    try:
        table = np.genfromtxt(file, delimiter=",", names=True, encoding="utf-8", deletechars="")
        return [np.atleast_1d(table[name]) for name in names]
    except (ValueError, IndexError, TypeError) as error:
        raise InputError(file, "other columns", f"a CSV table with the columns {', '.join(names)}", MEND) from error


def grid_positions(path, camera, shape):
    """Positions in m of images (height, width): columns along y, as fov_lon, and rows along x, as fov_lat."""
    width = _length(path, camera, "pixel_width")
    height = width * (np.sqrt(3) / 2 if camera.get("shape") == "hexagon" else 1)
    row, column = (index.ravel() - (size - 1) / 2 for index, size in zip(np.indices(shape), shape, strict=True))
    return height * row, width * (column + _number(path, camera, "skew", 0.0) * row)


def _length(path, camera, key):
    """A length above zero in m."""
    length = quantity(f"{path}: camera.{key}", camera[key], "m")
    if length <= 0:
        raise InputError(f"{path}: camera.{key}", repr(camera[key]), "a length above zero", MEND)
    return length


def _number(path, camera, key, default):
    value = camera.get(key, default)
    if not isinstance(value, int | float):
        raise InputError(f"{path}: camera.{key}", repr(value), "a number", MEND)
    return value


def build_camera(path, camera, x, y):
    """Camera of pixels at x, y (m)."""
    shape = camera.get("shape", "square" if "x" not in camera else "hexagon")
    if shape not in SHAPES:
        raise InputError(f"{path}: camera.shape", repr(shape), f"one of {', '.join(SHAPES)}", MEND)
    spacing, angle = _nearest(x, y)
    if "pixel_width" in camera:
        spacing = _length(path, camera, "pixel_width")
    focal_length = _length(path, camera, "focal_length")
    if not 0 < spacing < np.inf:
        raise InputError(path, f"pixels {spacing} m apart", "pixels at different places", "check their positions")
    area = spacing**2 * {"hexagon": np.sqrt(3) / 2, "square": 1, "circle": np.pi / 4}[shape]
    turn = quantity(f"{path}: camera.rotation", camera.get("rotation", "0 deg"), "deg")
    rotation = round(angle, 2) % (60 if shape == "hexagon" else 90)
    return Camera(camera["name"], x, y, np.full(len(x), area), shape, rotation, turn, focal_length)


def _nearest(x, y):
    """Distance (m) and direction (degrees) from the pixel in the middle to the one nearest to it."""
    middle = np.argmin(np.hypot(x - x.mean(), y - y.mean()))
    distance = np.hypot(x - x[middle], y - y[middle])
    distance[middle] = np.inf
    near = distance.argmin()
    return distance[near], float(np.degrees(np.arctan2(y[near] - y[middle], x[near] - x[middle])))


def tel_type(camera):
    """Telescope type of the table [camera], as ctapipe writes it: size, optics, camera."""
    return camera.get("tel_type", f"UNKNOWN_{camera['name']}_{camera['name']}")


def build_subarray(settings, camera, tel_ids):
    """A telescope for each id, all at the origin: stacks do not say where they stand."""
    name, size = camera.name, tel_type(settings).split("_")[0]
    optics = Optics(
        name, size if size in SIZES else "UNKNOWN", "UNKNOWN", np.nan, 1, 1, camera.focal_length, camera.focal_length
    )
    telescopes = (Telescope(int(i), name, tel_type(settings), np.zeros(3), optics, camera) for i in tel_ids)
    return Subarray(name, (np.nan,) * 3, tuple(telescopes))
