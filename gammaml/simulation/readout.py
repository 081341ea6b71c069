"""What a camera makes of photo-electrons: waveforms, trigger, charges and peak times.

Each photo-electron, of Cherenkov light or of the night sky, adds a pulse of random size to its pixel's waveform, the
electronics add noise to every sample. The camera triggers where enough touching pixels, or sums of pixels, are above a
threshold at a time. The charge of a pixel is the sum of a few samples about the peak of its neighbours' waveforms
together, as in ctapipe's NeighborPeakWindowSum, less what the night sky brings on average: errors, biases and failures
come out as they do in a camera.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from gammaml.simulation.compilation import compiled
from gammaml.simulation.rng import exponential, uniform

MARGIN = 10.0  # ns before the window whose photo-electrons reach into it
TRIGGER_AT = 0.3  # of the window, where the earlier light of an image is put
N_NORMAL = 1 << 16
PHASES = 8  # of a pulse within a sample


class Camera(NamedTuple):
    """What the compiled readout needs to know of a camera.

    Parameters
    ----------
    neighbours : array (n_pixels, 6 or 8) of int
        Touching pixels, -1 where there are fewer.
    summed : array (n_pixels, n)
        Pixels whose sum the trigger looks at, the pixel itself first, -1 where there are fewer.
    pulse : array (PHASES, n)
        Samples of one photo-electron's pulse, in p.e. a ns, by its place within the first sample.
    normal : array (N_NORMAL,)
        Normal random numbers.
    gain : array (n_pixels,)
        1, but for the errors of calibration; 0 for dead pixels.
    sample : float
        ns.
    n_samples, window : int
        Samples of a waveform, and of a charge.
    night_sky : float
        p.e. a ns and pixel.
    spread, crosstalk, noise, saturation : float
        Of a single p.e.'s charge; probability of one more; rms a sample in pulse heights; p.e.
    jitter : float
        Rms of a p.e.'s time, ns.
    correction : float
        Of charges, for crosstalk and for what the window cuts off a pulse.
    threshold, n_touching, trigger_samples : float, int, int
        Of the trigger: mean over some samples (p.e. a ns), pixels, samples.
    """

    neighbours: np.ndarray
    summed: np.ndarray
    pulse: np.ndarray
    normal: np.ndarray
    gain: np.ndarray
    sample: float
    n_samples: int
    window: int
    night_sky: float
    spread: float
    crosstalk: float
    noise: float
    saturation: float
    jitter: float
    correction: float
    threshold: float
    n_touching: int
    trigger_samples: int


def neighbours(camera):
    """Touching pixels of a camera: array (n_pixels, at most 8), -1 where there are fewer."""
    places = np.stack([camera.pixel_x, camera.pixel_y], axis=1)
    tree = cKDTree(places)
    nearest = np.median(tree.query(places, k=2)[0][:, 1])
    reach = nearest * (1.2 if camera.pixel_type == "hexagon" else 1.5)
    touching = tree.query_ball_point(places, reach)
    table = np.full((len(places), 6 if camera.pixel_type == "hexagon" else 8), -1, np.int32)
    for pixel, near in enumerate(touching):
        others = [other for other in near if other != pixel]
        table[pixel, : len(others)] = others
    return table


def within_rings(touching, n_rings):
    """Each pixel, and those that a number of steps between touching pixels reaches.

    Parameters
    ----------
    touching : array (n_pixels, n)
        Of `neighbours`.
    n_rings : int

    Returns
    -------
    array (n_pixels, m)
        The pixel itself first, -1 where there are fewer.
    """
    found = [[pixel] for pixel in range(len(touching))]
    for _ in range(n_rings):
        reached = [{other for pixel in pixels for other in touching[pixel] if other >= 0} for pixels in found]
        found = [pixels + sorted(new.difference(pixels)) for pixels, new in zip(found, reached, strict=True)]
    table = np.full((len(found), max(map(len, found))), -1, np.int32)
    for pixel, pixels in enumerate(found):
        table[pixel, : len(pixels)] = pixels
    return table


def pulse_samples(width, sample):
    """A Gaussian pulse of full width at half maximum `width`, for `PHASES` places within a sample (ns): p.e. a ns."""
    sigma = width / math.sqrt(8 * math.log(2))
    lead = int(np.ceil(4 * sigma / sample))
    # From the photo-electron, `phase` into its sample, to the centres of the samples about it.
    phase = (np.arange(PHASES)[:, None] + 0.5) / PHASES
    time = (np.arange(-lead, lead + 1) + 0.5 - phase) * sample
    return np.exp(-0.5 * (time / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))


def _contained(pulse, sample, window):
    """Share of a pulse within a window about its highest sample."""
    shares = []
    for samples in pulse:
        first = max(int(samples.argmax()) - window // 2, 0)
        shares.append(samples[first : first + window].sum() * sample)
    return float(np.mean(shares))


def _highest_mean(pulse, window):
    """Largest mean of so many samples of a pulse, in the middle of a sample."""
    middle = np.pad(pulse[len(pulse) // 2], window)
    return float(np.convolve(middle, np.ones(window) / window).max())


def build_camera(telescope_type, seed):
    """Camera of one telescope: its gains and dead pixels are drawn from the seed.

    Parameters
    ----------
    telescope_type : arrays.TelescopeType
    seed : int or list of int

    Returns
    -------
    Camera
    """
    rng = np.random.default_rng(seed)
    n_pixels = telescope_type.camera.n_pixels
    gain = np.maximum(rng.normal(1, telescope_type.gain_spread, n_pixels), 0.0)
    gain[rng.random(n_pixels) < telescope_type.dead_pixels] = 0.0
    sample = 1 / telescope_type.camera.readout.sampling_rate
    pulse = pulse_samples(telescope_type.pulse_width, sample)
    window = max(round(telescope_type.integration_window / sample), 1)
    touching = neighbours(telescope_type.camera)
    trigger_samples = max(round(telescope_type.trigger_window / sample), 1)
    # One sample meets the peak at any place within it, the mean of several does not matter of it.
    height = pulse.max() if trigger_samples == 1 else _highest_mean(pulse, trigger_samples)
    return Camera(
        touching,
        within_rings(touching, telescope_type.trigger_rings),
        pulse,
        rng.normal(size=N_NORMAL),
        gain,
        sample,
        telescope_type.camera.readout.n_samples,
        window,
        telescope_type.night_sky,
        telescope_type.single_pe_spread,
        telescope_type.crosstalk,
        telescope_type.electronic_noise * pulse.max(),
        telescope_type.saturation,
        telescope_type.time_jitter,
        (1 - telescope_type.crosstalk) / _contained(pulse, sample, window),
        telescope_type.trigger_threshold * height,
        telescope_type.trigger_multiplicity,
        trigger_samples,
    )


@compiled
def _normal(rng, camera):
    return camera.normal[int(uniform(rng) * N_NORMAL)]


@compiled
def _add_pulse(rng, waveform, pixel, time, camera):
    """Add one photo-electron at a time (ns from the start of the window) to a pixel's waveform."""
    charge = 1.0
    if camera.crosstalk > 0.0:
        while uniform(rng) < camera.crosstalk:
            charge += 1.0
    charge = max(charge + camera.spread * math.sqrt(charge) * _normal(rng, camera), 0.0)
    if camera.jitter > 0.0:
        time += camera.jitter * _normal(rng, camera)
    place = time / camera.sample
    first = math.floor(place)
    phase = int((place - first) * PHASES)
    first -= camera.pulse.shape[1] // 2  # the pulse is tabulated as far before its peak as after it
    for i in range(max(-first, 0), min(waveform.shape[1] - first, camera.pulse.shape[1])):
        waveform[pixel, first + i] += charge * camera.pulse[phase, i]


@compiled
def fill(rng, waveform, pixel, time, camera):
    """Waveforms, in p.e. a ns about the mean of the night sky, of Cherenkov photo-electrons and all that disturbs them.

    Parameters
    ----------
    rng : array (4,)
    waveform : array (n_pixels, n_samples)
        Written.
    pixel, time : array (n,)
        Of the photo-electrons; ns from the start of the window.
    camera : Camera
    """
    n_pixels, n_samples = waveform.shape
    duration = n_samples * camera.sample
    start = int(uniform(rng) * N_NORMAL)
    mean_charge = 1.0 / (1.0 - camera.crosstalk)
    for p in range(n_pixels):
        for i in range(n_samples):
            waveform[p, i] = camera.noise * camera.normal[start & (N_NORMAL - 1)] - camera.night_sky * mean_charge
            start += 1
        # Another place in the noise for each pixel, so that its pattern does not come again.
        start += int(uniform(rng) * 64)
    # Time runs through one pixel after the other, so that pulses are added where others just were.
    span = duration + 2 * MARGIN
    at = exponential(rng) / camera.night_sky if camera.night_sky > 0.0 else n_pixels * span
    while at < n_pixels * span:
        p = min(int(at / span), n_pixels - 1)
        _add_pulse(rng, waveform, p, at - p * span - MARGIN, camera)
        at += exponential(rng) / camera.night_sky
    for i in range(pixel.shape[0]):
        _add_pulse(rng, waveform, pixel[i], time[i], camera)
    for p in range(n_pixels):
        for i in range(n_samples):
            waveform[p, i] *= camera.gain[p]


@compiled
def trigger_signal(waveform, camera, signal):
    """What the trigger looks at: waveforms summed over pixels, then their mean over the samples before.

    Parameters
    ----------
    waveform : array (n_pixels, n_samples)
    camera : Camera
    signal : array (n_pixels, n_samples)
        Written.
    """
    n_pixels, n_samples = waveform.shape
    n = camera.trigger_samples
    for p in range(n_pixels):
        for i in range(n_samples):
            signal[p, i] = waveform[p, i]
        for k in range(1, camera.summed.shape[1]):
            other = camera.summed[p, k]
            if other >= 0:
                for i in range(n_samples):
                    signal[p, i] += waveform[other, i]
        if n > 1:
            for i in range(n_samples - 1, -1, -1):
                total = 0.0
                for j in range(max(i - n + 1, 0), i + 1):
                    total += signal[p, j]
                signal[p, i] = total / n


@compiled
def triggered(signal, camera):
    """First sample at which enough touching pixels are above the threshold, -1 without a trigger.

    Parameters
    ----------
    signal : array (n_pixels, n_samples)
        Of `trigger_signal`.
    camera : Camera
    """
    n_pixels, n_samples = signal.shape
    earliest = n_samples
    for p in range(n_pixels):
        for i in range(min(n_samples, earliest)):
            if signal[p, i] < camera.threshold:
                continue
            above = 1
            for k in range(camera.neighbours.shape[1]):
                other = camera.neighbours[p, k]
                if other >= 0 and signal[other, i] >= camera.threshold:
                    above += 1
            if above >= camera.n_touching:
                earliest = i
    return earliest if earliest < n_samples else -1


@compiled
def extract(waveform, camera, summed, charge, peak_time):
    """Charges (p.e.) and peak times (ns from the start of the window) of waveforms.

    Parameters
    ----------
    waveform : array (n_pixels, n_samples)
    camera : Camera
    summed : array (n_samples,)
        Work space.
    charge, peak_time : array (n_pixels,)
        Written.
    """
    n_pixels, n_samples = waveform.shape
    before = camera.window // 2
    for p in range(n_pixels):
        for i in range(n_samples):
            summed[i] = 0.0
        for k in range(camera.neighbours.shape[1]):
            other = camera.neighbours[p, k]
            if other >= 0:
                for i in range(n_samples):
                    summed[i] += waveform[other, i]
        peak = 0
        for i in range(1, n_samples):
            if summed[i] > summed[peak]:
                peak = i
        first = min(max(peak - before, 0), n_samples - camera.window)
        total = 0.0
        positive = 0.0
        moment = 0.0
        for i in range(first, first + camera.window):
            value = waveform[p, i]
            total += value
            if value > 0.0:
                positive += value
                moment += value * (i + 0.5)
        charge[p] = min(total * camera.sample * camera.correction, camera.saturation)
        peak_time[p] = (moment / positive if positive > 0.0 else peak + 0.5) * camera.sample


def read_out(rng, pixel, time, camera):
    """Read a camera out.

    Parameters
    ----------
    rng : array (4,)
    pixel, time : array (n,)
        Of Cherenkov photo-electrons, ns from the start of the window.
    camera : Camera

    Returns
    -------
    image, peak_time : array (n_pixels,)
        p.e., and ns from the start of the window.
    true_image : array (n_pixels,) of int
        Cherenkov photo-electrons.

    None where it did not trigger.
    """
    n_pixels = len(camera.gain)
    waveform = np.empty((n_pixels, camera.n_samples))
    fill(rng, waveform, pixel, time, camera)
    signal = np.empty_like(waveform)
    trigger_signal(waveform, camera, signal)
    if triggered(signal, camera) < 0:
        return None
    image, peak_time = np.empty((2, n_pixels))
    extract(waveform, camera, np.empty(camera.n_samples), image, peak_time)
    return image, peak_time, np.bincount(pixel, minlength=n_pixels)
