"""Attention between telescopes.

Vaswani et al. 2017, NeurIPS, eqs. 1-2, in the order of Xiong et al. 2020, ICML (normalisation first). Telescopes are a
set: where each stands and points is in its token, so that no order matters.
"""

from keras import layers, ops

N_BLOCKS, N_HEADS = 2, 4


def attend(tokens, dropout):
    """What each telescope makes of all.

    Parameters
    ----------
    tokens : gammaml.models.array_tokens.Tokens
    dropout : float

    Returns
    -------
    tensor (batch, n_slots, width)
    """
    x, width = tokens.token, tokens.token.shape[-1]
    allowed = ops.cast(tokens.mask[:, None, :], "bool")
    for number in range(N_BLOCKS):
        attention = layers.MultiHeadAttention(
            N_HEADS, width // N_HEADS, dropout=dropout / 2, name=f"attention_{number}"
        )
        y = layers.LayerNormalization(name=f"attention_norm_{number}")(x)
        x = x + attention(y, y, attention_mask=allowed)
        y = layers.LayerNormalization(name=f"dense_norm_{number}")(x)
        y = layers.Dense(2 * width, activation="gelu", name=f"dense_wide_{number}")(y)
        x = x + layers.Dropout(dropout / 2)(layers.Dense(width, name=f"dense_narrow_{number}")(y))
    return layers.LayerNormalization(name="norm")(x)
