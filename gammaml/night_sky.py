"""Images brought to the pixel noise of an observation, and their parameters with them."""

import warnings
from dataclasses import replace

import numpy as np
from astropy.table import vstack

from gammaml import array_events, images
from gammaml.errors import RangeWarning, SettingError
from gammaml.events import PixelStore, TelescopeEvents, as_list
from gammaml.io.hillas import CLEANING, CTAPIPE_CLEANING, image_parameters

TOLERANCE = 0.05  # of the noise: less is no difference
BLOCK = 1024
PROBES = 40  # images to find out how a file was cleaned


def levels(observation, training):
    """The pixel noise of an observation by camera of the training: what ``TrainSettings.match_noise`` takes.

    Parameters
    ----------
    observation, training : gammaml.events.TelescopeEvents, list of them, or gammaml.array_events.ArrayEvents

    Returns
    -------
    dict of str to float
        Median noise of pixels outside the images, p.e.

    Raises
    ------
    gammaml.errors.SettingError
        Where a camera of the training was not observed with.
    """
    found = {}
    for part in as_list(training):
        same = [each for each in as_list(observation) if each.camera.same_pixels(part.camera)]
        if not same:
            names = ", ".join(each.camera.name for each in as_list(observation))
            got = f"an observation with {names}"
            do = "choose the telescopes (tel_type), or give an observation with this camera"
            raise SettingError("match_noise", got, f"one with {part.camera.name}, as the training", do)
        found[part.camera.name] = float(np.median(images.pixel_noise(same[0])))
    return found


def match(events, wanted, *, seed=0):
    """Events whose pixels are as noisy as wanted, and whose image parameters are those of the noisy images.

    What is missing in quadrature is added as Poisson noise without its mean. A pixel that gets more than it had takes
    the peak time of a pixel outside the image. Broken pixels stay as they are. Images are cleaned and measured anew
    as the file did it; where that is not known, the parameters stay those of the quiet images, with a warning.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents, list of them, or gammaml.array_events.ArrayEvents
    wanted : dict of str to float
        Pixel noise by name of the camera, p.e.: see :func:`levels`.
    seed : int

    Returns
    -------
    gammaml.events.TelescopeEvents, list of them, or gammaml.array_events.ArrayEvents
        As `events`.

    Raises
    ------
    gammaml.errors.SettingError
        Where the images are noisier than wanted, or the noise of a camera is not given.
    """
    matched = [_matched(part, wanted, np.random.default_rng([seed, n])) for n, part in enumerate(as_list(events))]
    if isinstance(events, array_events.ArrayEvents):
        return array_events.build(matched)
    return matched[0] if isinstance(events, TelescopeEvents) else matched


def _matched(events, wanted, rng):
    name = events.camera.name
    if name not in wanted:
        known = ", ".join(wanted)
        raise SettingError("match_noise", f"noise of {known}", f"that of {name} too", "give the noise of each camera")
    pedestals = images.pedestals(events)
    noise, level = float(np.median(pedestals.noise)), wanted[name]
    if noise > (1 + TOLERANCE) * level:
        got, expected = (
            f"{noise:.3g} p.e. in the images of {name} to train on",
            f"at most the {level:.3g} p.e. observed",
        )
        raise SettingError("match_noise", got, expected, "simulate a darker sky; noise can only be added")
    if noise >= level:
        return events
    return _measured_anew(_with_noise(events, level**2 - noise**2, pedestals.broken, rng), _cleaning(events))


def _with_noise(events, variance, broken, rng):
    """The events with noise of a variance (p.e. squared) added to all but broken pixels."""
    store = PixelStore.allocate(len(events), events.camera.n_pixels)
    for low in range(0, len(events), BLOCK):
        rows = slice(low, min(low + BLOCK, len(events)))
        image, peak_time = events.read_pixels(rows)
        dead = np.array([broken[number] for number in np.asarray(events.table["tel_id"])[rows].tolist()])
        noisy = np.where(dead, image, images.add_night_sky(image, rng, variance))
        store.image[rows] = noisy
        store.peak_time[rows] = _times(image, noisy, peak_time, events.camera, rng)
        store.release()
    return replace(events, pixels=store, rows=np.arange(len(events)))


def _times(image, noisy, peak_time, camera, rng):
    """Peak times; of pixels in which the night sky outshines what was there, those of pixels outside the image."""
    other = rng.integers(camera.n_pixels, size=image.shape)
    taken = np.take_along_axis(images.outside(images.repair_charge(image), camera), other, axis=1)
    return np.where((noisy - image > image) & taken, np.take_along_axis(peak_time, other, axis=1), peak_time)


def _cleaning(events):
    """The thresholds that give the image parameters of a file, or None where it is neither ours nor ctapipe's."""
    probe = events[np.unique(np.linspace(0, len(events) - 1, PROBES).astype(int))]
    known = np.asarray(probe.table["hillas_intensity"], float)
    for cleaning in (CLEANING, CTAPIPE_CLEANING):
        intensity = np.asarray(_parameters(probe, cleaning)["hillas_intensity"], float)
        if np.isclose(intensity, known, rtol=0.01, equal_nan=True).mean() > 0.9:
            return cleaning
    return None


def _measured_anew(events, cleaning):
    """The events with the parameters of their images."""
    if cleaning is None:
        warnings.warn(
            f"{events.camera.name}: how the images were cleaned is not known; their parameters stay those without "
            "further noise",
            RangeWarning,
            stacklevel=2,
        )
        return events
    table = events.table.copy()
    measured = _parameters(events, cleaning)
    for name in measured.colnames:
        table[name] = measured[name]
    return replace(events, table=table)


def _parameters(events, cleaning):
    blocks = [events.read_pixels(slice(low, low + BLOCK)) for low in range(0, len(events), BLOCK)]
    return vstack([image_parameters(*pixels, events.camera, cleaning=cleaning) for pixels in blocks])
