"""From events to shuffled, augmented batches, made in a thread while the network learns.

Images stay where the events have them, in memory or memory-mapped; a batch reads only its own rows. What a batch
holds depends on the seed, the epoch and its number alone, so an interrupted training goes on exactly.
"""

import queue
import threading
from dataclasses import dataclass

import numpy as np

from gammaml import images, parameters
from gammaml.tasks import TASKS, takes_part, target

PREDICTION_BATCH = 256


@dataclass(frozen=True, eq=False)
class Sample:
    """Events with all that training needs beside their images.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents
    shape : gammaml.parameters.Shape
    targets : dict of str to array (n_images, n_outputs)
        By task.
    weights : dict of str to array (n_images,)
        By task; 0 where an event takes no part.
    """

    events: object
    shape: parameters.Shape
    targets: dict
    weights: dict

    def __len__(self):
        return len(self.events)


def build_sample(events, tasks, *, class_balance=True):
    """Targets and weights of events.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents
        Simulated ones.
    tasks : tuple of gammaml.tasks.Task
    class_balance : bool
        Give both classes the same total weight.

    Returns
    -------
    Sample
    """
    targets, weights = targets_and_weights(events, tasks, class_balance=class_balance)
    return Sample(events, parameters.shape(events.table), targets, weights)


def targets_and_weights(events, tasks, *, class_balance):
    """Targets and weights by task of telescope or array events: two dicts of arrays."""
    weights = {}
    for task in tasks:
        weight = takes_part(task, events).astype(np.float32)
        if task.is_classification and class_balance:
            gamma = events.is_gamma
            weight = np.where(gamma, 0.5 / max(gamma.mean(), 1e-9), 0.5 / max((~gamma).mean(), 1e-9))
        weights[task.name] = weight.astype(np.float32)
    return {task.name: target(task, events) for task in tasks}, weights


@dataclass(frozen=True, eq=False)
class Augmentation:
    """What is done to training images at random.

    Parameters
    ----------
    symmetries : tuple of gammaml.images.Symmetry
        Turns and reflections to choose from; the identity alone for none.
    night_sky : float
        Largest extra night-sky noise, p.e. rms a pixel.
    dead_pixels : float
        Largest fraction of pixels switched off.
    """

    symmetries: tuple
    night_sky: float = 0.0
    dead_pixels: float = 0.0

    @property
    def matrices(self):
        """What each symmetry does to a vector, (n_symmetries, 2, 2)."""
        return np.stack([symmetry.matrix for symmetry in self.symmetries])


@dataclass(frozen=True, eq=False)
class Feed:
    """Events of one camera on their way into a network.

    Parameters
    ----------
    sample : Sample
    inputs : gammaml.inputs.Inputs
        For this camera.
    augmentation : Augmentation
    """

    sample: Sample
    inputs: object
    augmentation: Augmentation

    def __len__(self):
        return len(self.sample)

    def batch(self, rows, rng):
        """Network inputs, targets and weights of some images, augmented: three dicts of arrays."""
        sample, augmentation = self.sample, self.augmentation
        choice = rng.integers(len(augmentation.symmetries), size=len(rows))
        pixels = augmented(sample.events, rows, augmentation, choice, rng)
        matrix = augmentation.matrices[choice]
        x = self.inputs.build(*pixels, sample.shape[rows], matrix)
        return (
            x,
            turned_targets(sample.targets, rows, matrix),
            {n: values[rows] for n, values in sample.weights.items()},
        )


@dataclass(frozen=True, eq=False)
class Feeds:
    """The feeds of several cameras as one, images of all of them mixed."""

    parts: tuple

    def __len__(self):
        return sum(map(len, self.parts))

    def of_epoch(self, rng):
        """The same feed: an image is augmented by itself, in its batch."""
        return self

    def batch(self, rows, rng):
        """As :meth:`Feed.batch`; images of one camera stand together."""
        edges = np.cumsum([0, *map(len, self.parts)])
        pieces = []
        for feed, low, high in zip(self.parts, edges[:-1], edges[1:], strict=True):
            mine = rows[(rows >= low) & (rows < high)] - low
            if len(mine):
                pieces.append(feed.batch(mine, rng))
        return tuple(_joined(dicts) for dicts in zip(*pieces, strict=True))


def training_batches(feed, *, batch_size, seed, epoch):
    """The batches of one epoch, every event once.

    Parameters
    ----------
    feed : Feeds or gammaml.array_batches.ArrayFeed
    batch_size : int
        At most; batches are of equal size to one event.
    seed, epoch : int

    Yields
    ------
    x, y, weights : dict of str to array
        Network inputs by name; targets and weights by task.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(feed))
    feed = feed.of_epoch(rng)
    for number, rows in enumerate(_split(order, batch_size)):
        yield feed.batch(rows, np.random.default_rng([seed, epoch, number]))


def _joined(dicts):
    return {name: np.concatenate([values[name] for values in dicts]) for name in dicts[0]}


def _split(order, batch_size):
    return np.array_split(order, -(-len(order) // batch_size)) if len(order) else []


def augmented(events, rows, augmentation, choice, rng):
    """Charges and peak times of some images, with noise, dead pixels and turns.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents
    rows : array of int (n,)
    augmentation : Augmentation
    choice : array of int (n,)
        Which of the symmetries each image is turned by.
    rng : numpy.random.Generator or None
        None where nothing is disturbed.

    Returns
    -------
    image, peak_time : array (n, n_pixels) of float32
    """
    image, peak_time = events.read_pixels(rows)
    if augmentation.night_sky:
        image = images.add_night_sky(image, rng, rng.uniform(0, augmentation.night_sky, len(rows)) ** 2)
    if augmentation.dead_pixels:
        image, peak_time = images.kill_pixels(
            image, peak_time, rng, rng.uniform(0, augmentation.dead_pixels, len(rows))
        )
    if len(augmentation.symmetries) == 1:  # the identity
        return image, peak_time
    return tuple(images.apply_symmetries(values, augmentation.symmetries, choice) for values in (image, peak_time))


def turned_targets(targets, rows, matrix):
    """Targets of some events by task, those that turn with the camera turned by a matrix each."""
    chosen = {name: values[rows] for name, values in targets.items()}
    return {n: images.turned(values, matrix) if TASKS[n].is_vector else values for n, values in chosen.items()}


def in_order(events, shape, inputs, *, batch_size=PREDICTION_BATCH):
    """Network inputs of all events as they are, batch by batch.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents
    shape : gammaml.parameters.Shape
        Of the same events.
    inputs : gammaml.inputs.Inputs
    batch_size : int

    Yields
    ------
    rows : slice
    x : dict of str to array
    """
    for low in range(0, len(events), batch_size):
        rows = slice(low, min(low + batch_size, len(events)))
        yield rows, inputs.build(*events.read_pixels(rows), shape[rows])


def prefetch(batches, depth=4):
    """The same items, made `depth` ahead in a thread; its errors are raised here.

    Closing the generator, as a `break` in the loop does, ends the thread.
    """
    ready, stop = queue.Queue(maxsize=depth), threading.Event()

    def fill():
        try:
            for item in batches:
                if not _put(ready, (item, None), stop):
                    return
            _put(ready, (None, StopIteration()), stop)
        except BaseException as error:  # whatever it is belongs to the caller
            _put(ready, (None, error), stop)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        stop.set()
        thread.join()


def _put(ready, item, stop):
    """Put `item` unless asked to stop; returns whether it was put."""
    while not stop.is_set():
        try:
            ready.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
