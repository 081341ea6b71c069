"""From training and validation events to what the training loop needs, for single images and for array events."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from gammaml import array_batches, array_events, array_forest, conditions, forest, images, night_sky, parameters
from gammaml.array_inputs import ArrayInputs, build_array_inputs
from gammaml.batches import Augmentation, Feed, Feeds, build_sample
from gammaml.events import as_list
from gammaml.inputs import Inputs, build_inputs
from gammaml.io.checks import check_labels
from gammaml.training_data import counts, usable, usable_arrays


@dataclass(frozen=True, eq=False)
class Data:
    """What the training loop needs.

    Parameters
    ----------
    training, validation : list of gammaml.events.TelescopeEvents
        Images that are used, one a camera.
    inputs : gammaml.inputs.Inputs or gammaml.array_inputs.ArrayInputs
    feed, held_out : gammaml.batches.Feeds or gammaml.array_batches.ArrayFeed
        Training events, augmented, and validation events as they are.
    n_training : dict
        Numbers of gammas and hadrons that are learnt from.
    fit_baseline : callable
        Trains the forest on the same events.
    conditions : list of gammaml.conditions.Conditions
        Of the training events, those without image parameters among them.
    """

    training: list
    validation: list
    inputs: Inputs | ArrayInputs
    feed: Feeds | array_batches.ArrayFeed
    held_out: Feeds | array_batches.ArrayFeed
    n_training: dict
    fit_baseline: Callable
    conditions: list = field(default_factory=list)

    @property
    def showers(self):
        """Every shower of these events, sorted."""
        parts = [np.asarray(events.table["shower_id"]) for events in (*self.training, *self.validation)]
        return np.unique(np.concatenate(parts))


def prepare(training, validation, tasks, settings, start=None):
    """Check events and set up their way into a network.

    Parameters
    ----------
    training, validation : gammaml.events.TelescopeEvents, list of them, or gammaml.array_events.ArrayEvents
    tasks : tuple of gammaml.tasks.Task
    settings : gammaml.config.TrainSettings
    start : gammaml.bundle.Bundle, optional
        Of one level with the network, its inputs are taken over.

    Returns
    -------
    Data
    """
    inputs = start.inputs if start is not None and start.settings.is_array == settings.is_array else None
    check_labels("training events", [part.table for events in (training, validation) for part in as_list(events)])
    if settings.match_noise:
        training = night_sky.match(training, settings.match_noise, seed=settings.seed)
        validation = night_sky.match(validation, settings.match_noise, seed=settings.seed + 1)
    make = _array_data if settings.is_array else _telescope_data
    data = make(training, validation, tasks, settings, inputs)
    measured = conditions.measure(training)
    if any(task.is_classification for task in tasks):
        conditions.warn_of_classes(measured)
    return replace(data, conditions=measured)


def _telescope_data(training, validation, tasks, settings, inputs):
    training = usable(as_list(training), tasks, "training")
    validation = usable(as_list(validation), tasks, "validation")
    if inputs is None:
        shape = parameters.concatenate([parameters.shape(events.table) for events in training])
        inputs = build_inputs(training[0].camera, shape, settings)
    feed, held_out = (
        Feeds(tuple(_feed(events, tasks, settings, inputs, augment=augment) for events in part))
        for part, augment in ((training, True), (validation, False))
    )
    fit_baseline = partial(forest.fit, training, tasks, seed=settings.seed)
    return Data(training, validation, inputs, feed, held_out, counts(training), fit_baseline)


def _feed(events, tasks, settings, inputs, *, augment):
    sample = build_sample(events, tasks, class_balance=settings.class_balance)
    symmetries = images.find_symmetries(events.camera)
    augmentation = Augmentation(symmetries[:1])
    if augment:
        chosen = symmetries if settings.symmetries else symmetries[:1]
        augmentation = Augmentation(chosen, settings.night_sky, settings.dead_pixels)
    return Feed(sample, inputs.for_camera(events.camera), augmentation)


def _array_data(training, validation, tasks, settings, inputs):
    training = usable_arrays(_as_arrays(training), tasks, "training")
    validation = usable_arrays(_as_arrays(validation), tasks, "validation")
    if inputs is None:
        shapes = [parameters.shape(events.table) for events in training.cameras]
        cameras = [events.camera for events in training.cameras]
        inputs = build_array_inputs(cameras, shapes, partial(build_inputs, settings=settings))
    feed, held_out = (
        array_batches.training_feed(part, inputs, tasks, settings, augment=augment)
        for part, augment in ((training, True), (validation, False))
    )
    fit_baseline = partial(array_forest.fit, training, tasks, seed=settings.seed)
    cameras = [list(part.cameras) for part in (training, validation)]
    return Data(*cameras, inputs, feed, held_out, counts([training]), fit_baseline)


def _as_arrays(events):
    return events if isinstance(events, array_events.ArrayEvents) else array_events.build(events)
