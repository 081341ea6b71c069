"""From photo-electrons in a telescope's sphere to places and times in its camera."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from gammaml.simulation.cherenkov import SPEED_OF_LIGHT

R80_OVER_SIGMA = 1.7941  # radius of 80 % of a two-dimensional Gaussian, sqrt(-2 ln 0.2)
RASTER_CELLS = 12  # across a pixel


class Raster(NamedTuple):
    """Which pixel each small square of the focal plane belongs to.

    Parameters
    ----------
    pixel : array (n, n) of int
        -1 outside the camera; first axis fov_lon.
    first, step : float
        Centre of the first square and size of all, rad.
    """

    pixel: np.ndarray
    first: float
    step: float


def build_raster(camera):
    """Raster of a camera's pixels by which pixel's centre is nearest.

    Parameters
    ----------
    camera : gammaml.events.Camera

    Returns
    -------
    Raster
    """
    lon, lat = np.deg2rad(camera.fov_lon), np.deg2rad(camera.fov_lat)
    width = np.deg2rad(camera.pixel_width)
    step = width / RASTER_CELLS
    half = int(np.ceil((max(np.abs(lon).max(), np.abs(lat).max()) + width) / step))
    places = np.arange(-half, half + 1) * step
    grid = np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1)
    distance, pixel = cKDTree(np.stack([lon, lat], axis=1)).query(grid)
    # Beyond the rim a pixel reaches no farther than the circle that has its area.
    reach = np.sqrt(np.median(camera.pixel_area) / np.pi) / camera.focal_length
    pixel = np.where(distance <= 1.15 * reach, pixel, -1)
    return Raster(pixel.astype(np.int32), places[0], step)


def to_focal_plane(photo_electrons, telescope_type, axes, rng):
    """Where in the camera and when photo-electrons are made.

    A mirror of disc shape reflects what crosses it; the image is sharp at the distance in focus, and blurred by a
    Gaussian that grows off axis. A Davies-Cotton mirror is early at its rim by r² / 2 f c, a parabola is isochronous.

    Parameters
    ----------
    photo_electrons : structured array
        Of one telescope, see `Shower.photo_electrons`.
    telescope_type : arrays.TelescopeType
    axes : array (3, 3)
        Of `gammaml.sky.axes`.
    rng : numpy.random.Generator

    Returns
    -------
    lon, lat : array (n,)
        Offsets from the axis, rad, along azimuth and altitude, of those that hit the mirror.
    time : array (n,)
        ns.
    """
    flight = np.stack([photo_electrons["ux"], photo_electrons["uy"]], axis=1).astype(float)
    flight = np.column_stack([flight, -np.sqrt(1 - (flight**2).sum(axis=1))])
    place = np.column_stack([photo_electrons["x"], photo_electrons["y"], np.zeros(len(flight))])
    axis = axes[0]
    # To the plane through the mirror's centre, perpendicular to the axis.
    way = -(place @ axis) / (flight @ axis)
    mirror = (place + flight * way[:, None]) @ axes[1:].T
    radius2 = (mirror**2).sum(axis=1)
    hits = (flight @ axis < 0) & (radius2 <= (telescope_type.mirror_diameter / 2) ** 2)
    flight, mirror, way, radius2 = flight[hits], mirror[hits], way[hits], radius2[hits]
    offset = (flight @ axes[1:].T) / (flight @ axis)[:, None] + mirror / telescope_type.focus_distance
    off_axis = np.rad2deg(np.hypot(*offset.T))
    sigma = np.deg2rad(telescope_type.psf + telescope_type.psf_growth * off_axis) / R80_OVER_SIGMA
    offset += rng.normal(size=offset.shape) * sigma[:, None]
    time = photo_electrons["time"][hits] + way / SPEED_OF_LIGHT
    if telescope_type.optics.reflector_shape == "DAVIES_COTTON":
        time -= radius2 / (2 * telescope_type.optics.equivalent_focal_length * SPEED_OF_LIGHT)
    return offset[:, 0], offset[:, 1], time


def to_pixels(lon, lat, raster):
    """Pixel of each place in the focal plane, -1 outside the camera."""
    n = len(raster.pixel)
    i = np.round((lon - raster.first) / raster.step).astype(int)
    j = np.round((lat - raster.first) / raster.step).astype(int)
    inside = (i >= 0) & (i < n) & (j >= 0) & (j < n)
    return np.where(inside, raster.pixel[np.clip(i, 0, n - 1), np.clip(j, 0, n - 1)], -1)
