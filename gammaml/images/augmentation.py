"""Images made harder on purpose, so that a network does not rely on one sky brightness or on every pixel working.

All functions take raw pixels, (n_images, n_pixels), and return new arrays.
"""

import numpy as np

from gammaml.errors import SettingError


def add_night_sky(image, rng, level):
    """Images under a brighter sky: Poisson noise of `level` p.e. a pixel, its mean subtracted as a pedestal would be.

    Parameters
    ----------
    image : array (n, n_pixels)
        p.e.
    rng : numpy.random.Generator
    level : float or array (n,)
        Additional night-sky p.e. in each pixel's integration window; the variance of the charge grows by as much.

    Returns
    -------
    array of float32 (n, n_pixels)

    Raises
    ------
    gammaml.errors.SettingError
        For a negative level.
    """
    level = _per_image(level)
    if not (level >= 0).all():
        raise SettingError("night-sky level", level.min(), "p.e. from 0 on", "noise can only be added")
    return (image + (rng.poisson(level, image.shape) - level)).astype(np.float32)


def kill_pixels(image, peak_time, rng, fraction):
    """Images in which pixels at random have neither charge nor time, 0 both.

    Parameters
    ----------
    image, peak_time : array (n, n_pixels)
        p.e. and ns.
    rng : numpy.random.Generator
    fraction : float or array (n,)
        Probability of each pixel to be dead, 0 to 1.

    Returns
    -------
    image, peak_time : array of float32 (n, n_pixels)

    Raises
    ------
    gammaml.errors.SettingError
        For a fraction below 0 or above 1.
    """
    fraction = _per_image(fraction)
    if not ((fraction >= 0) & (fraction <= 1)).all():
        raise SettingError("fraction of dead pixels", f"{fraction.min()} to {fraction.max()}", "0 to 1", "change it")
    dead = rng.random(image.shape, np.float32) < fraction
    return np.where(dead, np.float32(0), image), np.where(dead, np.float32(0), peak_time)


def _per_image(value):
    """A number, or one a row, to broadcast against pixels."""
    return np.asarray(value, float).reshape(-1, 1)
