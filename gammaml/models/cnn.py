"""The lecture's network: convolution and pooling, stacked.

LeCun et al. 1998, Proc. IEEE 86, 2278; for Cherenkov images Shilon et al. 2019, Astropart. Phys. 105, 44.
"""

from keras import layers


def cnn_features(image, filters=(16, 32, 64)):
    """Features of an image.

    Parameters
    ----------
    image : tensor (batch, height, width, channels)
    filters : tuple of int
        Kernels in each convolution; each is followed by a 2×2 maximum pooling.

    Returns
    -------
    tensor (batch, n_features)
    """
    x = image
    for count in filters:
        x = layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(16, 1, activation="relu")(x)
    return layers.Flatten()(x)
