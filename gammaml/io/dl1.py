"""Read ctapipe DL1 files (data model 4 to 7): images in bulk and in blocks, parameters, truth, pointing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from astropy.table import QTable

from gammaml.columns import AT_TRIGGER, EVENT_KEYS, KEYS, SUBARRAY_EVENT_TYPE
from gammaml.errors import InputError
from gammaml.events import Subarray, Telescope, warn_of_arrays
from gammaml.io.checks import check_primary, check_unique
from gammaml.io.dl1_pixels import find_cameras, read_camera
from gammaml.io.instrument import read_subarray
from gammaml.io.pointing import read_pointing
from gammaml.io.tables import (
    file_source,
    key_order,
    open_hdf5,
    origin,
    read_table,
    require_columns,
    require_table,
    side_by_side,
)
from gammaml.io.truth import Showers, read_showers, with_truth

IMAGES = "dl1/event/telescope/images"
PARAMETERS = "dl1/event/telescope/parameters"
TRIGGER = "dl1/event/subarray/trigger"
SIMULATION_RUN = "configuration/simulation/run"
THREADS = 2  # HDF5 reads one block at a time; the other thread decodes


@dataclass(frozen=True)
class Selection:
    """Which images to read.

    Parameters
    ----------
    tel_type : str or None
        Telescope type or camera name, with shell wildcards (``LST_*``); None takes all.
    event_types : tuple of int
        ctapipe EventType codes; 32 is a subarray (cosmic) trigger.
    min_intensity : float
        Smallest charge of the cleaned image (``hillas_intensity``), p.e.; 0 keeps images without parameters too.
    max_leakage : float
        Largest ``leakage_intensity_width_2``.
    max_events : int or None
        At most the first so many array events of each file.
    """

    tel_type: str | None = None
    event_types: tuple = (SUBARRAY_EVENT_TYPE,)
    min_intensity: float = 0.0
    max_leakage: float = 1.0
    max_events: int | None = None

    @property
    def needs_parameters(self):
        return self.min_intensity > 0 or self.max_leakage < 1

    def wants(self, telescope, *other_names):
        """Whether a telescope is of the wanted type, by its type, its camera or other names that a file has for it."""
        names = (telescope.tel_type, telescope.camera.name, *other_names)
        return any(fnmatch(name, self.tel_type or "*") for name in names)


def read_dl1(paths, selection=Selection()):
    """Camera images of DL1 files.

    Parameters
    ----------
    paths : list of str or Path
    selection : Selection

    Returns
    -------
    list of gammaml.events.TelescopeEvents
        One a camera, by telescope type; one row an image, file by file, ordered by obs_id, event_id, tel_id in each.

    Raises
    ------
    gammaml.errors.InputError
        Where a file is damaged or no DL1 file, lacks a column, or holds no event that is wanted.
    """
    paths = list(map(Path, paths))
    plans = [_plan(_index(path, selection), selection) for path in paths]
    warn_of_arrays([plan.subarray for plan in plans])
    for path, plan in zip(paths, plans, strict=True):
        if not plan.parts:
            raise nothing_left(path)
    with ThreadPoolExecutor(THREADS) as pool:
        sources = pool.map(file_source, paths)
        passing = _read(plans, selection, pool)
        sources = tuple(sources)
    if not passing:
        raise nothing_left(", ".join(map(str, paths)))
    return [replace(events, sources=sources) for events in passing]


def read_dl1_parts(path, selection, n_events):
    """As :func:`read_dl1`, of one file and `n_events` array events at a time: memory does not grow with the file.

    Yields
    ------
    list of gammaml.events.TelescopeEvents
        One a camera, of the cameras that have images in this part; parts without images are left out.
    """
    index = _index(Path(path), selection)
    sources = (file_source(path),)
    with ThreadPoolExecutor(THREADS) as pool:
        for low in range(0, len(index.trigger), n_events):
            passing = _read([_plan(index, selection, low, low + n_events)], selection, pool)
            if passing:
                yield [replace(events, sources=sources) for events in passing]


def _read(plans, selection, pool):
    """What passes of the planned images, one item a camera that has some."""
    read = (read_camera(plans, camera, pool) for camera in find_cameras(plans))
    passing = [events[passes(events.table, selection)] for events in read]
    return [events for events in passing if len(events)]


@dataclass(frozen=True, eq=False)
class _Images:
    """All images of one telescope in a file: their keys, and which of the wanted array events they belong to, or −1."""

    telescope: Telescope
    keys: QTable
    event: np.ndarray
    has_parameters: bool


@dataclass(frozen=True, eq=False)
class _Index:
    """What is in one file, but for images and what is known of each."""

    path: Path
    subarray: Subarray
    trigger: QTable
    images: list
    showers: Showers
    simulation: QTable | None


@dataclass(frozen=True, eq=False)
class _Part:
    """The wanted images of one telescope in one file, of the rows from `first` on, known before any image is read."""

    telescope: Telescope
    table: QTable
    first: int
    wanted: np.ndarray
    has_parameters: bool

    @property
    def dataset(self):
        return f"{IMAGES}/{_name(self.telescope)}"


@dataclass(frozen=True, eq=False)
class _Plan:
    """What to read from one file."""

    path: Path
    subarray: Subarray
    parts: list
    simulation: QTable | None


def _index(path, selection):
    with open_hdf5(path) as file:
        if IMAGES not in file:
            got = f"the groups {', '.join(file) or 'none'} without /{IMAGES}"
            do = "give the DL1 file of it" if "dl2" in file else "write images with ctapipe-process --write-images"
            raise InputError(path, got, "a ctapipe DL1 file with images", do)
        subarray = read_subarray(file)
        trigger = _selected_triggers(file, selection)
        telescopes = _selected_telescopes(file, subarray, selection)
        images = [_index_images(file, telescope, trigger) for telescope in telescopes]
        simulation = _read_simulation(file, trigger)
        return _Index(path, subarray, trigger, images, read_showers(file, trigger), simulation)


def _plan(index, selection, low=0, high=None):
    """The wanted images of some of the wanted array events, by default all."""
    high = len(index.trigger) if high is None else high
    with open_hdf5(index.path) as file:
        parts = [_plan_telescope(file, index, images, (low, high), selection) for images in index.images]
        for part in parts:
            if "true_shower_primary_id" in part.table.colnames:
                check_primary(index.path, origin(file).get("card", {}), part.table["true_shower_primary_id"])
    return _Plan(index.path, index.subarray, [part for part in parts if len(part.table)], index.simulation)


def nothing_left(where):
    """The error where no image is left."""
    return InputError(where, "no image that passes the selection", "at least one", "loosen the selection")


def _name(telescope):
    return f"tel_{telescope.tel_id:03d}"


def _selected_triggers(file, selection):
    """The array events that are wanted, with `fraction` of all in the table's meta."""
    trigger = require_table(file, TRIGGER, EVENT_KEYS)
    if not len(trigger):
        raise InputError(file.filename, "zero events", "at least one", "check how the file was made")
    check_unique(file.filename, trigger, EVENT_KEYS)
    wanted = trigger
    if "event_type" in trigger.colnames:
        wanted = trigger[np.isin(trigger["event_type"], selection.event_types)]
    if not len(wanted):
        types = ", ".join(map(str, np.unique(trigger["event_type"])))
        raise InputError(file.filename, f"events of type {types}", f"type {selection.event_types}", "choose a type")
    limited = wanted[: selection.max_events]
    limited.meta["fraction"] = len(limited) / len(wanted)
    return limited


def _selected_telescopes(file, subarray, selection):
    """Telescopes with images whose type is wanted."""
    present = [t for t in subarray.telescopes if _name(t) in file[IMAGES]]
    wanted = [telescope for telescope in present if selection.wants(telescope)]
    if not wanted:
        types = ", ".join(sorted({t.tel_type for t in present})) or "none"
        got, expected = f"images of the telescope types {types}", f"some of {selection.tel_type or '*'!r}"
        raise InputError(file.filename, got, expected, "choose one of these")
    return wanted


def _index_images(file, telescope, trigger):
    """Where the images of one telescope are."""
    dataset = file[f"{IMAGES}/{_name(telescope)}"]
    require_columns(dataset, (*KEYS, "image"))
    if dataset.dtype["image"].shape != (telescope.camera.n_pixels,):
        raise InputError(
            f"{file.filename}{dataset.name}",
            f"images of shape {dataset.dtype['image'].shape}",
            f"{telescope.camera.n_pixels} pixels, one gain, as its camera {telescope.camera.name}",
            "check the camera, or select the gain with ctapipe-process",
        )
    has_parameters = _has_parameters(file, telescope, len(dataset))
    keys = _keys((file[_parameters(telescope)] if has_parameters else dataset).fields(list(KEYS))[:])
    return _Images(telescope, keys, key_order(trigger, keys), has_parameters)


def _plan_telescope(file, index, images, events, selection):
    """Which images of one telescope are wanted of a range of array events, and all that is known of them."""
    inside = np.flatnonzero((images.event >= events[0]) & (images.event < events[1]))
    rows = slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)
    event, tel_id = images.event[rows], images.telescope.tel_id
    wanted = (event >= events[0]) & (event < events[1])
    parameters = read_table(file[_parameters(images.telescope)], rows=rows) if images.has_parameters else None
    if parameters is not None:
        wanted &= passes(parameters, selection)
    trigger = index.trigger[event[wanted]]
    table = side_by_side(images.keys[rows][wanted], trigger[_columns(trigger, *AT_TRIGGER)])
    table = side_by_side(table, read_pointing(file, tel_id, table))
    table = with_truth(table, index.showers.of(event[wanted]), file.filename)
    if parameters is not None:
        parameters.remove_columns(KEYS)
        table = side_by_side(table, parameters[wanted])
    return _Part(images.telescope, table, rows.start, wanted, images.has_parameters)


def _keys(rows):
    return QTable({name: np.asarray(rows[name]).astype(np.int64) for name in KEYS})


def _columns(table, *names):
    return [name for name in names if name in table.colnames]


def _parameters(telescope):
    return f"{PARAMETERS}/{_name(telescope)}"


def _has_parameters(file, telescope, n_images):
    """Whether there are parameters in the telescope frame, a row an image; else they must be computed."""
    name = _parameters(telescope)  # there may be none, those of some images, or in the camera frame as in older files
    return name in file and len(file[name]) == n_images and "hillas_fov_lon" in file[name].dtype.names


def passes(table, selection):
    """Mask of the rows that pass the cuts on image parameters."""
    if not selection.needs_parameters:
        return np.ones(len(table), bool)
    intensity = np.asarray(table["hillas_intensity"])
    leakage = np.asarray(table["leakage_intensity_width_2"])
    return (intensity >= selection.min_intensity) & (leakage <= selection.max_leakage)


def _read_simulation(file, trigger):
    """Thrown showers a run; where only part of the events was read, the same part of the showers was thrown."""
    if SIMULATION_RUN not in file:
        return None
    simulation = read_table(file[SIMULATION_RUN])
    simulation["n_showers"] = np.asarray(simulation["n_showers"]) * trigger.meta["fraction"]
    return simulation
