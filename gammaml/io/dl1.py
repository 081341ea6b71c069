"""Read ctapipe DL1 files (data model 4 to 7): images in bulk and in blocks, parameters, truth, pointing."""

from dataclasses import dataclass, replace
from fnmatch import fnmatch

import astropy.units as u
import numpy as np
from astropy.table import QTable, hstack, vstack

from gammaml import sky
from gammaml.columns import KEYS, SUBARRAY_EVENT_TYPE
from gammaml.errors import InputError
from gammaml.events import PixelStore, TelescopeEvents, concatenate
from gammaml.io.hillas import image_parameters
from gammaml.io.instrument import read_subarray
from gammaml.io.tables import file_source, key_order, open_hdf5, read_table

IMAGES = "dl1/event/telescope/images"
PARAMETERS = "dl1/event/telescope/parameters"
TRIGGER = "dl1/event/subarray/trigger"
SHOWER = "simulation/event/subarray/shower"
SIMULATION_RUN = "configuration/simulation/run"
CONSTANT_POINTING = "configuration/telescope/pointing"
MONITORED_POINTING = ("dl1/monitoring/telescope/pointing", "dl0/monitoring/telescope/pointing")
OBSERVATION_BLOCK = "configuration/observation/observation_block"
BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Selection:
    """Which images to read.

    Parameters
    ----------
    tel_type : str or None
        Telescope type or camera name, with shell wildcards (``LST_*``); None takes all, if they share one camera.
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


def read_dl1(path, selection=Selection()):
    """Camera images of one DL1 file.

    Parameters
    ----------
    path : str or Path
    selection : Selection

    Returns
    -------
    gammaml.events.TelescopeEvents
        One row an image, ordered by obs_id, event_id, tel_id.

    Raises
    ------
    gammaml.errors.InputError
        Where the file is damaged or no DL1 file, lacks a column, holds no event that is wanted, or
        several kinds of camera are wanted at once.
    """
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
        parts = [
            part
            for telescope in _selected_telescopes(file, subarray, selection)
            if (part := _read_telescope(file, telescope, trigger, selection)) is not None
        ]
        if not parts:
            raise InputError(path, "no image that passes the selection", "at least one", "loosen the selection")
        simulation = _read_simulation(file, trigger)
    tables, stores, cameras = zip(*parts, strict=True)
    source = (file_source(path),)
    events = concatenate(
        [
            TelescopeEvents(table, store, np.arange(len(table)), camera, subarray, simulation, source)
            for table, store, camera in zip(tables, stores, cameras, strict=True)
        ]
    )
    events = replace(events, simulation=simulation, sources=source)
    if selection.needs_parameters:
        events = events[_passes(events.table, selection)]
        if not len(events):
            raise InputError(path, "no image that passes the selection", "at least one", "loosen the selection")
    return events[np.lexsort([np.asarray(events.table[name]) for name in reversed(KEYS)])]


def _selected_triggers(file, selection):
    """The array events that are wanted, with `fraction` of all in the table's meta."""
    trigger = _require_table(file, TRIGGER, ("obs_id", "event_id"))
    if not len(trigger):
        raise InputError(file.filename, "zero events", "at least one", "check how the file was made")
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
    """Telescopes with images whose type is wanted; they must share one camera."""
    present = [t for t in subarray.telescopes if f"tel_{t.tel_id:03d}" in file[IMAGES]]
    pattern = selection.tel_type or "*"
    wanted = [t for t in present if fnmatch(t.tel_type, pattern) or fnmatch(t.camera.name, pattern)]
    types = ", ".join(sorted({t.tel_type for t in present})) or "none"
    if not wanted:
        raise InputError(
            file.filename, f"images of the telescope types {types}", f"some of {pattern!r}", "choose one of these"
        )
    if any(not wanted[0].camera.same_pixels(t.camera) for t in wanted[1:]):
        raise InputError(
            file.filename, f"telescope types with different cameras ({types})", "one", "choose one with tel_type"
        )
    return wanted


def _read_telescope(file, telescope, trigger, selection):
    """(table, store, camera) of one telescope, or None where no event of it is wanted."""
    name = f"tel_{telescope.tel_id:03d}"
    dataset = file[IMAGES][name]
    _require_columns(dataset, (*KEYS, "image"))
    if dataset.dtype["image"].shape != (telescope.camera.n_pixels,):
        raise InputError(
            f"{file.filename}{dataset.name}",
            f"images of shape {dataset.dtype['image'].shape}",
            f"{telescope.camera.n_pixels} pixels, one gain, as its camera {telescope.camera.name}",
            "check the camera, or select the gain with ctapipe-process",
        )
    keys = _read_keys(dataset)
    event = key_order(trigger, keys)
    stored = _stored_parameters(file, name, keys)
    wanted = event >= 0
    if stored is not None:
        wanted &= _passes(stored, selection)
    if not wanted.any():
        return None
    table = hstack([keys[wanted], trigger[_columns(trigger, "time", "event_type")][event[wanted]]])
    table = hstack([table, _pointing(file, telescope.tel_id, table)])
    table = _with_truth(file, table)
    store = _read_pixels(dataset, wanted)
    parameters = stored[wanted] if stored is not None else _computed_parameters(store, telescope.camera)
    return hstack([table, parameters]), store, telescope.camera


def _read_keys(dataset):
    keys = dataset.fields(list(KEYS))[:]
    return QTable({name: keys[name].astype(np.int64) for name in KEYS})


def _columns(table, *names):
    return [name for name in names if name in table.colnames]


def _require_columns(dataset, names):
    missing = [name for name in names if name not in dataset.dtype.names]
    if missing:
        raise InputError(
            f"{dataset.file.filename}{dataset.name}",
            f"the columns {', '.join(dataset.dtype.names)}",
            f"{', '.join(missing)} too",
            "write the file with these columns",
        )


def _require_table(file, path, names):
    if path not in file:
        raise InputError(file.filename, f"no table /{path}", "a whole DL1 file", "write it again with ctapipe-process")
    _require_columns(file[path], names)
    return read_table(file[path])


def _read_pixels(dataset, wanted):
    """The wanted images, block by block, so that memory does not grow with the file."""
    n_pixels = dataset.dtype["image"].shape[0]
    store = PixelStore.allocate(int(wanted.sum()), n_pixels)
    names = ("image", "peak_time")
    chunk = dataset.chunks[0] if dataset.chunks else 1
    step = chunk * max(1, BLOCK_BYTES // (dataset.dtype.itemsize * chunk))
    start = 0
    for low in range(0, len(dataset), step):
        rows = wanted[low : low + step]
        if not rows.any():
            continue
        block = read_table(dataset, columns=names, rows=slice(low, low + step))
        stop = start + int(rows.sum())
        store.image[start:stop] = _bare(block["image"], u.one)[rows]
        has_time = "peak_time" in block.colnames
        store.peak_time[start:stop] = _bare(block["peak_time"], u.ns)[rows] if has_time else np.nan
        store.release()
        start = stop
    return store


def _bare(column, unit):
    return column.to_value(unit) if isinstance(column, u.Quantity) else np.asarray(column)


def _stored_parameters(file, name, keys):
    """Image parameters of the telescope frame in the order of `keys`, or None where they must be computed."""
    if PARAMETERS not in file or name not in file[PARAMETERS]:
        return None
    table = read_table(file[PARAMETERS][name])
    if "hillas_fov_lon" not in table.colnames:  # older files: parameters in the camera frame, in metres
        return None
    order = key_order(table, keys, KEYS)
    if (order < 0).any():
        return None
    table = table[order]
    table.remove_columns(_columns(table, *KEYS))
    return table


def _computed_parameters(store, camera):
    step = 4096
    blocks = [image_parameters(*store.read(slice(low, low + step)), camera) for low in range(0, len(store.image), step)]
    return vstack(blocks)


def _passes(table, selection):
    if not selection.needs_parameters:
        return np.ones(len(table), bool)
    intensity = np.asarray(table["hillas_intensity"])
    leakage = np.asarray(table["leakage_intensity_width_2"])
    return (intensity >= selection.min_intensity) & (leakage <= selection.max_leakage)


def _pointing(file, tel_id, table):
    """Altitude and azimuth of the axis for each row: constant per run, else monitored, else the run's plan."""
    name = f"tel_{tel_id:03d}"
    alt, az = np.full((2, len(table)), np.nan)
    if CONSTANT_POINTING in file and name in file[CONSTANT_POINTING]:
        fixed = read_table(file[CONSTANT_POINTING][name])
        row = key_order(fixed, table, ("obs_id",))
        alt = np.where(row >= 0, fixed["telescope_pointing_altitude"].to_value("deg")[row], np.nan)
        az = np.where(row >= 0, fixed["telescope_pointing_azimuth"].to_value("deg")[row], np.nan)
    for group in MONITORED_POINTING:
        if group in file and name in file[group] and np.isnan(alt).all() and "time" in table.colnames:
            alt, az = _interpolated_pointing(read_table(file[group][name]), table["time"])
    if np.isnan(alt).all() and OBSERVATION_BLOCK in file:
        alt, az = _planned_pointing(read_table(file[OBSERVATION_BLOCK]), table)
    return QTable({"pointing_alt": alt * u.deg, "pointing_az": np.mod(az, 360) * u.deg})


def _interpolated_pointing(monitoring, time):
    if not len(monitoring):
        return np.full((2, len(time)), np.nan)
    known = monitoring["time"].tai.mjd
    alt = np.interp(time.tai.mjd, known, monitoring["altitude"].to_value("deg"))
    az = np.interp(time.tai.mjd, known, np.unwrap(monitoring["azimuth"].to_value("deg"), period=360))
    return alt, az


def _planned_pointing(blocks, table):
    """Only where the plan is in alt/az (ctapipe's CoordinateFrameType.ALTAZ = 0)."""
    row = key_order(blocks, table, ("obs_id",))
    known = (row >= 0) & (np.asarray(blocks["subarray_pointing_frame"])[row] == 0)
    alt = np.where(known, blocks["subarray_pointing_lat"].to_value("deg")[row], np.nan)
    az = np.where(known, blocks["subarray_pointing_lon"].to_value("deg")[row], np.nan)
    return alt, az


def _with_truth(file, table):
    """`table` with the simulated truth where the file has it, and with the shower each image belongs to."""
    if SHOWER not in file:
        table["shower_id"] = _mix([np.asarray(table[name]) for name in ("obs_id", "event_id")])
        return table
    shower = _require_table(file, SHOWER, ("obs_id", "event_id", "true_energy", "true_shower_primary_id"))
    row = key_order(shower, table)
    if (row < 0).any():
        raise InputError(
            file.filename,
            f"{int((row < 0).sum())} images without simulated truth",
            "a shower for each image",
            "check how the file was merged",
        )
    if (shower["true_energy"][row] <= 0).any():
        raise InputError(file.filename, "a true energy at or below zero", "positive energies", "check the simulation")
    shower.remove_columns(["obs_id", "event_id"])
    table = hstack([table, shower[row]])
    table["shower_id"] = _mix([_bare_values(table[name]) for name in _columns(table, *SHOWER_IDENTITY)])
    if "true_alt" in table.colnames:
        angles = [table[name].to_value("deg") for name in ("true_alt", "true_az", "pointing_alt", "pointing_az")]
        lon, lat = sky.altaz_to_fov(*angles)
        table["true_fov_lon"], table["true_fov_lat"] = lon * u.deg, lat * u.deg
    return table


# Equal for all uses of one shower and in every file that holds it, different for any two showers.
SHOWER_IDENTITY = (
    "true_shower_primary_id",
    "true_energy",
    "true_alt",
    "true_az",
    "true_h_first_int",
    "true_x_max",
    "obs_id",
)


def _bare_values(column):
    return column.value if isinstance(column, u.Quantity) else np.asarray(column)


def _mix(columns):
    """A 63-bit integer for each row (splitmix64, Steele et al. 2014); floats as float32, to survive rewriting."""
    result = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        bits = column.astype(np.float32).view(np.uint32) if column.dtype.kind == "f" else column
        result += bits.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        result ^= result >> np.uint64(30)
        result *= np.uint64(0xBF58476D1CE4E5B9)
        result ^= result >> np.uint64(27)
        result *= np.uint64(0x94D049BB133111EB)
        result ^= result >> np.uint64(31)
    return (result >> np.uint64(1)).astype(np.int64)


def _read_simulation(file, trigger):
    """Thrown showers a run; where only part of the events was read, the same part of the showers was thrown."""
    if SIMULATION_RUN not in file:
        return None
    simulation = read_table(file[SIMULATION_RUN])
    simulation["n_showers"] = np.asarray(simulation["n_showers"]) * trigger.meta["fraction"]
    return simulation
