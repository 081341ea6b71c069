"""One contract for every network."""

import keras
import numpy as np
import pytest

from gammaml import parameters
from gammaml.config import NETWORKS, TrainSettings
from gammaml.errors import SettingError
from gammaml.models import build_model
from gammaml.tasks import get_tasks

SHAPES = {"image": (32, 32, 2), "parameters": (parameters.N_INPUTS,), "frame": (3, 2)}
TASKS = ("gammaness", "energy", "direction")


def random_inputs(n, seed=0):
    rng = np.random.default_rng(seed)
    x = {name: rng.normal(size=(n, *shape)).astype(np.float32) for name, shape in SHAPES.items()}
    x["frame"][:, 1:] = np.eye(2)
    return x


def build(network, tasks=TASKS):
    keras.utils.set_random_seed(1)
    return build_model(TrainSettings(network=network, dropout=0.1), SHAPES, get_tasks(tasks))


def random_targets(n):
    rng = np.random.default_rng(7)
    return {
        "gammaness": np.eye(2, dtype=np.float32)[rng.integers(0, 2, n)],
        "energy": rng.normal(size=(n, 1)).astype(np.float32),
        "direction": rng.normal(size=(n, 2)).astype(np.float32),
    }


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("tasks", [("gammaness",), ("energy",), ("direction",), TASKS])
def test_shapes_and_activations(network, tasks):
    answers = build(network, tasks).predict_on_batch(random_inputs(5))
    assert set(answers) == set(tasks)
    for task in get_tasks(tasks):
        assert answers[task.name].shape == (5, task.n_outputs)
        assert np.isfinite(answers[task.name]).all()
    if "gammaness" in tasks:
        np.testing.assert_allclose(answers["gammaness"].sum(axis=1), 1, atol=1e-5)
        assert (answers["gammaness"] >= 0).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_every_weight_learns(network):
    model = build(network)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=dict.fromkeys(TASKS, "mse"))
    before = [weight.numpy().copy() for weight in model.trainable_variables]
    for seed in range(3):
        model.train_on_batch(random_inputs(64, seed), random_targets(64))
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.abs(variable.numpy() - old).max() > 0, variable.path


@pytest.mark.parametrize("network", NETWORKS)
def test_overfits_32_events(network):
    model = build_model(TrainSettings(network=network, width=8, dropout=0.0), SHAPES, get_tasks(TASKS))
    losses = {"gammaness": "categorical_crossentropy", "energy": "mse", "direction": "mse"}
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=losses)
    x, y = random_inputs(32), random_targets(32)
    first = model.train_on_batch(x, y)[0]
    for _ in range(100):
        model.train_on_batch(x, y)
    model.reset_metrics()
    assert model.train_on_batch(x, y)[0] < 0.05 * first


@pytest.mark.parametrize("network", NETWORKS)
def test_one_event_is_answered_as_in_a_batch(network):
    model, x = build(network), random_inputs(6)
    together = model.predict_on_batch(x)
    alone = model.predict_on_batch({name: values[2:3] for name, values in x.items()})
    for name, values in together.items():
        np.testing.assert_allclose(alone[name][0], values[2], atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_compact(network):
    assert build(network).count_params() < 400_000


@pytest.mark.parametrize("network", NETWORKS)
def test_directions_turn_with_the_frame(network):
    """The same network in a frame turned by 90° answers the direction turned by 90°."""
    model, x = build(network, ("direction",)), random_inputs(4)
    straight = model.predict_on_batch(x)["direction"]
    turn = np.array([[0, -1], [1, 0]], np.float32)
    turned = model.predict_on_batch({**x, "frame": x["frame"] @ turn.T})["direction"]
    np.testing.assert_allclose(turned, straight @ turn.T, atol=1e-5)


def test_unknown_network():
    with pytest.raises(SettingError, match="cnn, resnet, hillas_mlp"):
        build("transformer")
