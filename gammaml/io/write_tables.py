"""ctapipe's HDF5 tables, written in bulk with h5py so that PyTables, and so ctapipe, read them as their own.

PyTables itself is not used for writing: on a full disk it loses rows without an error.
"""

import io
import logging
import os
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

import astropy.units as u
import h5py
import hdf5plugin
import numpy as np
from astropy.table import QTable
from astropy.time import Time

from gammaml.columns import COLUMNS
from gammaml.errors import OutputError

CHUNK_BYTES = 256 * 2**10
UNIX_EPOCH_JD = 2440587.5  # ctapipe's ctao_high_res counts TAI seconds from here
QUARTER_NANOSECONDS = 4e9  # in a second
KEY_TYPES = {"obs_id": np.uint64, "event_id": np.uint64, "tel_id": np.int16}
NO_ROOM = (ENOSPC, EDQUOT, EFBIG)
ENUMS = {
    "event_type": "EventType",
    "state": "ObservationBlockState",
    "subarray_pointing_frame": "CoordinateFrameType",
    "sb_type": "SchedulingBlockType",
    "observing_mode": "ObservingMode",
    "pointing_mode": "PointingMode",
}


@contextmanager
def whole_file(path, overwrite=False):
    """A temporary name beside `path`, renamed to it when the block ends well and removed when it does not.

    Parameters
    ----------
    path : str or Path
    overwrite : bool
        Whether an existing file may be replaced; until the new one is whole, the old one stays.

    Yields
    ------
    pathlib.Path

    Raises
    ------
    gammaml.errors.OutputError
        Where the file exists, its folder does not or cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = _claim(path, overwrite)
    try:
        yield temporary
        temporary.replace(path)
        logging.getLogger("gammaml").debug("%s: written", path)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        reason = os.strerror(error.errno).lower()
        raise OutputError(path, reason, "room on the disk", "make some, or write elsewhere") from error
    finally:
        temporary.unlink(missing_ok=True)


def check_output(path, overwrite=False):
    """Raise now what :func:`whole_file` would raise after long work: the file exists, or cannot be written."""
    _claim(Path(path), overwrite).unlink()


def _claim(path, overwrite):
    """An empty file beside `path`."""
    if path.is_dir() or (path.exists() and not overwrite):
        got = "a folder" if path.is_dir() else "a file that exists"
        raise OutputError(path, got, "a new name", "choose another one, or overwrite it (--overwrite)")
    temporary = path.with_name(f".{os.getpid()}-{path.name}")  # keeps the suffix, which some writers look at
    try:
        temporary.touch()
    except OSError as error:
        reason = os.strerror(error.errno).lower()
        raise OutputError(path, reason, "a folder that can be written", "choose another one") from error
    return temporary


class _Disk(io.FileIO):
    """A file that never fails, but keeps the first error: HDF5 loses errors, and an unclosable file crashes Python."""

    error = None

    def write(self, data):
        left = memoryview(data)
        while len(left) and self.error is None:
            left = left[self._try(super().write, left) :]
        return len(data)

    def truncate(self, size=None):
        return self._try(super().truncate, size)

    def _try(self, method, argument):
        try:
            return method(argument)
        except OSError as error:
            self.error = self.error or error
            return 0


class _NewFile(h5py.File):
    """An HDF5 file that is written through `_Disk`."""

    def __init__(self, path):
        self.disk = _Disk(path, "w+")
        super().__init__(self.disk, "w")

    def check(self):
        """Raise what the disk has refused so far."""
        if self.disk.error is not None:
            raise self.disk.error


@contextmanager
def create_hdf5(path, *, overwrite=False):
    """An open `h5py.File` for writing, which appears under `path` only when whole; see :func:`whole_file`."""
    with whole_file(path, overwrite) as temporary:
        file = _NewFile(temporary)
        with file.disk:
            try:
                with file:
                    write_attributes(file, {"CLASS": "GROUP", "PYTABLES_FORMAT_VERSION": "2.1", "VERSION": "1.0"})
                    yield file
            finally:
                file.check()


def write_attributes(node, attributes):
    """HDF5 attributes, strings in the form that PyTables writes."""
    for name, value in attributes.items():
        if isinstance(value, str):
            encoded = np.array(value.encode(), f"S{max(1, len(value.encode()))}")
            node.attrs.create(name, encoded, dtype=h5py.string_dtype("utf-8", encoded.itemsize))
        else:
            node.attrs[name] = value


def with_key_types(table):
    """`table` with the integer types of ctapipe's keys: its joins give floats where they differ."""
    converted = {name: np.asarray(table[name], KEY_TYPES[name]) for name in table.colnames if name in KEY_TYPES}
    return QTable({name: converted.get(name, table[name]) for name in table.colnames})


def write_table(file, path, table, *, prefix="", attributes=None):
    """Write `table` under `path`; where a table is there already, its rows are appended.

    Times are stored as ctapipe's ``ctao_high_res``, quantities with their unit, strings as UTF-8, booleans as
    PyTables' bits; columns named ``*telescopes`` and ``tels_with_trigger`` are masks in subarray order.

    Parameters
    ----------
    file : h5py.File
        From :func:`create_hdf5`.
    path : str
    table : astropy.table.Table
    prefix : str
        What ctapipe takes off the column names to get the names of its fields.
    attributes : dict, optional
        Further attributes of the table.

    Returns
    -------
    h5py.Dataset
    """
    fields = {name: _encode(table[name]) for name in table.colnames}
    if path not in file:
        dataset = _create(file, path, {name: values for name, (values, _) in fields.items()})
        write_attributes(dataset, {"CLASS": "TABLE", "VERSION": "2.7", **(attributes or {})})
        for index, (name, (_, meaning)) in enumerate(fields.items()):
            _describe(dataset, index, name.removeprefix(f"{prefix}_"), {**_known(name), **meaning})
    dataset = file[path]
    rows = np.empty(len(table), dataset.dtype)
    for name, (values, _) in fields.items():
        rows[name] = values
    _append(dataset, rows)
    file.check()
    return dataset


def _create(file, path, columns):
    """An empty dataset of compound rows, its booleans PyTables' bits, which numpy has no type for."""
    fields = [(n, np.uint8 if v.dtype == bool else v.dtype, v.shape[1:]) for n, v in columns.items()]
    dtype = np.dtype(fields)
    type_id = h5py.h5t.create(h5py.h5t.COMPOUND, dtype.itemsize)
    for name, (_, offset) in dtype.fields.items():
        values = columns[name]
        item = h5py.h5t.NATIVE_B8 if values.dtype == bool else h5py.h5t.py_create(values.dtype)
        type_id.insert(
            name.encode(), offset, h5py.h5t.array_create(item, values.shape[1:]) if values.ndim > 1 else item
        )
    n_rows = len(next(iter(columns.values())))
    return file.create_dataset(
        path,
        shape=(0,),
        maxshape=(None,),
        chunks=(max(1, min(n_rows, CHUNK_BYTES // dtype.itemsize)),),
        dtype=h5py.Datatype(type_id),
        fletcher32=True,
        compression=hdf5plugin.Blosc(cname="zstd", clevel=1, shuffle=hdf5plugin.Blosc.SHUFFLE),
    )


def _append(dataset, rows):
    start = len(dataset)
    dataset.resize((start + len(rows),))
    if len(rows):
        target = dataset.id.get_space()
        target.select_hyperslab((start,), rows.shape)
        dataset.id.write(h5py.h5s.create_simple(rows.shape), target, rows, dataset.id.get_type())
    dataset.attrs["NROWS"] = len(dataset)


def _encode(column):
    """What is stored for a column, and the attributes that tell how to undo it."""
    if isinstance(column, Time):
        return _high_resolution(column), {"TRANSFORM": "time", "TIME_FORMAT": "ctao_high_res", "TIME_SCALE": "tai"}
    if isinstance(column, u.Quantity):
        unit = column.unit.to_string("vounit")
        return column.value, {"TRANSFORM": "quantity", "UNIT": unit} if unit else {}
    values = np.asarray(column)
    if values.dtype.kind in "UO":
        values = np.char.encode(values.astype(str), "utf-8")
        values = values.astype(f"S{max(1, values.dtype.itemsize)}")
        return values, {"TRANSFORM": "string", "MAXLEN": values.dtype.itemsize}
    return values, {}


def _known(name):
    """Attributes that follow from a column's name."""
    known = {"DESC": COLUMNS[name].description} if name in COLUMNS else {}
    if name in ENUMS:  # as PyTables pickles the class; ctapipe reads no enum without it
        known |= {"TRANSFORM": "enum", "ENUM": np.bytes_(f"cctapipe.containers\n{ENUMS[name]}\np0\n.")}
    if name in ("scheduled_start_time", "actual_start_time"):
        known |= {"TRANSFORM": "time", "TIME_FORMAT": "mjd", "TIME_SCALE": "tai"}
    if name.endswith(("telescopes", "tels_with_trigger")):
        known |= {"TRANSFORM": "tel_list_to_mask"}
    return known


def _describe(dataset, index, name, meaning):
    write_attributes(dataset, {f"CTAFIELD_{index}_{key}": value for key, value in {"NAME": name, **meaning}.items()})
    dataset.attrs[f"FIELD_{index}_NAME"] = np.bytes_(dataset.dtype.names[index])


def _high_resolution(time):
    """TAI seconds since 1970 and quarter nanoseconds, (n, 2) uint32."""
    tai = time.tai
    fine = np.asarray(tai.jd2) * 86400
    whole = np.floor(fine)
    quarters = np.rint((fine - whole) * QUARTER_NANOSECONDS)
    carry = quarters >= QUARTER_NANOSECONDS
    seconds = (np.asarray(tai.jd1) - UNIX_EPOCH_JD) * 86400 + whole + carry
    both = np.stack([seconds, np.where(carry, 0, quarters)], axis=-1)
    return np.clip(np.nan_to_num(both), 0, 2**32 - 1).astype(np.uint32)
