"""The index files of a folder of DL3 files, by which gammapy finds runs and their HDUs (GADF 0.3, "Data storage")."""

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

from gammaml.errors import OutputError
from gammaml.io.irf_file import CREATOR, RESPONSES
from gammaml.io.write_tables import whole_file

OBSERVATIONS, HDUS = "obs-index.fits.gz", "hdu-index.fits.gz"
TYPES = {"EVENTS": ("events", "events"), "GTI": ("gti", "gti"), "POINTING": ("pointing", "pointing"), **RESPONSES}
COLUMNS = {
    "OBS_ID": None,
    "RA_PNT": "deg",
    "DEC_PNT": "deg",
    "ALT_PNT": "deg",
    "AZ_PNT": "deg",
    "ONTIME": "s",
    "LIVETIME": "s",
    "DEADC": None,
    "TSTART": "s",
    "TSTOP": "s",
    "N_TELS": None,
    "OBS_MODE": None,
    "TELESCOP": None,
}
SHARED = ("MJDREFI", "MJDREFF", "TIMEUNIT", "TIMESYS", "TIMEREF", "GEOLON", "GEOLAT", "ALTITUDE")


def check_index(folder, overwrite=False):
    """Raise where a folder has an index that is not ours, unless it may be replaced."""
    for name in (OBSERVATIONS, HDUS):
        path = Path(folder) / name
        if path.is_file() and not overwrite and not _is_ours(path):
            raise OutputError(path, "an index of another program", "a folder of its own", "choose another folder")


def _is_ours(path):
    try:
        return str(fits.getheader(path, 1).get("CREATOR", "")).startswith("gammaml")
    except (OSError, IndexError):
        return False


def write_index(folder):
    """Write ``obs-index.fits.gz`` and ``hdu-index.fits.gz`` for the DL3 files in a folder.

    Parameters
    ----------
    folder : str or Path
    """
    runs, hdus = [], []
    for path in sorted(Path(folder).glob("obs_*.fits.gz")):
        with fits.open(path) as file:
            header = file["EVENTS"].header
            runs.append(dict(header) | {"EVENT_COUNT": header["NAXIS2"]})
            hdus += [
                (header["OBS_ID"], *TYPES[hdu.name], ".", path.name, hdu.name) for hdu in file if hdu.name in TYPES
            ]
    observations = Table({name: [run[name] for run in runs] for name in COLUMNS})
    for name, unit in COLUMNS.items():
        observations[name].unit = unit
    observations["ZEN_PNT"] = 90 - np.asarray(observations["ALT_PNT"])
    observations["ZEN_PNT"].unit = "deg"
    observations["EVENT_COUNT"] = [run["EVENT_COUNT"] for run in runs]
    names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    index = Table(rows=hdus, names=names)
    shared = {name: runs[0][name] for name in SHARED}
    _write(observations, folder, OBSERVATIONS, {"HDUCLAS2": "OBS", **shared})
    _write(index, folder, HDUS, {"HDUCLAS2": "HDU"})


def _write(table, folder, name, cards):
    hdu = fits.BinTableHDU(table, name=name.removesuffix(".fits.gz").upper().replace("-", "_"))
    hdu.header.update({"HDUCLASS": "GADF", "HDUVERS": "0.3", "HDUCLAS1": "INDEX", "CREATOR": CREATOR, **cards})
    hdu.header["HDUDOC"] = "https://gamma-astro-data-formats.readthedocs.io"
    with whole_file(Path(folder) / name, overwrite=True) as temporary:
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(temporary, overwrite=True)
