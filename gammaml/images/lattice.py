"""The lattice a camera's pixels lie on, found from their positions alone.

Files state pixel shapes and rotations that are not always true, so neither is believed: the angles between
neighbouring pixels tell a hexagonal lattice from a square one, and how it is turned.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gammaml.errors import InputError

NEIGHBOUR_LIMIT = 1.25  # in pitches; further than any neighbour across a side, nearer than a square's diagonal
ORDER_LIMIT = 0.8  # 1 for a perfect lattice, about 0.2 for points at random
RESIDUAL_LIMIT = 0.3  # in pitches, from a pixel to its place on the lattice


@dataclass(frozen=True, eq=False)
class Lattice:
    """Pixels as integer steps on a lattice.

    Parameters
    ----------
    kind : str
        "hexagon" or "square".
    pitch : float
        Distance of neighbouring pixels, degrees.
    angle : float
        From the fov_lon axis to the direction of growing columns, radians, at most 30 or 45 degrees.
    cells : array of int (n_pixels, 2)
        Row and column of each pixel; rows of a hexagonal lattice go 60 degrees from its columns (axial coordinates).
    basis : array (2, 2)
        fov_lon, fov_lat of one column further (first line) and of one row further (second line), degrees.
    origin : array (2,)
        fov_lon, fov_lat of row 0, column 0, degrees.
    """

    kind: str
    pitch: float
    angle: float
    cells: np.ndarray
    basis: np.ndarray
    origin: np.ndarray


def find_lattice(camera):
    """The lattice of a camera's pixels in (fov_lon, fov_lat).

    Hexagonal lattices must be regular. The rows and columns of square ones may have gaps between modules, and
    modules may be turned and shifted a little, as on curved focal planes; gaps are not counted as rows.

    Parameters
    ----------
    camera : gammaml.events.Camera

    Returns
    -------
    Lattice

    Raises
    ------
    gammaml.errors.InputError
        Where the pixels lie on no such lattice.
    """
    positions = np.column_stack([camera.fov_lon, camera.fov_lat])
    kind, pitch, angle = orientation(positions, camera.name)
    if kind == "hexagon":
        cells, basis, origin, residual = _hexagonal_cells(positions, pitch, angle)
        if residual.max() > RESIDUAL_LIMIT * pitch:
            raise _not_lossless(camera.name, f"a pixel {residual.max() / pitch:.2f} pitches off the hexagonal lattice")
    else:
        cells = _square_cells(positions, pitch, angle)
        basis, origin, _ = _fit_basis(positions, cells, _basis(pitch, angle, np.pi / 2), positions.mean(axis=0))
    shared = len(cells) - len(np.unique(cells, axis=0))
    if shared:
        raise _not_lossless(camera.name, f"{shared} pixels on {kind} cells that others have")
    return Lattice(kind, pitch, angle, cells, basis, origin)


def orientation(positions, name):
    """Kind, pitch and angle of the lattice that points (n, 2) lie on.

    The bond-orientational order, the mean of exp(i k theta) over all directions theta to neighbours, has modulus 1
    for k = 6 on a hexagonal and for k = 4 on a square lattice; its phase is k times the angle of the lattice
    (Nelson & Halperin 1979, Phys. Rev. B 19, 2457, for k = 6).

    Raises
    ------
    gammaml.errors.InputError
        Where it is neither.
    """
    if len(positions) < 2 or not np.isfinite(positions).all():
        raise _not_lossless(name, f"{len(positions)} pixel positions, {np.isfinite(positions).all(1).sum()} finite")
    distance, index = cKDTree(positions).query(positions, min(7, len(positions)))
    pitch = np.median(distance[:, 1])
    near = (distance[:, 1:] < NEIGHBOUR_LIMIT * pitch).nonzero()
    step = positions[index[:, 1:][near]] - positions[near[0]]
    theta = np.arctan2(step[:, 1], step[:, 0])
    order = {fold: np.exp(1j * fold * theta).mean() if len(theta) else 0 for fold in (4, 6)}
    fold = max(order, key=lambda k: abs(order[k]))
    if not abs(order[fold]) > ORDER_LIMIT or distance[:, 1].min() < pitch / 2:
        raise _not_lossless(name, "pixels on no lattice")
    angle = np.angle(order[fold]) / fold
    if angle < 1e-3 - np.pi / fold:  # just as far on either side of the axis: rounding must not decide
        angle += 2 * np.pi / fold
    return {4: "square", 6: "hexagon"}[fold], float(np.hypot(*step.T).mean()), float(angle)


def neighbours(camera):
    """Pixels across the sides of each pixel of any camera, (n_pixels, 6) at most; n_pixels where there are fewer."""
    positions = np.column_stack([camera.fov_lon, camera.fov_lat])
    return neighbour_table(positions, np.median(cKDTree(positions).query(positions, 2)[0][:, 1]))


def neighbour_table(positions, pitch):
    """Pixels across the sides of each pixel, (n, 6) at most; n where there are fewer."""
    index = cKDTree(positions).query(positions, min(7, len(positions)), distance_upper_bound=NEIGHBOUR_LIMIT * pitch)[1]
    return index[:, 1:]


def _basis(pitch, angle, between):
    """Steps (2, 2) to the next column and the next row, `between` radians apart."""
    directions = np.array([angle, angle + between])
    return pitch * np.column_stack([np.cos(directions), np.sin(directions)])


def _hexagonal_cells(positions, pitch, angle):
    """Axial row and column, basis, origin and residuals (n,) of the hexagonal lattice nearest to `positions`."""
    basis = _basis(pitch, angle, np.pi / 3)
    origin = positions[np.argmin(np.hypot(*(positions - positions.mean(axis=0)).T))]
    for _ in range(3):  # a pitch that is slightly wrong adds up from the middle to the edge
        columns, rows = np.rint((positions - origin) @ np.linalg.inv(basis)).astype(int).T
        cells = np.column_stack([rows, columns])
        basis, origin, residual = _fit_basis(positions, cells, basis, origin)
    return cells, basis, origin, residual


def _square_cells(positions, pitch, angle):
    """Row and column of each pixel, counted over the lines that pixels form along either axis."""
    along = positions @ np.linalg.inv(_basis(1.0, angle, np.pi / 2))
    return np.column_stack([_rank_lines(along[:, axis], pitch) for axis in (1, 0)])


def _rank_lines(coordinate, pitch):
    """Number of each value's line; a new line begins where sorted values jump by half a pitch."""
    order = np.argsort(coordinate)
    rank = np.empty(len(order), int)
    rank[order] = np.concatenate([[0], np.cumsum(np.diff(coordinate[order]) > pitch / 2)])
    return rank


def _fit_basis(positions, cells, basis, origin):
    """Least-squares correction of basis and origin, and the residuals left (n,)."""
    design = np.column_stack([cells[:, ::-1], np.ones(len(cells))])
    guess = np.vstack([basis, origin])
    correction = np.linalg.lstsq(design, positions - design @ guess, rcond=None)[0]
    fitted = guess + correction
    return fitted[:2], fitted[2], np.hypot(*(positions - design @ fitted).T)


def _not_lossless(name, got):
    return InputError(
        f"camera {name}",
        got,
        "all pixels on one hexagonal or square lattice",
        "use the resampling mapping (build_resampling_mapping), which takes any camera",
    )
