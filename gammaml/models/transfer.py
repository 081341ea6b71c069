"""Transfer learning: a network begins with what another has learnt."""

import numpy as np

from gammaml.errors import InputError


def transfer(model, source):
    """Copy the weights of all layers that both networks have, and of the encoder of images.

    The encoder of a network for single images goes to each encoder of a network for array events, and the first of
    these back.

    Parameters
    ----------
    model, source : keras.Model
        To and from.

    Returns
    -------
    int
        Numbers copied.

    Raises
    ------
    gammaml.errors.InputError
        Where nothing fits.
    """
    whole = source.get_weights()
    if [w.shape for w in whole] == [w.shape for w in model.get_weights()]:
        model.set_weights(whole)
        return model.count_params()
    known = {layer.name: layer.get_weights() for layer in source.layers}
    first = known.get("encoder", known.get("image_encoder_0"))
    copied = 0
    for layer in model.layers:
        weights = known.get(layer.name)
        if weights is None and layer.name.startswith(("encoder", "image_encoder_")):
            weights = first
        if weights and [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)
            copied += sum(map(np.size, weights))
    if not copied:
        got, expected = f"the network {source.name}", f"one with layers of {model.name} or its encoder"
        raise InputError("transfer of weights", got, expected, "train from the start, or give another bundle")
    return copied
