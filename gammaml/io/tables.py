"""ctapipe's HDF5 tables, read in bulk with h5py: column transforms undone, rows joined by their keys."""

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

import astropy.units as u
import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filters)
import numpy as np
from astropy.table import QTable
from astropy.time import Time

from gammaml.errors import InputError

ORIGIN = "GAMMAML ORIGIN"  # attribute of a file: what gammaml made it with
CTAO_EPOCH_MJD = 40587  # 1970-01-01, from which ctao_high_res counts TAI seconds
QUARTER_NANOSECONDS_PER_DAY = 4e9 * 86400


@contextmanager
def open_hdf5(path):
    """An open `h5py.File`; whatever is wrong with it, then or while reading, becomes one InputError."""
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file" if not path.exists() else "a folder", "an HDF5 file", "check the name")
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(path, error.strerror.lower(), "a file that may be read", "change its permissions") from error
    if not h5py.is_hdf5(path):
        raise InputError(path, "no HDF5 signature", "an HDF5 file", "check the name, or fetch the file again")
    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(path, f"a damaged file ({reason})", "a whole HDF5 file", "fetch it again") from error


def file_source(path):
    """Name and SHA-256 of a file, as products carry it."""
    with open(path, "rb") as file:
        return {"name": Path(path).name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def text(value):
    """A string from an HDF5 attribute or cell; bytes that are not UTF-8 do not stop us."""
    if isinstance(value, h5py.Empty):  # how PyTables stores an empty string
        return ""
    if isinstance(value, str):  # h5py keeps bytes that are not UTF-8 as surrogates, which cannot be printed
        value = value.encode("utf-8", "surrogateescape")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def origin(file):
    """How gammaml simulated the events of a file: a dict, empty where it did not."""
    try:
        return json.loads(text(file.attrs.get(ORIGIN, "{}")))
    except ValueError:
        return {}


def decode(values, attributes, index):
    """Undo the transform of column `index` of a ctapipe table.

    Parameters
    ----------
    values : array
        As stored.
    attributes : mapping
        The table's HDF5 attributes, ``CTAFIELD_<index>_TRANSFORM`` and so on.
    index : int

    Returns
    -------
    array, Quantity or Time
    """
    prefix = f"CTAFIELD_{index}_"
    transform = text(attributes.get(prefix + "TRANSFORM", b""))
    if transform == "fixed_point":
        return _fixed_point(values, attributes, prefix + "TRANSFORM_", prefix)
    if transform == "time":
        return _time(values, attributes, prefix)
    if transform in ("string", "") and values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    unit = attributes.get(prefix + "UNIT")
    if unit is not None and values.dtype.kind in "fiu":
        return values * u.Unit(text(unit))
    return values.astype(bool) if transform == "tel_list_to_mask" else values


def _fixed_point(values, attributes, transform, field):
    """Stored = value × scale + offset; the largest codes stand for NaN and the infinities."""
    result = values.astype(text(attributes[transform + "DTYPE"]))
    result -= attributes[transform + "OFFSET"]
    result /= attributes[transform + "SCALE"]
    meanings = {"NAN": np.nan, "POSINF": np.inf, "NEGINF": -np.inf}
    codes = {attributes.get(f"{field}{name}_VALUE"): meaning for name, meaning in meanings.items()}
    codes.pop(None, None)
    if codes and values.max(initial=0) >= min(codes):  # seldom: one look saves three passes over all pixels
        for code, meaning in codes.items():
            result[values == code] = meaning
    return result


def _time(values, attributes, prefix):
    if values.ndim == 2:  # ctao_high_res: TAI seconds and quarter nanoseconds
        seconds, quarters = values[:, 0].astype(np.float64), values[:, 1].astype(np.float64)
        days = np.floor(seconds / 86400)
        fraction = (seconds - days * 86400) / 86400 + quarters / QUARTER_NANOSECONDS_PER_DAY
        return Time(CTAO_EPOCH_MJD + days, fraction, format="mjd", scale="tai")
    scale = text(attributes.get(prefix + "TIME_SCALE", b"tai"))
    form = text(attributes.get(prefix + "TIME_FORMAT", b"mjd"))
    return Time(values.astype(np.float64), format=form, scale=scale.lower())


def read_table(dataset, *, columns=None, rows=slice(None)):
    """Rows of a ctapipe table.

    Parameters
    ----------
    dataset : h5py.Dataset
        A compound dataset.
    columns : collection of str, optional
        Those to decode; all when None. Columns that are not there are left out.
    rows : slice

    Returns
    -------
    astropy.table.QTable
    """
    if dataset.dtype.names is None:
        raise InputError(
            f"{dataset.file.filename}{dataset.name}", "a plain array", "a table", "check how the file was written"
        )
    raw = dataset[rows]
    return QTable(
        {
            name: _with_old_unit(decode(raw[name], dataset.attrs, index), dataset.attrs.get(f"{name}_UNIT"))
            for index, name in enumerate(dataset.dtype.names)
            if columns is None or name in columns
        }
    )


def _with_old_unit(values, unit):
    """A column with the unit that ctapipe stated under its name up to 0.9."""
    is_bare = isinstance(values, np.ndarray) and not isinstance(values, u.Quantity)
    return values * u.Unit(text(unit)) if unit is not None and is_bare else values


def key_order(table, wanted, names=("obs_id", "event_id")):
    """For each row of `wanted`, the row of `table` with the same keys.

    Parameters
    ----------
    table, wanted : table or structured array
        Both hold the columns `names`.

    Returns
    -------
    index : array of int (len(wanted),)
        −1 where `table` has no such row.
    """
    combined = np.concatenate([_keys(table, names), _keys(wanted, names)])
    order = np.lexsort(combined.T)
    is_new = np.ones(len(order), bool)
    is_new[1:] = (combined[order[1:]] != combined[order[:-1]]).any(axis=1)
    code = np.empty(len(order), int)
    code[order] = np.cumsum(is_new) - 1
    position = np.full(len(order), -1)
    position[code[: len(table)]] = np.arange(len(table))
    return position[code[len(table) :]]


def _keys(table, names):
    return np.stack([np.asarray(table[name]).astype(np.int64) for name in names], axis=1)


def require_columns(dataset, names):
    """Raise unless a compound dataset has every column in `names`."""
    missing = [name for name in names if name not in dataset.dtype.names]
    if missing:
        raise InputError(
            f"{dataset.file.filename}{dataset.name}",
            f"the columns {', '.join(dataset.dtype.names)}",
            f"{', '.join(missing)} too",
            "write the file with these columns",
        )


def require_table(file, path, names):
    """A whole table of a DL1 file, which must be there and have every column in `names`."""
    if path not in file:
        raise InputError(file.filename, f"no table /{path}", "a whole DL1 file", "write it again with ctapipe-process")
    require_columns(file[path], names)
    return read_table(file[path])


def bare(column, unit=None):
    """The numbers of a column: in `unit`, or in its own."""
    if not isinstance(column, u.Quantity):
        return np.asarray(column)
    return column.value if unit is None else column.to_value(unit)


def side_by_side(*tables):
    """The columns of tables of equal length as one table, not copied: what hstack does, without its checks."""
    return QTable({name: table[name] for table in tables for name in table.colnames}, copy=False)
