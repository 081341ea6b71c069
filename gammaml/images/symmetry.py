"""Rotations and reflections that map a camera's pixels onto themselves: true showers from others, at no cost.

A camera that is turned about its pointing sees the same kinds of showers, turned alike; so an image and the direction
that belongs to it may be turned together. (The Earth's magnetic field and the zenith angle break this a little.)
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gammaml.errors import InputError
from gammaml.images.gather import gather
from gammaml.images.lattice import orientation

SAME_TURN = 0.02  # of matrix elements, a degree
PARTNER_LIMIT = 0.3  # in pitches, from where a pixel is turned to, to the pixel that is there
MISSING_LIMIT = 0.03  # of all pixels, those at ragged edges that are turned to where no pixel is


@dataclass(frozen=True, eq=False)
class Symmetry:
    """One rotation or reflection of a camera about its pointing.

    Parameters
    ----------
    matrix : array (2, 2)
        Orthogonal; light from the direction v in (fov_lon, fov_lat) comes from `matrix` @ v afterwards.
    permutation : array of int (n_pixels,)
        Pixel i afterwards has what pixel `permutation[i]` had; nothing where that is -1.
    """

    matrix: np.ndarray
    permutation: np.ndarray

    def apply(self, values):
        """Values (n, n_pixels[, n_channels]) of the turned camera, float32; 0 where no pixel was."""
        return gather(values, np.where(self.permutation < 0, len(self.permutation), self.permutation))


def find_symmetries(camera):
    """All symmetries of a camera.

    Parameters
    ----------
    camera : gammaml.events.Camera

    Returns
    -------
    tuple of Symmetry
        Identity first; then up to 12 in all on a hexagonal lattice, 8 on a square one, 1 on none.
    """
    positions = np.column_stack([camera.fov_lon, camera.fov_lat])
    identity = Symmetry(np.eye(2), np.arange(len(positions)))
    try:
        kind, pitch, angle = orientation(positions, camera.name)
    except InputError:
        return (identity,)
    tree = cKDTree(positions)
    symmetries = [identity]
    for matrix in _candidates(kind, angle)[1:]:
        distance, permutation = tree.query(positions @ matrix)  # each pixel's place before: matrix.T @ position
        missing = distance > PARTNER_LIMIT * pitch
        if missing.mean() <= MISSING_LIMIT:
            symmetries.append(Symmetry(matrix, np.where(missing, -1, permutation)))
    return tuple(symmetries)


def apply_symmetries(values, symmetries, choice):
    """Each image turned by a symmetry of its own.

    Parameters
    ----------
    values : array (n, n_pixels) or (n, n_pixels, n_channels)
    symmetries : sequence of Symmetry
    choice : array of int (n,)
        Number of the symmetry for each image.

    Returns
    -------
    array of float32, shaped as `values`
    """
    out = np.empty(values.shape, np.float32)
    for number in np.unique(choice):
        rows = choice == number
        out[rows] = symmetries[number].apply(values[rows])
    return out


def turned(vectors, matrix):
    """Vectors (n, 2) in (fov_lon, fov_lat), each turned by a matrix (n, 2, 2) of its own."""
    return np.einsum("nij,nj->ni", matrix, vectors)


def common_symmetries(cameras):
    """Symmetries that some cameras share, in one order: an array of them may be turned as a whole.

    Parameters
    ----------
    cameras : list of gammaml.events.Camera

    Returns
    -------
    list of tuple of Symmetry
        One a camera, matching in their matrices; identity first.
    """
    known = [find_symmetries(camera) for camera in cameras]
    shared = [[_alike(symmetry, others) for others in known] for symmetry in known[0]]
    return list(zip(*(match for match in shared if None not in match), strict=True))


def _alike(symmetry, others):
    """The one of `others` that turns as `symmetry` does, to a degree."""
    return next((other for other in others if np.abs(other.matrix - symmetry.matrix).max() < SAME_TURN), None)


def _candidates(kind, angle):
    """Matrices (2 k, 2, 2) of the k rotations, identity first, and the k reflections of a lattice at `angle`."""
    fold = {"hexagon": 6, "square": 4}[kind]
    turn = 2 * np.pi / fold * np.arange(fold)
    mirror = 2 * angle + turn  # twice the angle of the mirror line
    rotations = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    reflections = np.array([[np.cos(mirror), np.sin(mirror)], [np.sin(mirror), -np.cos(mirror)]])
    return np.concatenate([rotations, reflections], axis=2).transpose(2, 0, 1)
