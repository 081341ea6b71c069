"""Read ctapipe DL1 files (data model 4 to 7): images in bulk and in blocks, parameters, truth, pointing."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack

from gammaml.columns import AT_TRIGGER, KEYS, SUBARRAY_EVENT_TYPE
from gammaml.errors import InputError
from gammaml.events import PixelStore, Subarray, Telescope, TelescopeEvents, warn_of_arrays
from gammaml.io.checks import check_primary, check_unique
from gammaml.io.hillas import image_parameters
from gammaml.io.instrument import read_subarray
from gammaml.io.pointing import read_pointing
from gammaml.io.tables import (
    bare,
    file_source,
    key_order,
    open_hdf5,
    origin,
    read_table,
    require_columns,
    require_table,
    side_by_side,
)
from gammaml.io.truth import with_truth

IMAGES = "dl1/event/telescope/images"
PARAMETERS = "dl1/event/telescope/parameters"
TRIGGER = "dl1/event/subarray/trigger"
EVENT_KEYS = KEYS[:2]
SIMULATION_RUN = "configuration/simulation/run"
BLOCK_BYTES = 32 * 2**20
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
    plans = [_plan(path, selection) for path in paths]
    warn_of_arrays([plan.subarray for plan in plans])
    with ThreadPoolExecutor(THREADS) as pool:
        sources = pool.map(file_source, paths)
        read = [_read_camera(plans, camera, pool) for camera in _cameras(plans)]
        sources = tuple(sources)
    passing = [replace(events[passes(events.table, selection)], sources=sources) for events in read]
    if not any(map(len, passing)):
        raise nothing_left(", ".join(map(str, paths)))
    return [events for events in passing if len(events)]


def _cameras(plans):
    """Cameras with different pixels, by name of the telescope type."""
    telescopes = sorted((part.telescope for plan in plans for part in plan.parts), key=lambda t: t.tel_type)
    cameras = []
    for telescope in telescopes:
        if not any(camera.same_pixels(telescope.camera) for camera in cameras):
            cameras.append(telescope.camera)
    return cameras


def _read_camera(plans, camera, pool):
    """The planned images of one camera; while one telescope's are read, another's are decoded."""
    mine = [[part for part in plan.parts if camera.same_pixels(part.telescope.camera)] for plan in plans]
    sizes = [[len(part.table) for part in parts] for parts in mine]
    store = PixelStore.allocate(sum(map(sum, sizes)), camera.n_pixels)
    tables, start = [], 0
    for plan, parts, counts in zip(plans, mine, sizes, strict=True):
        edges = start + np.cumsum([0, *counts])
        places = [slice(low, high) for low, high in itertools.pairwise(edges)]
        with open_hdf5(plan.path) as file:
            tables += pool.map(partial(_fill, file, store), parts, places)
        start = edges[-1]
    table = vstack(tables, metadata_conflicts="silent")
    file_number = np.repeat(np.arange(len(plans)), [sum(counts) for counts in sizes])
    simulations = [
        plan.simulation for plan, parts in zip(plans, mine, strict=True) if parts and plan.simulation is not None
    ]
    simulation = vstack(simulations, metadata_conflicts="silent") if simulations else None
    events = TelescopeEvents(table, store, np.arange(len(table)), camera, plans[0].subarray, simulation)
    return events[np.lexsort([*(np.asarray(table[name]) for name in reversed(KEYS)), file_number])]


@dataclass(frozen=True, eq=False)
class _Part:
    """The wanted images of one telescope in one file, known before any image is read."""

    telescope: Telescope
    table: QTable
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


def _plan(path, selection):
    with open_hdf5(path) as file:
        if IMAGES not in file:
            raise InputError(
                path,
                f"the groups {', '.join(file) or 'none'} without /{IMAGES}",
                "a ctapipe DL1 file with images",
                "write images with ctapipe-process --write-images",
            )
        subarray = read_subarray(file)
        trigger = _selected_triggers(file, selection)
        telescopes = _selected_telescopes(file, subarray, selection)
        parts = [_plan_telescope(file, telescope, trigger, selection) for telescope in telescopes]
        parts = [part for part in parts if len(part.table)]
        if not parts:
            raise nothing_left(path)
        for part in parts:
            if "true_shower_primary_id" in part.table.colnames:
                check_primary(path, origin(file).get("card", {}), part.table["true_shower_primary_id"])
        return _Plan(path, subarray, parts, _read_simulation(file, trigger))


def nothing_left(where):
    """The error where no image is left."""
    return InputError(where, "no image that passes the selection", "at least one", "loosen the selection")


def _name(telescope):
    return f"tel_{telescope.tel_id:03d}"


def _selected_triggers(file, selection):
    """The array events that are wanted, with `fraction` of all in the table's meta."""
    trigger = require_table(file, TRIGGER, ("obs_id", "event_id"))
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


def _plan_telescope(file, telescope, trigger, selection):
    """Which images of one telescope are wanted, and all that is known of them."""
    dataset = file[f"{IMAGES}/{_name(telescope)}"]
    require_columns(dataset, (*KEYS, "image"))
    if dataset.dtype["image"].shape != (telescope.camera.n_pixels,):
        raise InputError(
            f"{file.filename}{dataset.name}",
            f"images of shape {dataset.dtype['image'].shape}",
            f"{telescope.camera.n_pixels} pixels, one gain, as its camera {telescope.camera.name}",
            "check the camera, or select the gain with ctapipe-process",
        )
    parameters = _stored_parameters(file, telescope, len(dataset))
    keys = _keys(dataset.fields(list(KEYS))[:] if parameters is None else parameters)
    event = key_order(trigger, keys)
    wanted = event >= 0
    if parameters is not None:
        wanted &= passes(parameters, selection)
    table = side_by_side(keys[wanted], trigger[_columns(trigger, *AT_TRIGGER)][event[wanted]])
    table = side_by_side(table, read_pointing(file, telescope.tel_id, table))
    table = with_truth(file, table)
    if parameters is not None:
        parameters.remove_columns(KEYS)
        table = side_by_side(table, parameters[wanted])
    return _Part(telescope, table, wanted, parameters is not None)


def _keys(rows):
    return QTable({name: np.asarray(rows[name]).astype(np.int64) for name in KEYS})


def _columns(table, *names):
    return [name for name in names if name in table.colnames]


def _fill(file, store, part, where):
    """Read the wanted images into `store`, block by block, so that memory does not grow with the file.

    Returns the part's table, with parameters computed where the file has none.
    """
    dataset = file[part.dataset]
    names = (*KEYS, "image", "peak_time")
    chunk = dataset.chunks[0] if dataset.chunks else 1
    step = chunk * max(1, BLOCK_BYTES // (dataset.dtype.itemsize * chunk))
    start, computed = 0, []
    for low in range(0, len(dataset), step):
        rows = part.wanted[low : low + step]
        if not rows.any():
            continue
        block = read_table(dataset, columns=names, rows=slice(low, low + step))
        stop = start + int(rows.sum())
        _check_order(file, block[rows], part.table[start:stop])
        image, peak_time = store.image[where][start:stop], store.peak_time[where][start:stop]
        image[:] = bare(block["image"])[rows]
        peak_time[:] = bare(block["peak_time"], u.ns)[rows] if "peak_time" in block.colnames else np.nan
        if not part.has_parameters:
            computed.append(image_parameters(image, peak_time, part.telescope.camera))
        store.release()
        start = stop
    return part.table if part.has_parameters else side_by_side(part.table, vstack(computed))


def _check_order(file, block, planned):
    """Images and parameters come row by row in the same order; nothing says so in the file, so it is checked."""
    if any((np.asarray(block[name]) != np.asarray(planned[name])).any() for name in KEYS):
        raise InputError(
            file.filename,
            "images and parameters in different orders",
            "the same events in the same order",
            "write the file again with ctapipe-merge",
        )


def _stored_parameters(file, telescope, n_images):
    """Image parameters in the telescope frame, a row an image; None where they must be computed."""
    name = f"{PARAMETERS}/{_name(telescope)}"
    if name not in file or len(file[name]) != n_images or "hillas_fov_lon" not in file[name].dtype.names:
        return None  # without parameters, with some only, or in the camera frame as older files have them
    return read_table(file[name])


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
