"""What the images of events are like, read block by block."""

from dataclasses import dataclass

import numpy as np

from gammaml.images.channels import bad_images, bright_pixels, repair_charge
from gammaml.images.lattice import neighbours

HALO = 3  # rings of pixels around an image that have some of its light
BROKEN = 3.0  # times as noisy as the typical pixel, or as quiet
FEWEST_IMAGES = 20  # to tell a broken pixel by


def dark_images(events):
    """Mask (n_images,) of images without a single finite charge other than 0."""
    step = 4096
    blocks = [bad_images(events.read_pixels(slice(low, low + step))[0]) for low in range(0, len(events), step)]
    return np.concatenate(blocks) if blocks else np.zeros(0, bool)


def outside(image, camera):
    """Mask (n, n_pixels) of pixels that are neither in an image nor within three rings of it.

    Parameters
    ----------
    image : array (n, n_pixels)
        p.e.
    camera : gammaml.events.Camera
    """
    beside = neighbours(camera)
    lit = np.zeros((len(image), camera.n_pixels + 1), bool)  # the last stands for neighbours beyond the rim
    lit[:, :-1] = bright_pixels(image, beside)
    for _ in range(HALO):
        row, pixel = np.nonzero(lit[:, :-1])
        lit[row[:, None], beside[pixel]] = True
        lit[:, -1] = False
    return ~lit[:, :-1]


@dataclass(frozen=True, eq=False)
class Pedestals:
    """What pixels outside the images show.

    Parameters
    ----------
    noise : array (n_images,)
        Standard deviation, p.e.; it adds in quadrature.
    pedestal : array (n_images,)
        Mean, p.e.
    broken : dict of int to array of bool (n_pixels,)
        By tel_id: pixels that never have a charge other than 0, or are three times as noisy, or as quiet, as the
        typical one.
    """

    noise: np.ndarray
    pedestal: np.ndarray
    broken: dict


def pedestals(events, n_images=1000):
    """Pedestal and noise of up to `n_images` images evenly taken, and the pixels that are broken in them.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents
    n_images : int

    Returns
    -------
    Pedestals
    """
    rows = np.unique(np.linspace(0, len(events) - 1, n_images).astype(int)) if len(events) else np.empty(0, int)
    image = events.read_pixels(rows)[0]
    lit = ~bad_images(image)
    image, tel_id = image[lit], np.asarray(events.table["tel_id"])[rows[lit]]
    charge = repair_charge(image)
    seen = np.isfinite(image) & outside(charge, events.camera)
    pedestal, spread = _moments(charge, seen, 1)
    telescopes = [(int(number), tel_id == number) for number in np.unique(tel_id)]
    broken = {number: _broken(image[own], charge[own], seen[own]) for number, own in telescopes}
    return Pedestals(spread, pedestal, broken)


def _broken(image, charge, seen):
    """Mask (n_pixels,) of pixels that are dead, too noisy or too quiet in the images of one telescope."""
    dead = ~(np.isfinite(image) & (image != 0)).any(axis=0)
    spread = _moments(charge, seen, 0)[1]
    known = ~dead & (seen.sum(axis=0) >= FEWEST_IMAGES)
    typical = np.median(spread[known]) if known.any() else 0.0
    odd = (spread > BROKEN * typical) | (spread < typical / BROKEN)
    return dead | (known & odd & (typical > 0))


def _moments(charge, seen, axis):
    """Mean and standard deviation of what is seen along an axis."""
    count = np.maximum(seen.sum(axis=axis, keepdims=True), 1)
    mean = np.where(seen, charge, 0).sum(axis=axis, keepdims=True, dtype=float) / count
    square = np.where(seen, (charge - mean) ** 2, 0).sum(axis=axis, keepdims=True) / count
    return mean.squeeze(axis), np.sqrt(square).squeeze(axis)


def pixel_noise(events, n_images=1000):
    """Pixel noise (p.e.) of up to `n_images` images, evenly taken: see :class:`Pedestals`."""
    return pedestals(events, n_images).noise
