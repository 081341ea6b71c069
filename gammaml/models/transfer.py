"""Transfer learning: a network begins with what another has learnt."""

from gammaml.errors import InputError


def transfer(model, source):
    """Copy the weights of the encoder of images, and of all other layers that both networks have.

    The encoder of a network for single images goes to each encoder of a network for array events, and the first of
    these back. One that does not tell where in the window something is, as for gammaness alone, starts one that does.

    Parameters
    ----------
    model, source : keras.Model
        To and from.

    Raises
    ------
    gammaml.errors.InputError
        Where the encoder does not fit or, for networks without one, nothing else.
    """
    known = {layer.name: layer for layer in source.layers if layer.weights}
    first = known.get("encoder", known.get("image_encoder_0"))
    encoders = [layer for layer in model.layers if layer.name.startswith(("encoder", "image_encoder_"))]
    fitted = [_copy(_layers(known.get(layer.name, first)), _layers(layer)) for layer in encoders]
    others = [layer for layer in model.layers if layer not in encoders and layer.name in known]
    fitted_too = [_copy([known[layer.name]], [layer]) for layer in others]
    if not (all(fitted) if encoders else any(fitted_too)):
        got, expected = f"what looks at images in the network {source.name}", f"one built as that of {model.name}"
        to_do = "choose network or encoder and width as in the other bundle's settings, or train from the start"
        raise InputError("transfer of weights", got, expected, to_do)


def _layers(encoder):
    """Those of an encoder that have weights, from the image on; none of no encoder."""
    return [] if encoder is None else [layer for layer in encoder.layers if layer.weights]


def _copy(theirs, ours):
    """Whether the weights of a chain of layers fit; the rest of the longer chain is left as it is."""
    pairs = list(zip(theirs, ours, strict=False))
    if not pairs or any(_shapes(their) != _shapes(our) for their, our in pairs):
        return False
    for their, our in pairs:
        our.set_weights(their.get_weights())
    return True


def _shapes(layer):
    return [weight.shape for weight in layer.weights]
