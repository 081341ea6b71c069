"""What every network of array events begins with: each image becomes a token, the tokens of an event stand in a row.

Images come as one list a camera, not padded, so that nothing is computed for telescopes that saw nothing; `slot` says
which of them belong to an event.
"""

from typing import NamedTuple

import keras
from keras import layers, ops

WIDTH = 96  # of a token


class Tokens(NamedTuple):
    """Images of array events in rows, padded.

    Parameters
    ----------
    token : tensor (batch, n_slots, WIDTH)
        Zero where there is no image.
    mask : tensor (batch, n_slots)
        1 where there is an image, else 0.
    known : tensor (batch, n_slots, n)
        Parameters and geometry of each image, as they come in.
    intensity : tensor (batch, n_slots)
    """

    token: object
    mask: object
    known: object
    intensity: object


def array_inputs(shapes):
    """Symbolic inputs by name; `slot` holds integers."""
    return {
        name: keras.Input(shape, name=name, dtype="int32" if name == "slot" else "float32")
        for name, shape in shapes.items()
    }


def tokens(inputs, encoders, settings):
    """Tokens of all images.

    Parameters
    ----------
    inputs : dict of tensors
        ``image_k``, ``parameters_k``, ``telescope_k`` of each kind of camera; ``slot`` (batch, n_slots), places in the
        joined list of all cameras' images, -1 where there is none.
    encoders : list of keras.Model
        One a kind of camera.
    settings : gammaml.config.TrainSettings

    Returns
    -------
    Tokens
    """
    parts = [_of_camera(inputs, encoder, number, settings) for number, encoder in enumerate(encoders)]
    every = [ops.concatenate(columns, axis=0) for columns in zip(*parts, strict=True)]
    mask = ops.cast(inputs["slot"] >= 0, "float32")
    token, known, intensity = (in_rows(values, inputs["slot"], mask) for values in every)
    return Tokens(token, mask, known, intensity[..., 0])


def _of_camera(inputs, encoder, number, settings):
    """Token, what is known, and intensity of each image of one kind of camera."""
    geometry = inputs[f"telescope_{number}"]
    known = (
        ops.concatenate([inputs[f"parameters_{number}"], geometry], axis=1) if settings.image_parameters else geometry
    )
    hidden = layers.Dense(64, activation="relu", name=f"known_hidden_{number}")(known)
    features = layers.Concatenate()([encoder(inputs[f"image_{number}"]), hidden])
    features = layers.Dropout(settings.dropout)(features)
    token = layers.Dense(WIDTH, activation="relu", name=f"token_{number}")(features)
    return token, known, geometry[:, :1]


def in_rows(values, slot, mask):
    """Values (n_images, ...) of the images of each event: (batch, n_slots, ...), zero where there is none."""
    taken = ops.take(values, ops.maximum(slot, 0), axis=0)
    for _ in range(len(values.shape) - 1):
        mask = mask[..., None]
    return taken * mask
