"""The channels a network sees: compressed charge, and peak time relative to the image's own.

All functions take raw pixels, (n_images, n_pixels), p.e. and ns, and never return NaN, whatever comes in.
"""

from dataclasses import dataclass

import numpy as np

from gammaml.errors import SettingError

NOISE_PIXELS = 400
BRIGHT = 4.0  # in standard deviations of an image's noise: what is called bright here
LEAST_NOISE = 0.5  # p.e.; a night sky of less than one photon a pixel comes in single p.e., which the width misses


@dataclass(frozen=True)
class Scaling:
    """How charges and times become numbers of order one; stored with a trained network.

    Parameters
    ----------
    charge_unit : float
        p.e.; charges below it stay proportional, charges above it become logarithmic.
    charge_limit : float
        p.e.; larger ones, and infinite ones, are saturated pixels and take this value.
    time_unit : float
        ns that become 1.
    time_limit : float
        ns before or after the image's own time beyond which times are cut off.

    Raises
    ------
    gammaml.errors.SettingError
        Where one is not a positive number.
    """

    charge_unit: float = 3.0
    charge_limit: float = 1e5
    time_unit: float = 5.0
    time_limit: float = 20.0

    def __post_init__(self):
        for name, value in vars(self).items():
            if not 0 < value < np.inf:
                raise SettingError(f"scaling {name}", value, "a positive number", "change it")


DEFAULT_SCALING = Scaling()


def bad_images(image):
    """Mask (n,) of images without a single finite charge other than 0: nothing can be learnt or predicted from them."""
    return ~(np.isfinite(image) & (image != 0)).any(axis=1)


def repair_charge(image, scaling=DEFAULT_SCALING):
    """Charges that are all finite.

    NaN and -inf, which are dead pixels, become 0, the pedestal: that is also what dead pixels of charge 0 have and
    what cells without a pixel have, so a network meets one kind of dead pixel only. Neighbours' light is not filled
    in, since a network would take it for measured. +inf and what is above the limit become the limit.

    Parameters
    ----------
    image : array of any shape
        p.e.
    scaling : Scaling

    Returns
    -------
    array of float32
    """
    limit = np.float32(scaling.charge_limit)
    charge = np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=limit, neginf=0.0)
    return np.clip(charge, -limit, limit, out=charge)


def scale_charge(image, scaling=DEFAULT_SCALING):
    """Compressed charge, asinh(charge / charge_unit); keeps the sign, 0 stays 0.

    Images span four decades. The logarithm makes a shower of twice the energy the same picture plus a constant; near
    0 a logarithm or square root would magnify the noise, and cannot take negative charges, where asinh is linear.

    Parameters
    ----------
    image : array of any shape
        p.e.
    scaling : Scaling

    Returns
    -------
    array of float32
    """
    charge = repair_charge(image, scaling)
    charge /= np.float32(scaling.charge_unit)
    return np.arcsinh(charge, out=charge)


def noise(image):
    """Pedestal and noise of each image, from the fainter half of its pixels, where the shower is not.

    At least `NOISE_PIXELS` pixels, spread over the camera, are enough for 5 % and cost a quarter of all.

    Parameters
    ----------
    image : array (n, n_pixels)
        Finite charges.

    Returns
    -------
    pedestal, sigma : array (n, 1)
        The median, and its distance to the 15.87 % quantile, the standard deviation of Gaussian noise; `LEAST_NOISE`
        where that is larger.
    """
    some = image[:, :: max(1, image.shape[1] // NOISE_PIXELS)]
    middle, low = some.shape[1] // 2, int(some.shape[1] * 0.1587)
    ordered = np.partition(some, (low, middle), axis=1)
    sigma = np.maximum(ordered[:, middle] - ordered[:, low], np.float32(LEAST_NOISE))
    return ordered[:, middle, None], sigma[:, None]


def bright_charge(signal, sigma, neighbours):
    """The signal of bright pixels that have a bright neighbour, 0 elsewhere.

    Bright is more than `BRIGHT` times the image's noise. The night sky makes single pixels bright, showers make
    several; where no bright pixel has a bright neighbour, the brightest pixel alone has its signal, or 1.

    Parameters
    ----------
    signal, sigma : array (n, n_pixels), (n, 1)
        Charge above the pedestal, and noise.
    neighbours : array of int (n_pixels, k)
        As of the mappings.

    Returns
    -------
    array (n, n_pixels)
    """
    row, pixel = np.nonzero(signal > BRIGHT * sigma)
    candidate = np.zeros((len(signal), signal.shape[1] + 1), bool)
    candidate[row, pixel] = True
    together = candidate[row[:, None], neighbours[pixel]].any(axis=1)
    row, pixel = row[together], pixel[together]
    bright = np.zeros_like(signal)
    bright[row, pixel] = signal[row, pixel]
    empty = np.flatnonzero(~bright.any(axis=1))
    brightest = signal[empty].argmax(axis=1)
    bright[empty, brightest] = np.maximum(signal[empty, brightest], 1)
    return bright


def bright_pixels(image, neighbours):
    """Mask (n, n_pixels) of pixels that stand out of an image's noise by `BRIGHT` times, as does one next to them.

    Parameters
    ----------
    image : array (n, n_pixels)
        p.e.
    neighbours : array of int (n_pixels, k)
        As of the mappings.
    """
    return bright_charge(*_above_noise(repair_charge(image)), neighbours) > 0


def relative_time(image, peak_time, mapping, scaling=DEFAULT_SCALING):
    """Peak time after the image's own, in units of `time_unit`, faded out where there is only noise.

    The image's own time is the mean of its bright pixels, by charge. In pixels without light the peak time is that of
    a noise peak, anywhere in the readout window: with s the signal-to-noise ratio and b = `BRIGHT`, the time is
    multiplied by s^4 / (s^4 + b^4), half for a signal that is just bright and 0.4 % for one standard deviation of
    noise.

    Parameters
    ----------
    image, peak_time : array (n, n_pixels)
        p.e. and ns.
    mapping : LatticeMapping or ResamplingMapping
        Tells which pixels are neighbours.
    scaling : Scaling

    Returns
    -------
    array of float32 (n, n_pixels)
    """
    signal, sigma = _above_noise(repair_charge(image, scaling))
    known = np.isfinite(peak_time)
    time = np.where(known, peak_time, 0).astype(np.float32, copy=False)
    weight = bright_charge(signal, sigma, mapping.neighbours) * known
    total = weight.sum(axis=1, keepdims=True)
    time -= np.einsum("ij,ij->i", weight, time)[:, None] / np.where(total > 0, total, 1)
    time = np.clip(time, -scaling.time_limit, scaling.time_limit, out=time)
    time *= _fade(signal, sigma) * known
    time /= np.float32(scaling.time_unit)
    return time


def _above_noise(charge):
    """Charge above the pedestal (n, n_pixels), and noise (n, 1)."""
    pedestal, sigma = noise(charge)
    return charge - pedestal, sigma


def _fade(signal, sigma):
    """How far each pixel's signal stands out of its image's noise, from 0 to 1."""
    square = np.square(np.maximum(signal, 0))
    light = square / (square + np.square(BRIGHT * sigma))  # s^2 / (s^2 + BRIGHT^2)
    return np.square(light) / (np.square(light) + np.square(1 - light))


def centre_cell(image, mapping):
    """The cell of each image's centre of light: the mean of its bright pixels' cells, by charge.

    Parameters
    ----------
    image : array (n, n_pixels)
        p.e.
    mapping : LatticeMapping or ResamplingMapping

    Returns
    -------
    array of int (n, 2)
        Row and column; the cell may have no pixel. :meth:`cell_to_fov` of the mapping tells where on the sky it is.
    """
    weight = bright_charge(*_above_noise(repair_charge(image)), mapping.neighbours)
    return np.rint(weight @ mapping.pixel_cell / weight.sum(axis=1, keepdims=True)).astype(int)


def build_images(image, peak_time, mapping, scaling=DEFAULT_SCALING, *, centre=None, size=None):
    """Raw pixels to what a network sees: channel 0 the compressed charge, channel 1 the relative time.

    Charge is compressed after the mapping, for only charge itself adds up where pixels share a cell.

    Parameters
    ----------
    image, peak_time : array (n, n_pixels)
        p.e. and ns.
    mapping : LatticeMapping or ResamplingMapping
    scaling : Scaling
    centre : array of int (n, 2), optional
        Middle cells (see `centre_cell`) of the windows to cut out; the whole grid if None.
    size : int, optional
        Height and width of the windows.

    Returns
    -------
    array of float32 (n, height, width, 2) or (n, size, size, 2)
    """
    charge, time = repair_charge(image, scaling), relative_time(image, peak_time, mapping, scaling)
    if centre is None:
        grids = mapping.apply(charge), mapping.apply(time, average=True)
    else:
        grids = mapping.crop(charge, centre, size), mapping.crop(time, centre, size, average=True)
    images = np.empty((*grids[0].shape, 2), np.float32)
    images[..., 0], images[..., 1] = scale_charge(grids[0], scaling), grids[1]
    return images
