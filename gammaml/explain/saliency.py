"""Which pixels an answer of a network rests on: integrated gradients, Grad-CAM, occlusion.

All three look at the images alone: image parameters and geometry, which most networks take in beside them, stay as they
are. So an answer that a network takes from the parameters shows up in none.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops

from gammaml.explain.gradients import behind_encoders, build_gradient, split_encoder
from gammaml.explain.subject import build_subject, score

STEPS = 256  # of the way from an empty image; at the kinks of relus the sum comes slowly to the integral
BATCH = 64  # occluded images at a time
LABELS = {
    "gammaness": "log-odds of gammaness",
    "energy": "log10(E / TeV)",
    "direction": "direction along the axis [deg]",
    "core": "core along the axis [100 m]",
    "h_max": "height of maximum [10 km]",
    "x_max": "depth of maximum [100 g/cm²]",
}


@dataclass(frozen=True, eq=False)
class Saliency:
    """What each pixel contributes to an answer.

    Parameters
    ----------
    method : str
        "integrated_gradients", "grad_cam" or "occlusion".
    output : str
        Name of the task.
    pixels : tuple of array (n_images, n_pixels)
        One a camera of the events; 0 for pixels outside the window that the network sees.
    score : array (n_events,)
        The answer, uncalibrated: see :func:`gammaml.explain.subject.score` and `LABELS`.
    empty : array (n_events,)
        The answer to empty images.
    """

    method: str
    output: str
    pixels: tuple
    score: np.ndarray
    empty: np.ndarray


def by_telescope(saliency, events):
    """The pixels of one event by telescope: dict of int to array (n_pixels,).

    Parameters
    ----------
    saliency : Saliency
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents
        The event it is of.
    """
    cameras = getattr(events, "cameras", (events,))
    return {
        int(tel_id): pixels
        for part, of_camera in zip(cameras, saliency.pixels, strict=True)
        for tel_id, pixels in zip(part.table["tel_id"], of_camera, strict=True)
    }


def integrated_gradients(bundle, events, output=None, *, steps=STEPS):
    """Contributions of the pixels, which add up to the answer less that to empty images.

    Sundararajan et al. 2017, ICML, eq. 1, charge and time of a pixel together; the integral over the straight way from
    an empty image (no charge, no time), by midpoints that lie closer together where there is little light. Images of an
    array event grow together, and the contributions of them all add up. They do so to about 1 %: how well can be seen
    from the sum of ``pixels`` against ``score`` less ``empty``, and more steps make it better.

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents
        A few, as the network takes them.
    output : str, optional
        "gammaness", "energy", "direction" or another task of the bundle; its first when None. A direction is explained
        by its component along the axis of the brightest image.
    steps : int

    Returns
    -------
    Saliency

    Raises
    ------
    gammaml.errors.InputError, gammaml.errors.SettingError
        See :func:`gammaml.explain.subject.build_subject`; for an output that the network does not have.
    """
    subject = build_subject(bundle, events)
    task = subject.task(output)
    x, names = _shown(subject)
    gradient = build_gradient(lambda inputs: _score(subject.model, task, inputs, subject.axis), x, names)
    mean = dict.fromkeys(names, 0.0)
    for root in (np.arange(steps) + 0.5) / steps:
        for name, values in gradient(_faded(x, names, root**2)).items():
            mean[name] = mean[name] + 2 * root / steps * values
    pixels = [windows.to_pixels((x[windows.name] * mean[windows.name]).sum(axis=-1)) for windows in subject.windows]
    return _saliency("integrated_gradients", subject, task, pixels)


def grad_cam(bundle, events, output=None):
    """Where the last feature maps speak for a higher answer; parameters and result as :func:`integrated_gradients`.

    Selvaraju et al. 2017, ICCV, eqs. 1-2: the feature maps before the image becomes a list of numbers, each weighted by
    the mean gradient of the answer, their positive sum stretched linearly over the window. These maps are coarse: 4 by
    4 cells for 32 by 32 of a window.
    """
    subject = build_subject(bundle, events)
    task = subject.task(output)
    x, names = _shown(subject)
    before, after = {}, {}
    for name, encoder in subject.encoders.items():
        before[name], after[encoder] = split_encoder(subject.model.get_layer(encoder))
    maps = {name: ops.convert_to_numpy(see(x[name], training=False)) for name, see in before.items()}
    rest = behind_encoders(subject.model, after, {name: values.shape[1:] for name, values in maps.items()})
    gradient = build_gradient(lambda inputs: _score(rest, task, inputs, subject.axis), x | maps, names)(x | maps)
    pixels = []
    for windows in subject.windows:
        weights = gradient[windows.name].mean(axis=(1, 2), keepdims=True)
        heat = np.maximum((weights * maps[windows.name]).sum(axis=-1, keepdims=True), 0)
        stretched = ops.image.resize(heat, x[windows.name].shape[1:3], interpolation="bilinear")
        pixels.append(windows.to_pixels(ops.convert_to_numpy(stretched)[..., 0]))
    return _saliency("grad_cam", subject, task, pixels)


def occlusion(bundle, events, output=None):
    """How much the answer falls when a pixel and its neighbours are dark; else as :func:`integrated_gradients`.

    After Zeiler & Fergus 2014, ECCV, section 4.2, with the pixels of the camera in place of squares. The window stays
    where it is, and where pixels share a cell, it darkens by the share of its area.
    """
    subject = build_subject(bundle, events)
    task = subject.task(output)
    pixels = []
    for windows in subject.windows:
        values = np.zeros((len(windows.rows), windows.mapping.n_pixels), np.float32)
        for place, row in enumerate(windows.rows):
            values[row] = _occluded(subject, task, windows, place)
        pixels.append(values)
    return _saliency("occlusion", subject, task, pixels)


def _shown(subject):
    """Network inputs of all events, and which of them hold images."""
    return subject.take(np.arange(len(subject))), [windows.name for windows in subject.windows]


def _score(model, task, inputs, axis):
    return score(task, model(inputs, training=False), axis)


def _faded(x, names, share):
    return x | {name: np.float32(share) * x[name] for name in names}


def _saliency(method, subject, task, pixels):
    x, names = _shown(subject)
    scores = [_scored(subject, task, inputs, subject.axis) for inputs in (x, _faded(x, names, 0))]
    return Saliency(method, task.name, tuple(pixels), *scores)


def _scored(subject, task, inputs, axis):
    return ops.convert_to_numpy(score(task, subject.model.predict_on_batch(inputs), axis))


def _occluded(subject, task, windows, place):
    """What each pixel of the image at a place of the batch takes away, (n_pixels,)."""
    mapping, event = windows.mapping, windows.event[place]
    own = np.flatnonzero(windows.event == event)  # images of the event by this kind of camera stand together
    centre = windows.centre[place : place + 1]
    size = subject.take(np.array([event]))[windows.name].shape[1]
    seen = np.flatnonzero(mapping.uncrop(np.ones((1, size, size), np.float32), centre)[0])
    patches = np.column_stack([np.arange(mapping.n_pixels), mapping.neighbours])
    fallen = np.zeros(mapping.n_pixels, np.float32)
    for low in range(0, len(seen), BATCH):
        pixels = seen[low : low + BATCH]
        dark = np.zeros((len(pixels) + 1, mapping.n_pixels + 1), np.float32)  # the first stays as it is
        dark[np.arange(1, len(dark))[:, None], patches[pixels]] = 1
        covered = mapping.crop(dark[:, :-1], np.repeat(centre, len(dark), axis=0), size, average=True)
        x = subject.take(np.full(len(dark), event))
        image = x[windows.name].copy()
        image[np.searchsorted(own, place) :: len(own)] *= 1 - covered[..., None]
        answers = _scored(subject, task, x | {windows.name: image}, subject.axis[event])
        fallen[pixels] = answers[0] - answers[1:]
    return fallen
