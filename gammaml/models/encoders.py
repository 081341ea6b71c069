"""What looks at one image: our own networks, or any of keras.applications (the lecture's transfer learning)."""

import warnings

import keras
from keras import layers

from gammaml.errors import InputError, SettingError
from gammaml.models.cnn import cnn_features
from gammaml.models.resnet import resnet_features

SMALLEST = 32  # cells along a side that the networks of keras.applications ask for


def build_encoder(name, shape, *, width=24, keep_place=True, weights="", label="encoder"):
    """A model from an image to features.

    Parameters
    ----------
    name : str
        "cnn", "resnet", or a network of keras.applications such as "MobileNetV2".
    shape : tuple
        Height, width and channels.
    width : int
        Channels of the first stage of "resnet".
    keep_place : bool
        Whether features must tell where in the window something is, as energy and direction need.
    weights : str
        File of weights without the top layers, for a network of keras.applications; it starts at random where empty.
    label : str
        Name of the model.

    Returns
    -------
    keras.Model
        From (batch, height, width, channels) to (batch, n_features).

    Raises
    ------
    gammaml.errors.SettingError
        Where there is no such network.
    gammaml.errors.InputError
        Where the weights are not this network's.
    """
    image = keras.Input(shape)
    if name == "cnn":
        features = cnn_features(image)
    elif name == "resnet":
        features = resnet_features(image, width=width, keep_place=keep_place)
    else:
        features = _application(name, image, weights)
    return keras.Model(image, features, name=label)


def _application(name, image, weights):
    """Its classes want three channels, at least 32 cells a side, and values of order one."""
    network = getattr(keras.applications, name, None)
    if not isinstance(network, type(keras.applications.VGG16)):
        known = ", ".join(each for each in dir(keras.applications) if each[0].isupper())
        raise SettingError("network", repr(name), f"cnn, resnet, hillas_mlp or one of {known}", "choose one of these")
    side = max(SMALLEST, *image.shape[1:3])
    x = image if image.shape[1:3] == (side, side) else layers.Resizing(side, side)(image)
    x = layers.Conv2D(3, 1, name="colours")(x)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # by which Keras says that weights of a file do not fit
            body = network(include_top=False, weights=weights or None, input_shape=(side, side, 3), pooling="avg")
    except (OSError, ValueError, UserWarning) as error:
        if not weights:
            raise SettingError("network", name, f"one that takes {side} x {side} cells", "choose another") from error
        got, expected = str(error).splitlines()[0], f"weights of keras.applications.{name} without its top"
        raise InputError(weights, f"no weights that fit ({got})", expected, "check the file") from error
    return body(x)
