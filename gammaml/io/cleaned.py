"""Images after cleaning: few pixels each, so those of many images are kept as one list."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u


@dataclass(frozen=True, eq=False)
class CleanedImages:
    """The cleaned pixels of many images, one image after the other.

    Parameters
    ----------
    row : array of int (n,)
        Image that each belongs to, without gaps.
    pixel : array of int (n,)
        Its number in the camera.
    charge : array (n,)
        p.e.
    x, y : array (n,)
        fov_lon and fov_lat, degrees.
    """

    row: np.ndarray
    pixel: np.ndarray
    charge: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @property
    def start(self):
        """Where the pixels of each image begin."""
        return np.flatnonzero(np.diff(self.row, prepend=-1))

    def sum(self, values):
        """Sums over the pixels of each image."""
        return np.bincount(self.row, values)

    def mean(self, values):
        """Means over the pixels of each image, by charge."""
        return self.sum(values * self.charge) / self.sum(self.charge)

    def turned(self, cog, psi):
        """Distances (n,) of the pixels from their image's centre of gravity, along and across its axis.

        Parameters
        ----------
        cog : (array, array)
            fov_lon and fov_lat of each image, degrees.
        psi : array (n_images,)
            rad.
        """
        x, y, psi = self.x - cog[0][self.row], self.y - cog[1][self.row], psi[self.row]
        return x * np.cos(psi) + y * np.sin(psi), y * np.cos(psi) - x * np.sin(psi)


def clean(charge, geometry, cleaning, *, fewest):
    """ctapipe's `tailcuts_clean` of many images.

    Parameters
    ----------
    charge : array (n_images, n_pixels)
        p.e., finite.
    geometry : ctapipe.instrument.CameraGeometry
        In the TelescopeFrame.
    cleaning : (float, float, int)
        Thresholds of picture and boundary in p.e., and the touching picture pixels that a picture pixel needs.
    fewest : int
        Images with fewer pixels left, or without light, are left out.

    Returns
    -------
    kept : array of bool (n_images,)
        The images that are not left out.
    cleaned : CleanedImages
    """
    row, pixel = _tail_cuts(charge, neighbour_table(geometry), cleaning)
    value = charge[row, pixel].astype(float)
    n = len(charge)
    kept = (np.bincount(row, minlength=n) >= fewest) & (np.bincount(row, value, minlength=n) > 0)
    mine = kept[row]
    row, pixel, value = (np.cumsum(kept) - 1)[row[mine]], pixel[mine], value[mine]
    x, y = (position.to_value(u.deg)[pixel] for position in (geometry.pix_x, geometry.pix_y))
    return kept, CleanedImages(row, pixel, value, x, y)


def neighbour_table(geometry):
    """Neighbours of each pixel as ctapipe finds them, (n_pixels, 8) at most; n_pixels where there are fewer."""
    matrix = geometry.neighbor_matrix_sparse
    counts = np.diff(matrix.indptr)
    table = np.full((geometry.n_pixels, counts.max(initial=1)), geometry.n_pixels)
    table[np.arange(table.shape[1]) < counts[:, None]] = matrix.indices
    return table


def _tail_cuts(charge, neighbours, cleaning):
    """Rows and pixels of what survives, image by image."""
    picture, boundary, touching = cleaning
    row, pixel = np.nonzero(charge >= min(picture, boundary))
    bright, faint = charge[row, pixel] >= picture, charge[row, pixel] >= boundary
    around = row[:, None], neighbours[pixel]
    marked = np.zeros((len(charge), charge.shape[1] + 1), bool)

    def n_around(chosen):
        marked[row, pixel] = chosen
        return marked[around].sum(axis=1)

    bright &= n_around(bright) >= touching
    kept = (faint & (n_around(bright) > 0)) | (bright & (n_around(faint) > 0))
    return row[kept], pixel[kept]
