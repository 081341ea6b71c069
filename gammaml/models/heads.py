"""What every network begins and ends with: named inputs, and one output a task."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="gammaml")
class ToSky(layers.Layer):
    """From along and across the image's axis to the sky: centre of gravity + along · axis + across · normal.

    Input shapes: offsets (batch, 2) and frame (batch, 3, 2). Output shape: (batch, 2), fov_lon and fov_lat in degrees.
    The source of a shower lies close to the axis of its image; saying so spares the network learning it.
    """

    def call(self, offsets, frame):
        return frame[:, 0] + ops.sum(offsets[:, :, None] * frame[:, 1:], axis=1)


def network_inputs(shapes):
    """Symbolic inputs by name."""
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def outputs(features, inputs, tasks):
    """One output a task: softmax for a classification, linear for a regression.

    Parameters
    ----------
    features : tensor (batch, n_features)
    inputs : dict of tensors
        `parameters` goes to the regressions once more, past the network; `frame` turns directions to the sky.
    tasks : tuple of gammaml.tasks.Task

    Returns
    -------
    dict of str to tensor
    """
    return {task.name: _output(features, inputs, task) for task in tasks}


def _output(features, inputs, task):
    if task.is_classification:
        return layers.Dense(task.n_outputs, activation="softmax", name=task.name)(features)
    known = layers.Concatenate(name=f"{task.name}_features")([features, inputs["parameters"]])
    if task.name != "direction":
        return layers.Dense(task.n_outputs, name=task.name)(known)
    distance = layers.Dense(1, name="direction_distance")(known)
    side = layers.Dense(1, activation="tanh", name="direction_side")(known)
    across = layers.Dense(1, name="direction_across")(known)
    offsets = layers.Concatenate(name="direction_offsets")([distance * side, across])
    return ToSky(name=task.name)(offsets, inputs["frame"])


def dense_tail(features, inputs, dropout):
    """Image features and image parameters, joined by one hidden layer between two dropouts.

    Dropout: Srivastava et al. 2014, J. Mach. Learn. Res. 15, 1929.
    """
    hidden = layers.Dense(64, activation="relu", name="parameters_hidden")(inputs["parameters"])
    joined = layers.Concatenate(name="joined")([features, hidden])
    joined = layers.Dropout(dropout)(joined)
    joined = layers.Dense(64, activation="relu", name="tail")(joined)
    return layers.Dropout(dropout / 2)(joined)
