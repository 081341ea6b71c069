"""Events as a network takes them in, and the way back from its windows to the pixels of the cameras."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from keras import ops

from gammaml import array_batches, images, parameters
from gammaml.array_events import ArrayEvents
from gammaml.errors import InputError, SettingError
from gammaml.events import TelescopeEvents


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of one kind of camera in a batch, image by image.

    Parameters
    ----------
    name : str
        Of the network's input.
    rows : array of int (n_images,)
        Which image of the camera's events each is.
    event : array of int (n_images,)
        Which event each belongs to.
    mapping : gammaml.images.LatticeMapping or gammaml.images.ResamplingMapping
    centre : array of int (n_images, 2)
        Middle cell of each.
    """

    name: str
    rows: np.ndarray
    event: np.ndarray
    mapping: object
    centre: np.ndarray

    def to_pixels(self, windows):
        """Values (n_images, size, size) to pixels (n_images, n_pixels), in the order of the events' images."""
        pixels = np.empty((len(self.rows), self.mapping.n_pixels), np.float32)
        pixels[self.rows] = self.mapping.uncrop(windows, self.centre)
        return pixels


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and what it is shown.

    Parameters
    ----------
    model : keras.Model
    encoders : dict of str to str
        See :func:`encoder_names`.
    tasks : tuple of gammaml.tasks.Task
    take : callable
        From rows of the events to network inputs by name; a row may come more than once.
    windows : tuple of Windows
        One a camera of the events.
    axis : array (n_events, 2)
        Unit vector along the axis of the event's brightest image, away from the camera's centre, fov_lon and fov_lat.
    """

    model: object
    encoders: dict
    tasks: tuple
    take: Callable
    windows: tuple
    axis: np.ndarray

    def __len__(self):
        return len(self.axis)

    def task(self, name):
        """The task of this name, the first for None.

        Raises
        ------
        gammaml.errors.SettingError
            Where the network has not learnt it.
        """
        known = {task.name: task for task in self.tasks}
        if name is not None and name not in known:
            raise SettingError("what to explain", repr(name), f"one of {', '.join(known)}", "choose one of these")
        return known[name] if name is not None else self.tasks[0]


def score(task, answers, axis):
    """One number an event, of what a network answers.

    Parameters
    ----------
    task : gammaml.tasks.Task
    answers : dict of tensors
    axis : array (n_events, 2)

    Returns
    -------
    tensor (n_events,)
        For gammaness ln(p / (1 - p)), which does not saturate as p does; for a place its component along `axis`; else
        the network's number as in :mod:`gammaml.tasks`.
    """
    answer = answers[task.name]
    if task.is_classification:
        logarithm = ops.log(ops.maximum(answer, 1e-30))
        return logarithm[:, 1] - logarithm[:, 0]
    return ops.sum(answer[:, :2] * axis, axis=1) if task.is_vector else answer[:, 0]


def encoder_names(bundle):
    """Names of the layers that look at images, by the network input that holds them: see :mod:`gammaml.models.build`.

    Raises
    ------
    gammaml.errors.SettingError
        For a network that sees no image.
    """
    if bundle.settings.network == "hillas_mlp":
        raise SettingError("network", "hillas_mlp, which sees no image", "one that does", "give another bundle")
    names = [name for name in bundle.model.input if name.startswith("image")]
    return {name: "encoder" if name == "image" else name.replace("image", "image_encoder") for name in names}


def build_subject(bundle, events):
    """A network and the events it is shown.

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents
        As the network takes them.

    Returns
    -------
    Subject

    Raises
    ------
    gammaml.errors.InputError
        Where the events are of another kind, or of a camera that the network does not know.
    gammaml.errors.SettingError
        For a network that sees no image.
    """
    asked = bundle.model, encoder_names(bundle), bundle.tasks
    wanted, noun = (ArrayEvents, "array events") if bundle.settings.is_array else (TelescopeEvents, "single images")
    if not isinstance(events, wanted):
        raise InputError("events to explain", type(events).__name__, f"{wanted.__name__}", f"it is a network of {noun}")
    if not len(events):
        raise InputError("events to explain", "none", "at least one", "select some")
    return Subject(*asked, *(_of_arrays if bundle.settings.is_array else _of_images)(bundle.inputs, events))


def _of_images(inputs, events):
    """What is different for single images: `take`, `windows` and `axis` of a subject."""
    inputs, every = inputs.for_camera(events.camera), np.arange(len(events))
    image, peak_time = events.read_pixels()
    x = inputs.build(image, peak_time, parameters.shape(events.table))
    windows = Windows("image", every, every, inputs.mapping, images.centre_cell(image, inputs.mapping))
    return (lambda rows: _taken(x, rows)), (windows,), x["frame"][:, 1]


def _taken(x, rows):
    return {name: values[rows] for name, values in x.items()}


def _of_arrays(inputs, events):
    """The same for array events."""
    feed, every = array_batches.build_feed(events, inputs), np.arange(len(events))
    windows = []
    for part, number, members in zip(events.cameras, feed.numbers, feed.members, strict=True):
        event, rows = members.of(every)
        mapping = inputs.cameras[number].mapping
        centre = images.centre_cell(part.read_pixels(rows)[0], mapping)
        windows.append(Windows(f"image_{number}", rows, event, mapping, centre))
    return feed.inputs_of, tuple(windows), _brightest_axis(events, feed)


def _brightest_axis(events, feed):
    axis = np.zeros((len(events), 2), np.float32)
    brightness = np.full(len(events), -np.inf)
    for part, event, geometry in zip(events.cameras, events.members, feed.geometry, strict=True):
        intensity = np.nan_to_num(np.asarray(part.table["hillas_intensity"], float))
        for row in np.argsort(intensity):
            if intensity[row] > brightness[event[row]]:
                brightness[event[row]], axis[event[row]] = intensity[row], geometry.frame[row, 0, 1]
    return axis
