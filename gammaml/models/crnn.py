"""A convolutional network for each image, then a recurrent one over the telescopes, brightest first.

Parsons & Ohm 2020, Eur. Phys. J. C 80, 363; gated recurrent units of Cho et al. 2014, EMNLP, eqs. 5-8, both ways.
"""

from keras import layers, ops


def recur(tokens, dropout):
    """States of the recurrent layer; arguments and result as `array_transformer.attend`.

    The network sorts the telescopes by intensity itself, so that their order does not matter.
    """
    order = ops.argsort(ops.where(tokens.mask > 0, -tokens.intensity, 1e9), axis=1)
    in_order = ops.take_along_axis(tokens.token, order[..., None], axis=1)
    present = ops.cast(ops.take_along_axis(tokens.mask, order, axis=1), "bool")
    unit = layers.GRU(tokens.token.shape[-1] // 2, return_sequences=True, dropout=dropout / 2)
    states = layers.Bidirectional(unit, name="both_ways")(in_order, mask=present)
    return ops.take_along_axis(states, ops.argsort(order, axis=1)[..., None], axis=1)
