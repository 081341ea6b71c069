"""Deep sets: each telescope by itself, then all of them as one sum, which knows no order.

Zaheer et al. 2017, NeurIPS, theorem 2; what is pooled goes back to each telescope once more.
"""

from keras import layers, ops

from gammaml.models.array_heads import masked_maximum, masked_mean


def pool(tokens, dropout):
    """Each telescope beside the mean and the maximum of all; arguments and result as `array_transformer.attend`."""
    width = tokens.token.shape[-1]
    each = layers.Dense(width, activation="relu", name="each_alone")(tokens.token)
    every = layers.Concatenate()([masked_mean(each, tokens.mask), masked_maximum(each, tokens.mask)])
    every = layers.Dense(width, activation="relu", name="every")(every)
    beside = ops.zeros_like(each) + every[:, None, :]
    x = layers.Dropout(dropout / 2)(layers.Concatenate()([tokens.token, each, beside]))
    return layers.Dense(width, activation="relu", name="each_beside_all")(x)
