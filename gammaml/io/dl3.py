"""DL3: events on the sky with their instrument response, as FITS files of the data formats for gamma-ray astronomy.

GADF 0.3, chapters "EVENTS", "GTI" and "POINTING"; times count from J2000.0 (TT).
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation
from astropy.io import fits
from astropy.table import QTable
from astropy.time import Time

from gammaml import sky
from gammaml.columns import EVENT_KEYS, bare, require
from gammaml.errors import InputError, OutputError, SettingError
from gammaml.io.celestial import to_icrs
from gammaml.io.checks import check_unique
from gammaml.io.dl3_index import check_index, write_index
from gammaml.io.irf_file import CREATOR, GAMMANESS_CUTS, RESPONSES, ascii_text, passed_cuts, read_irf_hdus
from gammaml.io.write_tables import check_output, whole_file

EPOCH = Time(51544, 0.5, format="mjd", scale="tt")  # J2000.0
TIME_CARDS = {"MJDREFI": 51544, "MJDREFF": 0.5, "TIMEUNIT": "s", "TIMESYS": "TT", "TIMEREF": "LOCAL"}
GADF_CARDS = {
    "HDUCLASS": "GADF",
    "HDUDOC": "https://gamma-astro-data-formats.readthedocs.io",
    "HDUVERS": "0.3",
}
NEEDED = ("obs_id", "event_id", "reco_energy", "reco_alt", "reco_az", "gammaness")
STANDS_STILL = 0.02  # degrees: less than any IACT resolves
LONGEST_GAP = 30  # mean gaps; a longer one is a pause: chance makes one of e^30
MAX_POINTINGS = 1000  # rows of a POINTING table
ALTITUDE_TOLERANCE = 5.0  # degrees between observation and simulation


@dataclass(frozen=True)
class _Run:
    """One run: all its triggers, seconds since the epoch, where it pointed."""

    obs_id: int
    table: QTable
    seconds: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    pointing: QTable
    mode: str
    location: tuple


def write_dl3(dl2, irf, folder, *, live_fraction=1.0, overwrite=False):
    """Write the events of an observation on the sky, with their instrument response, a file a run.

    Events that fail the cut in gammaness of the IRFs, or have no reconstruction, are left out. Good time runs from the
    first to the last trigger of the table, without pauses.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        Array events from :func:`gammaml.io.read_dl2`, with time, pointing, direction, energy and gammaness.
    irf : str or Path
        A file of :func:`gammaml.io.irf_file.write_irfs`.
    folder : str or Path
        Made where there is none; ``obs_<obs_id>.fits.gz``, and the index of all DL3 files in the folder.
    live_fraction : float
        Share of the good time in which the array could trigger, GADF's DEADC; the table cannot tell it.
    overwrite : bool
        Whether existing files may be replaced.

    Returns
    -------
    list of Path

    Raises
    ------
    gammaml.errors.InputError
        Where time, pointing, place of the array or a reconstruction is missing, or the IRFs are of another one.
    gammaml.errors.OutputError
        Where a file exists or cannot be written.
    """
    if not 0 < live_fraction <= 1:
        raise SettingError("live_fraction", f"{live_fraction:g}", "more than 0, at most 1", "change it")
    hdus, folder = read_irf_hdus(irf), Path(folder)
    _require_observation(dl2)
    _require_same_reconstruction(dl2, hdus[0].header, irf)
    runs = [_run(dl2[np.asarray(dl2["obs_id"]) == obs_id], obs_id) for obs_id in np.unique(dl2["obs_id"])]
    _make_folder(folder)
    paths = [folder / f"obs_{run.obs_id:06d}.fits.gz" for run in runs]
    for path in paths:
        check_output(path, overwrite)
    check_index(folder, overwrite)
    for path, run in zip(paths, runs, strict=True):
        with whole_file(path, overwrite) as temporary:
            _hdus(run, hdus, live_fraction).writeto(temporary, overwrite=True)
    write_index(folder)
    return paths


def _make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, error.strerror.lower(), "a folder that can be written", "choose another") from error


def _require_observation(dl2):
    where = "observation"
    require(dl2, *NEEDED, where=where)
    if not len(dl2):
        raise InputError(where, "no events", "at least two", "check the file")
    if "tel_id" in dl2.colnames:
        raise InputError(where, "a row an image", "a row an array event", "read the file with level='subarray'")
    check_unique(where, dl2, EVENT_KEYS)
    if "true_energy" in dl2.colnames:
        do = "make a run of them with gammaml observe"
        raise InputError(where, "simulated events, whose times mean nothing", "events without truth", do)
    if "time" not in dl2.colnames or not np.all(dl2["time"].tai.mjd > 0):
        raise InputError(where, "events without a time", "the time of each trigger", "use files that tell of it")
    known = [name in dl2.colnames and np.isfinite(bare(dl2[name])).all() for name in ("pointing_alt", "pointing_az")]
    if not all(known):
        expected = "altitude and azimuth of the telescopes for each"
        raise InputError(where, "events without a pointing", expected, "use files that tell of it")
    subarray = dl2.meta.get("subarray")
    if subarray is None or not np.isfinite(subarray.reference_location).all():
        raise InputError(where, "an array without its place on the earth", "ITRS coordinates", "use files with them")


def _require_same_reconstruction(dl2, header, irf):
    own, other = ascii_text(dl2.meta.get("reconstructor", "unknown")), header.get("RECONSTR", "unknown")
    if own != other:
        do = "read that reconstructor (--reconstructor), or make IRFs of this one"
        raise InputError(irf, f"IRFs of the reconstructor {other}", f"of {own}, as the events", do)
    array, simulated = ascii_text(dl2.meta["subarray"].name), header.get("TELESCOP", "unknown")
    if array != simulated:
        warnings.warn(f"the IRFs are of the array {simulated}, the events of {array}", stacklevel=3)
    alt, simulated = bare(dl2["pointing_alt"]).mean(), header.get("ALT_PNT", np.nan)
    if abs(alt - simulated) > ALTITUDE_TOLERANCE:
        warnings.warn(f"the IRFs are of altitude {simulated:.1f} deg, the events of {alt:.1f} deg", stacklevel=3)


# Time and pointing


def _run(table, obs_id):
    seconds = (table["time"] - EPOCH).to_value(u.s)
    order = np.argsort(seconds, kind="stable")
    table, seconds = table[order], seconds[order]
    if len(table) < 2 or seconds[0] == seconds[-1]:
        raise InputError(f"run {obs_id}", "all events at one time", "events at different times", "check the file")
    location = table.meta["subarray"].reference_location
    rows = np.unique(np.linspace(0, len(table) - 1, MAX_POINTINGS).astype(int))
    alt, az = (bare(table[name])[rows] for name in ("pointing_alt", "pointing_az"))
    ra, dec = to_icrs(table[rows], alt, az, location)
    columns = {"TIME": seconds[rows] * u.s} | {
        name: values * u.deg for name, values in {"RA_PNT": ra, "DEC_PNT": dec, "ALT_PNT": alt, "AZ_PNT": az}.items()
    }
    start, stop = good_times(seconds)
    return _Run(int(obs_id), table, seconds, start, stop, QTable(columns), _mode(obs_id, ra, dec, alt, az), location)


def good_times(seconds):
    """Intervals between pauses.

    Parameters
    ----------
    seconds : array (n_events,)
        Times of the triggers in increasing order.

    Returns
    -------
    start, stop : array (n_intervals,)
        Times of the first and last trigger of each. A pause is longer than 30 times the median gap over ln 2, which is
        the mean one of random triggers.
    """
    gaps = np.diff(seconds)
    pause = np.flatnonzero(gaps > LONGEST_GAP * np.median(gaps) / np.log(2)) if len(gaps) > LONGEST_GAP else []
    return np.append(seconds[:1], seconds[1:][pause]), np.append(seconds[:-1][pause], seconds[-1])


def _mode(obs_id, ra, dec, alt, az):
    """Whether the telescopes followed the sky or stood still."""
    followed, still = _spread(dec, ra), _spread(alt, az)
    if followed <= STANDS_STILL:
        return "POINTING"
    if still > STANDS_STILL:
        expected = "one pointing on the sky, or one in altitude and azimuth"
        got = f"a pointing that moves by {followed:.2f} deg on the sky and by {still:.2f} deg in altitude and azimuth"
        raise InputError(f"run {obs_id}", got, expected, "give each pointing an obs_id of its own")
    text = f"run {obs_id}: the telescopes stood still while the sky moved by {followed:.2f} deg (OBS_MODE DRIFT)"
    warnings.warn(text, stacklevel=4)
    return "DRIFT"


def _spread(lat, lon):
    return sky.angular_separation(lat, lon, lat[0], lon[0]).max()


# HDUs


def _hdus(run, irf, live_fraction):
    header = _run_cards(run, live_fraction)
    primary = fits.PrimaryHDU(header=irf[0].header.copy())
    primary.header["CREATOR"], primary.header["DATE"] = CREATOR, Time.now().utc.isot
    events = _events(run, irf[GAMMANESS_CUTS])
    event_cards = header | {"NTRIGGER": len(run.table)}
    interval = QTable({"START": run.start * u.s, "STOP": run.stop * u.s})
    tables = [
        _table_hdu(events, "EVENTS", event_cards),
        _table_hdu(interval, "GTI", header),
        _table_hdu(run.pointing, "POINTING", header),
    ]
    responses = [hdu for hdu in irf if hdu.name in (*RESPONSES, GAMMANESS_CUTS)]
    return fits.HDUList([primary, *tables, *responses])


def _table_hdu(table, name, cards):
    hdu = fits.BinTableHDU(table, name=name)
    hdu.header.update(GADF_CARDS | {"HDUCLAS1": name} | cards)
    if name == "EVENTS":
        hdu.header["COMMENT"] = "ALT, AZ to ICRS without refraction; events after the cut in gammaness (GH_CUTS)"
    return hdu


def _events(run, cuts):
    """Reconstructed events that pass the cut in gammaness."""
    energy, gammaness = run.table["reco_energy"].to_value(u.TeV), bare(run.table["gammaness"])
    alt, az = bare(run.table["reco_alt"]), bare(run.table["reco_az"])
    kept = passed_cuts(gammaness, energy, cuts) & np.isfinite(alt) & np.isfinite(az)
    ra, dec = to_icrs(run.table[kept], alt[kept], az[kept], run.location)
    angles = {"RA": ra, "DEC": dec, "ALT": alt[kept], "AZ": az[kept]}
    table = QTable({"EVENT_ID": np.asarray(run.table["event_id"])[kept].astype(np.int64)})
    table["TIME"] = run.seconds[kept] * u.s
    for name in ("RA", "DEC"):
        table[name] = angles[name] * u.deg
    table["ENERGY"], table["GAMMANESS"] = energy[kept] * u.TeV, gammaness[kept]
    for name in ("ALT", "AZ"):
        table[name] = angles[name] * u.deg
    if "multiplicity" in run.table.colnames:
        table["MULTIP"] = np.asarray(run.table["multiplicity"])[kept].astype(np.int16)
    return table


def _run_cards(run, live_fraction):
    """What every HDU of a run says of it."""
    good = float(np.sum(run.stop - run.start))
    middle = len(run.pointing) // 2
    began, ended = (Time(EPOCH + value * u.s).utc.isot for value in (run.start[0], run.stop[-1]))
    return {
        "OBS_ID": run.obs_id,
        "OBS_MODE": run.mode,
        **TIME_CARDS,
        "DATE-OBS": began,
        "DATE-BEG": began,
        "DATE-END": ended,
        "TSTART": float(run.start[0]),
        "TSTOP": float(run.stop[-1]),
        "TELAPSE": float(run.stop[-1] - run.start[0]),
        "ONTIME": good,
        "LIVETIME": good * live_fraction,
        "DEADC": live_fraction,
        **{name: float(run.pointing[name][middle].value) for name in ("RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT")},
        "RADECSYS": "ICRS",
        "EQUINOX": 2000.0,
        "ORIGIN": "gammaml",
        "CREATOR": CREATOR,
        "TELESCOP": ascii_text(run.table.meta["subarray"].name),
        "INSTRUME": "array",
        "N_TELS": len(run.table.meta["subarray"].telescopes),
        **_location_cards(run.location),
    }


def _location_cards(location):
    """Where the array stands, under the names of GADF 0.2 and of 0.3."""
    place = EarthLocation.from_geocentric(*location, unit=u.m)
    lon, lat, height = place.lon.deg, place.lat.deg, place.height.to_value(u.m)
    return {"GEOLON": lon, "GEOLAT": lat, "ALTITUDE": height, "OBSGEO-L": lon, "OBSGEO-B": lat, "OBSGEO-H": height}
