"""Classical stereo reconstruction: direction, core and height of the maximum from the axes of the images.

The axis of an image and its telescope span a plane that contains the shower, and any two planes meet along it: each
pair of telescopes gives a direction, and each pair of image axes a core. This is algorithm 1 of Hofmann et al. 1999,
Astropart. Phys. 12, 135 (arXiv:astro-ph/9904234), in the form of ctapipe's ``HillasReconstructor``: pairs are weighted,
and telescopes may point in different directions (T. Gasparetto's PhD thesis, section 7.1.4, which ctapipe cites). One
thing differs: ctapipe takes an image's plane through a second point a tenth of the camera's radius along the axis,
which also gives large cameras more weight; here it is the limit of a second point close to the centre of gravity.

Images of a known shower give its direction and height back, and its core to 20 cm where the source lies in the
pointing direction. Off axis the core keeps ctapipe's approximation, which projects telescopes and core along the
pointing and not along the shower: an error of about tan(offset) times their distance from the plane through the origin
perpendicular to the pointing (1 m for 60 m and 1°).
"""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml import sky
from gammaml.columns import COLUMNS, bare, require

# ctapipe's StereoQualityQuery: an image takes part if it has more than
MIN_INTENSITY = 50.0  # p.e.
MIN_WIDTH = 0.0  # deg
MIN_PIXELS = 3
MIN_TELESCOPES = 2

PARALLEL = 1e-12  # determinant below which lines have no meeting point: they are parallel to 0.4 arcseconds
ANGLES = ("hillas_fov_lon", "hillas_fov_lat", "hillas_psi", "pointing_alt", "pointing_az")
NEEDED = (*ANGLES, "hillas_length", "hillas_width", "hillas_intensity", "morphology_n_pixels")
GEOMETRY = ("stereo_alt", "stereo_az", "stereo_core_x", "stereo_core_y", "stereo_h_max")


def reconstruct(images, event, n_events, positions, *, altitude=None):
    """Direction, core and height of the maximum of array events.

    Parameters
    ----------
    images : astropy.table.QTable
        One row an image, in any order: ``hillas_intensity`` (p.e.), ``hillas_fov_lon``, ``hillas_fov_lat``,
        ``hillas_psi``, ``hillas_length``, ``hillas_width`` (TelescopeFrame), ``morphology_n_pixels``,
        ``pointing_alt``, ``pointing_az``. Images with NaN or not above `MIN_INTENSITY`, `MIN_WIDTH`, `MIN_PIXELS`
        take no part; the array points to the mean of the others' pointings.
    event : array of int (n_images,)
        The array event of each image, 0 to `n_events` - 1.
    n_events : int
    positions : array (n_images, 3)
        The telescope of each image in the GroundFrame (x north, y west, z up), in m.
    altitude : Quantity or float, optional
        Height (m) of the origin of the positions above sea level.

    Returns
    -------
    astropy.table.QTable
        `n_events` rows: ``stereo_alt``, ``stereo_az`` (deg), ``stereo_core_x``, ``stereo_core_y`` (m, where the axis
        meets z = 0), ``stereo_h_max`` (m above the origin of the positions, or above sea level with `altitude`), NaN
        where there are fewer than two images or the axes are parallel (the height: the lines of sight);
        ``stereo_telescopes``, the number of images used, or 0.

    Raises
    ------
    gammaml.errors.InputError
        Where a column is missing.
    """
    require(images, *NEEDED, where="stereo images")
    columns = {name: bare(images[name]) for name in NEEDED}
    positions = np.asarray(u.Quantity(positions, u.m).value, float)
    order, count = _usable_by_event(columns, positions, np.asarray(event, int), n_events)
    planes = _planes({name: values[order] for name, values in columns.items()})
    geometry = np.full((n_events, len(GEOMETRY)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        for rows, chosen in _by_multiplicity(count):
            geometry[rows] = _geometry(*(values[chosen] for values in planes), positions[order[chosen]])
    geometry[~np.isfinite(geometry)] = np.nan
    geometry[:, -1] += 0.0 if altitude is None else u.Quantity(altitude, u.m).value
    table = QTable({name: column * COLUMNS[name].unit for name, column in zip(GEOMETRY, geometry.T, strict=True)})
    table["stereo_telescopes"] = np.where(count >= MIN_TELESCOPES, count, 0)
    return table


def impact(position, core, alt, az):
    """Distance of telescopes from the axis of a shower.

    Parameters
    ----------
    position : array of float (..., 3)
        Telescopes in the GroundFrame, in m.
    core : array of float (..., 2)
        Where the axis meets z = 0, x and y in m.
    alt, az : array of float (...)
        Direction of the shower in degrees. All rows are broadcast against each other.

    Returns
    -------
    array (...)
        Perpendicular distance in m.
    """
    from_core = np.asarray(position) - np.insert(core, 2, 0.0, axis=-1)
    return np.linalg.norm(sky.tilted(from_core, alt, az), axis=-1)


def _usable_by_event(columns, positions, event, n_events):
    """Indices of the images that take part, event after event, and how many each event has."""
    usable = columns["hillas_intensity"] > MIN_INTENSITY
    usable &= (columns["hillas_width"] > MIN_WIDTH) & (columns["morphology_n_pixels"] > MIN_PIXELS)
    usable &= np.isfinite([*columns.values(), *positions.T]).all(axis=0)
    images = np.flatnonzero(usable)
    images = images[np.argsort(event[images], kind="stable")]
    return images, np.bincount(event[images], minlength=n_events)


def _by_multiplicity(count):
    """Events with equal numbers of images, (n,), with the images of each, (n, multiplicity): arrays without padding."""
    first = np.cumsum(count) - count
    for multiplicity in np.unique(count[count >= MIN_TELESCOPES]):
        rows = np.flatnonzero(count == multiplicity)
        yield rows, first[rows, None] + np.arange(multiplicity)


def _planes(columns):
    """Of each image: centre of gravity, axis there and pointing as vectors (n, 3) in the GroundFrame; weight (n,)."""
    lon, lat, psi = (np.deg2rad(columns[name]) for name in ("hillas_fov_lon", "hillas_fov_lat", "hillas_psi"))
    frame = sky.axes(columns["pointing_alt"], columns["pointing_az"])
    cog = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    # the derivatives of the line above by lon and lat, with which psi goes along
    by_lon = np.stack([-cog[:, 1], cog[:, 0], np.zeros_like(lat)], axis=1)
    by_lat = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=1)
    axis = np.cos(psi)[:, None] * by_lon + np.sin(psi)[:, None] * by_lat
    weight = columns["hillas_intensity"] * columns["hillas_length"] / columns["hillas_width"]
    to_ground = np.swapaxes(frame, 1, 2)
    return _turned(to_ground, cog), _turned(to_ground, axis), frame[:, 0], weight


def _turned(matrix, vector):
    """Matrices (..., 3, 3) times vectors (..., 3)."""
    return np.einsum("...ij,...j->...i", matrix, vector)


def _geometry(cog, axis, pointing, weight, positions):
    """The columns `GEOMETRY` (n, 5) of events of equal multiplicity m from arrays (n, m, 3) and weights (n, m)."""
    source = _mean_crossing(np.cross(cog, axis), weight)
    core = _core(cog, axis, sky.vector_to_altaz(pointing.mean(axis=1)), positions)
    source[np.isnan(core).any(axis=1)] = np.nan
    h_max = _meeting_point(cog, positions)[:, 2]
    return np.column_stack([*sky.vector_to_altaz(source), core, h_max])


def _mean_crossing(normal, weight):
    """Sum (n, 3) of the lines in which all pairs of planes meet, upward, weighted with both images' weights.

    Two planes meet along the cross product of their normals (n, m, 3). Where these are turned to azimuths between 0 and
    180° and sorted, the product of an earlier with a later one points up, so that the sum over all pairs is one over
    images: each with the sum of those before it. Time and memory grow with m, not with its square.
    """
    angle = np.arctan2(normal[..., 1], normal[..., 0])
    turned = angle < 0
    normal = normal * (np.where(turned, -1.0, 1.0) * weight)[..., None]
    order = np.argsort(np.where(turned, angle + np.pi, angle), axis=1)
    normal = np.take_along_axis(normal, order[..., None], axis=1)
    before = np.cumsum(normal[:, :-1], axis=1)
    return np.cross(before, normal[:, 1:]).sum(axis=1)


def _core(cog, axis, array_pointing, positions):
    """Core x, y (n, 2): where the axes meet on the ground, as seen in cameras that all point as the array."""
    frame = sky.axes(*array_pointing)[:, None]
    forward, east, _ = np.moveaxis(_turned(frame, cog), -1, 0)
    d_forward, d_east, d_up = np.moveaxis(_turned(frame, axis), -1, 0)
    radius = np.hypot(forward, east)
    # the derivatives of lon = arctan(east / forward) and lat = arcsin(up) along the axis
    line = np.stack([(forward * d_east - east * d_forward) / radius**2, d_up / radius], axis=-1)
    line /= np.linalg.norm(line, axis=-1, keepdims=True)
    core = _meeting_point(line, _turned(frame[..., 1:, :], positions))
    forward, lon, lat = np.moveaxis(frame[:, 0], 1, 0)
    core = core[:, :1] * lon + core[:, 1:] * lat  # in the tilted plane; from there along the pointing to z = 0
    return (core - forward * core[:, 2:] / forward[:, 2:])[:, :2]


def _meeting_point(direction, origin):
    """The points (n, k) closest to m lines each, least squares; NaN where the lines are parallel.

    Parameters
    ----------
    direction, origin : array (n, m, k)
        Unit vectors and points of the lines.
    """
    n_lines, n_axes = direction.shape[1:]
    matrix = n_lines * np.eye(n_axes) - np.einsum("nmi,nmj->nij", direction, direction)
    along = np.einsum("nmi,nmi->nm", direction, origin)
    vector = (origin - direction * along[..., None]).sum(axis=1)
    matrix[np.linalg.det(matrix) < PARALLEL * n_lines**n_axes] = np.nan
    return np.linalg.solve(matrix, vector[..., None])[..., 0]
