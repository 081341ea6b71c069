"""From a network's name to a Keras model."""

import keras

from gammaml.config import NETWORKS
from gammaml.errors import SettingError
from gammaml.models.cnn import cnn_features
from gammaml.models.heads import dense_tail, network_inputs, outputs
from gammaml.models.hillas_mlp import hillas_features
from gammaml.models.resnet import resnet_features


def build_model(network, shapes, tasks, *, dropout=0.3):
    """An untrained network.

    Parameters
    ----------
    network : str
        One of `gammaml.config.NETWORKS`.
    shapes : dict of str to tuple
        Input shapes without the batch axis, as :attr:`gammaml.inputs.Inputs.shapes`.
    tasks : tuple of gammaml.tasks.Task
    dropout : float

    Returns
    -------
    keras.Model
        Takes a dict of inputs, answers a dict of outputs (batch, n_outputs) by task.
    """
    inputs = network_inputs(shapes)
    if network == "hillas_mlp":
        features = hillas_features(inputs["parameters"], dropout)
    elif network == "resnet":
        features = dense_tail(resnet_features(inputs["image"], keep_place=_regresses(tasks)), inputs, dropout)
    elif network == "cnn":
        features = dense_tail(cnn_features(inputs["image"]), inputs, dropout)
    else:
        raise SettingError("network", repr(network), f"one of {', '.join(NETWORKS)}", "choose one of these")
    return keras.Model(inputs, outputs(features, inputs, tasks), name=network)


def _regresses(tasks):
    return any(not task.is_classification for task in tasks)
