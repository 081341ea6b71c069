"""Networks of keras.applications as encoders."""

import keras
import numpy as np
import pytest

from gammaml.errors import InputError, SettingError
from gammaml.models.encoders import build_encoder

SHAPE = (32, 32, 2)


def test_a_network_of_keras_starts_from_a_file(tmp_path):
    theirs = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")
    theirs.save_weights(tmp_path / "their.weights.h5")
    encoder = build_encoder("MobileNet", SHAPE, weights=str(tmp_path / "their.weights.h5"))
    ours = encoder.layers[-1].get_weights()
    for one, other in zip(ours, theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert encoder(np.zeros((2, *SHAPE), np.float32)).shape == (2, 1024)


def test_a_small_image_is_enlarged():
    assert build_encoder("MobileNet", (16, 16, 2))(np.zeros((1, 16, 16, 2), np.float32)).shape == (1, 1024)


def test_weights_of_another_network(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(InputError, match=r"weights of keras.applications.MobileNet without its top"):
        build_encoder("MobileNet", SHAPE, weights=str(tmp_path / "other.weights.h5"))
    with pytest.raises(InputError, match="check the file"):
        build_encoder("MobileNet", SHAPE, weights=str(tmp_path / "missing.weights.h5"))


def test_an_unknown_name():
    with pytest.raises(SettingError, match="MobileNetV2"):
        build_encoder("Nonsense", SHAPE)
