"""From a network's name to a Keras model."""

import keras

from gammaml.models.array_heads import array_outputs
from gammaml.models.array_tokens import array_inputs, tokens
from gammaml.models.array_transformer import attend
from gammaml.models.crnn import recur
from gammaml.models.deepset import pool
from gammaml.models.encoders import build_encoder
from gammaml.models.heads import dense_tail, network_inputs, outputs
from gammaml.models.hillas_mlp import hillas_features

MIXERS = {"array_transformer": attend, "deepset": pool, "crnn": recur}


def build_model(settings, shapes, tasks, *, encoder_weights=""):
    """An untrained network.

    Parameters
    ----------
    settings : gammaml.config.TrainSettings
        Of which network, encoder, image_parameters, dropout and uncertainty count.
    shapes : dict of str to tuple
        Input shapes without the batch axis, as :attr:`gammaml.inputs.Inputs.shapes` or
        :attr:`gammaml.array_inputs.ArrayInputs.shapes`.
    tasks : tuple of gammaml.tasks.Task
    encoder_weights : str
        See :func:`gammaml.models.encoders.build_encoder`.

    Returns
    -------
    keras.Model
        Takes a dict of inputs, answers a dict of outputs (batch, n_outputs) by task.
    """
    build = _array_model if settings.is_array else _telescope_model
    how = {"width": settings.resnet_width, "keep_place": regresses(tasks), "weights": encoder_weights}
    return build(settings, shapes, tasks, how)


def _telescope_model(settings, shapes, tasks, how):
    inputs = network_inputs(shapes)
    if settings.network == "hillas_mlp":
        features = hillas_features(inputs["parameters"], settings.dropout)
    else:
        encoder = build_encoder(settings.network, shapes["image"], **how)
        parameters = inputs["parameters"] if settings.image_parameters else None
        features = dense_tail(encoder(inputs["image"]), parameters, settings.dropout)
    answers = outputs(features, inputs, tasks, settings)
    return keras.Model(inputs, answers, name=settings.network)


def _array_model(settings, shapes, tasks, how):
    inputs = array_inputs(shapes)
    encoders = [
        build_encoder(settings.encoder, shape, label=_encoder(name), **how)
        for name, shape in shapes.items()
        if name.startswith("image")
    ]
    seen = tokens(inputs, encoders, settings)
    mixed = MIXERS[settings.network](seen, settings.dropout)
    return keras.Model(inputs, array_outputs(mixed, seen, inputs, tasks, settings), name=settings.network)


def _encoder(name):
    return name.replace("image", "image_encoder")


def regresses(tasks):
    """Whether some task is a regression, for which an encoder must keep the place."""
    return any(not task.is_classification for task in tasks)
