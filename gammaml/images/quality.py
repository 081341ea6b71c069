"""What the images of events are like, read block by block."""

import numpy as np

from gammaml.images.channels import bad_images, noise, repair_charge


def dark_images(events):
    """Mask (n_images,) of images without a single finite charge other than 0."""
    step = 4096
    blocks = [bad_images(events.read_pixels(slice(low, low + step))[0]) for low in range(0, len(events), step)]
    return np.concatenate(blocks) if blocks else np.zeros(0, bool)


def pixel_noise(events, n_images=1000):
    """Pixel noise (p.e.) of up to `n_images` images, evenly taken."""
    rows = np.unique(np.linspace(0, len(events) - 1, n_images).astype(int))
    return noise(repair_charge(events.read_pixels(rows)[0]))[1][:, 0]
