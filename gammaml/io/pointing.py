"""Where the telescopes of a DL1 file pointed, image by image."""

import warnings

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml import sky
from gammaml.io.tables import key_order, read_table

CONSTANT_POINTING = "configuration/telescope/pointing"
MONITORED_POINTING = ("dl1/monitoring/telescope/pointing", "dl0/monitoring/telescope/pointing")
OBSERVATION_BLOCK = "configuration/observation/observation_block"
STANDS_STILL = 1e-4  # degrees
LONGEST_GAP = 60.0  # s; a straight line between two directions of a star is within 1 arcsec of its way that long
ROUNDING = 1e-3  # s, of times from one file


def read_pointing(file, tel_id, table):
    """Altitude and azimuth of a telescope's axis for each row of a table.

    Constant per run, else monitored, else the run's plan. Between monitored times the direction is interpolated;
    outside them, and in gaps longer than `LONGEST_GAP`, it is NaN, with a warning. A telescope that never moved may be
    monitored as seldom as it likes.

    Parameters
    ----------
    file : h5py.File
    tel_id : int
    table : astropy.table.QTable
        obs_id, event_id, and time where known.

    Returns
    -------
    astropy.table.QTable
        pointing_alt, pointing_az.
    """
    name = f"tel_{tel_id:03d}"
    alt, az = np.full((2, len(table)), np.nan)
    if CONSTANT_POINTING in file and name in file[CONSTANT_POINTING]:
        fixed = read_table(file[CONSTANT_POINTING][name])
        row = key_order(fixed, table, ("obs_id",))
        alt = np.where(row >= 0, fixed["telescope_pointing_altitude"].to_value("deg")[row], np.nan)
        az = np.where(row >= 0, fixed["telescope_pointing_azimuth"].to_value("deg")[row], np.nan)
    for group in MONITORED_POINTING:
        monitored = group in file and name in file[group] and len(file[group][name])
        if monitored and np.isnan(alt).all() and "time" in table.colnames:
            alt, az = _interpolated_pointing(read_table(file[group][name]), table["time"])
            _warn_of_unknown(f"{file.filename}: telescope {tel_id}", alt)
    if np.isnan(alt).all() and OBSERVATION_BLOCK in file:
        alt, az = _planned_pointing(read_table(file[OBSERVATION_BLOCK]), table)
    return QTable({"pointing_alt": alt * u.deg, "pointing_az": np.mod(az, 360) * u.deg})


def _interpolated_pointing(monitoring, time):
    """Along the way between the two monitored directions about each time, NaN where these are not near."""
    alt, az = (monitoring[name].to_value("deg") for name in ("altitude", "azimuth"))
    epoch = monitoring["time"][0]
    known, wanted = (monitoring["time"] - epoch).to_value("s"), (time - epoch).to_value("s")
    good = np.isfinite(alt) & np.isfinite(az) & np.isfinite(known)
    order = np.flatnonzero(good)[np.argsort(known[good], kind="stable")]
    known, alt, az = known[order], alt[order], az[order]
    if not len(known):
        return np.full((2, len(time)), np.nan)
    found = np.interp(wanted, known, alt), np.interp(wanted, known, np.unwrap(az, period=360))
    if (sky.angular_separation(alt, az, alt[0], az[0]) < STANDS_STILL).all():
        return found
    before = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 1)
    after = np.clip(before + 1, 0, len(known) - 1)
    apart = np.minimum(np.abs(wanted - known[before]), np.abs(wanted - known[after]))
    between = (known[0] <= wanted) & (wanted <= known[-1]) & (known[after] - known[before] <= LONGEST_GAP + ROUNDING)
    return tuple(np.where(between | (apart < ROUNDING), values, np.nan) for values in found)


def _warn_of_unknown(where, alt):
    unknown = np.isnan(alt)
    if unknown.any():
        text = f"{unknown.sum():,} of {len(alt):,} images outside the monitored times, or in a gap of more than"
        warnings.warn(f"{where}: {text} {LONGEST_GAP:g} s: their pointing is unknown", stacklevel=3)


def _planned_pointing(blocks, table):
    """Only where the plan is in alt/az (ctapipe's CoordinateFrameType.ALTAZ = 0)."""
    row = key_order(blocks, table, ("obs_id",))
    known = (row >= 0) & (np.asarray(blocks["subarray_pointing_frame"])[row] == 0)
    alt = np.where(known, blocks["subarray_pointing_lat"].to_value("deg")[row], np.nan)
    az = np.where(known, blocks["subarray_pointing_lon"].to_value("deg")[row], np.nan)
    return alt, az
