"""From array events to batches: images of each kind of camera in one list, and which of them belong to an event."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from gammaml import array_events, array_inputs, images, parameters
from gammaml.batches import Augmentation, augmented, targets_and_weights, turned_targets

PREDICTION_BATCH = 128


class Members:
    """The images of one camera by event.

    Parameters
    ----------
    row : array of int (n_images,)
        Event of each image.
    n_events : int
    """

    def __init__(self, row, n_events):
        self.order = np.argsort(row, kind="stable")
        self.count = np.bincount(row, minlength=n_events)
        self.first = np.cumsum(self.count) - self.count

    def of(self, rows):
        """Images of some events: their places in the batch, and their numbers, event by event."""
        count = self.count[rows]
        place = np.repeat(np.arange(len(rows)), count)
        return place, self.order[self.first[rows][place] + array_events.ranks(count)]


@dataclass(frozen=True, eq=False)
class ArrayFeed:
    """Array events on their way into a network.

    Parameters
    ----------
    events : gammaml.array_events.ArrayEvents
    inputs : gammaml.array_inputs.ArrayInputs
    augmentations : tuple of Augmentation
        One a camera of the events, whose symmetries match.
    targets, weights : dict of str to array
        By task.
    fewer : callable, optional
        From a random number generator to a feed of the same showers with other telescopes missing.
    n_slots : int
        Of every event in every batch, or Keras would trace the network anew; 0 for what the largest event needs.
    """

    events: object
    inputs: object
    augmentations: tuple
    targets: dict = field(default_factory=dict)
    weights: dict = field(default_factory=dict)
    fewer: Callable | None = None
    n_slots: int = 0

    def __post_init__(self):
        cameras = self.events.cameras
        prepared = {
            "numbers": [self.inputs.number(each.camera) for each in cameras],
            "members": [Members(row, len(self.events)) for row in self.events.members],
            "shapes": [parameters.shape(each.table) for each in cameras],
            "geometry": array_inputs.geometry(self.events),
            "of_event": array_inputs.event_inputs(self.events),
            "n_slots": self.n_slots or int(self.events.table["multiplicity"].max()),
        }
        for name, value in prepared.items():
            object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.events)

    def of_epoch(self, rng):
        """The feed of one epoch: the same, or one in which other telescopes are missing."""
        return self.fewer(rng) if self.fewer else self

    def batch(self, rows, rng):
        """Network inputs, targets and weights of some events, augmented: three dicts of arrays."""
        choice = rng.integers(len(self.augmentations[0].symmetries), size=len(rows))
        matrix = self.augmentations[0].matrices[choice]
        x = self._inputs(rows, choice, matrix, rng)
        weights = {name: values[rows] for name, values in self.weights.items()}
        return x, turned_targets(self.targets, rows, matrix), weights

    def inputs_of(self, rows):
        """Network inputs of some events as they are: dict of arrays."""
        return self._inputs(rows, np.zeros(len(rows), int), None, None)

    def _inputs(self, rows, choice, matrix, rng):
        x, places = {}, [np.empty(0, int)] * len(self.inputs.cameras)
        for index, number in enumerate(self.numbers):
            places[number], image = self.members[index].of(rows)
            turn = None if matrix is None else matrix[places[number]]
            pixels = augmented(
                self.events.cameras[index], image, self.augmentations[index], choice[places[number]], rng
            )
            own = self.shapes[index][image], self.geometry[index][image]
            x |= self.inputs.of_camera(number, pixels, *own, turn)
        for number, inputs in enumerate(self.inputs.cameras):
            if number not in self.numbers:
                x |= self.inputs.of_camera(number, np.empty((2, 0, inputs.camera.n_pixels)), None, None)
        of_event = {name: values[rows] for name, values in self.of_event.items()}
        if matrix is not None:
            of_event["classical"] = np.einsum("nij,nvj->nvi", matrix, of_event["classical"]).astype(np.float32)
        return x | of_event | {"slot": _slots(places, (len(rows), self.n_slots))}


def _slots(places, shape):
    """Where the images of each event are in the joined list of all cameras': `shape` (n_events, n_slots), -1 for none.

    A camera without images in the batch has one in the list all the same, which belongs to no event.
    """
    first = np.cumsum([0, *(max(len(place), 1) for place in places)])[:-1]
    number = np.concatenate([start + np.arange(len(place)) for start, place in zip(first, places, strict=True)])
    event = np.concatenate(places)
    order = np.argsort(event, kind="stable")
    slots = np.full(shape, -1, np.int32)
    slots[event[order], array_events.ranks(np.bincount(event, minlength=shape[0]))] = number[order]
    return slots


def build_feed(events, inputs):
    """A feed of events as they are, for prediction."""
    plain = [Augmentation(images.find_symmetries(each.camera)[:1]) for each in events.cameras]
    return ArrayFeed(events, inputs, tuple(plain))


def training_feed(events, inputs, tasks, settings, *, augment, n_slots=0):
    """A feed with targets and weights.

    Parameters
    ----------
    events : gammaml.array_events.ArrayEvents
        Simulated ones.
    inputs : gammaml.array_inputs.ArrayInputs
    tasks : tuple of gammaml.tasks.Task
    settings : gammaml.config.TrainSettings
    augment : bool
        Whether images are turned and disturbed at random.
    n_slots : int
        See `ArrayFeed`.

    Returns
    -------
    ArrayFeed
    """
    symmetries = images.common_symmetries([each.camera for each in events.cameras])
    if not (augment and settings.symmetries):
        symmetries = [own[:1] for own in symmetries]
    noise = (settings.night_sky, settings.dead_pixels) if augment else (0.0, 0.0)
    augmentations = tuple(Augmentation(own, *noise) for own in symmetries)
    made = targets_and_weights(events, tasks, class_balance=settings.class_balance)
    fewer = partial(_with_fewer, events, inputs, tasks, settings) if augment and settings.missing_telescopes else None
    return ArrayFeed(events, inputs, augmentations, *made, fewer, n_slots)


def _with_fewer(events, inputs, tasks, settings, rng):
    """A feed of the same showers with other telescopes missing, with as many slots as all of them need."""
    n_slots = int(events.table["multiplicity"].max())
    events = array_events.with_fewer(events, settings.missing_telescopes, rng)
    whole = replace(settings, missing_telescopes=0.0)
    return training_feed(events, inputs, tasks, whole, augment=True, n_slots=n_slots)


def in_order(feed, *, batch_size=PREDICTION_BATCH):
    """Network inputs of all events of a feed, batch by batch: yields rows (a slice) and a dict of arrays."""
    for low in range(0, len(feed), batch_size):
        rows = np.arange(low, min(low + batch_size, len(feed)))
        yield slice(low, low + len(rows)), feed.inputs_of(rows)
