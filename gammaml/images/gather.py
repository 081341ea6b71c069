"""Many images' pixels gathered into grids or windows by one table of pixel numbers; the inner loop of the mappings."""

import numpy as np

from gammaml.errors import InputError

BLOCK = 64  # images gathered at a time: their pixels and grids stay in the processor's cache


def checked(values, mapping):
    """`values` as a float32 array whose second axis is the mapping's pixels.

    Raises
    ------
    gammaml.errors.InputError
        For another shape.
    """
    values = np.asarray(values, np.float32)
    if values.ndim not in (2, 3) or values.shape[1] != mapping.n_pixels:
        expected = f"(n_images, {mapping.n_pixels}[, n_channels]), the pixels of {mapping.camera_name}"
        raise InputError("pixel values", f"an array of shape {values.shape}", expected, "use images of that camera")
    return values


def gather(values, table):
    """Values (n, n_pixels[, n_channels]) at pixels `table` (height, width); 0 where the pixel is n_pixels."""
    out = np.empty((len(values), table.size, *values.shape[2:]), np.float32)
    index = table.ravel()
    for rows, padded in _padded_blocks(values):
        np.take(padded, index, axis=1, out=out[rows], mode="clip")  # other modes buffer the output
    return out.reshape(len(values), *table.shape, *values.shape[2:])


def gather_windows(values, table, first, size):
    """As `gather`, but for each image only the `size` times `size` cells from row and column `first` (n, 2) on."""
    n_pixels = values.shape[1]
    edged = np.pad(table, 1, constant_values=n_pixels)
    steps = np.arange(1, size + 1)
    row = np.clip(first[:, :1] + steps, 0, table.shape[0] + 1)
    column = np.clip(first[:, 1:] + steps, 0, table.shape[1] + 1)
    out = np.empty((len(values), size, size, *values.shape[2:]), np.float32)
    for rows, padded in _padded_blocks(values):
        pixel = edged.ravel()[row[rows, :, None] * edged.shape[1] + column[rows, None, :]]
        pixel += np.arange(len(padded))[:, None, None] * (n_pixels + 1)
        np.take(padded.reshape(-1, *values.shape[2:]), pixel, axis=0, out=out[rows], mode="clip")
    return out


def place_windows(windows, shape, first):
    """The inverse of `gather_windows`: windows (n, size, size) into grids (n, *shape), 0 where there is no window."""
    size = windows.shape[1]
    grid = np.zeros((len(windows), shape[0] + 2 * size, shape[1] + 2 * size), windows.dtype)
    steps = np.arange(size)
    row = np.clip(first[:, :1] + size, 0, grid.shape[1] - size) + steps
    column = np.clip(first[:, 1:] + size, 0, grid.shape[2] - size) + steps
    grid[np.arange(len(windows))[:, None, None], row[:, :, None], column[:, None, :]] = windows
    return grid[:, size : size + shape[0], size : size + shape[1]]


def _padded_blocks(values):
    """Slices of `BLOCK` images and their values with one more pixel, which is 0."""
    padded = np.zeros((BLOCK, values.shape[1] + 1, *values.shape[2:]), np.float32)
    for low in range(0, len(values), BLOCK):
        block = values[low : low + BLOCK]
        padded[: len(block), :-1] = block
        yield slice(low, low + len(block)), padded[: len(block)]
