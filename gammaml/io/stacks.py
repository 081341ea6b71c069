"""Read stacks of images, in NPZ or FITS files, that a small TOML file describes.

The TOML file is what the user gives as the path. Its tables and keys::

    [stack]
    files = "crab.npz"           # a name, a list of them, or a pattern (*.fits), relative to the TOML file
    image = "image"              # charges in p.e., (n, n_pixels) or (n, height, width); of FITS the name or number
                                 # of an HDU, where (height, width) is one image too
    peak_time = "time"           # optional: ns, of the same shape
    ids_restart = true           # optional: a new obs_id begins wherever event_id does not grow

    [camera]
    name = "DigiCam"
    focal_length = "5.6 m"
    tel_type = "SST_SST1M_DigiCam"  # optional
    shape = "hexagon"            # optional: hexagon, square or circle; square for a square grid
    x = "pix_x_mm"               # arrays of the first file, or columns of `pixels`: positions in ctapipe's CameraFrame
    y = "pix_y_mm"
    unit = "mm"                  # of x and y, m by default; angles are taken times the focal length
    pixels = "pixels.csv"        # optional: a table with the columns x and y
    pixel_width = "24.3 mm"      # the distance of neighbours; without x and y the images are rows of a grid, the
                                 # columns along fov_lon and the rows along fov_lat
    skew = 0.5                   # optional: pixels by which each row of the grid is shifted against the one before
    flip = true                  # optional: fov_lat falls with the row, as in images whose first row is at the top
    rotation = "0 deg"           # optional: turns the camera, as ctapipe's cam_rotation

    [columns]                    # all optional; a text names an array (of FITS a column or a key of the header)
    event_id = "event_number"    # numbers from 1 by default; a number is the same for all images
    obs_id = 1
    tel_id = 1
    pointing_alt = {value = "70 deg"}
    time = {name = "utc", format = "unix", scale = "utc"}
    true_energy = {name = "mc_energy", unit = "GeV"}

Columns are those in :data:`gammaml.io.stack_files.COLUMN_NAMES`; without `unit` they have the units of
:data:`gammaml.columns.COLUMNS`. Pixels of a grid that are NaN in all images are none.
"""

from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.time import Time

from gammaml.columns import COLUMNS, SUBARRAY_EVENT_TYPE
from gammaml.errors import InputError
from gammaml.events import by_camera
from gammaml.io.assemble import assemble, check_some_wanted, check_tel_type, filled_store
from gammaml.io.stack_camera import (
    build_camera,
    build_subarray,
    check_positions,
    grid_positions,
    is_grid,
    read_positions,
    tel_type,
)
from gammaml.io.stack_files import MEND, data_files, read_arrays, read_settings
from gammaml.io.tables import file_source

INTEGERS = ("obs_id", "event_id", "tel_id", "event_type", "true_shower_primary_id")


def is_stack(path, head):
    """Whether a file is a TOML file with a table [stack]."""
    return any(line.strip() == b"[stack]" for line in head.splitlines()) or path.suffix == ".toml"


def read_stacks(paths, selection):
    """Camera images of stacks.

    Parameters
    ----------
    paths : list of str or Path
        TOML files, see the top of this module.
    selection : gammaml.io.dl1.Selection

    Returns
    -------
    list of gammaml.events.TelescopeEvents
        One a camera.

    Raises
    ------
    gammaml.errors.InputError
        Where a TOML file or what it names is missing, damaged or does not fit together, or no image is wanted.
    """
    return by_camera([_read_stack(Path(path), selection) for path in paths])


def describe_stack(path):
    """What is in a stack: dict of str to str."""
    path = Path(path)
    settings, files, arrays = _load(path)
    table = _table(path, settings, arrays)
    camera, image, _ = _camera_and_pixels(path, settings, files[0], arrays)
    telescopes = len(np.unique(table["tel_id"]))
    return {
        "format": f"image stack, {len(files):,} data file{'s' * (len(files) > 1)}",
        "telescopes": f"{telescopes}",
        tel_type(
            settings["camera"]
        ): f"{len(image):,} images; {camera.name}, {camera.n_pixels:,} {camera.pixel_type} pixels",
        "image parameters": "no",
        "columns": ", ".join(settings["columns"]) or "none",
        "simulated": "yes" if "true_energy" in table.colnames else "no",
    }


def _read_stack(path, selection):
    settings, files, arrays = _load(path)
    camera, image, peak_time = _camera_and_pixels(path, settings, files[0], arrays)
    table = _table(path, settings, arrays)
    subarray = build_subarray(settings["camera"], camera, np.unique(table["tel_id"]))
    check_tel_type(path, subarray.telescopes[0], selection)
    check_some_wanted(path, table["event_type"], selection)
    wanted = _wanted(table, selection)
    time = np.nan if peak_time is None else peak_time[wanted]
    store = filled_store(image[wanted], time)
    events = assemble(path, table[wanted], store, subarray, selection)
    return replace(events, sources=tuple(map(file_source, (path, *files))))


def _load(path):
    """Settings, data files, and the arrays of all files by name, each (n_images, ...) and the constants apart."""
    settings = read_settings(path)
    check_positions(path, settings["camera"])
    files = data_files(path, settings["stack"]["files"])
    image = settings["stack"]["image"]
    names = {image, settings["stack"].get("peak_time", image)}
    names |= {column["name"] for column in settings["columns"].values() if "name" in column}
    if not all(isinstance(name, str | int) for name in names):
        raise InputError(path, f"the names {names}", "names of arrays", MEND)
    parts = [read_arrays(file, names) for file in files]
    axes = 2 if is_grid(settings["camera"]) else 1
    for file, part in zip(files, parts, strict=True):
        _check_lengths(file, part, image, axes)
    for file, part in zip(files[1:], parts[1:], strict=True):
        if part[image].shape[1:] != parts[0][image].shape[1:]:
            got = f"images of {part[image].shape[1:]} pixels"
            raise InputError(file, got, f"{parts[0][image].shape[1:]}, as in {files[0].name}", "leave it out")
    return settings, files, {name: np.concatenate([part[name] for part in parts]) for name in names}


def _check_lengths(file, part, image, axes):
    """Make each array (n_images, ...), a single image or value too."""
    if part[image].ndim == axes:
        part[image] = part[image][None]
    if part[image].ndim < axes + 1 or part[image].dtype.kind not in "fiu":
        expected = "(n, height, width)" if axes == 2 else "(n, n_pixels)"
        raise InputError(f"{file}: {image}", f"an array {part[image].shape}", f"numbers {expected}", "check the name")
    if not len(part[image]):
        raise InputError(file, "zero events", "at least one", "check how the file was made")
    n_images = len(part[image])
    for name, values in part.items():
        values = part[name] = values[None] if values.ndim in (0, axes) and n_images == 1 else values
        if values.ndim == 0:
            part[name] = values = np.repeat(values, n_images)
        if len(values) != n_images:
            raise InputError(
                f"{file}: {name}", f"{len(values)} rows", f"{n_images}, as of the images", "check the name"
            )


def _camera_and_pixels(path, settings, file, arrays):
    """The camera, and charges and peak times (n_images, n_pixels), the latter None where there are none."""
    described, stack = settings["camera"], settings["stack"]
    names = [stack[key] for key in ("image", "peak_time") if key in stack]
    pixels = [arrays[name].reshape(len(arrays[name]), -1) for name in names]
    if is_grid(described):
        x, y = grid_positions(path, described, arrays[names[0]].shape[1:])
    else:
        x, y = read_positions(path, described, file)
    if any(values.shape[1] != len(x) for values in pixels):
        counts = ", ".join(str(values.shape[1]) for values in pixels)
        raise InputError(path, f"images of {counts} pixels", f"{len(x)}, as positions", "check the arrays")
    if is_grid(described):
        inside = ~np.isnan(pixels[0]).all(axis=0)
        x, y, pixels = x[inside], y[inside], [values[:, inside] for values in pixels]
    bad = ~np.isfinite(pixels[0]).all(axis=1)
    if bad.any() or not len(x):
        got = f"charges that are not finite in {bad.sum():,} images, the first in row {bad.argmax()}"
        raise InputError(f"{path}: {names[0]}", got, "finite charges", "mend the images, or leave them out")
    camera = build_camera(path, described, -x if described.get("flip") else x, y)
    return camera, pixels[0], pixels[1] if len(pixels) > 1 else None


def _table(path, settings, arrays):
    """The columns of all images, with default keys."""
    n_images = len(arrays[settings["stack"]["image"]])
    table = QTable({"obs_id": np.ones(n_images, np.int64), "event_id": np.arange(1, n_images + 1)})
    table["tel_id"], table["event_type"] = 1, SUBARRAY_EVENT_TYPE
    for name in ("pointing_alt", "pointing_az"):
        table[name] = np.full(n_images, np.nan) * u.deg
    for name, column in settings["columns"].items():
        values = arrays[column["name"]] if "name" in column else column["value"]
        table[name] = _values(f"{path}: columns.{name}", name, column, np.asarray(values), n_images)
    if settings["stack"].get("ids_restart"):
        table["obs_id"] += np.cumsum(np.diff(table["event_id"], prepend=table["event_id"][0] - 1) <= 0)
    _check_truth(path, table)
    return table


def _values(where, name, column, values, n_images):
    """Values of one column in the units of `COLUMNS`, from an array or one number."""
    unit = COLUMNS[name].unit
    try:
        values = np.broadcast_to(values, n_images)
        if name == "time":
            return Time(values, format=column.get("format"), scale=column.get("scale", "utc"))
        if values.dtype.kind in "US" and "value" in column:
            return np.full(len(values), u.Quantity(str(values[0])).to_value(unit)) * unit
        values = values.astype(float)
        if name in INTEGERS:
            if (values != np.round(values)).any():
                raise ValueError("not whole")
            return values.astype(np.int64)
        return (values * u.Unit(column.get("unit", unit))).to(unit)
    except (TypeError, ValueError, u.UnitsError) as error:
        expected = "whole numbers" if name in INTEGERS else f"values in {unit}" if unit else "times"
        raise InputError(where, f"values that cannot be read ({error})", expected, "mend the column") from error


def _check_truth(path, table):
    if "true_energy" not in table.colnames:
        return
    if "true_shower_primary_id" not in table.colnames:
        raise InputError(f"{path}: columns", "true_energy alone", "true_shower_primary_id too (0 for gammas)", MEND)
    if not (table["true_energy"].value > 0).all():
        raise InputError(path, "a true energy at or below zero", "positive energies", "check the simulation")


def _wanted(table, selection):
    """Rows of the first `max_events` array events of wanted types."""
    rows = np.flatnonzero(np.isin(table["event_type"], selection.event_types))
    keys = np.stack([np.asarray(table[name])[rows] for name in ("obs_id", "event_id")], axis=1)
    _, first, event = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rows if selection.max_events is None else rows[rank[event.ravel()] < selection.max_events]
