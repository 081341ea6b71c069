"""Where the telescopes of a DL1 file pointed, image by image."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml.io.tables import key_order, read_table

CONSTANT_POINTING = "configuration/telescope/pointing"
MONITORED_POINTING = ("dl1/monitoring/telescope/pointing", "dl0/monitoring/telescope/pointing")
OBSERVATION_BLOCK = "configuration/observation/observation_block"


def read_pointing(file, tel_id, table):
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
