"""Alt/az, field-of-view offsets, camera coordinates and ICRS; every sign convention lives here.

Frames are ctapipe's. The TelescopeFrame is a sky-offset frame centred on the pointing: ``fov_lon`` grows
with azimuth, ``fov_lat`` with altitude. In the CameraFrame the x axis points along ``fov_lat`` and the y
axis along ``fov_lon``. Positions are in the GroundFrame: x north, y west, z up, so that azimuth grows from x
towards -y. All functions take and return bare arrays, angles in degrees, lengths in metres.
"""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.utils import iers


def camera_to_fov(x, y, focal_length, camera_rotation=0.0):
    """Offsets on the sky of points in the camera plane.

    Parameters
    ----------
    x, y : array of float
        CameraFrame coordinates in m.
    focal_length : float
        Effective focal length in m.
    camera_rotation : float
        Rotation of the camera in degrees, as ctapipe's ``CameraGeometry.cam_rotation``.

    Returns
    -------
    fov_lon, fov_lat : array of float
        TelescopeFrame offsets in degrees, in the small-angle plane that ctapipe uses.
    """
    rotation = np.deg2rad(camera_rotation)
    x, y = np.asarray(x), np.asarray(y)
    x_rotated = x * np.cos(rotation) - y * np.sin(rotation)
    y_rotated = x * np.sin(rotation) + y * np.cos(rotation)
    return np.rad2deg(y_rotated / focal_length), np.rad2deg(x_rotated / focal_length)


def altaz_to_fov(alt, az, pointing_alt, pointing_az):
    """Offsets of a direction from the pointing: astropy's SkyOffsetFrame, written out.

    Parameters
    ----------
    alt, az : array of float
        Direction in degrees.
    pointing_alt, pointing_az : array of float
        Telescope axis in degrees, broadcast against the direction.

    Returns
    -------
    fov_lon, fov_lat : array of float
        Longitude and latitude in the frame whose origin is the pointing, in degrees.
    """
    alt, pointing_alt = np.deg2rad(alt), np.deg2rad(pointing_alt)
    delta_az = np.deg2rad(np.asarray(az) - np.asarray(pointing_az))
    forward = np.cos(alt) * np.cos(delta_az) * np.cos(pointing_alt) + np.sin(alt) * np.sin(pointing_alt)
    east = np.cos(alt) * np.sin(delta_az)
    up = np.sin(alt) * np.cos(pointing_alt) - np.cos(alt) * np.cos(delta_az) * np.sin(pointing_alt)
    return np.rad2deg(np.arctan2(east, forward)), np.rad2deg(np.arctan2(up, np.hypot(forward, east)))


def fov_to_altaz(fov_lon, fov_lat, pointing_alt, pointing_az):
    """The inverse of :func:`altaz_to_fov`.

    Returns
    -------
    alt, az : array of float
        Direction in degrees, az in [0, 360).
    """
    fov_lon, fov_lat, pointing_alt = np.deg2rad(fov_lon), np.deg2rad(fov_lat), np.deg2rad(pointing_alt)
    forward = np.cos(fov_lat) * np.cos(fov_lon)
    east, up = np.cos(fov_lat) * np.sin(fov_lon), np.sin(fov_lat)
    horizontal = forward * np.cos(pointing_alt) - up * np.sin(pointing_alt)
    alt = np.arctan2(forward * np.sin(pointing_alt) + up * np.cos(pointing_alt), np.hypot(horizontal, east))
    return np.rad2deg(alt), _turn(np.rad2deg(np.arctan2(east, horizontal)) + pointing_az)


def _turn(az):
    """Azimuths in [0, 360)."""
    az = np.mod(az, 360.0)
    return np.where(az >= 360.0, 0.0, az)  # the remainder of a tiny negative number rounds to 360


def fov_to_icrs(fov_lon, fov_lat, pointing_ra, pointing_dec):
    """Places on the sky of offsets in a field of view that does not turn there: rising altitude is north.

    So it is of a source that culminates in the south, where azimuth rises to the west.

    Parameters
    ----------
    fov_lon, fov_lat : array of float
        Offsets in degrees.
    pointing_ra, pointing_dec : array of float
        Telescope axis in degrees, broadcast against the offsets.

    Returns
    -------
    ra, dec : array of float
        In degrees, ra in [0, 360).
    """
    dec, ra = fov_to_altaz(-np.asarray(fov_lon), fov_lat, pointing_dec, pointing_ra)
    return ra, dec


def icrs_to_fov(ra, dec, pointing_ra, pointing_dec):
    """The inverse of :func:`fov_to_icrs`: fov_lon and fov_lat in degrees."""
    lon, lat = altaz_to_fov(dec, ra, pointing_dec, pointing_ra)
    return -lon, lat


def pointing_beside(ra, dec, fov_lon, fov_lat):
    """Where a telescope points that has a source at an offset, in a field of view as of :func:`fov_to_icrs`.

    Parameters
    ----------
    ra, dec : float
        Of the source, degrees.
    fov_lon, fov_lat : float
        Its offset, degrees.

    Returns
    -------
    ra, dec : float
        Degrees, NaN where the offset cannot be had (at a pole).
    """
    lon, lat, dec = np.deg2rad(-fov_lon), np.deg2rad(fov_lat), np.deg2rad(dec)
    forward, east, up = np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)
    with np.errstate(invalid="ignore"):
        pointing = np.arcsin(np.sin(dec) / np.hypot(forward, up)) - np.arctan2(up, forward)
    turn = np.arctan2(east, forward * np.cos(pointing) - up * np.sin(pointing))
    return float(_turn(ra - np.rad2deg(turn))), float(np.rad2deg(pointing))


def angular_separation(alt_1, az_1, alt_2, az_2):
    """Great-circle distance in degrees between two directions in degrees (Vincenty's formula, exact at all angles)."""
    lon, lat = altaz_to_fov(alt_1, az_1, alt_2, az_2)
    lon, lat = np.deg2rad(lon), np.deg2rad(lat)
    return np.rad2deg(np.arctan2(np.hypot(np.cos(lat) * np.sin(lon), np.sin(lat)), np.cos(lat) * np.cos(lon)))


def axes(alt, az):
    """Unit vectors of the TelescopeFrame in the GroundFrame.

    Parameters
    ----------
    alt, az : array of float (...)
        Where the telescope points, in degrees.

    Returns
    -------
    array (..., 3, 3)
        Three rows: along the pointing, along rising azimuth (``fov_lon``), along rising altitude (``fov_lat``).
    """
    alt, az = np.broadcast_arrays(np.deg2rad(alt), np.deg2rad(az))
    sin_alt, cos_alt, sin_az, cos_az = np.sin(alt), np.cos(alt), np.sin(az), np.cos(az)
    forward = np.stack([cos_alt * cos_az, -cos_alt * sin_az, sin_alt], axis=-1)
    lon = np.stack([-sin_az, -cos_az, np.zeros_like(az)], axis=-1)
    lat = np.stack([-sin_alt * cos_az, sin_alt * sin_az, cos_alt], axis=-1)
    return np.stack([forward, lon, lat], axis=-2)


def vector_to_altaz(vector):
    """Directions of vectors in the GroundFrame, the inverse of the first row of :func:`axes`.

    Parameters
    ----------
    vector : array of float (..., 3)
        Of any length.

    Returns
    -------
    alt, az : array of float (...)
        Direction in degrees, az in [0, 360).
    """
    x, y, z = np.moveaxis(np.asarray(vector), -1, 0)
    return np.rad2deg(np.arctan2(z, np.hypot(x, y))), _turn(np.rad2deg(np.arctan2(-y, x)))


def tilted(position, pointing_alt, pointing_az):
    """Positions in the plane perpendicular to the pointing, along the axes of the camera.

    A shower's image extends, seen from its source, towards where the core lies seen from the telescope: the vector
    from telescope to core in this plane has the direction of the vector from source to image in the TelescopeFrame.

    Parameters
    ----------
    position : array of float (..., 3)
        GroundFrame, in m.
    pointing_alt, pointing_az : array of float (...)
        In degrees, broadcast against the positions.

    Returns
    -------
    array (..., 2)
        Components in m along rising azimuth (``fov_lon``) and rising altitude (``fov_lat``). With ctapipe's
        TiltedGroundFrame these are -y and -x.
    """
    return np.einsum("...ij,...j->...i", axes(pointing_alt, pointing_az)[..., 1:, :], position)


def ground_to_tilted(position, pointing_alt, pointing_az, alt=None, az=None):
    """Where lines through points on the ground meet the plane through the origin that faces a pointing.

    Seen from a telescope, the image of a shower lies from the source toward the core in this plane.

    Parameters
    ----------
    position : array (n, 3)
        x north, y west, z up, m.
    pointing_alt, pointing_az : array (n,)
        Degrees.
    alt, az : array (n,), optional
        Direction of the lines, degrees; the pointing by default.

    Returns
    -------
    array (n, 2)
        m, along rising azimuth and rising altitude.
    """
    forward = axes(pointing_alt, pointing_az)[..., 0, :]
    line = forward if alt is None else axes(alt, az)[..., 0, :]
    way = (position * forward).sum(axis=-1) / (line * forward).sum(axis=-1)
    return tilted(position - way[..., None] * line, pointing_alt, pointing_az)


def tilted_to_ground(place, pointing_alt, pointing_az, alt, az):
    """The inverse of :func:`ground_to_tilted`, at height 0: array (n, 2), x north and y west, m."""
    place = np.einsum("...ji,...j->...i", axes(pointing_alt, pointing_az)[..., 1:, :], place)
    line = axes(alt, az)[..., 0, :]
    return (place - (place[..., 2] / line[..., 2])[..., None] * line)[..., :2]


def mean_direction(alt, az, row, weight):
    """Weighted mean of the directions of each group, as vectors.

    Parameters
    ----------
    alt, az : array (n,)
        Degrees; what is not finite does not count.
    row : array of int (n,)
        Group of each.
    weight : array (n,)

    Returns
    -------
    alt, az : array (n_groups,)
        Degrees, az in [0, 360); NaN where nothing counts.
    """
    vectors = axes(alt, az)[:, 0]
    weight = np.where(np.isfinite(vectors).all(axis=1), weight, 0.0)
    sums = np.stack([np.bincount(row, weight * np.nan_to_num(values)) for values in vectors.T], axis=1)
    nothing = np.bincount(row, weight) <= 0
    return tuple(np.where(nothing, np.nan, values) for values in vector_to_altaz(sums))


def turn_offsets(fov_lon, fov_lat, angle):
    """Offsets turned about the pointing, on the sphere.

    Parameters
    ----------
    fov_lon, fov_lat : array of float
        Degrees.
    angle : float
        Radians, from fov_lon to fov_lat.

    Returns
    -------
    fov_lon, fov_lat : array of float
        As far from the pointing as before.
    """
    lon, lat = np.deg2rad(fov_lon), np.deg2rad(fov_lat)
    forward, east, up = np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)
    east, up = east * np.cos(angle) - up * np.sin(angle), east * np.sin(angle) + up * np.cos(angle)
    return np.rad2deg(np.arctan2(east, forward)), np.rad2deg(np.arctan2(up, np.hypot(forward, east)))


@dataclass(frozen=True)
class Weather:
    """The air at the telescopes, which bends light: stars stand higher than they are.

    Parameters
    ----------
    pressure : float
        hPa; some 790 at a height of 2,200 m.
    temperature : float
        Degrees Celsius.
    humidity : float
        Relative, 0 to 1.
    wavelength : float
        Of the light, micrometres.
    """

    pressure: float
    temperature: float = 10.0
    humidity: float = 0.3
    wavelength: float = 0.4


@contextmanager
def _horizontal(time, location, weather):
    """astropy's AltAz frame; the earth's rotation comes from the tables that astropy brings along, on every machine."""
    air = {}
    if weather is not None:
        air["pressure"], air["temperature"] = weather.pressure * u.hPa, weather.temperature * u.deg_C
        air["relative_humidity"], air["obswl"] = weather.humidity, weather.wavelength * u.micron
    with iers.conf.set_temp("auto_download", False):
        yield AltAz(obstime=time, location=EarthLocation.from_geocentric(*location, unit=u.m), **air)


def altaz_to_icrs(alt, az, time, location, *, weather=None):
    """Sky positions of directions, by astropy's AltAz frame.

    Parameters
    ----------
    alt, az : array of float (n,)
        Degrees.
    time : astropy.time.Time (n,)
    location : tuple
        ITRS x, y, z in m.
    weather : Weather, optional
        For directions that light has after refraction. None where there is none, as for directions of simulated
        showers: those of stars differ by about 1/tan(alt) arcmin.

    Returns
    -------
    ra, dec : array of float (n,)
        ICRS, degrees.
    """
    with _horizontal(time, location, weather) as frame:
        found = SkyCoord(alt=alt * u.deg, az=az * u.deg, frame=frame).icrs
    return found.ra.deg, found.dec.deg


def icrs_to_altaz(ra, dec, time, location, *, weather=None):
    """The inverse of :func:`altaz_to_icrs`: alt and az in degrees, az in [0, 360)."""
    with _horizontal(time, location, weather) as frame:
        found = SkyCoord(ra=ra * u.deg, dec=dec * u.deg, frame="icrs").transform_to(frame)
    return found.alt.deg, found.az.deg
