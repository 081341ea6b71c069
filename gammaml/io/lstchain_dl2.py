"""Read lstchain's DL2 tables: rows of one telescope's images, written by pandas (fixed format) or PyTables.

Of a pandas file only numbers are read. Columns of other objects are pickled in it; they are left out and named, since
unpickling runs whatever code the file holds.
"""

import re
from pathlib import Path

import astropy.units as u
import h5py
import numpy as np
from astropy.table import QTable, vstack

from gammaml import sky
from gammaml.columns import KEYS
from gammaml.errors import InputError
from gammaml.io.instrument import LAYOUT, read_subarray
from gammaml.io.lstchain import describe_rows, event_columns, members
from gammaml.io.lstchain_parameters import AS_THEY_ARE, CHANGED, OLD_NAMES, angle, translate
from gammaml.io.tables import bare, file_source, read_table, side_by_side, text
from gammaml.io.wording import span

TABLES = "dl2/event/telescope/parameters"
LST_FOCAL_LENGTHS = 28.0, 29.30565  # equivalent and effective, m; lstchain writes them into its DL1 files
N_PIXELS = 1855  # of the LST's camera
RUN_IN_NAME = re.compile(r"Run_?0*(\d+)")


def is_lstchain_dl2(file):
    """Whether an open HDF5 file has lstchain's DL2 tables, one a telescope type."""
    return any(not name.startswith("tel_") for name in members(file, TABLES))


def read_lstchain_dl2(file):
    """Reconstructed images of an open DL2 file of lstchain.

    Parameters
    ----------
    file : h5py.File

    Returns
    -------
    astropy.table.QTable
        obs_id, event_id, tel_id, time (TAI), pointing_alt and pointing_az (deg), truth where there is some, and what
        the file has of reco_energy (TeV), reco_alt, reco_az, reco_fov_lon, reco_fov_lat (deg), gammaness, and image
        parameters as in :func:`gammaml.io.lstchain_parameters.translate`. A negative obs_id (v0.5 writes −1) is
        replaced by the number after "Run" in the file's name. ``meta`` has level, reconstructor, subarray (None where
        the file has none), simulation (None), sources, provenance, and left_out, the names of columns that are no
        numbers.

    Raises
    ------
    gammaml.errors.InputError
        Where a table is damaged, empty, lacks a column or repeats an event.

    Notes
    -----
    lstchain turns reco_src_x and reco_src_y into reco_alt and reco_az by the equivalent focal length (28 m in v0.5),
    as it does the true source in training, so that the direction is right although images follow the effective one.
    Length and width are taken to be angles by the equivalent focal length too, as in DL1 files of v0.10; should a
    version have taken the effective one, they come out 4.5 % too small.
    """
    tables, left_out = _tables(file)
    subarray = read_subarray(file) if LAYOUT in file else None
    parts = [_events(file, table, subarray) for table in tables]
    events = vstack(parts, metadata_conflicts="silent") if len(parts) > 1 else parts[0]
    events.meta = {
        "level": "telescope",
        "reconstructor": "lstchain",
        "subarray": subarray,
        "simulation": None,
        "sources": [file_source(file.filename)],
        "provenance": {},
        "left_out": left_out,
    }
    return events


def _tables(file):
    """The tables of an open file under lstchain's names, and the names of columns left out."""
    tables, left_out = [], []
    for name, node in file[TABLES].items():
        where = f"{file.filename}{node.name}"
        if isinstance(node, h5py.Group):
            table, others = read_frame(node)
        else:
            table, others = read_table(node), ()
        _check(table, where)
        tables.append(table)
        left_out += [f"{name}/{other}" for other in others]
    return tables, left_out


def read_frame(group):
    """The numbers in a pandas DataFrame of fixed format.

    Parameters
    ----------
    group : h5py.Group
        With axis0 (names), axis1 (index), and blocks of columns of one type: block<i>_items and block<i>_values.

    Returns
    -------
    table : astropy.table.QTable
    left_out : list of str
        Names of the columns that are no numbers; they are pickled, and are not read.
    """
    where = f"{group.file.filename}{group.name}"
    if not {"axis0", "axis1", "block0_values"} <= set(group):
        got = f"{', '.join(group) or 'nothing'}"
        raise InputError(where, got, "a DataFrame of pandas' fixed format", "check how the file was written")
    n_rows = int(group["axis1"].attrs.get("shape", group["axis1"].shape)[0])  # PyTables pads what is empty
    columns, left_out = {}, []
    for number in range(int(group.attrs.get("nblocks", 1))):
        names, values = group.get(f"block{number}_items"), group.get(f"block{number}_values")
        if names is None or values is None:
            raise InputError(where, f"no block {number}", "its items and values", "fetch the file again")
        names = [text(name) for name in names[:]]
        if values.dtype.kind not in "fiub":
            left_out += names
            continue
        if n_rows and values.shape != (n_rows, len(names)):
            got = f"block {number} of shape {values.shape}"
            raise InputError(where, got, f"({n_rows}, {len(names)})", "fetch the file again")
        block = values[:] if n_rows else np.empty((0, len(names)))
        columns |= {name: block[:, index] for index, name in enumerate(names)}
    order = [text(name) for name in group["axis0"][:]]
    return QTable({name: columns[name] for name in order if name in columns}), left_out


def _check(table, where):
    missing = [name for name in (*KEYS, "alt_tel", "az_tel") if name not in table.colnames]
    if missing:
        got = f"the columns {', '.join(table.colnames) or 'none'}"
        raise InputError(where, got, f"{', '.join(missing)} too", "write the file again with lstchain_dl1_to_dl2")
    if not len(table):
        raise InputError(where, "zero events", "at least one", "check how the file was made")
    keys = np.stack([np.asarray(table[name], np.int64) for name in KEYS], axis=1)
    repeated = len(keys) - len(np.unique(keys, axis=0))
    if repeated:
        got = f"{repeated:,} repeated events"
        raise InputError(where, got, "each obs_id, event_id, tel_id once", "read the runs one by one")


def _events(file, table, subarray):
    """One table under our names."""
    events = event_columns(table, file.filename)
    if (events["obs_id"] < 0).any() and (found := RUN_IN_NAME.search(Path(file.filename).name)):
        events["obs_id"][events["obs_id"] < 0] = int(found[1])
    equivalent, effective, n_pixels = _optics(events, subarray)
    if "reco_energy" in table.colnames:
        events["reco_energy"] = u.Quantity(bare(table["reco_energy"], u.TeV), u.TeV)
    if "gammaness" in table.colnames:
        events["gammaness"] = bare(table["gammaness"])
    events = side_by_side(events, _direction(table, events, equivalent))
    names = {OLD_NAMES.get(name, name) for name in table.colnames}
    if names.issuperset((*AS_THEY_ARE, *CHANGED)):
        events = side_by_side(events, translate(table, effective, equivalent, n_pixels))
    return events


def _optics(events, subarray):
    """Equivalent and effective focal length in m, and the number of pixels; of the LST where the file has none."""
    if subarray is None:
        return *LST_FOCAL_LENGTHS, N_PIXELS
    telescope = subarray.telescope(int(events["tel_id"][0]))
    return telescope.optics.equivalent_focal_length, telescope.camera.focal_length, telescope.camera.n_pixels


def _direction(table, events, focal_length):
    """Alt/az as the file has it, or from the source position in the camera; and its offsets from the pointing."""
    pointing = [events[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az")]
    if {"reco_alt", "reco_az"} <= set(table.colnames):
        alt, az = (angle(table[name]).to_value(u.deg) for name in ("reco_alt", "reco_az"))
    elif {"reco_src_x", "reco_src_y"} <= set(table.colnames):
        offsets = sky.camera_to_fov(bare(table["reco_src_x"]), bare(table["reco_src_y"]), focal_length)
        alt, az = sky.fov_to_altaz(*offsets, *pointing)
    else:
        return QTable()
    lon, lat = sky.altaz_to_fov(alt, az, *pointing)
    names = ("reco_alt", "reco_az", "reco_fov_lon", "reco_fov_lat")
    return QTable({n: values * u.deg for n, values in zip(names, (alt, np.mod(az, 360), lon, lat), strict=True)})


def describe_lstchain_dl2(file):
    """What is in an open DL2 file of lstchain: dict of str to str."""
    tables, left_out = _tables(file)
    table = vstack(tables, metadata_conflicts="silent")
    described = {"format": "lstchain DL2 (a table for each telescope type)", "images": f"{len(table):,}"}
    described |= describe_rows(table, file.filename)
    reconstructed = {"reco_energy": "TeV", "gammaness": ""}
    described |= {
        name: span(bare(table[name]), unit).strip() for name, unit in reconstructed.items() if name in table.colnames
    }
    return described | ({"left out": f"{', '.join(left_out)} (pickled)"} if left_out else {})
