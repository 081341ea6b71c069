"""lstchain's image parameters as ctapipe's in the TelescopeFrame.

lstchain states positions in m in the CameraFrame, length and width in degrees by a focal length that the file does not
name, time gradients per metre, and leakage as a share of all pixels of the camera.
"""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml import sky
from gammaml.io.tables import bare

SIZE_IMAGES = 50  # from which the focal length behind length and width is found
OLD_NAMES = {  # of v0.5 and before
    "leakage1_intensity": "leakage_intensity_width_1",
    "leakage2_intensity": "leakage_intensity_width_2",
    "leakage1_pixel": "leakage_pixels_width_1",
    "leakage2_pixel": "leakage_pixels_width_2",
}
AS_THEY_ARE = {
    "intensity": "hillas_intensity",
    "kurtosis": "hillas_kurtosis",
    "intercept": "timing_intercept",
    "leakage_intensity_width_1": "leakage_intensity_width_1",
    "leakage_intensity_width_2": "leakage_intensity_width_2",
    "concentration_cog": "concentration_cog",
    "concentration_core": "concentration_core",
    "concentration_pixel": "concentration_pixel",
}
CHANGED = (
    *("x", "y", "psi", "length", "width", "skewness", "time_gradient"),
    *("leakage_pixels_width_1", "leakage_pixels_width_2", "n_pixels", "n_islands"),
)


def angle(column):
    """A column in degrees; lstchain's angles on the sky are in radians where the file states no unit."""
    return u.Quantity(u.Quantity(column, u.rad) if not isinstance(column, u.Quantity) else column, u.deg)


def can_translate(table, images):
    """Whether the table's image parameters become ours: all there, their units stated, the cleaned pixels known."""
    names = {OLD_NAMES.get(name, name) for name in table.colnames}
    complete = names.issuperset((*AS_THEY_ARE, *CHANGED)) and {"image_mask", "peak_time"} <= set(images.dtype.names)
    return complete and isinstance(table["length"], u.Quantity)


def size_focal_length(images, table, telescope):
    """The focal length (m) by which length and width were made angles: of the optics' two, that which fits the images.

    The file does not say which. lstchain 0.10 took the equivalent one, though images follow the effective one.
    """
    optics = telescope.optics
    choices = {f for f in (optics.effective_focal_length, optics.equivalent_focal_length) if np.isfinite(f)}
    rows = np.flatnonzero(np.isfinite(bare(table["length"])) & (np.asarray(table["n_pixels"]) >= 5))[:SIZE_IMAGES]
    if len(choices) == 1 or not len(rows):
        return optics.focal_length
    block = images.fields(["image", "image_mask"])[: rows[-1] + 1][rows]
    lengths = [
        _length(image, mask != 0, intensity, telescope.camera)
        for (image, mask), intensity in zip(block, bare(table["intensity"])[rows], strict=True)
    ]
    ratios = lengths / np.tan(angle(table["length"][rows]).to_value(u.rad))
    found = np.median(ratios[np.isfinite(ratios)]) if np.isfinite(ratios).any() else optics.focal_length
    return min(choices, key=lambda focal_length: abs(focal_length - found))


def _length(image, mask, intensity, camera):
    """Hillas length of a cleaned image in m; a pedestal that the stored intensity does not hold is taken off."""
    charge = image[mask] - (image[mask].sum() - intensity) / max(mask.sum(), 1)
    positive = charge > 0
    if positive.sum() < 3:
        return np.nan
    position = np.stack([camera.pixel_x[mask], camera.pixel_y[mask]])[:, positive]
    return np.sqrt(np.linalg.eigvalsh(np.cov(position, aweights=charge[positive], ddof=0))[-1])


def translate(table, focal_length, size_focal_length, n_pixels, camera_rotation=0.0):
    """lstchain's image parameters under ctapipe's names, in the TelescopeFrame.

    Parameters
    ----------
    table : astropy.table.QTable
        x and y in m, psi in rad, length and width in deg, time_gradient in ns/m.
    focal_length : float
        By which positions become angles, m.
    size_focal_length : float
        By which length and width were made angles, m.
    n_pixels : int
        Of the camera.
    camera_rotation : float
        In degrees.

    Returns
    -------
    astropy.table.QTable
        Without ``timing_deviation``.
    """
    values = {OLD_NAMES.get(name, name): bare(table[name]) for name in table.colnames}
    lon, lat = sky.camera_to_fov(values["x"], values["y"], focal_length, camera_rotation)
    psi = angle(table["psi"]).to_value(u.rad)
    along = sky.camera_to_fov(np.cos(psi), np.sin(psi), 1.0, camera_rotation)
    psi = np.rad2deg(np.arctan2(along[1], along[0]))
    turned = np.abs(psi) > 90  # an axis has no direction, but skewness and time gradient go with the one we name
    sign = np.where(turned, -1.0, 1.0)
    result = QTable({ours: np.asarray(values[name], float) for name, ours in AS_THEY_ARE.items()})
    result["hillas_fov_lon"], result["hillas_fov_lat"] = lon * u.deg, lat * u.deg
    result["hillas_r"] = np.hypot(lon, lat) * u.deg
    result["hillas_phi"] = np.rad2deg(np.arctan2(lat, lon)) * u.deg
    result["hillas_psi"] = np.where(turned, psi - np.copysign(180, psi), psi) * u.deg
    result["hillas_skewness"] = sign * values["skewness"]
    for name in ("length", "width"):
        size = u.Quantity(table[name], u.deg).to_value(u.rad)
        result[f"hillas_{name}"] = np.rad2deg(np.tan(size) * size_focal_length / focal_length) * u.deg
    result["timing_slope"] = sign * values["time_gradient"] * np.deg2rad(focal_length) / u.deg
    clean = np.where(values["n_pixels"] > 0, values["n_pixels"], np.nan)
    for width in (1, 2):
        result[f"leakage_pixels_width_{width}"] = values[f"leakage_pixels_width_{width}"] * n_pixels / clean
    result["morphology_n_pixels"] = clean
    result["morphology_n_islands"] = np.where(values["n_islands"] >= 0, values["n_islands"], np.nan)
    return result


def timing_deviation(peak_time, mask, table, camera):
    """Root mean square distance (ns) of the cleaned pixels' times from the line that the file fitted to them."""
    psi = table["hillas_psi"].to_value(u.rad)[:, None]
    lon, lat = (table[f"hillas_fov_{name}"].to_value(u.deg)[:, None] for name in ("lon", "lat"))
    along = (camera.fov_lon - lon) * np.cos(psi) + (camera.fov_lat - lat) * np.sin(psi)
    line = table["timing_slope"].value[:, None] * along + table["timing_intercept"][:, None]
    square = np.where(mask, (line - peak_time) ** 2, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return QTable({"timing_deviation": np.sqrt(square / np.sum(mask, axis=1, dtype=int))})
