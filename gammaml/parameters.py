"""Image parameters as inputs: how they scale, and how they turn with the camera.

A Hillas ellipse has an orientation but no direction: `hillas_psi` is known up to 180°, and the sign of
skewness and time gradient goes with it. Their products with the axis are vectors, whatever the choice of psi;
the axis itself enters by its doubled angle. So every input is defined without a convention, and turns with
the camera by one 2×2 matrix.
"""

from dataclasses import dataclass

import numpy as np

from gammaml.columns import bare, require

SCALARS = (
    "hillas_intensity",
    "hillas_length",
    "hillas_width",
    "hillas_kurtosis",
    "leakage_intensity_width_1",
    "leakage_intensity_width_2",
    "concentration_cog",
    "concentration_core",
    "concentration_pixel",
    "morphology_n_pixels",
    "morphology_n_islands",
    "timing_deviation",
)
LOGARITHMIC = ("hillas_intensity", "hillas_length", "hillas_width", "morphology_n_pixels")
DERIVED = ("width_over_length", "log_size_density", "cog_distance")
GEOMETRIC = ("hillas_fov_lon", "hillas_fov_lat", "hillas_psi", "hillas_skewness", "timing_slope")
VECTORS = 4  # centre of gravity, skewness, time gradient, doubled axis: two inputs each
ALIGNED = ("cog_along_axis", "cog_across_axis", "skewness_outward", "time_gradient_outward")
N_SCALARS = len(SCALARS) + len(DERIVED)
N_INPUTS = N_SCALARS + 2 * VECTORS + len(ALIGNED)


@dataclass(frozen=True, eq=False)
class Shape:
    """Image parameters of many images.

    Parameters
    ----------
    scalars : array (n, N_SCALARS)
        Those that do not turn, scaled.
    cog : array (n, 2)
        Centre of gravity, fov_lon and fov_lat in degrees.
    axis : array (n, 2)
        Unit vector along the major axis, of either sign.
    skewness, gradient : array (n,)
        Along `axis`; the gradient in ns/degree.
    """

    scalars: np.ndarray
    cog: np.ndarray
    axis: np.ndarray
    skewness: np.ndarray
    gradient: np.ndarray

    def __getitem__(self, index):
        return Shape(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def concatenate(shapes):
    """The shapes of several cameras' images as one."""
    return Shape(*(np.concatenate([getattr(one, name) for one in shapes]) for name in Shape.__dataclass_fields__))


def shape(table):
    """The parameters of a table of events; NaN rows (nothing left after cleaning) stay NaN.

    Parameters
    ----------
    table : astropy.table.QTable
        With ctapipe's DL1 parameter columns, TelescopeFrame.

    Returns
    -------
    Shape
    """
    require(table, *SCALARS, *GEOMETRIC, where="image parameters")
    columns = {name: bare(table[name]) for name in (*SCALARS, *GEOMETRIC)}
    logarithms = {name: np.log10(np.maximum(columns[name], 1e-3)) for name in LOGARITHMIC}
    scalars = [logarithms.get(name, columns[name]) for name in SCALARS]
    width, length = columns["hillas_width"], np.maximum(columns["hillas_length"], 1e-3)
    density = np.log10(np.maximum(width * length, 1e-6) / np.maximum(columns["hillas_intensity"], 1e-3))
    cog = np.stack([columns["hillas_fov_lon"], columns["hillas_fov_lat"]], axis=1)
    psi = np.deg2rad(columns["hillas_psi"])
    return Shape(
        scalars=np.stack([*scalars, width / length, density, np.hypot(*cog.T)], axis=1),
        cog=cog,
        axis=np.stack([np.cos(psi), np.sin(psi)], axis=1),
        skewness=columns["hillas_skewness"],
        gradient=columns["timing_slope"],
    )


def inputs(shape, matrix=None):
    """Network and forest inputs, after turning the camera.

    Parameters
    ----------
    shape : Shape
    matrix : array (n, 2, 2), optional
        What each image was turned or mirrored by; none by default.

    Returns
    -------
    array (n, N_INPUTS)
        Scalars; four vectors of two components; four numbers along the axis pointing away from the camera
        centre. NaN where the parameters are.
    """
    cog, axis = shape.cog, shape.axis
    if matrix is not None:
        cog, axis = np.einsum("nij,nj->ni", matrix, cog), np.einsum("nij,nj->ni", matrix, axis)
    along = np.einsum("ni,ni->n", cog, axis)
    outward = np.where(along < 0, -1.0, 1.0)
    across = np.abs(cog[:, 0] * axis[:, 1] - cog[:, 1] * axis[:, 0])
    doubled = np.stack([axis[:, 0] ** 2 - axis[:, 1] ** 2, 2 * axis[:, 0] * axis[:, 1]], axis=1)
    vectors = [cog, axis * shape.skewness[:, None], axis * shape.gradient[:, None], doubled]
    aligned = [np.abs(along), across, shape.skewness * outward, shape.gradient * outward]
    return np.concatenate([shape.scalars, *vectors, np.stack(aligned, axis=1)], axis=1)


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Offset and scale (N_INPUTS,) that bring the inputs of the training events to order one."""

    offset: np.ndarray
    scale: np.ndarray

    def apply(self, values):
        """Normalised inputs, float32; images without parameters get the training events' mean."""
        scaled = (values - self.offset) / self.scale
        return np.clip(np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0), -8, 8).astype(np.float32)


def fit_normalisation(values):
    """Mean and standard deviation of `inputs`; a vector keeps its direction, so its two components share a scale.

    What no event has, as gradients without peak times, has the mean NaN: in later events it is 0, whatever they say.
    """
    values = np.ma.masked_invalid(values)
    offset, scale = values.mean(axis=0).filled(np.nan), values.std(axis=0).filled(0.0)
    for first in range(N_SCALARS, N_SCALARS + 2 * VECTORS, 2):
        pair = slice(first, first + 2)
        offset[pair] *= 0.0  # NaN stays
        scale[pair] = np.sqrt(np.ma.filled((values[:, pair] ** 2).mean(), 0.0))
    return Normalisation(offset, np.where(scale > 0, scale, 1.0))


def frame(shape, matrix=None):
    """Centre of gravity and axes of each image, in which a direction is easiest to say.

    Parameters
    ----------
    shape : Shape
    matrix : array (n, 2, 2), optional
        What each image was turned or mirrored by.

    Returns
    -------
    array (n, 3, 2)
        Centre of gravity in degrees; unit vector along the major axis, away from the camera centre; the unit
        vector 90° further. The pointing and the coordinate axes where there are no parameters.
    """
    cog, axis = shape.cog, shape.axis
    if matrix is not None:
        cog, axis = np.einsum("nij,nj->ni", matrix, cog), np.einsum("nij,nj->ni", matrix, axis)
    known = np.isfinite(cog).all(axis=1) & np.isfinite(axis).all(axis=1)
    cog, axis = np.where(known[:, None], cog, 0.0), np.where(known[:, None], axis, [1.0, 0.0])
    axis = axis * np.where(np.einsum("ni,ni->n", cog, axis) < 0, -1.0, 1.0)[:, None]
    return np.stack([cog, axis, np.stack([-axis[:, 1], axis[:, 0]], axis=1)], axis=1)
