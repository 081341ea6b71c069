"""Pixels to grids without loss: values (n_images, n_pixels) to pictures (n_images, height, width) to convolve.

Every pixel has a cell of its own. The mapping is computed once for a camera and then applied to whole batches; it can
be stored as a small dictionary and rebuilt from it exactly.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gammaml.errors import SettingError
from gammaml.images.gather import checked, gather, gather_windows, place_windows
from gammaml.images.lattice import find_lattice, neighbour_table
from gammaml.images.resampling import ResamplingMapping

AXIAL_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, 1), (1, -1))  # row, column; in the layout "axial"


@dataclass(frozen=True, eq=False)
class LatticeMapping:
    """Every pixel in a cell of its own.

    Parameters
    ----------
    camera_name : str
    layout : str
        "axial": the columns of a hexagonal lattice are 60 degrees from its rows, so that the neighbours of every pixel
        are at `AXIAL_NEIGHBOURS`. "offset": every other row is shifted by half a pixel; more compact, but neighbours
        depend on the row. "square": rows and columns of a square camera.
    shape : tuple of int
        Height and width of the grid in cells.
    pixel_cell : array of int (n_pixels, 2)
        Row and column of each pixel.
    basis, origin : array (2, 2), (2,)
        fov_lon and fov_lat of a step to the next column and to the next row, and of the first cell, degrees.
    """

    camera_name: str
    layout: str
    shape: tuple
    pixel_cell: np.ndarray
    basis: np.ndarray
    origin: np.ndarray

    @property
    def n_pixels(self):
        return len(self.pixel_cell)

    @cached_property
    def table(self):
        """Pixel in each cell, (height, width); n_pixels where there is none."""
        table = np.full(self.shape, self.n_pixels)
        table[tuple(self.pixel_cell.T)] = np.arange(self.n_pixels)
        return table

    @cached_property
    def mask(self):
        """Cells with a pixel, (height, width)."""
        return self.table < self.n_pixels

    @cached_property
    def neighbours(self):
        """Pixels in the cells next to each pixel's, (n_pixels, 6) at most; n_pixels where there are fewer."""
        return neighbour_table(self.cell_to_fov(self.pixel_cell), np.hypot(*self.basis.T).max())

    def apply(self, values, average=False):
        """Pixels to grids.

        Parameters
        ----------
        values : array (n, n_pixels) or (n, n_pixels, n_channels)
        average : bool
            Makes no difference with one pixel a cell; here so that all mappings can be used alike.

        Returns
        -------
        array of float32 (n, height, width) or (n, height, width, n_channels)
            0 in cells without a pixel.
        """
        return gather(checked(values, self), self.table)

    def invert(self, grid):
        """Grids (n, height, width[, n_channels]) back to pixels (n, n_pixels[, n_channels]): the inverse of `apply`."""
        rows, columns = self.pixel_cell.T
        return grid[:, rows, columns]

    def crop(self, values, centre, size, average=False):
        """Windows of `size` times `size` cells round a centre cell for each image, straight from pixels.

        Parameters
        ----------
        values : array (n, n_pixels) or (n, n_pixels, n_channels)
        centre : array of int (n, 2)
            Row and column that come to lie at (size // 2, size // 2); in the layout "offset" a row higher where needed
            for every window to begin with an even row, so that shifted rows are at the same place in all windows.
        size : int
        average : bool
            As in `apply`.

        Returns
        -------
        array of float32 (n, size, size) or (n, size, size, n_channels)
            0 outside the camera.
        """
        return gather_windows(checked(values, self), self.table, self._first(centre, size), size)

    def uncrop(self, windows, centre):
        """What is in the cells of windows, back to their pixels: the inverse of `crop`.

        Parameters
        ----------
        windows : array (n, size, size)
        centre : array of int (n, 2)
            As in `crop`.

        Returns
        -------
        array (n, n_pixels)
            0 in pixels outside the window.
        """
        windows = np.asarray(windows)
        return self.invert(place_windows(windows, self.shape, self._first(centre, windows.shape[1])))

    def _first(self, centre, size):
        """Row and column (n, 2) of the first cells of windows."""
        first = np.asarray(centre) - size // 2
        if self.layout == "offset":
            first = first - np.column_stack([first[:, 0] % 2, np.zeros(len(first), int)])
        return first

    def cell_to_fov(self, cells):
        """fov_lon, fov_lat (n, 2) in degrees of cells (n, 2), which may lie outside the grid.

        Exact on regular lattices; where modules have gaps, that of the regular lattice that fits best.
        """
        row, column = np.asarray(cells).T
        if self.layout == "offset":
            column = column - np.floor_divide(row, 2)
        return np.column_stack([column, row]) @ self.basis + self.origin

    def to_dict(self):
        """All that `from_dict` needs, JSON-able."""
        return {
            "kind": "lattice",
            "camera_name": self.camera_name,
            "layout": self.layout,
            "shape": list(self.shape),
            "pixel_cell": self.pixel_cell.tolist(),
            "basis": self.basis.tolist(),
            "origin": self.origin.tolist(),
        }

    @classmethod
    def from_dict(cls, stored):
        """The mapping that `to_dict` made `stored` from."""
        return cls(
            stored["camera_name"],
            stored["layout"],
            tuple(stored["shape"]),
            np.array(stored["pixel_cell"]),
            np.array(stored["basis"]),
            np.array(stored["origin"]),
        )


def build_lattice_mapping(camera, layout="axial"):
    """Every pixel of a hexagonal or square camera to a cell of its own.

    The lattice is found from the pixel positions alone. Columns grow along fov_lon and rows along fov_lat as nearly as
    the lattice allows.

    Parameters
    ----------
    camera : gammaml.events.Camera
    layout : str
        "axial" or "offset", for hexagonal cameras; see :class:`LatticeMapping`. Square cameras have rows and columns
        in any case.

    Returns
    -------
    LatticeMapping

    Raises
    ------
    gammaml.errors.InputError
        Where the camera's pixels are not on one lattice.
    gammaml.errors.SettingError
        For another layout.
    """
    if layout not in ("axial", "offset"):
        raise SettingError("layout", repr(layout), "'axial' or 'offset'", "choose one of them")
    lattice = find_lattice(camera)
    layout = "square" if lattice.kind == "square" else layout
    first = lattice.cells.min(axis=0)
    cells = lattice.cells - first
    origin = lattice.origin + first[::-1] @ lattice.basis
    if layout == "offset":
        column = cells[:, 1] + cells[:, 0] // 2
        cells = np.column_stack([cells[:, 0], column - column.min()])
        origin = origin + column.min() * lattice.basis[0]
    shape = tuple(int(extent) for extent in cells.max(axis=0) + 1)
    return LatticeMapping(camera.name, layout, shape, cells, lattice.basis, origin)


def mapping_from_dict(stored):
    """The mapping whose `to_dict` gave `stored`.

    Raises
    ------
    gammaml.errors.SettingError
        For an unknown kind.
    """
    kinds = {"lattice": LatticeMapping, "resampling": ResamplingMapping}
    kind = stored.get("kind")
    if kind not in kinds:
        raise SettingError("image mapping", f"kind {kind!r}", " or ".join(kinds), "use the gammaml that stored it")
    return kinds[kind].from_dict(stored)
