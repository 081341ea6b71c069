"""Image parameters for files that have none, by ctapipe."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

CLEANING = (7.0, 3.5, 0)  # picture and boundary thresholds in p.e., touching picture pixels that a picture pixel needs
CTAPIPE_CLEANING = (10.0, 5.0, 2)  # the same of ctapipe-process


def to_ctapipe_geometry(camera):
    """ctapipe's CameraGeometry of a `gammaml.events.Camera`, in the CameraFrame."""
    from ctapipe.coordinates import CameraFrame
    from ctapipe.instrument import CameraGeometry

    return CameraGeometry(
        name=camera.name,
        pix_id=np.arange(camera.n_pixels),
        pix_x=camera.pixel_x * u.m,
        pix_y=camera.pixel_y * u.m,
        pix_area=camera.pixel_area * u.m**2,
        pix_type=camera.pixel_type,
        pix_rotation=camera.pixel_rotation * u.deg,
        cam_rotation=camera.camera_rotation * u.deg,
        frame=CameraFrame(focal_length=camera.focal_length * u.m),
    )


def image_parameters(image, peak_time, camera, *, cleaning=CLEANING):
    """Hillas, timing, leakage, concentration and morphology parameters in the TelescopeFrame.

    Cleaned by two-level tail cuts. Images with fewer than three pixels
    left, or without light, have NaN in every column.

    Parameters
    ----------
    image, peak_time : array (n_images, n_pixels)
        p.e. and ns.
    camera : gammaml.events.Camera
    cleaning : (float, float, int)
        Thresholds of picture and boundary in p.e., and the touching picture pixels that a picture pixel needs.

    Returns
    -------
    astropy.table.QTable
        One row an image; names and units as in ctapipe's DL1 parameters.
    """
    from ctapipe.coordinates import TelescopeFrame

    geometry = to_ctapipe_geometry(camera).transform_to(TelescopeFrame())
    rows = [_one_image(geometry, charge, time, cleaning) for charge, time in zip(image, peak_time, strict=True)]
    table = QTable()
    for name, missing in _columns({}).items():
        values = [row[name] for row in rows]
        is_quantity = isinstance(missing, u.Quantity)
        table[name] = u.Quantity(values, missing.unit) if is_quantity else np.array(values, float)
    return table


def _one_image(geometry, charge, time, cleaning):
    """Values of all parameters by column name."""
    from ctapipe.image import (
        concentration_parameters,
        hillas_parameters,
        leakage_parameters,
        morphology_parameters,
        tailcuts_clean,
    )

    charge = np.nan_to_num(charge, nan=0.0, posinf=0.0, neginf=0.0)
    picture, boundary, touching = cleaning
    mask = tailcuts_clean(geometry, charge, picture, boundary, min_number_picture_neighbors=touching)
    if mask.sum() < 3 or charge[mask].sum() <= 0:
        return _columns({})
    clean = geometry[mask]  # which takes as long as all Hillas parameters
    hillas = hillas_parameters(clean, charge[mask])
    measured = {
        "hillas": hillas,
        "leakage": leakage_parameters(geometry, charge, mask),
        "concentration": concentration_parameters(clean, charge[mask], hillas),
        "morphology": morphology_parameters(geometry, mask),
    }
    known = mask & np.isfinite(time)
    if known.sum() > 2:
        x, y = geometry.pix_x[known].to_value(u.deg), geometry.pix_y[known].to_value(u.deg)
        measured["timing"] = _timing(x, y, time[known].astype(float), hillas)
    return _columns(measured)


def _timing(x, y, time, hillas):
    """ctapipe's timing parameters: the time along the major axis, by the robust fit of an image's own random numbers.

    ctapipe's `timing_parameters` draws them from one generator for all images, so that an image's parameters depend on
    the images before it.
    """
    from ctapipe.containers import TimingParametersContainer
    from ctapipe.fitting import lts_linear_regression

    along = (x - hillas.fov_lon.to_value(u.deg)) * np.cos(hillas.psi.to_value(u.rad))
    along += (y - hillas.fov_lat.to_value(u.deg)) * np.sin(hillas.psi.to_value(u.rad))
    (slope, intercept), _ = lts_linear_regression(x=along, y=time, samples=5, rng=np.random.default_rng(0))
    deviation = np.sqrt(np.mean((slope * along + intercept - time) ** 2))
    return TimingParametersContainer(slope=slope / u.deg, intercept=intercept, deviation=deviation)


def _columns(measured):
    """Column names and values of ctapipe's containers; those that were not measured have its NaN of the right unit."""
    from ctapipe import containers

    missing = {
        "hillas": containers.HillasParametersContainer(),
        "leakage": containers.LeakageContainer(),
        "concentration": containers.ConcentrationContainer(),
        "morphology": containers.MorphologyContainer(),
        "timing": containers.TimingParametersContainer(),
    }
    return {
        f"{prefix}_{name}": value for prefix, item in {**missing, **measured}.items() for name, value in item.items()
    }
