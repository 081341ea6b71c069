"""Simulated truth of a DL1 file, joined to its images, and the showers that images belong to."""

import warnings
from typing import NamedTuple

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml import sky
from gammaml.columns import EVENT_KEYS
from gammaml.errors import InputError
from gammaml.io.checks import label_conflict
from gammaml.io.tables import bare, key_order, require_table, side_by_side

SEA_LEVEL_DEPTH = 1033.2  # g/cm2: 1013.25 hPa over 9.80665 m/s2
SHOWER = "simulation/event/subarray/shower"
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


class Showers(NamedTuple):
    """The simulated showers of a file, and which of them each of some events is.

    Parameters
    ----------
    table : astropy.table.QTable or None
        None where nothing was simulated.
    row : array of int (n_events,)
        −1 where there is none.
    """

    table: QTable | None
    row: np.ndarray

    def of(self, events):
        """The same for some of the events."""
        return self._replace(row=self.row[events])


def read_showers(file, events):
    """The `Showers` of a file for a table of events, by their keys."""
    if SHOWER not in file:
        return Showers(None, np.full(len(events), -1))
    table = require_table(file, SHOWER, (*EVENT_KEYS, "true_energy", "true_shower_primary_id"))
    row = key_order(table, events)
    table.remove_columns(EVENT_KEYS)
    return Showers(table, row)


def with_truth(table, showers, where):
    """`table` with the simulated truth where there is one, and with the shower each row belongs to."""
    if showers.table is None:
        return complete_truth(table, where)
    lacking = int((showers.row < 0).sum())
    if lacking:
        got, do = f"{lacking} images without simulated truth", "check how the file was merged"
        raise InputError(where, got, "a shower for each image", do)
    return complete_truth(side_by_side(table, showers.table[showers.row]), where)


def complete_truth(table, where):
    """`table` with the shower that each image belongs to, and with what follows from the truth that it has.

    Parameters
    ----------
    table : astropy.table.QTable
        A row an image, with keys, pointing and, for simulations, columns ``true_…``.
    where : str or Path
        What to call the events in an error.

    Returns
    -------
    astropy.table.QTable
    """
    if "true_energy" not in table.colnames:
        table["shower_id"] = _mix([np.asarray(table[name]) for name in EVENT_KEYS])
        return table
    if "true_shower_primary_id" in table.colnames:
        conflict = label_conflict(where, np.unique(table["true_shower_primary_id"]))
        if conflict:
            warnings.warn(f"{where}: {conflict}", stacklevel=2)
    if not (table["true_energy"] > 0).all():
        raise InputError(where, "a true energy at or below zero", "positive energies", "check the simulation")
    table["shower_id"] = _mix([bare(table[name]) for name in SHOWER_IDENTITY if name in table.colnames])
    if "true_alt" in table.colnames:
        angles = [table[name].to_value("deg") for name in ("true_alt", "true_az", "pointing_alt", "pointing_az")]
        lon, lat = sky.altaz_to_fov(*angles)
        table["true_fov_lon"], table["true_fov_lat"] = lon * u.deg, lat * u.deg
        if "true_x_max" in table.colnames:
            vertical = table["true_x_max"].to_value("g/cm2") * np.sin(np.deg2rad(angles[0]))
            table["true_h_max"] = standard_height(vertical) * u.m
    return table


def standard_height(depth):
    """Height above sea level (m) below which a vertical depth (g/cm2) of air lies in the standard atmosphere.

    ICAO Doc 7488 (1993): 6.5 K/km up to 11 km, isothermal above. Real air differs by some per cent.
    """
    depth = np.maximum(depth, 1e-3)
    tropopause = SEA_LEVEL_DEPTH * (1 - 0.0065 * 11000 / 288.15) ** 5.2559
    below = 288.15 / 0.0065 * (1 - (depth / SEA_LEVEL_DEPTH) ** (1 / 5.2559))
    return np.where(depth > tropopause, below, 11000 + 6341.6 * np.log(tropopause / depth))


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
