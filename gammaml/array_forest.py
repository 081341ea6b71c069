"""The reference for array events: forests on stereo parameters, and the direction by the classical reconstruction.

As ctapipe's stereo analysis does: each image is judged by a forest that also knows the impact distance and the height
of the maximum, and an event gets the mean over its images, weighted by intensity. Where there is no classical
direction, as with one telescope, it is the mean of what single images say, as in :mod:`gammaml.forest`.
"""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from gammaml import array_inputs, forest, parameters
from gammaml.tasks import GAMMANESS, takes_part, target


@dataclass(frozen=True, eq=False)
class ArrayForest(forest.Forest):
    """Forests for some tasks on array events."""

    def predict(self, events):
        """What the forests answer.

        Parameters
        ----------
        events : gammaml.array_events.ArrayEvents

        Returns
        -------
        dict of str to array (n_events, n_outputs)
            By task; as a network's outputs.
        """
        shape, geometry, row = _images(events)
        inputs = forest.filled(_inputs(shape, geometry, row, events), self.fill)
        mean = _Mean(row, len(events), 10 ** geometry.scalars[:, 0])
        return {task.name: self._predict(task, events, (inputs, geometry), mean) for task in self.tasks}

    def _predict(self, task, events, images, mean):
        inputs, geometry = images
        if task.name == "direction":
            disp = forest.outward(self.trees, inputs)[:, None] * geometry.frame[:, 0, 1]
            said = mean.of(geometry.frame[:, 0, 0] + disp)
            return np.where(np.isfinite(classical := _classical(events, 0)), classical, said)
        if task.name == "core":
            return _classical(events, 1)
        answer = mean.of(self.trees[task.name].predict(inputs)[:, None])
        return np.concatenate([1 - answer, answer], axis=1) if task is GAMMANESS else answer


def fit(events, tasks, *, seed=0):
    """Train the forests.

    Parameters
    ----------
    events : gammaml.array_events.ArrayEvents
        The same as the network's training events.
    tasks : tuple of gammaml.tasks.Task
    seed : int

    Returns
    -------
    ArrayForest
    """
    shape, geometry, row = _images(events)
    inputs = _inputs(shape, geometry, row, events)
    fill = forest.typical(inputs)
    inputs = forest.filled(inputs, fill)
    trees = {}
    for task in tasks:
        rows = np.isfinite(shape.scalars[:, 0]) & takes_part(task, events)[row]
        truth = target(task, events)[row][rows]
        if task.name == "direction":
            frame = geometry.frame[rows, 0]
            trees |= forest.fit_disp(inputs[rows], truth - frame[:, 0], frame[:, 1], seed)
        elif task.name != "core":
            truth = truth[:, 1] > 0 if task is GAMMANESS else truth[:, 0]
            trees[task.name] = forest.fit_trees(inputs[rows], truth, seed)
    return ArrayForest(tuple(tasks), trees, fill)


def _images(events):
    """Shape, geometry and event of the images of all cameras."""
    shape = parameters.concatenate([parameters.shape(images.table) for images in events.cameras])
    parts = array_inputs.geometry(events)
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in ("frame", "vectors", "scalars"))
    return shape, array_inputs.Geometry(*joined), np.concatenate(events.members)


def _inputs(shape, geometry, row, events):
    """Parameters that do not turn, kind of camera, impact, h_max and multiplicity of each image; NaN where unknown."""
    known = geometry.scalars[:, 1] > 0
    camera = np.repeat(np.arange(len(events.cameras)), [len(images) for images in events.cameras])
    impact = np.where(known, geometry.scalars[:, 2], np.nan)
    height = events.table["stereo_h_max"].to_value(u.km)[row]
    stereo = np.stack([camera, known, impact, height, np.asarray(events.table["multiplicity"])[row]], axis=1)
    return np.concatenate([forest.invariants(shape), stereo], axis=1).astype(np.float32)


def _classical(events, place):
    made = array_inputs.event_inputs(events)
    return np.where(made["event"][:, :1] > 0, made["classical"][:, place], np.nan)


class _Mean:
    """Means over the images of each event, weighted."""

    def __init__(self, row, n_events, weight):
        self.row, self.n_events, self.weight = row, n_events, weight
        self.total = np.bincount(row, weight, n_events)[:, None]

    def of(self, values):
        """Of values (n_images, n): (n_events, n)."""
        sums = [np.bincount(self.row, self.weight * column, self.n_events) for column in values.T]
        return np.stack(sums, axis=1) / self.total
