"""A compact residual network with attention over channels.

Residual blocks: He et al. 2016, CVPR, eq. 1. Attention over channels (squeeze and excitation): Hu et al. 2018,
CVPR, eqs. 2-4. Both together on Cherenkov images: Grespan et al. 2021, ICRC, 771 (γ-PhysNet's encoder).
The first layer keeps the resolution: a faint image is a few pixels wide, and what tells a hadron is lost where they
are joined at once.
"""

from keras import layers

STEM = 16  # channels at full resolution


def resnet_features(image, *, width=24, keep_place=True):
    """Features of an image.

    Parameters
    ----------
    image : tensor (batch, height, width, channels)
    width : int
        Channels of the first stage; the next ones have two and three times as many.
    keep_place : bool
        Besides the mean of each channel, say where in the window it is: energy and direction need it.

    Returns
    -------
    tensor (batch, n_features)
    """
    x = _normalised(layers.Conv2D(STEM, 3, padding="same", use_bias=False)(image))
    x = _normalised(layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x))
    x = _residual(x, width)
    for stage in (2, 3):
        x = _residual(x, stage * width, stride=2)
        x = _residual(x, stage * width)
    features = layers.GlobalAveragePooling2D()(x)
    if not keep_place:
        return features
    place = layers.Flatten()(layers.Conv2D(8, 1, activation="relu")(x))
    return layers.Concatenate()([features, place])


def _normalised(x, *, activate=True):
    x = layers.BatchNormalization()(x)
    return layers.Activation("relu")(x) if activate else x


def _residual(x, channels, *, stride=1):
    """y = relu(attention(F(x)) + x), the shortcut pooled and projected where the shape changes."""
    y = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(x)
    y = layers.Conv2D(channels, 3, padding="same", use_bias=False)(_normalised(y))
    y = _channel_attention(_normalised(y, activate=False))
    if stride > 1:
        x = layers.AveragePooling2D(stride, padding="same")(x)
    if x.shape[-1] != channels:
        x = layers.Conv2D(channels, 1, use_bias=False)(x)
    return layers.Activation("relu")(layers.Add()([x, y]))


def _channel_attention(x, reduction=4):
    channels = x.shape[-1]
    scale = layers.GlobalAveragePooling2D(keepdims=True)(x)
    scale = layers.Dense(channels // reduction, activation="relu")(scale)
    scale = layers.Dense(channels, activation="sigmoid")(scale)
    return layers.Multiply()([x, scale])
