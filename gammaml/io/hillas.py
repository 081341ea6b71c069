"""Image parameters for files that have none: those of ctapipe's functions, of all images at once."""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gammaml.io.cleaned import clean, neighbour_table

CLEANING = (7.0, 3.5, 0)  # picture and boundary thresholds in p.e., touching picture pixels that a picture pixel needs
CTAPIPE_CLEANING = (10.0, 5.0, 2)  # the same of ctapipe-process
FEWEST_PIXELS = 3
SMALL, MEDIUM = 2, 50  # pixels of islands that are called so, at most
NO_VARIANCE = np.finfo(float).eps  # ctapipe's HILLAS_ATOL
UNITS = {"hillas_intensity": 1, "hillas_skewness": 1, "hillas_kurtosis": 1, "timing_slope": 1 / u.deg}
FITS = 5  # starts of ctapipe's robust fit of the timing


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

    Cleaned by two-level tail cuts. They equal those of ctapipe's functions, which define them. Images with fewer than
    three pixels left, or without light, have NaN in every column, and −1 pixels and islands.

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
    charge = np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0)
    kept, light = clean(charge, geometry, cleaning, fewest=FEWEST_PIXELS)
    time = np.asarray(peak_time)[kept][light.row, light.pixel].astype(float)
    hillas = _hillas(light)
    measured = {
        **hillas,
        **_uncertainties(light, hillas, geometry),
        **_leakage(light, geometry),
        **_concentration(light, hillas, geometry),
        **_morphology(light, neighbour_table(geometry)),
        **_timing(light, hillas, time),
    }
    return QTable({name: _column(name, values, kept) for name, values in measured.items()})


def _column(name, values, kept):
    """The values of the kept images, with what ctapipe writes of the others between."""
    column = np.full(len(kept), -1.0 if name.startswith("morphology") else np.nan)
    column[kept] = values
    return column * UNITS.get(name, u.deg if name.startswith("hillas") else 1)


def _hillas(light):
    """Moments of the light (Hillas 1985, ICRC 3, 445): angles in degrees."""
    cog = light.mean(light.x), light.mean(light.y)
    dx, dy = light.turned(cog, np.zeros(len(cog[0])))
    covariance = np.stack([light.mean(each) for each in (dx * dx, dx * dy, dx * dy, dy * dy)], axis=1)
    variances, axes = np.linalg.eigh(covariance.reshape(-1, 2, 2))
    width, length = np.sqrt(np.where(np.abs(variances) <= NO_VARIANCE, 0, variances)).T
    along_x, along_y = axes[:, :, 1].T
    upright = along_x == 0
    psi = np.where(upright, np.pi / 2, np.arctan(along_y / np.where(upright, 1, along_x)))
    longitudinal, _ = light.turned(cog, psi)
    return {
        "hillas_intensity": light.sum(light.charge),
        "hillas_skewness": light.mean(longitudinal**3) / length**3,
        "hillas_kurtosis": light.mean(longitudinal**4) / length**4,
        "hillas_fov_lon": cog[0],
        "hillas_fov_lat": cog[1],
        "hillas_r": np.hypot(*cog),
        "hillas_phi": np.rad2deg(np.arctan2(cog[1], cog[0])),
        "hillas_length": length,
        "hillas_width": width,
        "hillas_psi": np.rad2deg(psi),
    }


def _turned(light, hillas):
    cog = hillas["hillas_fov_lon"], hillas["hillas_fov_lat"]
    return light.turned(cog, np.deg2rad(hillas["hillas_psi"]))


def _uncertainties(light, hillas, geometry):
    """As ctapipe's `hillas_parameters`: of length and width by the fluctuation of the light, of the axis by a fit."""
    length, width = hillas["hillas_length"], hillas["hillas_width"]
    along, across = _turned(light, hillas)
    spread = [
        np.sqrt(light.sum(((place**2 - size[light.row] ** 2) ** 2) * light.charge)) / hillas["hillas_intensity"]
        for place, size in ((along, length), (across, width))
    ]
    weight = light.charge / geometry.pix_area.to_value(u.deg**2)[light.pixel]
    total, first, second = (light.sum(weight * along**power) for power in (0, 1, 2))
    moments = light.sum(weight * along * across), light.sum(weight * across)
    determinant = total * second - first**2
    slope = (total * moments[0] - first * moments[1]) / determinant
    of_slope, of_offset = total / determinant, second / determinant
    psi = np.sqrt(of_slope + slope**2) * (1 + np.tan(width / length * np.pi / 2) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_width = np.where(width > 0, spread[1] / (2 * width), np.nan)
    return {
        "hillas_length_uncertainty": spread[0] / (2 * length),
        "hillas_width_uncertainty": of_width,
        "hillas_psi_uncertainty": np.rad2deg(psi),
        "hillas_transverse_cog_uncertainty": np.sqrt(of_offset * (1 + np.sin(slope) ** 2)),
    }


def _leakage(light, geometry):
    """Shares of the pixels and of the charge in the outermost pixels of the camera, one or two deep."""
    found = {}
    for width in (1, 2):
        edge = geometry.get_border_pixel_mask(width)[light.pixel]
        found[f"leakage_pixels_width_{width}"] = light.sum(edge) / light.sum(np.ones(len(edge)))
        found[f"leakage_intensity_width_{width}"] = light.mean(edge)
    return found


def _concentration(light, hillas, geometry):
    """Shares of the charge within a pixel of the centre of gravity, inside the ellipse, and in the brightest pixel."""
    along, across = _turned(light, hillas)
    near = along**2 + across**2 < geometry.pixel_width.to_value(u.deg)[light.pixel] ** 2
    length, width = hillas["hillas_length"][light.row], hillas["hillas_width"][light.row]
    with np.errstate(invalid="ignore", divide="ignore"):  # a line of pixels has no inside
        inside = (along / length) ** 2 + (across / width) ** 2 <= 1
    brightest = np.zeros(len(hillas["hillas_intensity"]))
    np.maximum.at(brightest, light.row, light.charge)
    return {
        "concentration_cog": light.mean(near),
        "concentration_core": np.where(hillas["hillas_width"] > 0, light.mean(inside), 0.0),
        "concentration_pixel": brightest / hillas["hillas_intensity"],
    }


def _morphology(light, neighbours):
    """Numbers of pixels and of islands of pixels that touch."""
    n_images, n = len(light.start), len(light.row)
    number = np.full((n_images, len(neighbours) + 1), -1)
    number[light.row, light.pixel] = np.arange(n)
    other = number[light.row[:, None], neighbours[light.pixel]]
    one, _ = pair = np.nonzero(other >= 0)
    touching = coo_array((np.ones(len(one), bool), (one, other[pair])), shape=(n, n))
    n_islands, island = connected_components(touching, directed=False)
    size = np.bincount(island, minlength=n_islands)
    image = np.zeros(n_islands, int)
    image[island] = light.row
    kinds = {
        "islands": size > 0,
        "small_islands": size <= SMALL,
        "medium_islands": (size > SMALL) & (size <= MEDIUM),
        "large_islands": size > MEDIUM,
    }
    counted = {f"morphology_n_{kind}": np.bincount(image, which, minlength=n_images) for kind, which in kinds.items()}
    return {"morphology_n_pixels": np.bincount(light.row, minlength=n_images), **counted}


def _timing(light, hillas, time):
    """The time along the major axis, by ctapipe's robust fit with an image's own random numbers.

    ctapipe's `timing_parameters` draws them from one generator for all images, so that an image's parameters depend on
    the images before it.
    """
    from ctapipe.fitting import lts_linear_regression

    along, _ = _turned(light, hillas)
    slope, intercept, deviation = np.full((3, len(light.start)), np.nan)
    for number, (x, y) in enumerate(zip(*(np.split(each, light.start[1:]) for each in (along, time)), strict=True)):
        known = np.isfinite(y)
        if known.sum() < FEWEST_PIXELS:
            continue
        x, y = x[known], y[known]
        fit, _ = lts_linear_regression(x=x, y=y, samples=FITS, rng=np.random.default_rng(0))
        slope[number], intercept[number] = fit
        deviation[number] = np.sqrt(np.mean((fit[0] * x + fit[1] - y) ** 2))
    return {"timing_intercept": intercept, "timing_deviation": deviation, "timing_slope": slope}
