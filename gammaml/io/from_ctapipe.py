"""What ctapipe holds in its containers and descriptions, as tables and objects of ours."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml.events import Camera, Optics, Readout, Subarray, Telescope
from gammaml.io.hillas import CTAPIPE_CLEANING, image_parameters
from gammaml.io.tables import side_by_side


def to_subarray(description):
    """Telescopes with their optics and cameras.

    Parameters
    ----------
    description : ctapipe.instrument.SubarrayDescription

    Returns
    -------
    gammaml.events.Subarray
        A camera's focal length is the effective one where it is known.
    """
    cameras, telescopes = {}, []
    for tel_id, telescope in description.tel.items():
        optics = _optics(telescope.optics)
        key = telescope.camera, optics.focal_length
        if key not in cameras:
            cameras[key] = _camera(*key)
        position = np.asarray(description.positions[tel_id].to_value(u.m), float)
        telescopes.append(Telescope(int(tel_id), telescope.name, str(telescope), position, optics, cameras[key]))
    place = description.reference_location
    reference = tuple(float(axis.to_value(u.m)) for axis in (place.x, place.y, place.z))
    return Subarray(description.name, reference, tuple(telescopes))


def _optics(optics):
    return Optics(
        optics.name,
        getattr(optics.size_type, "value", optics.size_type),
        optics.reflector_shape.name,
        float(optics.mirror_area.to_value(u.m**2)),
        int(optics.n_mirrors),
        int(optics.n_mirror_tiles),
        float(optics.equivalent_focal_length.to_value(u.m)),
        float(optics.effective_focal_length.to_value(u.m)),
    )


def _camera(camera, focal_length):
    geometry, readout = camera.geometry, camera.readout
    return Camera(
        name=camera.name,
        pixel_x=np.asarray(geometry.pix_x.to_value(u.m), float),
        pixel_y=np.asarray(geometry.pix_y.to_value(u.m), float),
        pixel_area=np.asarray(geometry.pix_area.to_value(u.m**2), float),
        pixel_type=geometry.pix_type.value,
        pixel_rotation=float(geometry.pix_rotation.to_value(u.deg)),
        camera_rotation=float(geometry.cam_rotation.to_value(u.deg)),
        focal_length=focal_length,
        readout=Readout(
            pulse_shape=np.asarray(readout.reference_pulse_shape, float),
            pulse_sample_width=float(readout.reference_pulse_sample_width.to_value(u.ns)),
            sampling_rate=float(readout.sampling_rate.to_value(u.GHz)),
            n_samples=int(readout.n_samples),
        ),
    )


def to_table(containers, prefix=""):
    """Containers of one kind as a table, a row each, in the units of ctapipe's data model.

    Parameters
    ----------
    containers : list of ctapipe.core.Container
        At least one.
    prefix : str
        Of the column names.

    Returns
    -------
    astropy.table.QTable
    """
    table = QTable()
    for name, field in containers[0].fields.items():
        values = [container[name] for container in containers]
        if isinstance(values[0], u.Quantity):
            unit = field.unit or values[0].unit
            table[prefix + name] = np.array([value.to_value(unit) for value in values]) * unit
        else:
            table[prefix + name] = np.array(values)
    return table


def to_pointing(event, tel_id):
    """Altitude and azimuth (degrees) of a telescope; of the array where it has none of its own."""
    own, array = event.monitoring.tel[tel_id].pointing, event.monitoring.pointing
    alt, az = (angle.to_value(u.deg) for angle in (own.altitude, own.azimuth))
    if np.isnan(alt):
        alt, az = (angle.to_value(u.deg) for angle in (array.array_altitude, array.array_azimuth))
    return float(alt), float(az) % 360


def to_parameters(parameters, image, peak_time, camera):
    """Parameters of one image as a table of one row: ctapipe's, or where it has none in the TelescopeFrame, our own.

    Parameters
    ----------
    parameters : ctapipe.containers.ImageParametersContainer or None
    image, peak_time : array (1, n_pixels)
        p.e. and ns.
    camera : gammaml.events.Camera

    Returns
    -------
    astropy.table.QTable
    """
    if parameters is None or "fov_lon" not in parameters.hillas.fields:
        return image_parameters(image, peak_time, camera, cleaning=CTAPIPE_CLEANING)
    parts = [parameters[name] for name in ("hillas", "timing", "leakage", "concentration", "morphology")]
    return side_by_side(*(to_table([part], prefix=f"{part.prefix}_") for part in parts))
