"""What every network of single images begins and ends with: named inputs, and one output a task."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="gammaml")
class ToSky(layers.Layer):
    """From along and across the image's axis to the sky: centre of gravity + along · axis + across · normal.

    Input shapes: offsets (..., 2) and frame (..., 3, 2). Output shape: (..., 2), fov_lon and fov_lat in degrees.
    The source of a shower lies close to the axis of its image; saying so spares the network learning it.
    """

    def call(self, offsets, frame):
        return frame[..., 0, :] + ops.sum(offsets[..., None] * frame[..., 1:, :], axis=-2)


def network_inputs(shapes):
    """Symbolic inputs by name."""
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def outputs(features, inputs, tasks, settings):
    """One output a task: softmax for a classification, linear for a regression.

    Parameters
    ----------
    features : tensor (batch, n_features)
    inputs : dict of tensors
        `parameters` goes to the regressions once more, past the network; `frame` turns directions to the sky.
    tasks : tuple of gammaml.tasks.Task
    settings : gammaml.config.TrainSettings

    Returns
    -------
    dict of str to tensor
        (batch, n_outputs), and one more where a width is learnt: its natural logarithm.
    """
    known = [features, inputs["parameters"]] if settings.image_parameters else [features]
    known = layers.Concatenate(name="known")(known) if len(known) > 1 else features
    return {task.name: _output(features, known, inputs, task, settings) for task in tasks}


def _output(features, known, inputs, task, settings):
    if task.is_classification:
        return layers.Dense(task.n_outputs, activation="softmax", name=task.name)(features)
    if task.name == "direction":
        values = ToSky(name="direction_sky")(along_and_across(known, "direction"), inputs["frame"])
    else:
        values = layers.Dense(task.n_outputs, name=f"{task.name}_value")(known)
    return with_width(values, known, task, settings)


def along_and_across(known, name):
    """Offsets along and across an axis, whose side is answered apart from the distance."""
    distance = layers.Dense(1, name=f"{name}_distance")(known)
    side = layers.Dense(1, activation="tanh", name=f"{name}_side")(known)
    across = layers.Dense(1, name=f"{name}_across")(known)
    return layers.Concatenate(name=f"{name}_offsets")([distance * side, across])


def with_width(values, known, task, settings):
    """Values, with the logarithm of their width behind them where the settings ask for it."""
    if not (settings.uncertainty and task.uncertainty):
        return layers.Identity(name=task.name)(values)
    width = layers.Dense(1, name=f"{task.name}_log_width")(known)
    return layers.Concatenate(name=task.name)([values, width])


def dense_tail(features, parameters, dropout):
    """Image features and image parameters (or None), joined by one hidden layer between two dropouts.

    Dropout: Srivastava et al. 2014, J. Mach. Learn. Res. 15, 1929.
    """
    joined = features
    if parameters is not None:
        hidden = layers.Dense(64, activation="relu", name="parameters_hidden")(parameters)
        joined = layers.Concatenate(name="joined")([features, hidden])
    joined = layers.Dropout(dropout)(joined)
    joined = layers.Dense(64, activation="relu", name="tail")(joined)
    return layers.Dropout(dropout / 2)(joined)
