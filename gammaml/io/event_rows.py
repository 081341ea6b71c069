"""Array events and their images brought into the one order that every table of a ctapipe file must have."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.time import Time

from gammaml.columns import AT_TRIGGER, EVENT_KEYS, KEYS, SUBARRAY_EVENT_TYPE
from gammaml.errors import InputError
from gammaml.io.tables import key_order


@dataclass(frozen=True, eq=False)
class EventRows:
    """Array events and their images, both sorted by their keys.

    Parameters
    ----------
    array : astropy.table.QTable
        One row an array event.
    telescope : astropy.table.QTable
        One row an image.
    event : array of int (n_images,)
        The row of `array` that each image belongs to.
    """

    array: QTable
    telescope: QTable
    event: np.ndarray

    @property
    def is_simulated(self):
        return "true_energy" in self.array.colnames

    @property
    def tel_ids(self):
        return [int(tel_id) for tel_id in np.unique(self.telescope["tel_id"])]

    def of_telescope(self, tel_id):
        """The images of one telescope."""
        return self.telescope[self.telescope["tel_id"] == tel_id]

    def telescope_mask(self, subarray):
        """Which telescopes saw each array event, (n_events, n_telescopes) bool in the order of the subarray."""
        mask = np.zeros((len(self.array), len(subarray.telescopes)), bool)
        for tel_id in self.tel_ids:
            column = subarray.telescopes.index(subarray.telescope(tel_id))
            mask[self.event[self.telescope["tel_id"] == tel_id], column] = True
        return mask


def event_rows(telescope_tables, array_tables=()):
    """All events of some tables of the same events, each once.

    Parameters
    ----------
    telescope_tables, array_tables : list of astropy.table.QTable
        One row an image, and one row an array event.

    Returns
    -------
    EventRows

    Raises
    ------
    gammaml.errors.InputError
        Where keys repeat within a table, or one pair of obs_id and event_id stands for two showers.
    """
    for table, names in [(t, KEYS) for t in telescope_tables] + [(t, EVENT_KEYS) for t in array_tables]:
        if len(_unique_keys([table], names)) != len(table):
            raise _ambiguous(f"rows with the same {', '.join(names)}")
    tables = [*telescope_tables, *array_tables]
    events = [table[[name for name in table.colnames if _is_event_column(name)]] for table in tables]
    array = lookup(events, _unique_keys(events, EVENT_KEYS), EVENT_KEYS)
    if "event_type" not in array.colnames:
        array["event_type"] = SUBARRAY_EVENT_TYPE
    if not telescope_tables:
        telescope_tables = [QTable(names=KEYS, dtype=[np.int64] * 3)]
    telescope = lookup(telescope_tables, _unique_keys(telescope_tables, KEYS), KEYS)
    event = key_order(array, telescope, EVENT_KEYS)
    if "shower_id" in telescope.colnames and (telescope["shower_id"] != array["shower_id"][event]).any():
        raise _ambiguous("different showers with the same obs_id and event_id")
    return EventRows(array, telescope, event)


def _ambiguous(got):
    return InputError("events", got, "keys that name one event", "write the events of each input file to its own file")


def _is_event_column(name):
    return name in (*EVENT_KEYS, *AT_TRIGGER, "shower_id") or name.startswith("true_")


def _unique_keys(tables, names):
    keys = np.concatenate([np.stack([np.asarray(table[name], np.int64) for name in names], axis=1) for table in tables])
    return QTable(np.unique(keys, axis=0), names=names)


def lookup(tables, wanted, keys):
    """The columns of `tables` for the rows of `wanted`; the first table that has a row gives its values.

    Parameters
    ----------
    tables : list of astropy.table.QTable
    wanted : astropy.table.QTable
    keys : tuple of str
        Columns that identify a row.

    Returns
    -------
    astropy.table.QTable
        NaN, −1 or False where no table has the row; no times where one is not known.
    """
    result = QTable({name: wanted[name] for name in keys})
    found = {}
    for table in tables:
        row = key_order(table, wanted, keys)
        for name in [name for name in table.colnames if name not in keys]:
            column = _unmasked(table[name])
            if name not in found:
                result[name], found[name] = blank(column, len(wanted)), np.zeros(len(wanted), bool)
            new = (row >= 0) & ~found[name]
            result[name][new] = column[row[new]]
            found[name] |= new
    result.remove_columns([name for name in found if isinstance(result[name], Time) and not found[name].all()])
    return result


def _unmasked(column):
    """Masked cells, as a stack of tables with different columns has them, become unknown ones."""
    if isinstance(column, Time) or not hasattr(column, "mask"):
        return column
    values = column.unmasked if isinstance(column, u.Quantity) else column.data.data
    plain, known = blank(values, len(values)), ~np.asarray(column.mask)
    plain[known] = values[known]
    return plain


def blank(column, length):
    """A column like `column` in which nothing is known: NaN, −1 or False."""
    if isinstance(column, Time):
        return Time(np.zeros(length), format="mjd", scale=column.scale)
    fill = {"f": np.nan, "i": -1}.get(column.dtype.kind, 0)
    blank = np.full((length, *column.shape[1:]), fill, column.dtype)
    return blank * column.unit if isinstance(column, u.Quantity) else blank
