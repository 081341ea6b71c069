"""Write reconstructed events as a ctapipe DL2 file."""

import json

import numpy as np
from astropy.table import QTable

from gammaml.columns import AT_TRIGGER, EVENT_KEYS, KEYS
from gammaml.errors import InputError
from gammaml.events import TelescopeEvents
from gammaml.io.array_tables import (
    distinct_runs,
    seen_runs,
    write_array,
    write_event_tables,
    write_metadata,
    write_runs,
)
from gammaml.io.event_rows import event_rows, lookup
from gammaml.io.write_tables import create_hdf5, with_key_types, write_table

SERVICE = "dl2/service/gammaml"

# Group of the file → the end of our prefixes, and column of the file → column in memory. The first column decides
# whether an event is valid. The last group is called `particle_type` since ctapipe 0.29; 0.28 names it so too where it
# applies models in bulk, and only its event source, which looks for `classification`, passes over it.
TASK_GROUPS = {
    "energy": ("Energy", {"energy": "reco_energy", "energy_uncert": "reco_energy_uncert"}),
    "geometry": (
        "Direction",
        {
            "alt": "reco_alt",
            "az": "reco_az",
            "ang_distance_uncert": "ang_distance_uncert",
            "fov_lon": "reco_fov_lon",
            "fov_lat": "reco_fov_lat",
            "core_x": "reco_core_x",
            "core_y": "reco_core_y",
            "h_max": "reco_h_max",
        },
    ),
    "particle_type": ("Classifier", {"prediction": "gammaness"}),
}


def write_dl2(tables, path, *, overwrite=False, events=None):
    """Write reconstructed events as a ctapipe DL2 file (HDF5, data model v7.1.0).

    ctapipe 0.28 and 0.32 read it with `TableLoader`, merge it, and make event selections and IRFs from it. Each task
    has a prefix of its own, which those tools need: ``GammamlEnergy``, ``GammamlDirection``, ``GammamlClassifier``.

    Parameters
    ----------
    tables : astropy.table.QTable or list of them
        DL2 tables of the same events: one row an image (with ``tel_id``) or one row an array event (with
        ``telescopes``), of one or several reconstructors, named by ``meta["reconstructor"]``; several tables of one
        reconstructor hold different events or telescopes.
    path : str or Path
    overwrite : bool
        Whether an existing file may be replaced.
    events : gammaml.events.TelescopeEvents or list of them, optional
        The events themselves, for what the tables lack: telescopes, image parameters, times, pointing.

    Raises
    ------
    gammaml.errors.InputError
        Where there are no rows, or keys are ambiguous.
    gammaml.errors.OutputError
        Where the file exists or cannot be written.
    """
    write_dl2_parts([(tables, events)], path, overwrite=overwrite)


def write_dl2_parts(parts, path, *, overwrite=False):
    """As :func:`write_dl2`, of different events after each other, so that they need not be in memory together.

    Parameters
    ----------
    parts : iterable of (tables, events)
        Each as :func:`write_dl2` takes them. All have tables of the same reconstructors and columns; thrown showers
        are those of the first.
    path : str or Path
    overwrite : bool
    """
    with create_hdf5(path, overwrite=overwrite) as file:
        seen = []
        for tables, events in parts:
            tables = _checked(tables)
            known = [events] if isinstance(events, TelescopeEvents) else list(events or ())
            seen.append(_write_part(file, tables, known, is_first=not seen))
        if not seen:
            raise InputError("write_dl2", "no rows", "at least one event", "give some")
        write_runs(file, seen)


def _checked(tables):
    tables = [tables] if isinstance(tables, QTable) else list(tables)
    if not sum(map(len, tables)):
        raise InputError("write_dl2", "no rows", "at least one event", "give some")
    for table in tables:
        for name in ("subarray", "reconstructor"):
            if name not in table.meta:
                raise InputError("write_dl2", f"a table without meta[{name!r}]", "a DL2 table", "add it")
    return tables


def _write_part(file, tables, known, *, is_first):
    """Write some events; returns what is left to say of their runs."""
    subarray = tables[0].meta["subarray"]
    images = [table for table in tables if "tel_id" in table.colnames]
    arrays = [table for table in tables if "tel_id" not in table.colnames]
    spread = [_images_of(table, subarray) for table in arrays if "telescopes" in table.colnames]
    rows = event_rows([*images, *(part.table for part in known), *spread], arrays)
    if is_first:
        levels = ("DL1_PARAMETERS", "DL2") if "hillas_intensity" in rows.telescope.colnames else ("DL2",)
        write_metadata(file, rows, subarray, levels)
        simulation = distinct_runs([part.meta.get("simulation") for part in tables])
        write_array(file, subarray, simulation if rows.is_simulated else None)
    write_event_tables(file, rows, subarray)
    for name in dict.fromkeys(table.meta["reconstructor"] for table in tables):
        _write_images(file, name, [t for t in images if t.meta["reconstructor"] == name], rows)
        _write_arrays(file, name, [t for t in arrays if t.meta["reconstructor"] == name], rows, subarray)
        if is_first:
            _write_origin(file, name, next(t.meta for t in tables if t.meta["reconstructor"] == name))
    return seen_runs(rows)


def _images_of(table, subarray):
    """One row for each telescope of each array event, with what is the same for all of them."""
    event, telescope = np.nonzero(table["telescopes"])
    names = [*EVENT_KEYS, "shower_id", *AT_TRIGGER, "pointing_alt", "pointing_az"]
    images = table[[name for name in names if name in table.colnames]][event]
    images["tel_id"] = subarray.tel_ids[telescope]
    return images


def _write_images(file, reconstructor, tables, rows):
    known = {int(tel_id) for table in tables for tel_id in np.unique(table["tel_id"])}
    for tel_id in sorted(known):
        own = [_predictions(table[table["tel_id"] == tel_id]) for table in tables]
        _write_tasks(file, reconstructor, lookup(own, rows.of_telescope(tel_id), KEYS), tel_id)


def _write_arrays(file, reconstructor, tables, rows, subarray):
    if tables:
        predictions = lookup([_predictions(table) for table in tables], rows.array, EVENT_KEYS)
        if "telescopes" not in predictions.colnames:
            predictions["telescopes"] = rows.telescope_mask(subarray)
        _write_tasks(file, reconstructor, predictions)


def _predictions(table):
    """Keys, answers and what belongs to them, without what other tables of a file hold."""
    answers = {name for _, columns in TASK_GROUPS.values() for name in columns.values()}
    wanted = {*KEYS, *answers, "telescopes", "in_training"}
    return table[[name for name in table.colnames if name in wanted]]


def _write_tasks(file, reconstructor, table, tel_id=None):
    level, name = ("subarray", "") if tel_id is None else ("telescope", f"/tel_{tel_id:03d}")
    keys = [key for key in KEYS if key in table.colnames]
    for group, (ending, columns) in TASK_GROUPS.items():
        decisive = next(iter(columns.values()))
        if decisive not in table.colnames:
            continue
        algorithm = f"{reconstructor}{ending}"
        prefix = algorithm if tel_id is None else f"{algorithm}_tel"
        task = table[keys]
        for stored, column in columns.items():
            if column in table.colnames:
                task[f"{prefix}_{stored}"] = table[column]
        task[f"{prefix}_is_valid"] = np.isfinite(table[decisive])
        for column in ("telescopes", "in_training"):
            if column in table.colnames:
                task[f"{prefix}_{column}"] = np.asarray(table[column], bool)
        write_table(file, f"dl2/event/{level}/{group}/{algorithm}{name}", with_key_types(task), prefix=prefix)


def _write_origin(file, reconstructor, meta):
    """Where the tables of a reconstructor come from, as JSON in bytes: an attribute holds no more than 64 kB."""
    origin = {name: meta[name] for name in ("sources", "provenance") if name in meta}
    file[f"{SERVICE}/{reconstructor}"] = np.frombuffer(json.dumps(origin).encode(), np.uint8)
