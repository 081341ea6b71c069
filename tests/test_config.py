"""Settings from and to TOML."""

import pytest

from gammaml.config import TrainSettings, from_dict, read_toml, to_toml
from gammaml.errors import SettingError


def test_round_trip(tmp_path):
    settings = TrainSettings(network="cnn", loss={"energy": "mse"}, task_weights={"energy": 2.0}, symmetries=False)
    path = tmp_path / "train.toml"
    path.write_text(to_toml(settings))
    assert read_toml(TrainSettings, path) == settings


def test_unknown_key_is_an_error(tmp_path):
    path = tmp_path / "train.toml"
    path.write_text("epoch = 3\n")
    with pytest.raises(SettingError, match="unknown key 'epoch'"):
        read_toml(TrainSettings, path)


@pytest.mark.parametrize("values", [{"epochs": "3"}, {"epochs": 2.5}, {"symmetries": 1}, {"epochs": True}])
def test_wrong_type_is_an_error(values):
    with pytest.raises(SettingError, match="a value of type"):
        from_dict(TrainSettings, values, "settings")


@pytest.mark.parametrize(
    "values", [{"epochs": -1}, {"size": 30}, {"dropout": 1.0}, {"mapping": "x"}, {"learning_rate": 0.0}]
)
def test_senseless_values_are_errors(values):
    with pytest.raises(SettingError, match=next(iter(values))):
        from_dict(TrainSettings, values, "settings")


@pytest.mark.parametrize("content", [b"epochs = ", b"\xff\xfe"])
def test_broken_toml_is_an_error(tmp_path, content):
    path = tmp_path / "train.toml"
    path.write_bytes(content)
    with pytest.raises(SettingError, match="readable TOML"):
        read_toml(TrainSettings, path)
