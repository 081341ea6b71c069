"""Pixels of any camera spread over a square grid of any angular size, so that one network can serve several cameras."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.spatial import cKDTree

from gammaml.errors import InputError, SettingError
from gammaml.images.gather import checked, gather_windows, place_windows
from gammaml.images.lattice import neighbour_table

SAMPLES = 12  # squared, the sample points in a pixel, which measure its overlap with cells
POSITION_DECIMALS = 7  # degrees; positions are rounded before use, so that a stored mapping is rebuilt exactly


@dataclass(frozen=True, eq=False)
class ResamplingMapping:
    """Pixels spread over a square grid on the sky, by the area of each pixel that lies in a cell.

    The patch of sky that is nearer to a pixel than to others is taken as the pixel, up to where a square pixel's corner
    is, and is sampled by points. A pixel's parts add up to the pixel: charge is conserved but for pixels outside.

    Parameters
    ----------
    camera_name : str
    shape : tuple of int
        Height and width of the grid in cells; rows go along fov_lat and columns along fov_lon, centred on the pointing.
    cell_width : float
        Degrees.
    positions : array (n_pixels, 2)
        fov_lon and fov_lat of the pixels, degrees.
    """

    camera_name: str
    shape: tuple
    cell_width: float
    positions: np.ndarray

    @property
    def n_pixels(self):
        return len(self.positions)

    @cached_property
    def pixel_cell(self):
        """Row and column of the cell round each pixel's centre, (n_pixels, 2); outside the grid for pixels outside."""
        return np.floor(self.positions[:, ::-1] / self.cell_width + np.array(self.shape) / 2).astype(int)

    @cached_property
    def weights(self):
        """Fraction of each pixel in each cell, sparse (height * width, n_pixels) float32."""
        overlap = self._overlap
        total = np.maximum(overlap.sum(axis=0), 1)
        inside = np.ravel(np.pad(np.ones(self.shape, bool), self._margin))
        return (overlap @ diags_array(1 / total)).tocsr()[inside].astype(np.float32)

    @cached_property
    def mean_weights(self):
        """Share of each pixel in what is in a cell, sparse (height * width, n_pixels) float32; rows sum to 1 or 0."""
        total = self.weights.sum(axis=1)
        share = np.divide(1, total, where=total > 0, out=np.zeros_like(total))
        return (diags_array(share) @ self.weights).tocsr()

    @cached_property
    def mask(self):
        """Cells with some part of a pixel, (height, width)."""
        return (np.diff(self.weights.indptr) > 0).reshape(self.shape)

    @cached_property
    def _pitch(self):
        """Distance to the next pixel for each pixel, degrees; a lonely pixel is not taken for a large one."""
        distance = cKDTree(self.positions).query(self.positions, 2)[0][:, 1]
        return np.minimum(distance, 2 * np.median(distance))

    @property
    def _margin(self):
        """Cells round the grid that pixels on its edge can reach into."""
        return int(np.ceil(1.5 * self._pitch.max() / self.cell_width))

    @property
    def _overlap(self):
        """Sample points of each pixel in each cell, margin included, sparse."""
        shape = np.array(self.shape) + 2 * self._margin
        corners = np.indices(shape).reshape(2, -1).T[:, None, ::-1] - shape[::-1] / 2
        points = corners + _spread_points((SAMPLES * self.cell_width / np.median(self._pitch)) ** 2)
        distance, pixel = cKDTree(self.positions).query(points * self.cell_width)
        near = distance < np.sqrt(0.5) * self._pitch[pixel]
        own = self.pixel_cell + self._margin
        inside = ((own >= 0) & (own < shape)).all(axis=1).nonzero()[0]  # the centre is a point, so no pixel has none
        cell = np.concatenate([near.nonzero()[0], np.ravel_multi_index(own[inside].T, shape)])
        pixel = np.concatenate([pixel[near], inside])
        return csr_array((np.ones(len(cell)), (cell, pixel)), shape=(shape.prod(), self.n_pixels))

    @cached_property
    def neighbours(self):
        """Pixels next to each pixel, (n_pixels, 6) at most; n_pixels where there are fewer."""
        return neighbour_table(self.positions, np.median(self._pitch))

    def apply(self, values, average=False):
        """Pixels to grids.

        Parameters
        ----------
        values : array (n, n_pixels) or (n, n_pixels, n_channels)
        average : bool
            False for what adds up, as charge: a cell has the sum of all parts of pixels in it. True for what does not,
            as time: the mean of the pixels in a cell, by area.

        Returns
        -------
        array of float32 (n, height, width) or (n, height, width, n_channels)
            0 in cells without a pixel.
        """
        values = checked(values, self)
        matrix = self.mean_weights if average else self.weights
        pixels_first = np.moveaxis(values, 1, 0)
        columns = np.ascontiguousarray(pixels_first).reshape(self.n_pixels, values.size // self.n_pixels)
        grid = (matrix @ columns).reshape(*self.shape, *pixels_first.shape[1:])
        return np.ascontiguousarray(np.moveaxis(grid, 2, 0))

    def crop(self, values, centre, size, average=False):
        """Windows of `size` times `size` cells; see :meth:`LatticeMapping.crop`."""
        grid = self.apply(values, average)
        table = np.arange(np.prod(self.shape)).reshape(self.shape)
        cells = grid.reshape(len(grid), table.size, *grid.shape[3:])
        return gather_windows(cells, table, np.asarray(centre) - size // 2, size)

    def uncrop(self, windows, centre):
        """See :meth:`LatticeMapping.uncrop`; a cell is shared among its pixels by area, so that the sum stays."""
        windows = np.asarray(windows)
        grid = place_windows(windows, self.shape, np.asarray(centre) - windows.shape[1] // 2)
        return grid.reshape(len(grid), -1) @ self.mean_weights

    def cell_to_fov(self, cells):
        """fov_lon, fov_lat (n, 2) in degrees of the centres of cells (n, 2), which may lie outside the grid."""
        return (np.asarray(cells)[:, ::-1] + 0.5 - np.array(self.shape[::-1]) / 2) * self.cell_width

    def to_dict(self):
        """All that `from_dict` needs, JSON-able."""
        return {
            "kind": "resampling",
            "camera_name": self.camera_name,
            "shape": list(self.shape),
            "cell_width": self.cell_width,
            "positions": self.positions.tolist(),
        }

    @classmethod
    def from_dict(cls, stored):
        """The mapping that `to_dict` made `stored` from."""
        shape, positions = tuple(stored["shape"]), np.array(stored["positions"])
        return cls(stored["camera_name"], shape, stored["cell_width"], positions)


def build_resampling_mapping(camera, *, shape, cell_width):
    """Pixels of any camera onto a square grid on the sky.

    Parameters
    ----------
    camera : gammaml.events.Camera
    shape : tuple of int
        Rows (fov_lat) and columns (fov_lon) of the grid, centred on the pointing.
    cell_width : float
        Degrees.

    Returns
    -------
    ResamplingMapping

    Raises
    ------
    gammaml.errors.InputError
        Where the camera has fewer than two pixels, or some at no finite position.
    gammaml.errors.SettingError
        For a grid without cells.
    """
    shape = tuple(int(extent) for extent in shape)
    if len(shape) != 2 or min(shape) < 1 or not 0 < cell_width < np.inf:
        got = f"shape {shape} and cell_width {cell_width}"
        raise SettingError("grid", got, "two positive numbers of cells and a positive width in degrees", "change them")
    positions = np.column_stack([camera.fov_lon, camera.fov_lat]).round(POSITION_DECIMALS)
    finite = np.isfinite(positions).all(axis=1).sum()
    if finite < max(2, len(positions)):
        got = f"{len(positions)} pixel positions, {finite} finite"
        raise InputError(f"camera {camera.name}", got, "two or more, all finite", "check the camera description")
    return ResamplingMapping(camera.name, shape, float(cell_width), positions)


def _spread_points(n_points):
    """At least eight points (n, 2) spread evenly over the unit square, on no lattice that could beat with the pixels'.

    An additive recurrence with the powers of the plastic number (Roberts 2018, "The unreasonable effectiveness of
    quasirandom sequences"), the generalisation of the golden ratio to two dimensions; and each point's mirror image,
    so that the middle of the points is that of the square.
    """
    plastic = 1.32471795724474602596
    steps = np.arange(max(4, int(np.ceil(n_points / 2))))[:, None]
    points = (0.5 + steps / np.array([plastic, plastic**2])) % 1.0
    return np.concatenate([points, 1 - points])
