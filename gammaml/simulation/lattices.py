"""Where the pixels of a camera lie."""

import math

import numpy as np


def hexagonal_pixels(n_pixels):
    """The points of a hexagonal lattice nearest to the centre of a camera.

    The centre lies on a pixel, on a corner of three or between two, whichever makes a number of pixels symmetric: the
    pattern repeats after 60, 120 or 180 degrees. Where points are equally near, whole turns of them are taken.

    Parameters
    ----------
    n_pixels : int

    Returns
    -------
    array (n_pixels, 2)
        In units of the spacing; neighbours lie at 0, 60, ... degrees.
    """
    if n_pixels % 6 == 1:
        turns, centre = 6, (0, 0)
    elif n_pixels % 3 == 0:
        turns, centre = 3, (1 / 2, math.sqrt(3) / 6)
    elif n_pixels % 3 == 1:
        turns, centre = 3, (0, 0)
    else:
        turns, centre = 2, (0, 0) if n_pixels % 2 else (1 / 2, 0)
    half = int(0.7 * math.sqrt(n_pixels)) + 3
    column, row = np.mgrid[-half : half + 1, -half : half + 1].reshape(2, -1)
    x, y = column + row / 2 - centre[0], math.sqrt(3) / 2 * row - centre[1]
    distance = np.hypot(x, y).round(6)
    turn = (np.degrees(np.arctan2(y, x)) + 1e-6) % 360
    order = np.lexsort((turn, (turn % (360 / turns)).round(4), distance))[:n_pixels]
    return np.stack([x, y], axis=1)[order]


def square_pixels(n_pixels):
    """Rows of a square camera: (n_pixels, 2) in units of the spacing; `n_pixels` is a square number."""
    line = np.arange(math.isqrt(n_pixels)) - (math.isqrt(n_pixels) - 1) / 2
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
