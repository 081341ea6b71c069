"""The tables that DL1 and DL2 files share: triggers, pointing, observation, simulation, image parameters, metadata.

They follow data model v7.1.0: the newest that ctapipe 0.28 reads, and 0.32 still does.
"""

import uuid

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack
from astropy.time import Time

from gammaml import __version__, sky
from gammaml.columns import AT_TRIGGER, EVENT_KEYS, IMAGE_PARAMETERS
from gammaml.errors import InputError
from gammaml.io.event_rows import blank
from gammaml.io.write_instrument import write_subarray
from gammaml.io.write_simulation import write_thrown, write_truth
from gammaml.io.write_tables import with_key_types, write_attributes, write_table

DATA_MODEL_VERSION = "v7.1.0"
TRUE_PARAMETERS = ("hillas_", "leakage_", "concentration_", "morphology_", "intensity_")
SAME_POINTING = 1e-4  # degrees, well below any telescope's precision
ALTAZ, UNKNOWN = 0, -1  # codes of ctapipe's enums


def write_array(file, subarray, simulation):
    """What a file says once: its telescopes, and the thrown showers.

    Parameters
    ----------
    file : h5py.File
        From :func:`gammaml.io.write_tables.create_hdf5`.
    subarray : gammaml.events.Subarray
    simulation : astropy.table.QTable or None
        Thrown showers, a row a run.
    """
    write_subarray(file, subarray)
    if simulation is not None:
        write_thrown(file, simulation)


def write_event_tables(file, rows, subarray):
    """Everything of some events but images and predictions; further events may follow.

    Parameters
    ----------
    file : h5py.File
    rows : gammaml.io.event_rows.EventRows
    subarray : gammaml.events.Subarray
    """
    _write_triggers(file, rows, subarray)
    _write_parameters(file, rows)
    if rows.is_simulated:
        write_truth(file, rows, subarray)


def seen_runs(rows):
    """What :func:`write_runs` needs of some events: their runs, and when telescopes pointed where."""
    names = [name for name in ("time", "pointing_alt", "pointing_az") if name in rows.telescope.colnames]
    keys = rows.telescope[["obs_id", "tel_id", *names]]
    keys.meta = {"obs_ids": np.unique(rows.array["obs_id"]), "is_simulated": rows.is_simulated}
    return keys


def write_runs(file, seen):
    """What can be told of runs when all of their events are known: pointing, observation and scheduling blocks.

    Parameters
    ----------
    file : h5py.File
    seen : list of astropy.table.QTable
        From :func:`seen_runs`, of all events.
    """
    obs_ids = np.unique(np.concatenate([table.meta["obs_ids"] for table in seen]))
    is_simulated = any(table.meta["is_simulated"] for table in seen)
    pointed = seen[0] if len(seen) == 1 else vstack(seen, metadata_conflicts="silent")
    _write_pointing(file, pointed)
    _write_blocks(file, pointed, obs_ids, is_simulated)


def write_metadata(file, rows, subarray, levels):
    """The reference metadata that ctapipe looks for at the root of a file.

    Parameters
    ----------
    file : h5py.File
    rows : gammaml.io.event_rows.EventRows
    subarray : gammaml.events.Subarray
    levels : tuple of str
        Names of ctapipe's DataLevel.
    """
    now = Time.now().iso
    metadata = {
        "REFERENCE VERSION": "1",
        "CONTACT NAME": "unknown",
        "CONTACT EMAIL": "unknown",
        "CONTACT ORGANIZATION": "unknown",
        "PRODUCT DESCRIPTION": "gammaml data product",
        "PRODUCT CREATION TIME": now,
        "PRODUCT ID": str(uuid.uuid4()),
        "PRODUCT DATA CATEGORY": "Sim" if rows.is_simulated else "Other",
        "PRODUCT DATA LEVELS": ",".join(levels),
        "PRODUCT DATA ASSOCIATION": "Subarray",
        "PRODUCT DATA MODEL NAME": "ASWG",
        "PRODUCT DATA MODEL VERSION": DATA_MODEL_VERSION,
        "PRODUCT FORMAT": "hdf5",
        "PROCESS TYPE": "Simulation" if rows.is_simulated else "Observation",
        "PROCESS ID": ",".join(map(str, np.unique(rows.array["obs_id"])[:100])),
        "ACTIVITY NAME": "gammaml",
        "ACTIVITY TYPE": "software",
        "ACTIVITY ID": str(uuid.uuid4()),
        "ACTIVITY START TIME": now,
        "ACTIVITY STOP TIME": now,
        "ACTIVITY SOFTWARE NAME": "gammaml",
        "ACTIVITY SOFTWARE VERSION": __version__,
        "INSTRUMENT SITE": "Other",
        "INSTRUMENT CLASS": "Subarray",
        "INSTRUMENT ID": subarray.name,
    }
    write_attributes(file, {f"CTA {name}": value for name, value in metadata.items()})


def distinct_runs(simulations):
    """Thrown showers of some tables, each run once: tables of one file tell of the same runs.

    Parameters
    ----------
    simulations : list of (astropy.table.QTable or None)

    Returns
    -------
    astropy.table.QTable or None
    """
    known, tables = [], []
    for simulation in simulations:
        if simulation is not None:
            runs = np.asarray(simulation["obs_id"])
            tables.append(simulation[~np.isin(runs, known)])
            known.extend(runs)
    return vstack(tables, metadata_conflicts="silent") if tables else None


def _write_triggers(file, rows, subarray):
    known = [name for name in AT_TRIGGER if name in rows.array.colnames]
    trigger = rows.array[[*EVENT_KEYS, *known]]
    trigger["tels_with_trigger"] = rows.telescope_mask(subarray)
    write_table(file, "dl1/event/subarray/trigger", with_key_types(trigger))
    trigger = rows.telescope[[*EVENT_KEYS, "tel_id"]]
    for name in known:
        trigger[name] = rows.array[name][rows.event]
    trigger["n_trigger_pixels"] = np.full(len(trigger), UNKNOWN)
    write_table(file, "dl1/event/telescope/trigger", with_key_types(trigger))


def _write_parameters(file, rows):
    names = [name for name in rows.telescope.colnames if name.startswith(IMAGE_PARAMETERS)]
    for tel_id in rows.tel_ids if names else ():
        table = with_key_types(rows.of_telescope(tel_id)[[*EVENT_KEYS, "tel_id", *names]])
        write_table(file, f"dl1/event/telescope/parameters/tel_{tel_id:03d}", table)
        if rows.is_simulated:  # ctapipe's event source wants the parameters of the true image, which nobody knows
            true = table[[*EVENT_KEYS, "tel_id"]]
            for name in names:
                if name.startswith(TRUE_PARAMETERS):
                    true[f"true_{name}"] = blank(table[name], len(table))
            write_table(file, f"simulation/event/telescope/parameters/tel_{tel_id:03d}", true)


def _write_pointing(file, pointed):
    """A row a run where the telescopes stand still, else a row an image with its time."""
    if "pointing_alt" not in pointed.colnames or not len(pointed):
        return
    tables = {int(tel_id): pointed[pointed["tel_id"] == tel_id] for tel_id in np.unique(pointed["tel_id"])}
    moving = any(not _stands_still(table) for table in tables.values())
    if moving and "time" not in pointed.colnames:
        raise InputError("events", "pointing that changes, without trigger times", "times", "read events with times")
    for tel_id, table in tables.items():
        alt, az = table["pointing_alt"].to(u.rad), table["pointing_az"].to(u.rad)
        if moving:
            _, first = np.unique(table["time"].tai.mjd, return_index=True)
            path = f"dl0/monitoring/telescope/pointing/tel_{tel_id:03d}"
            columns = {"time": table["time"], "azimuth": az, "altitude": alt}
        else:
            _, first = np.unique(table["obs_id"], return_index=True)
            path = f"configuration/telescope/pointing/tel_{tel_id:03d}"
            keys = {"obs_id": table["obs_id"], "tel_id": table["tel_id"]}
            columns = {**keys, "telescope_pointing_azimuth": az, "telescope_pointing_altitude": alt}
        write_table(file, path, with_key_types(QTable(columns)[first]), prefix="telescope_pointing")


def _stands_still(table):
    alt, az = (table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az"))
    _, first, run = np.unique(table["obs_id"], return_index=True, return_inverse=True)
    moved = sky.angular_separation(alt, az, alt[first][run], az[first][run])
    return not (moved > SAME_POINTING).any()


def _write_blocks(file, pointed, obs_ids, is_simulated):
    """Observation blocks with the pointing of the array where all telescopes share one, and their scheduling blocks."""
    runs = obs_ids.astype(np.uint64)
    pointing = np.array([_array_pointing(pointed[pointed["obs_id"] == run]) for run in runs])
    unknown, never = np.full(len(runs), np.nan) * u.min, np.zeros(len(runs))
    origin = np.full(len(runs), "simulation" if is_simulated else "unknown", "U10")
    blocks = {
        "obs_id": runs,
        "sb_id": runs,
        "producer_id": origin,
        "state": np.full(len(runs), UNKNOWN),
        "subarray_pointing_lat": pointing[:, 0] * u.deg,
        "subarray_pointing_lon": pointing[:, 1] * u.deg,
        "subarray_pointing_frame": np.where(np.isnan(pointing[:, 0]), UNKNOWN, ALTAZ),
        "scheduled_duration": unknown,
        "scheduled_start_time": never,
        "actual_start_time": never,
        "actual_duration": unknown,
    }
    write_table(file, "configuration/observation/observation_block", QTable(blocks))
    codes = {name: np.full(len(runs), UNKNOWN) for name in ("sb_type", "observing_mode", "pointing_mode")}
    schedule = QTable({"sb_id": runs, "producer_id": origin, **codes})
    write_table(file, "configuration/observation/scheduling_block", schedule)


def _array_pointing(table):
    """Altitude and azimuth, or NaN where telescopes differ or move."""
    if "pointing_alt" not in table.colnames or not len(table):
        return np.nan, np.nan
    alt, az = (table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az"))
    apart = sky.angular_separation(alt, az, alt[0], az[0]).max()
    return (alt[0], az[0]) if apart < SAME_POINTING else (np.nan, np.nan)
