"""Images of known showers, and ctapipe's own reconstruction of the images of a table."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml import sky
from gammaml.io.hillas import to_ctapipe_geometry


def ideal_images(shower, positions, pointing_alt, pointing_az):
    """Ellipses whose centre is the direction of the maximum and whose axis points exactly to the source.

    Parameters
    ----------
    shower : tuple of float
        alt, az (deg), core_x, core_y, height of the maximum (m).
    positions : array (n, 3)
        Telescopes, m.
    pointing_alt, pointing_az : array (n,)
        Degrees.
    """
    alt, az, core_x, core_y, h_max = shower
    source = sky.axes(alt, az)[0]
    maximum = np.array([core_x, core_y, 0.0]) + source * h_max / source[2]
    cog = sky.altaz_to_fov(*sky.vector_to_altaz(maximum - positions), pointing_alt, pointing_az)
    # a point a millionth of the way along the great circle from the image to the source
    near = (1 - 1e-6) * _unit(maximum - positions) + 1e-6 * source
    near = sky.altaz_to_fov(*sky.vector_to_altaz(near), pointing_alt, pointing_az)
    psi = np.rad2deg(np.arctan2(near[1] - cog[1], near[0] - cog[0]))
    return image_table(*cog, psi, pointing_alt, pointing_az)


def _unit(vector):
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def image_table(lon, lat, psi, pointing_alt, pointing_az):
    """The columns that the stereo reconstruction needs; all images equally bright and large."""
    columns = {"hillas_fov_lon": lon, "hillas_fov_lat": lat, "hillas_psi": psi}
    columns |= {"pointing_alt": pointing_alt, "pointing_az": pointing_az}
    table = QTable({name: np.asarray(values, float) * u.deg for name, values in columns.items()})
    for name, value in (("hillas_length", 0.3 * u.deg), ("hillas_width", 0.1 * u.deg)):
        table[name] = np.full(len(table), value.value) * value.unit
    table["hillas_intensity"], table["morphology_n_pixels"] = 100.0, 10
    return table


def array_events(events):
    """Index of each image's array event, 0 to n - 1, their number, and each image's telescope's position in m."""
    keys = np.stack([np.asarray(events.table[name]) for name in ("obs_id", "event_id")], axis=1)
    event = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    where = {telescope.tel_id: telescope.position for telescope in events.subarray.telescopes}
    return event, event.max() + 1, np.array([where[tel_id] for tel_id in np.asarray(events.table["tel_id"])], float)


def ctapipe_reconstructor(subarray, *, radius=None):
    """ctapipe's HillasReconstructor for a `gammaml.events.Subarray`.

    A tenth of the camera's `radius` (degrees) is the step along the axis with which it finds an image's plane.
    """
    from astropy.coordinates import EarthLocation
    from ctapipe.instrument import SubarrayDescription
    from ctapipe.reco import HillasReconstructor

    described = SubarrayDescription(
        subarray.name,
        tel_positions={telescope.tel_id: telescope.position * u.m for telescope in subarray.telescopes},
        tel_descriptions={telescope.tel_id: _description(telescope) for telescope in subarray.telescopes},
        reference_location=EarthLocation.from_geocentric(*subarray.reference_location, unit=u.m),
    )
    reconstructor = HillasReconstructor(described)
    if radius is not None:
        reconstructor._cam_radius_deg = dict.fromkeys(described.tel, radius)
    return reconstructor


def _description(telescope):
    from ctapipe.instrument import CameraDescription, OpticsDescription, TelescopeDescription

    focal_length = telescope.camera.focal_length * u.m
    optics = OpticsDescription(
        name=telescope.optics.name,
        size_type=telescope.optics.size_type,
        n_mirrors=1,
        n_mirror_tiles=1,
        mirror_area=telescope.optics.mirror_area * u.m**2,
        equivalent_focal_length=focal_length,
        effective_focal_length=focal_length,
        reflector_shape="UNKNOWN",
    )
    camera = CameraDescription(telescope.camera.name, to_ctapipe_geometry(telescope.camera), readout=None)
    return TelescopeDescription(telescope.name, optics, camera)


def ctapipe_event(images, tel_id):
    """ctapipe's ArrayEventContainer of the images of one event; the array points to the mean of their pointings."""
    from ctapipe.containers import ArrayEventContainer

    event = ArrayEventContainer()
    event.trigger.tels_with_trigger = list(tel_id)
    pointing = images["pointing_alt"].to_value(u.deg).astype(float), images["pointing_az"].to_value(u.deg).astype(float)
    for row, number, alt, az in zip(images, tel_id, *pointing, strict=True):
        event.dl1.tel[number].parameters = _parameters(row)
        telescope = event.monitoring.tel[number].pointing
        telescope.altitude, telescope.azimuth = alt * u.deg.to(u.rad) * u.rad, az * u.deg.to(u.rad) * u.rad
    alt, az = sky.vector_to_altaz(sky.axes(*pointing)[:, 0].mean(axis=0))
    event.monitoring.pointing.array_altitude, event.monitoring.pointing.array_azimuth = alt * u.deg, az * u.deg
    return event


def _parameters(row):
    from ctapipe.containers import HillasParametersContainer, ImageParametersContainer, MorphologyContainer

    angles = {name: row[f"hillas_{name}"].astype(float) for name in ("fov_lon", "fov_lat", "psi", "length", "width")}
    hillas = HillasParametersContainer(intensity=row["hillas_intensity"], **angles)
    return ImageParametersContainer(hillas=hillas, morphology=MorphologyContainer(n_pixels=row["morphology_n_pixels"]))
