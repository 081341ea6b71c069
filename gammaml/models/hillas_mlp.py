"""Hidden layers on Hillas parameters: what a network can do without the image (Hillas 1985, ICRC 3, 445)."""

from keras import layers


def hillas_features(parameters, dropout):
    """Features (batch, 64) of normalised image parameters (batch, n_parameters)."""
    x = layers.Dense(128, activation="relu")(parameters)
    x = layers.Dropout(dropout / 2)(x)
    x = layers.Dense(64, activation="relu", name="tail")(x)
    return layers.Dropout(dropout / 2)(x)
