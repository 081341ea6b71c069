"""A source in observed events: where it stands in the field of view, its on and off regions."""

import astropy.units as u
import numpy as np

from gammaml import sky
from gammaml.columns import require
from gammaml.errors import InputError
from gammaml.performance.selection import WHERE, bare


def source_offset(dl2, source, location, *, weather=None):
    """Where a celestial source stands in the field of view at the time of each event.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        time, pointing_alt, pointing_az; or pointing_ra, pointing_dec, of a field of view that does not turn on the sky.
    source : astropy.coordinates.SkyCoord
    location : astropy.coordinates.EarthLocation
        Of the telescope.
    weather : gammaml.sky.Weather, optional
        Where refraction counts: no refraction when None.

    Returns
    -------
    fov_lon, fov_lat : astropy.units.Quantity (n_rows,)
        Offsets from the pointing, deg.
    """
    if "pointing_ra" in dl2.colnames:
        lon, lat = sky.icrs_to_fov(source.icrs.ra.deg, source.icrs.dec.deg, *_pointing(dl2, "ra", "dec"))
        return lon * u.deg, lat * u.deg
    require(dl2, "time", where=WHERE)
    place = [value.to_value(u.m) for value in location.geocentric]
    alt, az = sky.icrs_to_altaz(source.icrs.ra.deg, source.icrs.dec.deg, dl2["time"], place, weather=weather)
    lon, lat = sky.altaz_to_fov(alt, az, *_pointing(dl2, "alt", "az"))
    return lon * u.deg, lat * u.deg


def _pointing(dl2, *names):
    return [bare(dl2, f"pointing_{name}") for name in names]


def reflected_offsets(fov_lon, fov_lat, n_off):
    """The source's place turned about the middle of the field of view, in equal steps: the off regions.

    Parameters
    ----------
    fov_lon, fov_lat : astropy.units.Quantity
        Of the source.
    n_off : int

    Returns
    -------
    list of (Quantity, Quantity)
        `n_off` places, as far from the middle as the source.

    References
    ----------
    Berge, Funk & Hinton 2007, A&A 466, 1219, section 4.1.
    """
    turns = 2 * np.pi * np.arange(1, n_off + 1) / (n_off + 1)
    lon, lat = fov_lon.to_value(u.deg), fov_lat.to_value(u.deg)
    return [tuple(value * u.deg for value in sky.turn_offsets(lon, lat, turn)) for turn in turns]


def theta2(dl2, fov_lon, fov_lat):
    """Square of the angle between each reconstructed direction and a place in the field of view.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        reco_fov_lon, reco_fov_lat.
    fov_lon, fov_lat : astropy.units.Quantity
        One place, or one a row.

    Returns
    -------
    astropy.units.Quantity (n_rows,)
        deg2.
    """
    lon, lat = bare(dl2, "reco_fov_lon"), bare(dl2, "reco_fov_lat")
    return sky.angular_separation(lat, lon, fov_lat.to_value(u.deg), fov_lon.to_value(u.deg)) ** 2 * u.deg**2


def alpha_angle(dl2, fov_lon, fov_lat):
    """Angle between each image's axis and the line from its centre of gravity to a place in the field of view.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        hillas_fov_lon, hillas_fov_lat, hillas_psi.
    fov_lon, fov_lat : astropy.units.Quantity
        One place, or one a row.

    Returns
    -------
    astropy.units.Quantity (n_rows,)
        From 0 to 90 deg; small for showers from there.
    """
    require(dl2, "hillas_fov_lon", "hillas_fov_lat", "hillas_psi", where=WHERE)
    lon, lat, psi = (dl2[f"hillas_{name}"].to_value(u.deg) for name in ("fov_lon", "fov_lat", "psi"))
    direction = np.rad2deg(np.arctan2(fov_lat.to_value(u.deg) - lat, fov_lon.to_value(u.deg) - lon))
    return np.abs(np.mod(direction - psi + 90, 180) - 90) * u.deg


def off_places(fov_lon, fov_lat, theta2_cut, n_off):
    """The places of :func:`reflected_offsets`, where regions of that radius squared do not overlap.

    Raises
    ------
    gammaml.errors.InputError
        Where they do.
    """
    cut, radius = theta2_cut.to_value(u.deg**2), np.min(np.hypot(fov_lon, fov_lat).to_value(u.deg))
    if 2 * radius * np.sin(np.pi / (n_off + 1)) < 2 * np.sqrt(cut):
        raise InputError(
            "off regions",
            f"a source {radius:.2f} deg from the middle of the field of view, so regions that overlap",
            f"{n_off + 1} regions of radius {np.sqrt(cut):.2f} deg beside each other",
            "take fewer or smaller ones, or alpha_counts",
        )
    return reflected_offsets(fov_lon, fov_lat, n_off)


def on_off(dl2, fov_lon, fov_lat, *, theta2_cut, n_off=1):
    """Which events come from the on region, and which from one of the off regions.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        reco_fov_lon, reco_fov_lat.
    fov_lon, fov_lat : astropy.units.Quantity
        Place of the source, one or one a row (:func:`source_offset`).
    theta2_cut : astropy.units.Quantity
        Radius of the regions, squared.
    n_off : int

    Returns
    -------
    on, off : array of bool (n_rows,)

    Raises
    ------
    gammaml.errors.InputError
        Where no event has a direction, or the regions overlap.
    """
    places = off_places(fov_lon, fov_lat, theta2_cut, n_off)
    finite(bare(dl2, "reco_fov_lon"), "directions")
    on, *off = (theta2(dl2, *place) < theta2_cut for place in [(fov_lon, fov_lat), *places])
    return on, np.any(off, axis=0)


def finite(values, what):
    """The values that are finite; an error where there are none."""
    values = values[np.isfinite(values)]
    if not len(values):
        raise InputError(WHERE, f"no event with {what}", "at least one", "check the reconstruction and the cuts")
    return values
