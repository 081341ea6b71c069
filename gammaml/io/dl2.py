"""Reconstructed events: read ctapipe DL2 files, our own and others; writing is in :mod:`gammaml.io.dl2_writer`."""

import json
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable, hstack, vstack

from gammaml import sky
from gammaml.columns import AT_TRIGGER, EVENT_KEYS, KEYS
from gammaml.errors import InputError, SettingError
from gammaml.io.dl1 import PARAMETERS, SIMULATION_RUN, TRIGGER
from gammaml.io.dl2_writer import SERVICE, TASK_GROUPS, write_dl2
from gammaml.io.event_rows import lookup
from gammaml.io.instrument import read_subarray
from gammaml.io.lstchain_dl2 import is_lstchain_dl2, read_lstchain_dl2
from gammaml.io.pointing import read_pointing
from gammaml.io.tables import file_source, key_order, open_hdf5, read_table
from gammaml.io.truth import read_showers, with_truth

__all__ = ["read_dl2", "write_dl2"]

LEVELS = ("subarray", "telescope")
OTHER_NAMES = {"particle_type": ("particle_type", "classification")}  # the second up to ctapipe 0.28


def read_dl2(paths, *, reconstructor="Gammaml", level="subarray"):
    """Reconstructed events of one DL2 file or several, ctapipe's or lstchain's.

    lstchain's hold images and one reconstruction, whatever is asked for: see
    :func:`gammaml.io.lstchain_dl2.read_lstchain_dl2`.

    Parameters
    ----------
    paths : str, Path or list of them
    reconstructor : str or tuple of str
        Name of the reconstructor (``Gammaml``, ``Forest``), or prefixes as in ctapipe's own files
        (``("RandomForestRegressor", "HillasReconstructor")``).
    level : str
        "subarray" for one row an array event, "telescope" for one row an image.

    Returns
    -------
    astropy.table.QTable
        Keys, time, pointing, truth where known, and of ``reco_energy``, ``reco_energy_uncert``, ``reco_alt``,
        ``reco_az``, ``ang_distance_uncert``, ``reco_fov_lon``, ``reco_fov_lat`` and ``gammaness`` what the
        reconstructor gave, NaN where it did not; ``multiplicity`` and ``telescopes`` (a mask in subarray order), or
        the image parameters; ``in_training`` where the file tells. Of several files the columns that all have.
        ``meta`` has level, reconstructor, subarray, simulation, sources and provenance.

    Raises
    ------
    gammaml.errors.InputError
        Where a file is damaged or has no such events, with the reconstructors that it has.
    """
    if level not in LEVELS:
        raise SettingError("level", repr(level), " or ".join(LEVELS), "choose one")
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    names = (reconstructor,) if isinstance(reconstructor, str) else tuple(reconstructor)
    tables = [_read_file(path, names, level) for path in paths]
    return tables[0] if len(tables) == 1 else _joined(tables, paths)


def levels(path):
    """The levels at which a file has reconstructed events, "subarray" before "telescope"; both where it has none."""
    with open_hdf5(path) as file:
        return [level for level in LEVELS if f"dl2/event/{level}" in file] or list(LEVELS)


def _add_offsets(table):
    """Offsets from the pointing; those that the file has where the pointing is unknown."""
    directions = [table[name].to_value(u.deg) for name in ("reco_alt", "reco_az", "pointing_alt", "pointing_az")]
    for name, values in zip(("reco_fov_lon", "reco_fov_lat"), sky.altaz_to_fov(*directions), strict=True):
        stored = table[name].to_value(u.deg) if name in table.colnames else np.nan
        table[name] = np.where(np.isnan(values), stored, values) * u.deg


def _joined(tables, paths):
    metas = [table.meta for table in tables]
    tel_ids = [None if meta["subarray"] is None else list(meta["subarray"].tel_ids) for meta in metas]
    for path, other in zip(paths, tel_ids, strict=True):
        if other != tel_ids[0]:
            raise InputError(path, f"the telescopes {other}", f"those of {paths[0]}", "read the files one by one")
    simulations = [meta["simulation"] for meta in metas if meta["simulation"] is not None]
    for table in tables:
        table.meta = {}
    joined = vstack(tables, join_type="inner")
    joined.meta = {
        **metas[0],
        "simulation": vstack(simulations, metadata_conflicts="silent") if simulations else None,
        "sources": [source for meta in metas for source in meta["sources"]],
    }
    return joined


def _read_file(path, names, level):
    with open_hdf5(path) as file:
        if is_lstchain_dl2(file):
            return read_lstchain_dl2(file)
        chosen = _chosen_groups(file, names, level)
        subarray = read_subarray(file)
        if TRIGGER not in file or not len(file[TRIGGER]):
            raise InputError(path, "no array events", "at least one", "check how the file was made")
        trigger = read_table(file[TRIGGER])
        for name in EVENT_KEYS:
            trigger[name] = np.asarray(trigger[name], np.int64)
        read = _read_arrays if level == "subarray" else _read_images
        table = read(file, chosen, trigger, subarray)
        table = with_truth(table, read_showers(file, table), file.filename)
        simulation = _read_simulation(file, table)
        origin = _read_origin(file, path, names[0])
    if "reco_alt" in table.colnames:
        _add_offsets(table)
    table.meta = {
        "level": level,
        "reconstructor": names[0],
        "subarray": subarray,
        "simulation": simulation,
        **origin,
    }
    return table


def _chosen_groups(file, names, level):
    """(task group, algorithm, HDF5 node) of the first of `names` that answers each task."""
    root = f"dl2/event/{level}"
    found = {group: node for group in TASK_GROUPS if (node := _task_node(file, root, group)) is not None}
    chosen = []
    for group, node in found.items():
        algorithm = next((a for name in names if (a := _match(node, name, TASK_GROUPS[group][0]))), None)
        if algorithm is not None:
            chosen.append((group, algorithm, node[algorithm]))
    if not chosen:
        known = sorted({_short_name(a, TASK_GROUPS[group][0]) for group, node in found.items() for a in node})
        got = f"reconstructors {', '.join(known)}" if known else f"no group /{root}"
        do = "choose one of these" if known else "check that it is a DL2 file, or read the other level"
        raise InputError(file.filename, got, f"{', '.join(names)} at {level} level", do)
    return chosen


def _task_node(file, root, group):
    nodes = (file.get(f"{root}/{name}") for name in OTHER_NAMES.get(group, (group,)))
    return next((node for node in nodes if node is not None), None)


def _match(node, name, ending):
    """The algorithm with this name, or the only one that starts with it."""
    starts = [algorithm for algorithm in node if algorithm.startswith(name)]
    exact = [algorithm for algorithm in starts if algorithm in (name, name + ending)]
    return exact[0] if exact else starts[0] if len(starts) == 1 else None


def _short_name(algorithm, ending):
    return algorithm.removesuffix(ending) or algorithm


def _read_arrays(file, chosen, trigger, subarray):
    table = trigger[[name for name in (*EVENT_KEYS, *AT_TRIGGER) if name in trigger.colnames]]
    answers = lookup([_answers(*task) for task in chosen], table, EVENT_KEYS)
    triggered = np.asarray(trigger["tels_with_trigger"], bool)
    if "telescopes" not in answers.colnames:
        answers["telescopes"] = triggered
    answers["multiplicity"] = answers["telescopes"].sum(axis=1)
    seen = np.where(answers["telescopes"].any(axis=1, keepdims=True), answers["telescopes"], triggered)
    pointing = _axes(file, table, subarray.tel_ids[seen.argmax(axis=1)])
    answers.remove_columns(EVENT_KEYS)
    return hstack([table, pointing, answers])


def _axes(file, table, tel_ids):
    """Where the telescope of each row points."""
    pointing = QTable({name: np.full(len(table), np.nan) * u.deg for name in ("pointing_alt", "pointing_az")})
    for tel_id in np.unique(tel_ids):
        pointing[tel_ids == tel_id] = read_pointing(file, tel_id, table[tel_ids == tel_id])
    return pointing


def _read_images(file, chosen, trigger, subarray):
    tables = []
    for tel_id in map(int, subarray.tel_ids):
        name = f"tel_{tel_id:03d}"
        answers = [_answers(group, algorithm, node[name]) for group, algorithm, node in chosen if name in node]
        if not answers:
            continue
        keys = answers[0][list(KEYS)]
        event = key_order(trigger, keys, EVENT_KEYS)
        table = hstack([keys, trigger[[n for n in AT_TRIGGER if n in trigger.colnames]][event]])
        table = hstack([table, read_pointing(file, tel_id, table), lookup(answers, keys, KEYS)[_beyond_keys(answers)]])
        parameters = _parameters(file, name, keys)
        tables.append(table if parameters is None else hstack([table, parameters]))
    keys = np.sort(vstack([table[list(KEYS)] for table in tables]).as_array(), order=KEYS)
    return lookup(tables, QTable(keys), KEYS)


def _beyond_keys(tables):
    return list(dict.fromkeys(name for table in tables for name in table.colnames if name not in KEYS))


def _answers(group, algorithm, dataset):
    """Keys and answers of one task under our names, NaN where they are not valid."""
    table = read_table(dataset)
    columns = TASK_GROUPS[group][1]
    prefix = next(p for p in (f"{algorithm}_tel_", f"{algorithm}_", "") if any(n.startswith(p) for n in table.colnames))
    answers = QTable({name: np.asarray(table[name], np.int64) for name in KEYS if name in table.colnames})
    for stored, column in columns.items():
        if prefix + stored in table.colnames:
            answers[column] = table[prefix + stored]
            if f"{prefix}is_valid" in table.colnames and not column.startswith("reco_fov_"):
                answers[column][~np.asarray(table[f"{prefix}is_valid"], bool)] = np.nan
    for column in ("telescopes", "in_training"):
        if prefix + column in table.colnames:
            answers[column] = np.asarray(table[prefix + column], bool)
    return answers


def _read_simulation(file, table):
    """Thrown showers, and of what kind, so that runs of gamma and hadron files can be told apart."""
    if SIMULATION_RUN not in file:
        return None
    simulation = read_table(file[SIMULATION_RUN])
    if "true_shower_primary_id" in table.colnames and "true_shower_primary_id" not in simulation.colnames:
        primaries = np.unique(table["true_shower_primary_id"])
        if len(primaries) == 1:
            simulation["true_shower_primary_id"] = primaries[0]
    return simulation


def _read_origin(file, path, name):
    """Sources and provenance as our own files tell, else the file itself as the source."""
    if f"{SERVICE}/{name}" in file:
        return json.loads(file[f"{SERVICE}/{name}"][:].tobytes())
    return {"sources": [file_source(path)], "provenance": {}}


def _parameters(file, name, keys):
    """Image parameters in the order of `keys`, or None where the file has none for them."""
    if f"{PARAMETERS}/{name}" not in file:
        return None
    table = read_table(file[f"{PARAMETERS}/{name}"])
    order = key_order(table, keys, KEYS)
    return None if (order < 0).any() else table[order][_beyond_keys([table])]
